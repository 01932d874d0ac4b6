"""Single values as the Electron program stored them, whatever they turn out to be. Nothing here raises."""

import json
import math
from datetime import UTC, datetime
from typing import Any

from engine.text import clean_text

TEXT_LIMIT = 20_000
"""Characters of a prompt or a reason that are kept."""
MAX_TAGS = 200
MAX_INTEGER = 2**63 - 1
_ENCODINGS = 3
"""How often JSON is unpacked: it was found inside JSON text."""
_SECONDS_BELOW = 1e11
"""A number below it is no milliseconds of a time after 1973, so it is seconds."""


def moment(value: object) -> datetime | None:
    """`YYYY-MM-DD HH:MM:SS` in UTC, or epoch milliseconds as a number or as text; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.strip()
    try:
        return _from_epoch(float(text))
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_epoch(number: float) -> datetime | None:
    try:
        seconds = float(number) if abs(number) < _SECONDS_BELOW else number / 1000
        found = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.year >= 1970 else None


def document(value: object) -> dict[str, Any]:
    """A stored JSON object, also one that was encoded more than once; empty for anything else."""
    for _ in range(_ENCODINGS):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, dict) else {}


def is_json_text(value: object) -> bool:
    """Whether something was stored where a JSON object belongs."""
    return value is not None and value not in ("", "null", "{}")


def text(value: object, *, limit: int = TEXT_LIMIT) -> str | None:
    """Text without control characters, also where it lies under a language (`{"en": ...}`); None where there is
    none."""
    if isinstance(value, dict):
        value = value.get("en") or next((one for one in value.values() if isinstance(one, str)), None)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        found = clean_text(str(value), keep_newlines=True, limit=limit).strip()
    except ValueError:  # a number with thousands of digits
        return None
    return found or None


def tags(value: object) -> tuple[str, ...]:
    """A list, or one text with commas, also under a language; without doubles."""
    if isinstance(value, dict):
        value = value.get("en") or next((one for one in value.values() if one), None)
    parts: list[object] = []
    if isinstance(value, str):
        parts += value.split(",")
    elif isinstance(value, list):
        parts += value
    words = [word for part in parts[: MAX_TAGS * 2] if (word := text(part, limit=200)) is not None]
    return tuple(dict.fromkeys(words))[:MAX_TAGS]


def whole(value: object, *, most: int = MAX_INTEGER) -> int | None:
    """A whole number from 0 on, also as text or as 3.0; None for anything else."""
    number = plain_number(value)
    if number is None or isinstance(number, float) or not 0 <= number <= most:
        return None
    return number


def plain_number(value: object) -> int | float | None:
    """A finite number; whole ones are int. Text is read, switches are none."""
    if isinstance(value, str):
        try:
            value = float(value) if not value.strip().isdecimal() else int(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    return value


def file_path(value: object) -> str | None:
    """A path that the system can be asked about; None for an empty or impossible one."""
    if not isinstance(value, str) or not value.strip() or "\0" in value or len(value) > 4096:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value
