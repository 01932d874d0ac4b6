"""The last gate before the terminal: no line that is drawn holds a character that a terminal acts upon.

Whoever shows text from outside cleans it (engine/text.py); this is for what comes from elsewhere, such as a library's
own widget, and makes a forgotten place harmless. Escape sequences of the program's own do not go through lines.
"""

import re

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_ACTED_UPON = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class PlainLines(LineFilter):
    """Takes controls and marks of direction out of the text of segments; what takes a cell becomes a blank."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same list where there is nothing to take out, which is nearly always."""
        if all(text.isprintable() or not _ACTED_UPON.search(text) for text, _, _ in segments):
            return segments
        return [
            Segment(_ACTED_UPON.sub(_replaced, text), style, control) for text, style, control in segments
        ]


def _replaced(found: re.Match[str]) -> str:
    return " " * cell_len(found[0])
