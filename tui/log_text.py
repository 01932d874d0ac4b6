"""How a log entry reads: one line of a file, or styled lines of a given width on the screen. Pure functions."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len, chop_cells

from engine.status import LogLevel
from engine.text import clean_text
from tui.format import clock_time, level_look, local_time

if TYPE_CHECKING:
    from engine.views import LogView as LogEntry

STAGE_CELLS = 10
_SHORT_STAGES = {"quality_check": "check", "remove_background": "background"}
_JOB_CELLS = 6
_NARROWEST_TEXT = 20

type Part = tuple[str, str]
"""A text, and what it is: time, job, stage, debug, info, warning, error, hint."""
type Line = tuple[Part, ...]


def log_line(entry: LogEntry) -> str:
    """`2026-11-22 12:04:01 +0100 warning metadata image 3: message; cause: ...; hint`."""
    stage = f"{entry.stage} " if entry.stage else ""
    cause = f"; cause: {entry.cause}" if entry.cause else ""
    hint = f"; {entry.hint}" if entry.hint else ""
    text = " ".join(f"{_image(entry)}{entry.message}{cause}{hint}".split())
    return f"{local_time(entry.at, seconds=True)} {entry.level:<7} {stage}{text}"


@dataclass(frozen=True, slots=True)
class LineShape:
    """How lines are cut."""

    width: int
    is_wrapped: bool = True
    has_job: bool = False
    """Whether the lines say which job they belong to."""


def log_lines(entry: LogEntry, shape: LineShape) -> list[Line]:
    """The entry on the screen: the first line with time and stage, then what is too long, the cause, what to do.

    Cut by whoever draws it where it is not wrapped.
    """
    head: list[Part] = [(f"{clock_time(entry.at)} ", "time")]
    if shape.has_job:
        head.append((f"{(entry.job_id or '')[:_JOB_CELLS]:<{_JOB_CELLS}} ", "job"))
    stage = entry.stage or ""
    head.append((f"{_SHORT_STAGES.get(stage, stage)[:STAGE_CELLS]:<{STAGE_CELLS}} ", "stage"))
    indent = sum(len(text) for text, _ in head)
    room = max(shape.width - indent, _NARROWEST_TEXT)
    level = entry.level.value
    look = level_look(entry.level)
    word = "" if entry.level is LogLevel.INFO else f"{look.glyph} {look.word}: "
    first, *rest = _cut(f"{word}{_image(entry)}{clean_text(entry.message)}", room, shape)
    lines: list[Line] = [(*head, (first, level))]
    margin = (" " * indent, "time")
    lines += [(margin, (text, level)) for text in rest]
    if entry.cause:
        lines += [(margin, (text, level)) for text in _cut(f"cause: {clean_text(entry.cause)}", room, shape)]
    if entry.hint:
        lines += [
            (margin, (text, "hint")) for text in _cut(f"what to do: {clean_text(entry.hint)}", room, shape)
        ]
    return lines


def marked(line: Line, words: str) -> Line:
    """The line with every place of `words` (any letter case) as a part of its own, called `match`."""
    if not words:
        return line
    pattern = re.compile(f"({re.escape(words)})", re.IGNORECASE)
    parts: list[Part] = []
    for text, kind in line:
        pieces: Sequence[str] = pattern.split(text) if kind not in ("time", "job") else (text,)
        parts += [(piece, "match" if number % 2 else kind) for number, piece in enumerate(pieces) if piece]
    return tuple(parts)


def _image(entry: LogEntry) -> str:
    return f"image {entry.image_number}: " if entry.image_number is not None else ""


def _cut(text: str, width: int, shape: LineShape) -> list[str]:
    cells = len(text) if text.isascii() else cell_len(text)
    if not shape.is_wrapped or cells <= width:
        return [text]
    if cells == len(text):  # no character is wider than one cell, so words can be counted in characters
        return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
    return chop_cells(text, width) or [""]
