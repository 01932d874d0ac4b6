"""Prompt templates: what is a placeholder, what fills it, and what is wrong with it before a run."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Self

from engine.errors import Problem, TemplateError
from engine.text import clean_text
from engine.text_files import read_text_file
from engine.validation import did_you_mean

_KEYWORD_NAMES = frozenset({"keyword", "subject"})
_CONTEXT_NAME = "promptcontext"

# In this order: ${{Column}}, ${name}, {keyword}, and the two that look like one and are plain text. A name
# stays on its line and has no brace; anything else in braces (JSON, CSS, Python) is no placeholder at all.
_PLACEHOLDER = re.compile(
    r"""(?x)
    \$\{\{ (?P<column>[^{}\n]*) \}\}
    | \$\{ (?P<name>[^{}\n]*) \}
    | (?P<broken>\$\{\{?)
    | (?<!\{) \{ (?P<keyword>[Kk]eyword|KEYWORD) \} (?!\})
    | \{\{ (?P<double>[^{}\n]*) \}\}
    | \{ (?P<single>[^{}\n"':]*) \}
    """
)


class _Form(StrEnum):
    COLUMN = "column"
    NAME = "name"
    BROKEN = "broken"
    KEYWORD = "keyword"
    DOUBLE = "double"
    SINGLE = "single"


_FILLED = frozenset({_Form.COLUMN, _Form.NAME, _Form.KEYWORD})


@dataclass(frozen=True, slots=True)
class Placeholder:
    text: str
    """As it stands in the template."""
    name: str
    form: _Form
    line: int


@dataclass(frozen=True, slots=True)
class Template:
    """`${{Column}}` is a column; `{keyword}`, `${keyword}`, `${{Subject}}`, `${promptContext}` a keyword."""

    text: str
    source: str
    """The file, for messages."""
    _parts: tuple[str | Placeholder, ...] = field(repr=False)

    @classmethod
    def parse(cls, text: str, source: str) -> Self:
        """Never fails: what is wrong with a placeholder is told by `check`, which knows the columns."""
        parts: list[str | Placeholder] = []
        end, line = 0, 1
        for match in _PLACEHOLDER.finditer(text):
            form = _Form(match.lastgroup or "")
            line += text.count("\n", end, match.start())
            parts += [text[end : match.start()], Placeholder(match[0], match[form].strip(), form, line)]
            end = match.end()
        return cls(text, source, (*parts, text[end:]))

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """Those that are filled in, in their order."""
        return tuple(p for p in self._parts if isinstance(p, Placeholder) and p.form in _FILLED)

    def check(self, columns: Sequence[str]) -> list[Problem]:
        """What no column fills, and (as warnings) what looks like a placeholder and is plain text."""
        problems = (self._problem(p, columns) for p in self._parts if isinstance(p, Placeholder))
        return [problem for problem in problems if problem is not None]

    def require(self, columns: Sequence[str]) -> list[Problem]:
        """The warnings of `check`. Raises TemplateError naming every placeholder that no column fills."""
        problems = self.check(columns)
        errors = [problem for problem in problems if not problem.is_warning]
        if errors:
            raise TemplateError(
                "; ".join(f"{problem.field}: {problem.message}" for problem in errors), hint=errors[0].hint
            )
        return problems

    def render(self, row: Mapping[str, str], keyword: str) -> str:
        """Fill in one row in a single pass: whatever a value contains is just text.

        Raises TemplateError for a placeholder that the row does not fill.
        """
        columns = list(row)
        parts: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                parts.append(part)
            elif problem := self._error(part, columns):
                raise TemplateError(f"{problem.field}: {problem.message}", hint=problem.hint)
            elif part.form not in _FILLED:
                parts.append(part.text)
            else:
                column = _find_column(part.name, columns) if part.form is _Form.COLUMN else None
                parts.append(keyword if column is None else row[column])
        return "".join(parts)

    def _problem(self, placeholder: Placeholder, columns: Sequence[str]) -> Problem | None:
        if placeholder.form in {_Form.DOUBLE, _Form.SINGLE}:
            name = placeholder.name
            if _find_column(name, columns) is None and name.lower() not in _KEYWORD_NAMES:
                return None
            return Problem(
                f"{self.source}, line {placeholder.line}",
                f"{placeholder.text} is plain text and will not be filled in",
                hint=f"Write ${{{{{name}}}}} to have it filled in.",
                is_warning=True,
            )
        return self._error(placeholder, columns)

    def _error(self, placeholder: Placeholder, columns: Sequence[str]) -> Problem | None:
        name, where = placeholder.name, f"{self.source}, line {placeholder.line}"
        shown = clean_text(placeholder.text, limit=80)
        match placeholder.form:
            case _Form.BROKEN:
                return Problem(
                    where, f"{shown} is not closed on its line", hint="Write ${{Column}} or ${keyword}."
                )
            case _Form.COLUMN:
                same = [column for column in columns if column.lower() == name.lower()]
                if name not in columns and len(same) > 1:
                    return Problem(
                        where, f"{shown} may mean any of {', '.join(same)}", hint="Write it exactly."
                    )
                if not same and name.lower() not in _KEYWORD_NAMES:
                    return Problem(
                        where,
                        f"{shown}: there is no such column; {_columns(columns)}",
                        did_you_mean(name, columns),
                    )
            case _Form.NAME if name.lower() not in {*_KEYWORD_NAMES, _CONTEXT_NAME}:
                column = _find_column(name, columns)
                if column is not None:
                    return Problem(
                        where, f"{shown} is no placeholder", hint=f"Write ${{{{{column}}}}} for the column."
                    )
                return Problem(
                    where,
                    f"{shown} is no placeholder; {_columns(columns)}",
                    hint="Write ${{Column}} for a column, ${keyword} for the keyword.",
                )
        return None


def read_template(path: Path) -> Template:
    """Raises TemplateError for a file that cannot be read, is no text, or is empty."""
    file = read_text_file(path, error=TemplateError)
    if not file.text.strip():
        raise TemplateError(f"{path} is empty.", hint="Write the instruction for the language model in it.")
    return Template.parse(file.text, str(path))


def default_template(columns: Sequence[str]) -> Template:
    """What is used without a template file: every column by its name."""
    lines = ["Write one prompt for this picture."]
    lines += [f"{column}: ${{{{{column}}}}}" for column in columns]
    return Template.parse("\n".join(lines), "built-in template")


def _find_column(name: str, columns: Sequence[str]) -> str | None:
    if name in columns:
        return name
    return next((column for column in columns if column.lower() == name.lower()), None)


def _columns(columns: Sequence[str]) -> str:
    return (
        f"the columns are {clean_text(', '.join(columns), limit=400)}"
        if columns
        else "there are no columns here"
    )
