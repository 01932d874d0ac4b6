"""Settings in a TOML file, with paths relative to the file itself."""

import textwrap
from pathlib import Path
from typing import Any

import tomli_w

from engine.errors import Problem, SettingsError
from engine.settings_fields import FieldDescription, describe_fields
from engine.settings_merge import dump_settings, merge_settings
from engine.settings_model import Settings
from engine.settings_types import resolve_in
from engine.toml_files import read_toml


def read_settings_file(path: Path, *, folder: Path | None = None) -> tuple[Settings, list[Problem]]:
    """The file over the defaults, and warnings for what is not known.

    Relative paths of the group `files` become absolute, from `folder`, or where it is None from the folder that holds
    the TOML file. Raises SettingsError naming file, line and field.
    """
    try:
        document = read_toml(path)
    except FileNotFoundError as error:
        raise SettingsError([Problem(str(path), "there is no such file")]) from error
    data = dict(document.data)
    if isinstance(files := data.get("files"), dict):
        folder = folder or path.absolute().parent
        data["files"] = {
            name: resolve_in(folder, value) if isinstance(value, str) else value
            for name, value in files.items()
        }
    try:
        settings, warnings = merge_settings(data)
    except SettingsError as error:
        raise SettingsError([document.located(problem) for problem in error.problems]) from error
    return settings, [document.located(warning) for warning in warnings]


def settings_to_toml(settings: Settings, *, with_comments: bool = True) -> str:
    """Settings as a file that `read_settings_file` reads back as equal ones. What is not set is left out."""
    data = dump_settings(settings)
    lines: list[str] = []
    group = ""
    for field in describe_fields():
        if field.group != group:
            group = field.group
            lines.append(f"{'\n' if lines else ''}[{group}]")
        if with_comments:
            lines.append(_comment(field))
        entry = _entry(field, data[group][field.path.partition(".")[2]])
        lines.append(entry or (f"# {field.path.partition('.')[2]} = ..." if with_comments else ""))
    return "\n".join(line for line in lines if line) + "\n"


def _entry(field: FieldDescription, value: Any) -> str:
    name = field.path.partition(".")[2]
    if value is None:
        return ""
    if not isinstance(value, list):
        return tomli_w.dumps({name: value}).rstrip()
    # tomli_w writes a list of tables as [[name]], which would end the group that it stands in.
    items = [_inline_table(item) if isinstance(item, dict) else _inline(item) for item in value]
    return f"{name} = [{', '.join(items)}]"


def _inline_table(table: dict[str, Any]) -> str:
    return "{ " + ", ".join(f"{name} = {_inline(value)}" for name, value in table.items()) + " }"


def _inline(value: Any) -> str:
    return tomli_w.dumps({"x": value}).removeprefix("x = ").rstrip()


def _comment(field: FieldDescription) -> str:
    facts = [fact for fact in (_range(field), ", ".join(field.choices)) if fact]
    text = field.description + (f" ({'; '.join(facts)})" if facts else "")
    return textwrap.fill(text, 100, initial_indent="# ", subsequent_indent="# ")


def _range(field: FieldDescription) -> str:
    if field.minimum is None or field.maximum is None:
        return field.unit
    return f"{field.minimum:,g} to {field.maximum:,.10g} {field.unit}".rstrip()
