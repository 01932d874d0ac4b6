from collections.abc import Iterator
from csv import field_size_limit, writer
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from engine.errors import KeywordsError
from engine.keywords_csv import parse_csv


def records(text: str, max_field: int = 1000) -> list[tuple[int, list[str]]]:
    def lines() -> Iterator[str]:
        yield from StringIO(text, newline="\n")

    return list(parse_csv(lines, Path("k.csv"), max_field))


def refusal(text: str, max_field: int = 1000) -> str:
    with pytest.raises(KeywordsError) as caught:
        records(text, max_field)
    return f"{caught.value.message} {caught.value.hint}"


def test_quotes_hold_separators_lines_and_doubled_quotes() -> None:
    text = 'a,b\n"x, y","line one\nline ""two"""\nlast,5" disk\n'
    assert records(text) == [(1, ["a", "b"]), (2, ["x, y", 'line one\nline "two"']), (4, ["last", '5" disk'])]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_found_in_the_header(separator: str) -> None:
    text = f'name{separator}"size, in cm; about"\nx{separator}5\n'
    assert records(text) == [(1, ["name", "size, in cm; about"]), (2, ["x", "5"])]


def test_of_two_candidates_the_one_that_fits_the_rows_wins() -> None:
    assert records("keyword;notes, free\nx;a, b, c\n") == [
        (1, ["keyword", "notes, free"]),
        (2, ["x", "a, b, c"]),
    ]


def test_one_column_needs_no_separator() -> None:
    assert records("keyword\nx\ny\n") == [(1, ["keyword"]), (2, ["x"]), (3, ["y"])]


def test_a_named_separator_is_obeyed() -> None:
    assert records("sep=|\na|b\n1|2\n") == [(2, ["a", "b"]), (3, ["1", "2"])]
    assert refusal("sep=|\na|b\n1\n").startswith("k.csv, line 3:")


@pytest.mark.parametrize("header", ['sep="', "sep=ab", "sep="])
def test_what_names_no_separator_is_a_header(header: str) -> None:
    assert records(f"{header}\nx\n") == [(1, [header]), (2, ["x"])]


def test_blank_lines_and_blanks_before_quotes_are_skipped() -> None:
    assert records('\na, "b"\n\n   \n1, "2, 3"\n\n') == [(2, ["a", "b"]), (5, ["1", "2, 3"])]


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n1,2,3\n", ["line 3", "3 fields", "the header 2", "comma"]),
        ("a;b\n1;2\n1\n", ["line 3", "1 fields", "semicolon"]),
        ('a,b\n"x\ny",2\n1\n', ["line 4", "1 fields"]),
        ("a,,c\n1,2,3\n", ["line 1", "column 2 of 3 has no name"]),
        ("a,b,\n1,2,3\n", ["line 1", "column 3 of 3"]),
        ("\na,b,a\n1,2,3\n", ["line 2", "columns 1 and 3", 'called "a"']),
        ('"a x",b,"a\n x"\n', ["line 1", "columns 1 and 3"]),
        ("a},b\n1,2\n", ["line 1", '"a}"', "brace"]),
        ('a,b\n1,2\nx,"open\n3,4\n', ["line 3", "never closed"]),
        ('a,b\n"fine\nand closed","open\nstill\n', ["line 3", "never closed"]),
        ('a,"b\n1,2\n', ["line 1", "never closed"]),
        ('a,b\n"x"y,2\n', ["line 2", "text follows a closing quote"]),
        ('a,b\n"x\n"y,2\n', ["line 3", "text follows", "begins in line 2"]),
    ],
)
def test_each_fault_names_its_line(text: str, words: list[str]) -> None:
    message = refusal(text)
    assert message.startswith("k.csv, line")
    assert all(word in message for word in words), message


@pytest.mark.fault(23)
def test_a_field_that_is_too_long_names_its_line_and_the_limit() -> None:
    assert "line 3: a field is longer than 1,000 characters" in refusal(f"a\nx\n{'y' * 1001}\n")
    assert records(f"a\n{'y' * 1000}\n")[1] == (2, ["y" * 1000])


def test_the_csv_modules_own_limit_is_told_alike_and_left_alone() -> None:
    before = field_size_limit()
    assert "line 2: a field is longer" in refusal(f"a\n{'y' * 200_000}\n", 100_000)
    assert field_size_limit() == before


def test_an_unclosed_quote_in_a_long_file_is_not_taken_for_a_long_field() -> None:
    text = 'a,b\n1,2\nx,"open\n' + "3,4\n" * 60_000
    assert "line 3: a quote is opened and never closed" in refusal(text, 100_000)


def test_characters_outside_the_quotes_rules_pass() -> None:
    text = "a\nx\u2028y\x85z\x0b\n"
    assert list(parse_csv(lambda: iter(["a\n", "x\u2028y\x85z\x0b\n"]), Path("k.csv"), 10))[1][1] == [
        text[2:-1]
    ]


CELLS = st.text(st.sampled_from('ab,;"\n é'), max_size=6).map(str.strip)


@given(st.lists(st.tuples(CELLS, CELLS.filter(bool)), min_size=1, max_size=5), st.sampled_from(",;\t"))
@bounded(max_examples=200, deadline=None)
def test_what_the_csv_module_writes_is_read_back(rows: list[tuple[str, str]], delimiter: str) -> None:
    file = StringIO()
    out = writer(file, delimiter=delimiter, lineterminator="\n")
    out.writerow(["one", "two"])
    out.writerows(rows)
    assert [tuple(record) for _, record in records(file.getvalue())[1:]] == rows


@given(st.lists(st.sampled_from([*'ab,;"\n\t |', "sep="]), max_size=25).map("".join))
@bounded(max_examples=300, deadline=None)
def test_whatever_is_wrong_is_told_with_a_line_that_exists(text: str) -> None:
    try:
        records(text)
    except KeywordsError as error:
        line = int(error.message.removeprefix("k.csv, line ").partition(":")[0])
        assert 1 <= line <= text.count("\n") + 1
        if "never closed" in error.message:
            assert '"' in text.split("\n")[line - 1]
