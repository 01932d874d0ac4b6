"""The table of all settings for `--help`, taken from the settings model."""

import textwrap

from engine.settings import FieldDescription, describe_fields, format_value

_WIDTH = 100
_INDENT = " " * 6


def settings_table() -> str:
    """A line for each setting with its default and range, its description below; groups apart."""
    lines = ["settings (--set group.field=value):"]
    group = ""
    for field in describe_fields():
        if field.group != group:
            group = field.group
            lines.append("")
        facts = "; ".join(
            fact for fact in (_range(field), f"default {format_value(field.default, field)}") if fact
        )
        lines.append(f"  {field.path}  [{facts}]")
        lines.append(
            textwrap.fill(field.description, _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
        )
    return "\n".join(lines)


def _range(field: FieldDescription) -> str:
    if field.choices:
        return ", ".join(field.choices)
    if field.minimum is not None and field.maximum is not None:
        return f"{field.minimum:,g} to {field.maximum:,.10g} {field.unit}".rstrip()
    return field.unit or str(field.kind)
