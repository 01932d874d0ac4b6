"""docs/settings.md, made from the models. `python -m tests.support.settings_page` writes it anew."""

from collections.abc import Sequence
from pathlib import Path

from engine.preferences_fields import describe_preferences
from engine.settings import FieldDescription, FieldKind, describe_fields, format_value

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

_INTRODUCTION = """# Settings

What a job runs with. The same fields stand in the program's *Settings* (key `5`), in a configuration
(`gimf config list`), in a TOML file (`gimf run -c stock.toml`, the group as the table), and behind `--set`:

    gimf run --set generation.generations=12 --set generation.aspect_ratios=1:1,16:9

In `--set` lists are comma separated, switches are `on` or `off`, and `none` unsets what may be unset. A job keeps the
settings that it ran with; changing a configuration changes no job. Keys are no settings; they are stored with
`gimf keys set piapi` and its like.
"""

_PREFERENCES = """## Preferences

The program's own, in `config.toml` in its configuration folder: no part of any job. They are edited in *Settings* too.
The table `[keymap]` gives actions other keys, such as `"review.approve" = "a"`; the help (`?`) shows the name of every
action.
"""


def settings_page() -> str:
    """The whole page."""
    parts = [_INTRODUCTION]
    fields = describe_fields()
    for group in dict.fromkeys(field.group for field in fields):
        members = [field for field in fields if field.group == group]
        parts.append(f"## {members[0].group_title}\n\n{_table(members)}")
    parts.append(f"{_PREFERENCES}\n{_table(describe_preferences())}")
    return "\n".join(parts)


def _table(fields: Sequence[FieldDescription]) -> str:
    rows = [
        f"| {field.title} | `{field.path}` | {_values(field)} | {_default(field)} | {_cell(field.description)} |"
        for field in fields
    ]
    return "\n".join(
        ("| name | field | values | default | meaning |", "| --- | --- | --- | --- | --- |", *rows, "")
    )


def _values(field: FieldDescription) -> str:
    if field.choices:
        return ", ".join(f"`{choice}`" for choice in field.choices)
    if field.minimum is not None and field.maximum is not None:
        return f"{field.minimum:,g} to {field.maximum:,.10g} {field.unit}".rstrip()
    return _KINDS[field.kind]


def _default(field: FieldDescription) -> str:
    shown = format_value(field.default, field)
    return "not set" if field.default is None else f"`{shown}`" if shown else "none"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


_KINDS = {
    FieldKind.SWITCH: "`on`, `off`",
    FieldKind.TEXT: "text",
    FieldKind.LINES: "text of several lines",
    FieldKind.FILE: "a file",
    FieldKind.FOLDER: "a folder",
    FieldKind.LIST: "a list",
    FieldKind.LORAS: "`model:weight`, a list",
}


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
