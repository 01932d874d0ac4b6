"""TOML on disk: read with line numbers for messages, changed value by value, written whole or not at all."""

import os
import re
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from engine.errors import Problem, SettingsError

_MAX_BYTES = 1_000_000
_HEADER = re.compile(r"\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


@dataclass(frozen=True, slots=True)
class TomlDocument:
    path: Path
    text: str
    data: dict[str, Any]

    def place(self, field: str) -> str:
        """`stock.toml, line 7`, where `field` (dotted) is set; the file alone where no line names it."""
        line = find_line(self.text, re.sub(r"\[\d+\]", "", field))
        return f"{self.path}, line {line}" if line else str(self.path)

    def located(self, problem: Problem) -> Problem:
        """The problem with its place in the file in front of its message."""
        message = f"{self.place(problem.field)}: {problem.message}"
        return Problem(problem.field, message, problem.hint, problem.is_warning)


def read_toml(path: Path) -> TomlDocument:
    """Raises SettingsError naming the file, and the line where its syntax or its encoding is broken.

    Raises FileNotFoundError where there is no such file: whether that matters is the caller's to say.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SettingsError([Problem(str(path), f"it is larger than {_MAX_BYTES:,} bytes")])
        raw = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SettingsError([Problem(str(path), f"it cannot be read: {error.strerror}")]) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problem = Problem(f"{path}, line {line}", "it is not UTF-8 text", hint="Save the file as UTF-8.")
        raise SettingsError([problem]) from error
    text = text.replace("\r\n", "\n")
    try:
        return TomlDocument(path, text, tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([Problem(str(path), f"it is not valid TOML: {error}")]) from error


def find_line(text: str, field: str) -> int | None:
    """The line that sets `field` (dotted, without indices), or opens its table; None where neither is found.

    For messages: a key inside a multi-line string may mislead it.
    """
    table, opened = "", None
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _dotted(header[1]) + "."
            if f"{field}.".startswith(table) and opened is None:
                opened = number
        elif (key := _KEY.match(line)) and f"{field}.".startswith(f"{table}{_dotted(key[1])}."):
            return number
    return opened


def set_value(document: TomlDocument, field: tuple[str, ...], value: Any) -> str:
    """The document's text with `field` set to `value`, or removed where `value` is None; comments are kept.

    Edits the one line that sets it, or adds one to its table. Where that does not give exactly the data
    wanted (a value over several lines, an inline table), the whole text is written anew, without
    comments.
    """
    wanted = _with_value(document.data, field, value)
    for candidate in _edits(document.text, field, value):
        try:
            if tomllib.loads(candidate) == wanted:
                return candidate
        except tomllib.TOMLDecodeError:
            continue
    return tomli_w.dumps(wanted)


def write_private_text(path: Path, text: str) -> None:
    """Replace `path` by a file of mode 0600 with this text, whole or not at all.

    A symbolic link is followed, so that a file kept elsewhere stays there. Raises OSError.
    """
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made with mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _dotted(key: str) -> str:
    return ".".join(part.strip("\"'") for part in _KEY_PART.findall(key))


def _with_value(data: dict[str, Any], field: tuple[str, ...], value: Any) -> dict[str, Any]:
    name, *rest = field
    changed = dict(data)
    if rest:
        table = changed.get(name)
        inner = _with_value(table if isinstance(table, dict) else {}, tuple(rest), value)
        if inner or isinstance(table, dict):
            changed[name] = inner
    elif value is None:
        changed.pop(name, None)
    else:
        changed[name] = value
    return changed


def _edits(text: str, field: tuple[str, ...], value: Any) -> list[str]:
    """Texts that may be the right one: the line replaced, added to its table, or added with a new table."""
    *table, name = field
    entry = "" if value is None else tomli_w.dumps({name: value})
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    number = find_line(text, ".".join(field))
    if number is not None and _KEY.match(lines[number - 1]):
        return ["".join([*lines[: number - 1], entry, *lines[number:]])]
    if value is None:
        return ["".join(lines)]
    if not table:
        first_header = next((i for i, line in enumerate(lines) if _HEADER.match(line)), len(lines))
        return ["".join([*lines[:first_header], entry, *lines[first_header:]])]
    header = next(
        (
            i
            for i, line in enumerate(lines)
            if (m := _HEADER.match(line)) and _dotted(m[1]) == ".".join(table)
        ),
        None,
    )
    if header is not None:
        return ["".join([*lines[: header + 1], entry, *lines[header + 1 :]])]
    gap = "\n" if lines else ""
    return ["".join([*lines, gap, f"[{'.'.join(table)}]\n", entry])]
