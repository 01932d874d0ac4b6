"""`group.field=value` texts, as `--set` takes them, applied to settings."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from engine.errors import Problem, SettingsError
from engine.settings_fields import FieldDescription, FieldKind, describe_fields
from engine.settings_merge import dump_settings, merge_settings
from engine.settings_model import Settings
from engine.settings_types import resolve_in
from engine.validation import did_you_mean, shown

_SWITCH_WORDS = {
    **dict.fromkeys(("on", "true", "yes", "1"), True),
    **dict.fromkeys(("off", "false", "no", "0"), False),
}


def override_settings(
    settings: Settings, overrides: Sequence[str], *, folder: Path | None = None
) -> Settings:
    """`settings` with each `group.field=value` put over it; of two for one field the later wins.

    Lists are comma separated, LoRAs `model:weight` (a missing weight is 1), switches on/off, true/false,
    yes/no or 1/0. `none` or nothing unsets an optional field and empties a list. A relative path belongs
    to `folder` (the current one where it is None) and becomes absolute. Raises SettingsError naming each
    bad field.
    """
    data = dump_settings(settings)
    fields = {field.path: field for field in describe_fields()}
    problems: list[Problem] = []
    for override in overrides:
        path, equals, text = (part.strip() for part in override.partition("="))
        if not equals:
            problems.append(
                Problem(f"--set {shown(override)}", "it has no =", hint="Write group.field=value.")
            )
        elif (field := fields.get(path)) is None:
            problems.append(_unknown(path, fields))
        else:
            group, _, name = path.partition(".")
            try:
                data[group][name] = parse_value(text, field, folder)
            except ValueError as error:
                problems.append(Problem(f"--set {path}", str(error)))
    if problems:
        raise SettingsError(problems)
    try:
        return merge_settings(data)[0]
    except SettingsError as error:
        raise SettingsError(
            [Problem(f"--set {p.field}", p.message, p.hint) for p in error.problems]
        ) from error


def parse_value(text: str, field: FieldDescription, folder: Path | None = None) -> Any:
    """What a person typed for a field, as `dump_settings` would give it; ranges are for `merge_settings` to judge.

    Rules and `folder` as in `override_settings`. Raises ValueError with a sentence for people.
    """
    if text.strip().lower() in {"", "none"}:
        if field.kind in {FieldKind.LIST, FieldKind.LORAS}:
            return []
        if field.is_optional:
            return None
    if field.kind in {FieldKind.FILE, FieldKind.FOLDER}:
        return resolve_in(folder or Path.cwd(), text)
    return _PARSERS[field.kind](text)


def format_value(value: Any, field: FieldDescription) -> str:
    """A value as `override_settings` reads it back: the text that a form shows and edits."""
    if value is None:
        return "none"
    match field.kind:
        case FieldKind.SWITCH:
            return "on" if value else "off"
        case FieldKind.LIST:
            return ",".join(value)
        case FieldKind.LORAS:
            return ",".join(f"{lora['model']}:{lora['weight']}" for lora in value)
        case _:
            return str(value)


def _unknown(path: str, fields: dict[str, FieldDescription]) -> Problem:
    hint = did_you_mean(path, fields)
    if not hint:
        same_name = [known for known in fields if known.partition(".")[2] == path.rpartition(".")[2]]
        hint = f"Did you mean {same_name[0]}?" if same_name else "`gimf config show` lists all settings."
    return Problem(f"--set {shown(path)[1:-1]}", "there is no such setting", hint=hint)


def _switch(text: str) -> bool:
    if text.lower() not in _SWITCH_WORDS:
        raise ValueError(f"{shown(text)} is neither on nor off")
    return _SWITCH_WORDS[text.lower()]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a number") from None


def _list(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _lora(text: str) -> dict[str, Any]:
    """Split at the last colon, since names have colons too; what is no number there belongs to the name."""
    model, colon, weight = text.rpartition(":")
    if not colon:
        return {"model": text, "weight": 1.0}
    try:
        return {"model": model, "weight": float(weight)}
    except ValueError:
        return {"model": text, "weight": 1.0}


_PARSERS: dict[FieldKind, Callable[[str], Any]] = {
    FieldKind.TEXT: str,
    FieldKind.LINES: str,
    FieldKind.CHOICE: str,
    FieldKind.SWITCH: _switch,
    FieldKind.WHOLE: _whole,
    FieldKind.NUMBER: _number,
    FieldKind.LIST: _list,
    FieldKind.LORAS: lambda text: [_lora(item) for item in _list(text)],
}
