"""Ranges of days as people type them, and the moments of the engine's queries that they mean."""

import re
from datetime import UTC, date, datetime, time, timedelta

HINT = "2026-11-22, 2026-11, 2026-11-01..2026-11-22, 2026-11-01.. or ..2026-11-22"
_DAY = re.compile(r"(\d{4})-(\d{1,2})(?:-(\d{1,2}))?")
_DAYS_BACK = {"today": 1, "week": 7, "month": 30, "year": 365}
_FIRST_YEAR, _LAST_YEAR = 1971, 2999

type Range = tuple[str | None, str | None]
"""From a moment on, and up to another one, which is left out; None: no bound."""


def local_today() -> date:
    """The day it is here."""
    return datetime.now().astimezone().date()


def parse_range(text: str, today: date) -> Range:
    """`today`, `week`, `month`, `year` (the last 1, 7, 30, 365 days), a day, a month, or two of them with `..`
    between. Days are days of this machine's zone. Raises ValueError that says what can be typed."""
    text = text.strip()
    if text in _DAYS_BACK:
        return _moment(today - timedelta(days=_DAYS_BACK[text] - 1)), None
    first, separator, last = text.partition("..")
    if not separator:
        last = first
    if not first.strip() and not last.strip():
        raise ValueError(f"No date. Type {HINT}.")
    begin = _days(first)[0] if first.strip() else None
    end = _days(last)[1] if last.strip() else None
    if begin is not None and end is not None and begin >= end:
        raise ValueError("The first day is after the last one.")
    return _moment(begin), _moment(end)


def _days(text: str) -> tuple[date, date]:
    """The day, or the first day of the month, and the day after its end."""
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"“{text.strip()}” is no date. Type {HINT}.")
    year, month, day = int(match[1]), int(match[2]), match[3]
    try:
        first = date(year, month, int(day or 1))
    except ValueError as error:
        raise ValueError(f"“{text.strip()}” is not in the calendar.") from error
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"“{text.strip()}” is too far away.")
    if day is not None:
        return first, first + timedelta(days=1)
    return first, date(year + month // 12, month % 12 + 1, 1)


def _moment(day: date | None) -> str | None:
    """Midnight of the day on this machine, as the engine writes times."""
    if day is None:
        return None
    midnight = datetime.combine(day, time()).astimezone()
    return midnight.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
