import warnings
from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from engine.export import workbook
from engine.export.cells import CELL_LIMIT, csv_text, fit_cell, visible
from engine.export.columns import Column, Format, Value
from engine.export.workbook import Book

FORMULAS = (
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "@SUM(A1)",
    "+1",
    "-1",
    "\t=1",
    "\r=1",
    " =1",
    "\uff1d1+1",
    "\x1b=1",
)
ODD = ("#N/A", "#REF!", "TRUE", "0012", "2026-01-01", "花火 🎆", "a\nb", "[/oops]", "<b>&amp;</b>", "_x000D_")
COLUMNS = (
    Column("Text", 30),
    Column("When", 20, Format.DATE),
    Column("How much", 12, Format.MONEY),
    Column("File"),
)
WHEN = datetime(2026, 1, 31, 8, 9, 10)  # noqa: DTZ001 - a spreadsheet knows no zones


def write(folder: Path, rows: list[list[Value]]) -> Path:
    scratch = folder / "scratch"
    scratch.mkdir()
    path = folder / "book.xlsx"
    book = Book(scratch, lambda text: text.replace("sk-secret", "•••"))
    sheet = book.sheet("Images", COLUMNS)
    for row in rows:
        sheet.add(row)
    with path.open("wb") as file:
        book.save(file)
    book.discard()
    assert list(scratch.iterdir()) == []
    return path


def texts(path: Path) -> list[str]:
    book = openpyxl.load_workbook(path)
    return [cell.value for cell in book["Images"]["A"][1:]]


def test_values_keep_their_kinds(tmp_path: Path) -> None:
    file = tmp_path / "cat 1%.png"
    path = write(tmp_path, [["a cat", WHEN, 0.0015, file], [None, None, 2, None], [True, WHEN, 7, "no file"]])
    sheet = openpyxl.load_workbook(path)["Images"]
    first, second, third = sheet.iter_rows(min_row=2)
    assert [cell.value for cell in first] == ["a cat", WHEN, 0.0015, str(file)]
    assert [cell.value for cell in second] == [None, None, 2, None]
    assert [cell.value for cell in third] == ["yes", WHEN, 7, "no file"]
    assert first[1].is_date
    assert first[2].number_format == '"$"#,##0.000000'
    assert first[3].hyperlink.target == file.as_uri()
    assert third[3].hyperlink is None
    assert [cell.value for cell in sheet[1]] == ["Text", "When", "How much", "File"]
    assert (sheet.freeze_panes, sheet.auto_filter.ref) == ("A2", "A1:D4")
    assert sheet.column_dimensions["A"].width == 30


@pytest.mark.fault(26)
def test_text_stays_text(tmp_path: Path) -> None:
    wanted = [*FORMULAS, *ODD]
    cells = openpyxl.load_workbook(write(tmp_path, [[text] for text in wanted]))["Images"]["A"][1:]
    assert [(cell.data_type, unescape(cell.value)) for cell in cells] == [
        ("s", visible(text)) for text in wanted
    ]
    assert [cell.quotePrefix for cell in cells] == [text in FORMULAS and text != "\x1b=1" for text in wanted]


def test_no_text_is_lost_without_a_trace(tmp_path: Path) -> None:
    long = "🎆" * 20_000
    path = write(tmp_path, [["a\x00b\x1bc\x7f\x9b\u202e\ud800\ufeffz"], [long], ["key sk-secret"]])
    odd, cut, hidden = texts(path)
    assert odd == "a␀b␛c␡‹U+009B›‹U+202E›�‹U+FEFF›z"
    assert len(cut.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert cut.startswith("🎆" * 16_000)
    assert cut.endswith("[40,000 characters, cut here]")
    assert hidden == "key •••"


def test_a_text_of_exactly_the_limit_is_whole() -> None:
    assert fit_cell("x" * CELL_LIMIT) == "x" * CELL_LIMIT
    assert len(fit_cell("x" * (CELL_LIMIT + 1))) == CELL_LIMIT


@pytest.mark.fault(26)
@pytest.mark.parametrize("text", FORMULAS)
def test_a_line_of_csv_is_never_computed(text: str) -> None:
    assert csv_text(text)[0] == "'"
    assert "\t" not in csv_text(text)


def test_ordinary_text_goes_into_csv_as_it_is() -> None:
    assert csv_text("  a  cat, 5 - 3 = 2\n") == "a cat, 5 - 3 = 2"


def test_too_many_rows_and_links_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROW_LIMIT", 4)
    monkeypatch.setattr(workbook, "LINK_LIMIT", 1)
    rows: list[list[Value]] = [
        [f"row {number}", None, None, tmp_path / f"{number}.png"] for number in range(9)
    ]
    sheet = openpyxl.load_workbook(write(tmp_path, rows))["Images"]
    assert [cell.value for cell in sheet["A"][1:]] == [
        "row 0",
        "row 1",
        "There are more rows; a sheet holds no more.",
    ]
    assert [cell.hyperlink is not None for cell in sheet["D"][1:3]] == [True, False]


def test_a_book_that_is_thrown_away_leaves_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path, str)
    book.sheet("One", COLUMNS).add(["x"])
    book.sheet("Two", COLUMNS)
    assert list(tmp_path.iterdir()) != []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        book.discard()
    assert list(tmp_path.iterdir()) == []
