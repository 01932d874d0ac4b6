"""Writes an .xlsx row by row in flat memory: dates as dates, numbers as numbers, and text that stays text.

Its unfinished sheets lie in a scratch folder of ours and not in the system's, so that nothing is left there by a kill.
Importing it imports openpyxl, which takes a quarter of a second: only for whoever exports.
"""

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._writer import WorksheetWriter
from openpyxl.writer.excel import ExcelWriter

from engine.export.cells import fit_cell, looks_like_formula, visible, xml_text
from engine.export.columns import Column, Format, Value
from engine.files import partial_path

ROW_LIMIT = 1_048_576
"""Rows of a sheet, its header included (ECMA-376; Excel refuses more)."""
LINK_LIMIT = 65_530
"""Links of a sheet; Excel repairs a file with more of them by dropping all."""
LINK_LENGTH = 2_079


class Book:
    """A workbook that is being written. Blocking: use it in a thread, one at a time. Ends with `save` or `discard`."""

    def __init__(self, scratch: Path, hide: Callable[[str], str]) -> None:
        self._scratch = scratch
        self._hide = hide
        self._book = Workbook(write_only=True)
        self._sheets: list[Sheet] = []
        self._header_font = Font(bold=True, color="FFFFFF")
        self._header_fill = PatternFill("solid", fgColor="44546A")

    def sheet(self, title: str, columns: Sequence[Column]) -> "Sheet":
        """A further sheet with a frozen header, filters and widths."""
        sheet = Sheet(self._book, title, columns, self._scratch, self._hide)
        self._sheets.append(sheet)
        sheet.add_header(self._header_font, self._header_fill)
        return sheet

    def save(self, file: BinaryIO, *, is_cancelled: Callable[[], bool] = bool) -> None:
        """Put the sheets together. Raises OSError, and StoppedError where it was cancelled in the middle; then, and
        only then, `discard` is left to do."""
        for sheet in self._sheets:
            sheet.finish()
        # As openpyxl's own `save`, which leaves an archive behind that complains where writing fails.
        archive = ZipFile(
            cast("BinaryIO", _Stoppable(file, is_cancelled)), "w", ZIP_DEFLATED, allowZip64=True
        )
        try:
            ExcelWriter(self._book, archive).save()
        finally:
            archive.fp = None

    def discard(self) -> None:
        """Close and remove what is unfinished; after `save` there is nothing left to do."""
        for sheet in self._sheets:
            sheet.discard()


class StoppedError(Exception):
    """Nobody wants the workbook any more."""


class _Stoppable:
    """A file that takes nothing more once it was cancelled: of many images, a sheet takes seconds to compress."""

    def __init__(self, file: BinaryIO, is_cancelled: Callable[[], bool]) -> None:
        self._file = file
        self._is_cancelled = is_cancelled

    def write(self, data: bytes) -> int:
        if self._is_cancelled():
            raise StoppedError
        return self._file.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class Sheet:
    """Rows in the order in which they are added."""

    def __init__(
        self, book: Any, title: str, columns: Sequence[Column], scratch: Path, hide: Callable[[str], str]
    ) -> None:
        self._columns = columns
        self._hide = hide
        self._rows = 0
        self._links = 0
        self._file = partial_path(scratch)
        self._sheet = book.create_sheet(title)
        self._sheet.freeze_panes = "A2"
        self._last_letter = get_column_letter(len(columns))
        for number, column in enumerate(columns, 1):
            self._sheet.column_dimensions[get_column_letter(number)].width = column.width
        self._sheet._writer = _ScratchWriter(self._sheet, self._file)
        self._sheet._writer.write_top()
        self._cells = [self._cell(column.format) for column in columns]
        self._dates = self._cell(Format.DATE)
        self._quoted = self._cell(Format.PLAIN)
        self._quoted.quotePrefix = True
        self._linked = self._cell(Format.PLAIN)
        self._linked.style = "Hyperlink"

    @property
    def rows(self) -> int:
        """How many there are, the header included."""
        return self._rows

    def add_header(self, font: Any, fill: Any) -> None:
        """The first row."""
        cells = []
        for column in self._columns:
            cell = self._cell(Format.PLAIN)
            cell.value, cell.font, cell.fill = column.title, font, fill
            cells.append(cell)
        self._sheet.append(cells)
        self._rows = 1

    def add(self, values: Sequence[Value]) -> None:
        """One row; a `Path` becomes a link to the file. A row too many is told in the last one."""
        if self._rows >= ROW_LIMIT - 1:
            if self._rows == ROW_LIMIT - 1:
                self._append(["There are more rows; a sheet holds no more."])
            return
        self._append(values)

    def finish(self) -> None:
        """Nothing more is added."""
        if not self._sheet.closed:
            self._sheet.auto_filter.ref = f"A1:{self._last_letter}{max(self._rows, 1)}"
            self._sheet.close()

    def discard(self) -> None:
        """Close the file, whatever state it is in, and remove it."""
        if not self._sheet.closed:
            # The disk may be full: what cannot be written to the end is thrown away anyhow.
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                self._sheet.close()
        self._file.unlink(missing_ok=True)

    def _append(self, values: Sequence[Value]) -> None:
        self._sheet.append([self._filled(number, value) for number, value in enumerate(values)])
        self._rows += 1

    def _filled(self, number: int, value: Value) -> Cell | str | float | None:
        """The value where openpyxl cannot take it for something else, which is quickest; else the column's cell with
        it: a row is written at once, so all rows use the same cells. Rare kinds get cells of their own."""
        match value:
            case Path():
                return self._link(value)
            case bool():
                return "yes" if value else "no"
            case str():
                return self._text(value) if value else None
            case datetime():
                cell = (
                    self._cells[number]
                    if self._columns[number].format is Format.DATE
                    else self._copy(self._dates)
                )
                cell.value = value
                return cell
            case _ if value is None or self._columns[number].format is Format.PLAIN:
                return value
            case _:
                cell = self._cells[number]
                cell.value = value
                return cell

    def _text(self, value: str) -> Cell | str:
        text = _safe(self._hide(value))
        is_formula = looks_like_formula(text)
        if not is_formula and text not in ERROR_CODES:
            return text
        cell = self._copy(self._quoted) if is_formula else self._cell(Format.PLAIN)
        cell.value = text
        cell.data_type = "s"  # openpyxl takes what begins with = for a formula, and #N/A for an error
        return cell

    def _link(self, path: Path) -> Cell:
        url = path.as_uri()
        is_link = self._links < LINK_LIMIT and len(url) <= LINK_LENGTH
        cell = self._copy(self._linked) if is_link else self._cell(Format.PLAIN)
        cell.value = _safe(self._hide(str(path)))
        cell.data_type = "s"
        if is_link:
            self._links += 1
            cell.hyperlink = url
        return cell

    def _cell(self, number_format: Format) -> Cell:
        cell = WriteOnlyCell(self._sheet)
        if number_format is not Format.PLAIN:
            cell.number_format = number_format.value
        return cell

    def _copy(self, cell: Any) -> Cell:
        copy: Any = WriteOnlyCell(self._sheet)
        copy._style = cell._style  # never changed after this
        return cast("Cell", copy)


def _safe(text: str) -> str:
    return fit_cell(xml_text(visible(text)))


class _ScratchWriter(WorksheetWriter):
    """Keeps its rows in a file of ours; openpyxl would make one in the system's temporary folder."""

    def __init__(self, sheet: Any, file: Path) -> None:
        super().__init__(sheet, out=str(file))
        self._scratch_file = file

    def cleanup(self) -> None:
        """Called by openpyxl when the sheet is in the workbook."""
        self._scratch_file.unlink()
