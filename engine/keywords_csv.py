"""CSV by the rules of RFC 4180, each fault with its line. Says nothing of what the columns mean."""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from engine.errors import KeywordsError
from engine.text import clean_text

Lines = Callable[[], Iterator[str]]
"""Gives the lines, each with its `\\n`, from the start, every time it is called."""

Record = tuple[int, list[str]]
"""The number of the line that a record starts in, and its fields."""

_DELIMITERS = (",", ";", "\t")
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab"}
_NAMED_DELIMITER = re.compile(r"sep=([,;|:\t])\n?", re.IGNORECASE)  # Excel's own first line


def parse_csv(lines: Lines, path: Path, max_field: int) -> Iterator[Record]:
    """The header's record first, then all others; blank lines are left out.

    The separator is the one that divides the header best, or the one that a first line `sep=;` names.
    Fields may be quoted; then they hold separators, line ends and doubled quotes. Blanks between a
    separator and a quote are skipped. Raises KeywordsError with the line for an unclosed quote, text
    after a closing quote, a field of more than `max_field` characters, a row of another length than the
    header, no header at all, and a header without or with equal names.
    """
    delimiter, skipped = _delimiter(lines)
    records = _records(lines, delimiter, skipped, path, max_field)
    line, header = next(records, (skipped + 1, []))
    _check_header(header, line, path)
    yield line, header
    for line, record in records:
        if len(record) != len(header):
            raise KeywordsError(
                f"{path}, line {line}: the row has {len(record)} fields, the header {len(header)}.",
                hint=f"Separated by {_DELIMITER_NAMES.get(delimiter, repr(delimiter))}; "
                "put a field that contains the separator in double quotes.",
            )
        yield line, record


def _records(lines: Lines, delimiter: str, skipped: int, path: Path, max_field: int) -> Iterator[Record]:
    unread = islice(lines(), skipped, None)
    reader = csv.reader(unread, delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        start = skipped + reader.line_num + 1
        try:
            record = next(reader, None)
        except csv.Error as error:
            raise _fault(
                error,
                islice(lines(), start - 1, None),
                delimiter,
                start=start,
                line=skipped + reader.line_num,
                path=path,
                max_field=max_field,
            ) from error
        if record is None:
            return
        if any(len(value) > max_field for value in record):
            raise _too_long(path, start, max_field)
        if record and record != [""]:
            yield start, record


def _fault(
    error: csv.Error,
    unread: Iterator[str],
    delimiter: str,
    *,
    start: int,
    line: int,
    path: Path,
    max_field: int,
) -> KeywordsError:
    """The module does not say where a quote was opened. `unread` begins in the line `start`."""
    opened = _unclosed_quote(unread, delimiter, start)
    if opened is not None:
        return KeywordsError(
            f"{path}, line {opened}: a quote is opened and never closed.",
            hint='Close it, or double it (""), where it is part of the text of a quoted field.',
        )
    if "field limit" in str(error):
        return _too_long(path, start, max_field)
    row = f" The row begins in line {start}." if start != line else ""
    return KeywordsError(
        f"{path}, line {line}: text follows a closing quote.{row}",
        hint='Double a quote ("") that is part of the text of a quoted field.',
    )


def _unclosed_quote(lines: Iterator[str], delimiter: str, first: int) -> int | None:
    """The line in which the quote opens that is still open when the lines end, or None.

    Ends at the first record's end: what follows it was not read.
    """
    opened, is_field_start = None, True
    for number, line in enumerate(lines, first):
        position = 0
        while position < len(line):
            character = line[position]
            if opened is not None:
                position = line.find('"', position)
                if position < 0:
                    break
                if line[position + 1 : position + 2] == '"':
                    position += 1
                else:
                    opened = None
            elif character == '"' and is_field_start:
                opened, is_field_start = number, False
            elif character == delimiter:
                is_field_start = True
            elif character != " ":
                is_field_start = False
            position += 1
        if opened is None:
            return None
    return opened


def _too_long(path: Path, line: int, max_field: int) -> KeywordsError:
    return KeywordsError(
        f"{path}, line {line}: a field is longer than {max_field:,} characters.",
        hint="Shorten it, or look for a quote that is closed too late.",
    )


def _check_header(header: list[str], line: int, path: Path) -> None:
    where = f"{path}, line {line}"
    names = [" ".join(name.split()) for name in header]
    if not names:
        raise KeywordsError(
            f"{path}, line 1: neither this line nor one below names the columns.",
            hint="Name the columns in the first row.",
        )
    if empty := [str(number) for number, name in enumerate(names, 1) if not name]:
        raise KeywordsError(
            f"{where}: column {', '.join(empty)} of {len(names)} has no name.",
            hint="Name every column in the header row, or remove what is not used.",
        )
    for name, times in Counter(names).items():
        if times > 1:
            numbers = [str(number) for number, other in enumerate(names, 1) if other == name]
            raise KeywordsError(
                f'{where}: columns {" and ".join(numbers)} are all called "{clean_text(name, limit=60)}".',
                hint="Give each column a name of its own.",
            )
        if "{" in name or "}" in name:
            raise KeywordsError(
                f'{where}: the column "{clean_text(name, limit=60)}" has a brace in its name.',
                hint="Rename it: no placeholder could name it.",
            )


def _delimiter(lines: Lines) -> tuple[str, int]:
    """The separator, and how many lines come before the header."""
    if named := _NAMED_DELIMITER.fullmatch(next(lines(), "")):
        return named[1], 1
    best, best_score = ",", (False, 1)
    for delimiter in _DELIMITERS:
        reader = csv.reader(lines(), delimiter=delimiter, strict=True, skipinitialspace=True)
        filled = (record for record in reader if record)
        try:
            header, second = next(filled, []), next(filled, None)
        except csv.Error:
            continue
        score = (second is not None and len(second) == len(header), len(header))
        if len(header) > 1 and score > best_score:
            best, best_score = delimiter, score
    return best, 0
