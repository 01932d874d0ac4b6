import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from engine.errors import KeywordsError
from engine.keywords import BUILT_IN_KEYWORDS, built_in_keywords, draw_rows, read_keywords


def write(tmp_path: Path, content: str | bytes, name: str = "k.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.fault(23)
def test_a_text_file_has_one_keyword_a_line(tmp_path: Path) -> None:
    table = read_keywords(
        write(tmp_path, b"\xef\xbb\xbfred fox\r\n\r\n  blue, whale \r\ncaf\xc3\xa9", "k.TXT")
    )
    assert [table.keyword(i) for i in range(len(table.rows))] == ["red fox", "blue, whale", "café"]
    assert table.columns == ("keyword",)
    assert table.row(1) == {"keyword": "blue, whale"}
    assert not table.is_csv
    assert table.source == str(tmp_path / "k.TXT")
    assert table.notes == ()


def test_a_csv_file_has_columns(tmp_path: Path) -> None:
    table = read_keywords(write(tmp_path, 'Name;Colour \n "Stuhl; alt"; rot\nTisch;"grün\nund gelb"\n'))
    assert table.columns == ("Name", "Colour")
    assert list(table.rows) == [
        {"Name": "Stuhl; alt", "Colour": "rot"},
        {"Name": "Tisch", "Colour": "grün\nund gelb"},
    ]
    assert table.is_csv
    assert list(table.rows[1:]) == [table.row(1)]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("a,b", "a"),
        ("a,Keyword", "Keyword"),
        ("Subject,b", "Subject"),
        ("SUBJECT,KEYWORD", "KEYWORD"),
        ("b,subject", "subject"),
    ],
)
def test_the_keyword_column(tmp_path: Path, header: str, column: str) -> None:
    table = read_keywords(write(tmp_path, f"{header}\nx,y\n"))
    assert table.keyword_column == column
    assert table.keyword(0) == table.row(0)[column]


def test_rows_without_a_keyword_or_without_anything_are_told(tmp_path: Path) -> None:
    table = read_keywords(write(tmp_path, "keyword,mood\n,calm\n,\nsea,\n , \n"))
    assert [table.keyword(i) for i in range(len(table.rows))] == ["calm", "sea"]
    assert any("2 empty rows" in note for note in table.notes)
    assert any("1 rows have nothing in the column keyword" in note for note in table.notes)


@pytest.mark.fault(23)
def test_windows_1252_is_told(tmp_path: Path) -> None:
    table = read_keywords(write(tmp_path, "keyword\ncafé\n".encode("cp1252")))
    assert table.keyword(0) == "café"
    assert "Windows-1252" in table.notes[0]


@pytest.mark.fault(23)
def test_utf_16_as_excel_saves_it(tmp_path: Path) -> None:
    table = read_keywords(
        write(tmp_path, b"\xff\xfe" + "keyword\tmood\r\ncafé\twarm\r\n".encode("utf-16-le"))
    )
    assert table.row(0) == {"keyword": "café", "mood": "warm"}


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("k.xlsx", "x", [".txt or .csv", ".xlsx"]),
        ("k", "x", [".txt or .csv", "nothing"]),
        ("k.txt", "", ["is empty"]),
        ("k.txt", "\ufeff \n\r\n\t\n", ["is empty"]),
        ("k.csv", "", ["is empty"]),
        ("k.csv", "keyword,mood\n", ["no rows"]),
        ("k.csv", "keyword,mood\n,\n\n", ["no rows"]),
        ("k.csv", "keyword\na\0b\n", ["line 2", "NUL"]),
        ("k.txt", "a\n\0\n", ["line 2", "NUL"]),
        ("k.txt", b"a\n\x8d\n", ["line 2", "0x8d"]),
        ("k.txt", "a\n" + "x" * 200_000, ["line 2", "100,000"]),
        ("k.csv", "keyword\na\n" + "x" * 200_000, ["line 3", "100,000"]),
        ("k.csv", "keyword,keyword\na,b\n", ["line 1", "columns 1 and 2"]),
        ("k.csv", 'keyword\n"a\n', ["line 2", "never closed"]),
    ],
)
def test_bad_files_are_named_with_what_is_wrong(
    tmp_path: Path, name: str, content: str | bytes, words: list[str]
) -> None:
    path = write(tmp_path, content, name)
    with pytest.raises(KeywordsError) as caught:
        read_keywords(path)
    assert str(path) in caught.value.message
    assert all(word in caught.value.message for word in words), caught.value.message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeywordsError, match=r"none\.txt: there is no such file"):
        read_keywords(tmp_path / "none.txt")


def write_rows(tmp_path: Path, count: int) -> Path:
    path = tmp_path / "k.csv"
    with path.open("w") as file:
        file.write("keyword,mood,place\n")
        file.writelines(f"keyword number {n},calm,somewhere else\n" for n in range(count))
    return path


@pytest.mark.fault(23)
def test_a_million_rows_are_read(tmp_path: Path) -> None:
    table = read_keywords(write_rows(tmp_path, 1_000_000))
    assert len(table.rows) == 1_000_000
    assert table.row(999_999) == {
        "keyword": "keyword number 999999",
        "mood": "calm",
        "place": "somewhere else",
    }


def test_rows_take_little_more_than_their_text(tmp_path: Path) -> None:
    path, count = write_rows(tmp_path, 20_000), 20_000
    tracemalloc.start()
    try:
        table = read_keywords(path)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(table.rows) == count
    # A dict a row, or even a tuple of strings a row, would be 250 bytes and more.
    assert kept / count < 130
    assert peak / count < 300


def test_the_built_in_list_says_that_it_is_one() -> None:
    table = built_in_keywords()
    assert [table.keyword(i) for i in range(len(table.rows))] == list(BUILT_IN_KEYWORDS)
    assert table.source == "built-in list"
    assert "built-in list" in table.notes[0]


def test_rows_in_sequence_start_again() -> None:
    assert draw_rows(3, 7, "sequential", 1) == [0, 1, 2, 0, 1, 2, 0]


def test_a_random_draw_is_the_same_everywhere() -> None:
    """The very numbers, so that a job started by one version of Python goes on under another."""
    assert draw_rows(5, 12, "random", 2026) == [0, 3, 1, 4, 2, 1, 3, 0, 4, 2, 3, 4]


@given(st.integers(1, 40), st.integers(0, 150), st.integers(0, 2**32 - 1))
@bounded(max_examples=100, deadline=None)
def test_a_random_draw_uses_every_row_before_it_repeats_one(rows: int, generations: int, seed: int) -> None:
    drawn = draw_rows(rows, generations, "random", seed)
    assert len(drawn) == generations
    for start in range(0, generations, rows):
        batch = drawn[start : start + rows]
        assert max(Counter(batch).values()) == 1
        assert set(batch) <= set(range(rows))
    assert draw_rows(rows, generations + 7, "random", seed)[:generations] == drawn


def test_a_short_draw_from_a_huge_list_is_not_a_shuffle_of_it() -> None:
    drawn = draw_rows(10**12, 3, "random", 1)
    assert len(set(drawn)) == 3


def test_another_seed_draws_otherwise() -> None:
    assert draw_rows(50, 50, "random", 1) != draw_rows(50, 50, "random", 2)


PIECES = st.sampled_from(
    [
        b"cat",
        b",",
        b";",
        b"\t",
        b'"',
        b"\n",
        b"\r\n",
        b"\0",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\xe9",
        b"\x1b[2J",
        b"=",
    ]
)


@given(
    st.binary(max_size=200) | st.lists(PIECES, max_size=30).map(b"".join), st.sampled_from([".txt", ".csv"])
)
@example(b'"\0"\0', ".csv")  # nothing but a quoted nothing
@bounded(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_file_of_any_bytes_is_read_or_refused_by_name(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"any{suffix}"
    path.write_bytes(content)
    table, refusal = None, ""
    try:
        table = read_keywords(path)
    except KeywordsError as error:
        refusal = error.message
    if table is None:
        assert str(path) in refusal
        return
    assert len(table.rows) >= 1
    for index in range(len(table.rows)):
        assert set(table.row(index)) == set(table.columns)
        assert table.keyword(index)
        assert "\0" not in "".join(table.row(index).values())
