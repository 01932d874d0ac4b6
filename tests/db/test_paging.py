import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.paging import decode_cursor, encode_cursor, like_pattern
from tests.db.rows import Rows


@given(st.lists(st.text() | st.integers(), min_size=1, max_size=3))
def test_cursors_come_back(keys: list[str | int]) -> None:
    assert decode_cursor(encode_cursor(*keys), len(keys)) == keys


@pytest.mark.parametrize(
    "text", ["", "7", "[]", "[1, 2]", '{"a": 1}', "[null]", "[true]", "[1.5]", "no json"]
)
def test_foreign_cursors_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="start again without a cursor"):
        decode_cursor(text, 1)


@pytest.mark.parametrize(
    ("part", "text", "matches"),
    [
        ("50%", "at 50% now", 1),
        ("50%", "at 500 now", 0),
        ("a_b", "a_b", 1),
        ("a_b", "axb", 0),
        ("hm!", "oh HM! yes", 1),
        ("hm!", "hm", 0),
    ],
)
async def test_like_pattern_takes_text_as_text(rows: Rows, part: str, text: str, matches: int) -> None:
    assert await rows.value("SELECT ? LIKE ? ESCAPE '!'", text, like_pattern(part)) == matches
