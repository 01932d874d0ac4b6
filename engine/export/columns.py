"""Columns of workbooks and the values that go into them, without the package that writes them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.export.workbook import Book

type Value = str | int | float | bool | datetime | Path | None


class Format(StrEnum):
    """How the numbers of a column are shown."""

    PLAIN = "General"
    WHOLE = "0"
    """Every digit, also of more than eleven."""
    NUMBER = "0.00"
    MONEY = '"$"#,##0.000000'
    DATE = "yyyy-mm-dd hh:mm:ss"


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in characters."""

    title: str
    width: int = 12
    format: Format = Format.PLAIN


def open_book(scratch: Path, hide: Callable[[str], str]) -> "Book":
    """A new workbook. Call it in a thread."""
    from engine.export.workbook import Book  # noqa: PLC0415 - imports openpyxl: a quarter of a second

    return Book(scratch, hide)
