"""The keywords file: .txt or .csv, checked as a whole before anything is spent. Knows no templates."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, overload

from engine.errors import KeywordsError
from engine.keywords_csv import parse_csv
from engine.text import clean_text
from engine.text_files import TextFile, read_text_file

MAX_FILE_BYTES = 256_000_000
MAX_KEYWORD = 100_000
"""Characters of one keyword or one CSV field; no model takes a prompt of more."""

_SUFFIXES = (".txt", ".csv")
_KEYWORD_COLUMNS = ("keyword", "subject")
_SEPARATOR = "\0"  # no file that is accepted has one

BUILT_IN_KEYWORDS = (
    "misty mountain lake at dawn",
    "cup of coffee on a wooden table",
    "wildflower meadow in summer",
    "old harbour with fishing boats",
    "fresh vegetables at a market stall",
    "snow-covered forest path",
    "desert dunes at sunset",
    "stack of books beside a window",
    "geometric pattern in pastel colours",
    "hot-air balloons over a valley",
    "autumn leaves on wet cobblestones",
    "underwater coral reef",
)


class PackedRows(Sequence[dict[str, str]]):
    """Rows as column -> value, made when asked for: a million of them take the room of their text."""

    def __init__(self, columns: tuple[str, ...], packed: Sequence[str]) -> None:
        self._columns = columns
        self._packed = packed

    def __len__(self) -> int:
        return len(self._packed)

    @overload
    def __getitem__(self, index: int) -> dict[str, str]: ...

    @overload
    def __getitem__(self, index: slice) -> "PackedRows": ...

    def __getitem__(self, index: int | slice) -> "dict[str, str] | PackedRows":
        if isinstance(index, slice):
            return PackedRows(self._columns, self._packed[index])
        return dict(zip(self._columns, self._packed[index].split(_SEPARATOR), strict=True))


@dataclass(frozen=True, slots=True)
class KeywordTable:
    """At least one column and one row. No value has a NUL; none has blanks around it."""

    columns: tuple[str, ...]
    rows: PackedRows = field(repr=False)
    keyword_column: str
    source: str
    """The file, or `built-in list`."""
    is_csv: bool
    notes: tuple[str, ...] = ()
    """What the user should hear: a fallback encoding, rows left out."""

    def row(self, index: int) -> dict[str, str]:
        """Row `index` from 0, column -> value."""
        return self.rows[index]

    def keyword(self, index: int) -> str:
        """The keyword of row `index`: its keyword column, or its first value where that one is empty."""
        row = self.rows[index]
        return row[self.keyword_column] or next(value for value in row.values() if value)


def built_in_keywords() -> KeywordTable:
    """What a job without a keywords file uses."""
    rows = PackedRows(("keyword",), BUILT_IN_KEYWORDS)
    note = f"no keywords file: the built-in list of {len(BUILT_IN_KEYWORDS)} keywords is used"
    return KeywordTable(("keyword",), rows, "keyword", "built-in list", is_csv=False, notes=(note,))


def read_keywords(path: Path) -> KeywordTable:
    """Read a .txt (one keyword a line) or a .csv file (header row; comma, semicolon or tab).

    Raises KeywordsError naming the file, the line, and what to do.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise KeywordsError(
            f"{path}: a keywords file ends with {' or '.join(_SUFFIXES)}, not with {suffix or 'nothing'}.",
            hint="Save it as .txt (one keyword a line) or as .csv (with a header row).",
        )
    file = read_text_file(path, max_bytes=MAX_FILE_BYTES, error=KeywordsError)
    if not file.text.strip():
        raise KeywordsError(f"{path} is empty.", hint="Put at least one keyword in it.")
    notes = ["read as Windows-1252, since it is not UTF-8"] if file.encoding == "cp1252" else []
    return _read_csv(file, notes) if suffix == ".csv" else _read_txt(file, notes)


def draw_rows(
    row_count: int, generations: int, order: Literal["sequential", "random"], seed: int
) -> list[int]:
    """The row (from 0) of each generation.

    Sequential: generation i takes row i mod `row_count`. Random: drawn without replacement until all rows
    are used up, then again; the same seed gives the same draw on every version of Python (only `random()`
    is guaranteed to be stable, so the shuffle of Fisher and Yates is written out), and more generations
    only add to its end.
    """
    if order == "sequential":
        return [index % row_count for index in range(generations)]
    generator = random.Random(seed)  # noqa: S311 - a repeatable draw, not a secret
    drawn: list[int] = []
    while len(drawn) < generations:
        moved: dict[int, int] = {}  # the shuffled list, where it differs from 0, 1, 2 ...
        for position in range(min(row_count, generations - len(drawn))):
            other = position + math.floor(generator.random() * (row_count - position))
            drawn.append(moved.get(other, other))
            moved[other] = moved.get(position, position)
    return drawn


def _read_txt(file: TextFile, notes: list[str]) -> KeywordTable:
    keywords: list[str] = []
    for number, line in enumerate(_lines(file.text), 1):
        if keyword := line.strip():
            if len(keyword) > MAX_KEYWORD:
                raise KeywordsError(f"{file.path}, line {number}: longer than {MAX_KEYWORD:,} characters.")
            keywords.append(keyword)
    rows = PackedRows(("keyword",), keywords)
    return KeywordTable(("keyword",), rows, "keyword", str(file.path), is_csv=False, notes=tuple(notes))


def _read_csv(file: TextFile, notes: list[str]) -> KeywordTable:
    records = parse_csv(lambda: _lines(file.text), file.path, MAX_KEYWORD)
    _, header = next(records)
    columns = tuple(" ".join(name.split()) for name in header)
    keyword_column = _keyword_column(columns)
    at = columns.index(keyword_column)
    packed: list[str] = []
    empty_rows = without_keyword = 0
    for _, record in records:
        values = [value.strip() for value in record]
        if not any(values):
            empty_rows += 1
            continue
        without_keyword += not values[at]
        packed.append(_SEPARATOR.join(values))
    if not packed:
        raise KeywordsError(
            f"{file.path} has a header row, but no rows below it.", hint="Add at least one row."
        )
    if empty_rows:
        notes.append(f"{empty_rows:,} empty rows were left out")
    if without_keyword:
        column = clean_text(keyword_column, limit=60)
        notes.append(
            f"{without_keyword:,} rows have nothing in the column {column}; their first value stands in"
        )
    rows = PackedRows(columns, packed)
    return KeywordTable(columns, rows, keyword_column, str(file.path), is_csv=True, notes=tuple(notes))


def _keyword_column(columns: tuple[str, ...]) -> str:
    by_name = {column.lower(): column for column in reversed(columns)}
    return next((by_name[name] for name in _KEYWORD_COLUMNS if name in by_name), columns[0])


def _lines(text: str) -> Iterator[str]:
    """One line at a time, with its end: `splitlines` would hold them all, and splits at more than `\\n`."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield text[start:end]
        start = end
