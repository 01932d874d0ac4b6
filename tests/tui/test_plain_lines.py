"""The last gate: what a terminal acts upon is taken out of lines, and everything else is left as it is."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tui import kitty
from tui.plain_lines import PlainLines

DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}
BLACK = Color.parse("black")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[2Jb", "a[2Jb"),
        ("\x9b2J\x9d0;t\x9c", "2J0;t"),
        ("\u202eabc\u2066\u200f", "abc"),
        ("a\x00\x07\x08\x7fb", "ab"),
    ],
)
def test_what_acts_is_taken_out(text: str, shown: str) -> None:
    style = Style(bold=True)
    (segment,) = PlainLines().apply([Segment(text, style)], BLACK)
    assert (segment.text, segment.style) == (shown, style)
    assert cell_len(segment.text) == cell_len(text), "the line stays as wide as it was laid out"


@pytest.mark.parametrize("text", ["plain", "花火 ‹ › ━╸─ ▀", kitty.placeholder_row(0, 3), ""])
def test_everything_else_is_left_alone(text: str) -> None:
    segments = [Segment(text), Segment("next")]
    assert PlainLines().apply(segments, BLACK) is segments


@given(st.lists(st.text(st.characters(codec=None, exclude_categories=()), max_size=40), max_size=4))
@settings(max_examples=200, deadline=None)
def test_nothing_that_acts_is_left_of_any_text(texts: list[str]) -> None:
    shown = PlainLines().apply([Segment(text) for text in texts], BLACK)
    assert len(shown) == len(texts)
    for segment, text in zip(shown, texts, strict=True):
        assert not [one for one in segment.text if unicodedata.category(one) == "Cc"]
        assert not [one for one in segment.text if unicodedata.bidirectional(one) in DIRECTIONS]
        assert cell_len(segment.text) == cell_len(text)
