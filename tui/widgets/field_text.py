"""How a field and its value read: pure functions from descriptions to text."""

from typing import Any

from rich.text import Text

from engine.settings import FieldDescription, FieldKind
from engine.text import clean_text

_LONGEST = 500
_MOST_CHOICES = 8


def plain_value(field: FieldDescription, value: Any) -> str:
    """A value on one line, as its editor takes it too (but for text of several lines); empty where it is not set."""
    if value is None:
        return ""
    match field.kind:
        case FieldKind.SWITCH:
            return "on" if value else "off"
        case FieldKind.LIST | FieldKind.LORAS if isinstance(value, list):
            return ", ".join(_lora(item) if isinstance(item, dict) else str(item) for item in value)
        case FieldKind.NUMBER if isinstance(value, int | float):
            return f"{value:.10g}"
        case _:
            return str(value)


def value_text(field: FieldDescription, value: Any, *, is_cursor: bool = False) -> Text:
    """A value as the list shows it; `‹ ›` at the cursor where the keys left and right change it."""
    shown = clean_text(plain_value(field, value).replace("\n", " ⏎ "), limit=_LONGEST)
    text = Text()
    match field.kind:
        case FieldKind.SWITCH:
            text.append("● on" if value else "○ off", "green" if value else "dim")
        case FieldKind.KEY:
            text.append("○ not set" if value == "none" else f"● from {_SOURCES.get(shown, shown)}")
        case _ if shown == "":
            text.append("none" if field.kind in {FieldKind.LIST, FieldKind.LORAS} else "not set", "dim")
        case _:
            text.append(shown)
    if field.unit and shown and field.kind in {FieldKind.WHOLE, FieldKind.NUMBER}:
        is_one = value == 1 and len(field.unit) > 2
        text.append(f" {field.unit.removesuffix('s') if is_one else field.unit}", "dim")
    has_steps = field.kind in {FieldKind.CHOICE, FieldKind.WHOLE, FieldKind.NUMBER}
    return Text.assemble("‹ ", text, " ›") if is_cursor and has_steps else text


def range_text(field: FieldDescription) -> str:
    """`1 to 2,500`, `png, jpg, webp`, with the unit; empty where anything goes."""
    if field.choices:
        return ", ".join(field.choices) if len(field.choices) <= _MOST_CHOICES else "enter shows all"
    if field.minimum is not None and field.maximum is not None:
        step = f" in steps of {field.step:g}" if field.step not in (None, 1.0) else ""
        return f"{field.minimum:,g} to {field.maximum:,.10g} {field.unit}".rstrip() + step
    return field.unit


def default_text(field: FieldDescription) -> str:
    """`default 1`, `default not set`."""
    shown = plain_value(field, field.default)
    return f"default {shown}" if shown else "default not set"


def _lora(item: dict[str, Any]) -> str:
    return f"{item.get('model', '')}:{item.get('weight', 1)}"


_SOURCES = {
    "environment": "the environment",
    "keyring": "the system's key store",
    "file": "the keys file",
}
