"""Text on its way into spreadsheets: never computed, never lost without a trace. Knows no file format's writer.

Sources: XML 1.0 2.2 (characters), ECMA-376 part 1 18.18.37 (a cell holds 32,767 characters, counted in UTF-16),
OWASP "CSV Injection" (which first characters begin a formula).
"""

import re

CELL_LIMIT = 32_767

# The full-width forms begin a formula where a spreadsheet reads in an East Asian language.
_FORMULA = re.compile("[\\s\x00-\x1f]*[=+\\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\x00-\x1f]")
_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_LINE_ENDS = re.compile("\r\n|\r")
_SPECIAL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
)


def looks_like_formula(text: str) -> bool:
    """Whether a spreadsheet may compute it, or swallow its first character."""
    return _FORMULA.match(text) is not None


def visible(text: str) -> str:
    """The text with every character that XML forbids or that nobody would see in place of it: a control character
    as its picture (`␛`), other ones as `‹U+202E›`. Tabs, line ends, emoji and all letters stay."""
    text = _LINE_ENDS.sub("\n", text)
    return _SPECIAL.sub(_picture, text)


def xml_text(text: str) -> str:
    """What is stored of a cell's text: `_x000D_` and its like would be read as the character of that number (ECMA-376
    part 1, 22.9.2.19), so the first underscore of one that is meant as it stands is written as a number itself."""
    return _ESCAPE.sub("_x005F_", text)


def fit_cell(text: str) -> str:
    """At most 32,767 UTF-16 units; where something is cut, the end says how much."""
    units = len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
    if units <= CELL_LIMIT:
        return text
    note = f" … [{units:,} characters, cut here]"
    kept = text.encode("utf-16-le")[: (CELL_LIMIT - len(note)) * 2].decode("utf-16-le", errors="ignore")
    return kept + note


def csv_text(text: str) -> str:
    """One line for a sheet: no control characters, and an apostrophe in front of what would be computed."""
    line = " ".join(_SPECIAL.sub(" ", text).split())
    return f"'{line}" if looks_like_formula(line) else line


def _picture(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    return f"‹U+{code:04X}›"
