"""Of a line only the cells that are other ones are drawn again."""

from rich.text import Text
from textual.geometry import Region

from tui.widgets.changed_cells import changed_regions


def region(start: int, end: int) -> Region:
    return Region(start, 0, end - start, 1)


def test_the_same_text_changes_nothing() -> None:
    line = Text.assemble(("done ", "dim"), "12")
    assert changed_regions(line, line.copy(), 40) == []


def test_a_number_that_changes_is_all_that_changes() -> None:
    before, after = (Text.assemble(("submitted ", "dim"), number, "  spent") for number in ("12", "13"))
    assert changed_regions(before, after, 40) == [region(11, 12)]


def test_another_style_is_a_change() -> None:
    before, after = Text.assemble("failed ", ("0", "")), Text.assemble("failed ", ("0", "red"))
    assert changed_regions(before, after, 40) == [region(7, 8)]


def test_what_a_shorter_text_leaves_behind_is_drawn_over() -> None:
    assert changed_regions(Text("ETA 12:00"), Text("ETA"), 40) == [region(4, 9)]


def test_changes_far_apart_are_apart_and_near_ones_together() -> None:
    before = Text("1" + "." * 30 + "1")
    after = Text("2" + "." * 30 + "2")
    assert changed_regions(before, after, 40) == [region(0, 1), region(31, 32)]
    assert changed_regions(Text("1..1"), Text("2..2"), 40) == [region(0, 4)]


def test_a_wide_character_is_drawn_whole() -> None:
    assert changed_regions(Text("a猫b"), Text("a犬b"), 40) == [region(1, 3)]


def test_what_is_cut_off_does_not_count_but_its_ellipsis_does() -> None:
    assert changed_regions(Text("abcdefgh1"), Text("abcdefgh2"), 5) == []
    assert changed_regions(Text("abcde"), Text("abcdef"), 5) == [region(4, 5)]
