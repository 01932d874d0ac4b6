"""Plots of characters: as high as the numbers are, within the width, and every part seen."""

from rich.cells import cell_len
from rich.text import Text

from tui.charts import Bar, Column, Part, bars, columns

TWO = (Part("█", "green", "good"), Part("▒", "yellow", "bad"))
ONE = (Part("█", "blue", "money"),)


def whole(number: float) -> str:
    return f"{number:.0f}"


def plain(lines: list[Text]) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def test_columns_are_as_high_as_their_values_and_stand_on_their_labels() -> None:
    shown = [Column("a", (4, 4)), Column("b", (0, 0)), Column("c", (4, 0)), Column("d", (1, 1))]
    assert plain(columns(shown, TWO, width=14, height=4, scale=whole)) == [
        "8┤▒▒",
        " │▒▒",
        " │██    ██ ▒▒",
        "0┤██    ██ ██",
        "  a  b  c  d",
    ]


def test_a_single_part_is_exact_to_an_eighth() -> None:
    shown = [Column("a", (8.0,)), Column("b", (5.0,)), Column("c", (0.01,)), Column("d", (-3.0,))]
    top, labels = plain(columns(shown, ONE, width=6, height=1, scale=whole))
    assert top == "8┤█▅▁"
    assert labels == "  a c"


def test_the_smallest_part_is_seen_and_the_height_is_kept() -> None:
    lines = plain(columns([Column("a", (1_000, 1))], TWO, width=20, height=3, scale=whole))
    assert [line[-1] for line in lines[:3]] == ["▒", "█", "█"]


def test_what_does_not_fit_is_left_out_at_the_beginning() -> None:
    shown = [Column(str(number), (float(number),)) for number in range(100)]
    lines = columns(shown, ONE, width=20, height=2, scale=whole)
    assert all(cell_len(line.plain) <= 20 for line in lines)
    assert "99" not in lines[-1].plain[:3]
    assert lines[0].plain.endswith("█")


def test_nothing_is_no_column() -> None:
    assert plain(columns([], TWO, width=10, height=2, scale=whole)) == ["0┤", "0┤", ""]


def test_bars_stand_beside_names_of_any_width_and_content() -> None:
    shown = [
        Bar("日本語\x1b[31m", (6, 2), "8 images"),
        Bar("a name that is much too long for this", (2, 0), "2 images"),
        Bar("none", (0, 0), "$1.00"),
    ]
    lines = plain(bars(shown, TWO, width=40))
    assert all(cell_len(line) <= 40 for line in lines)
    assert not any("\x1b" in line for line in lines)
    assert [(line.count("█"), line.count("▒")) for line in lines] == [(11, 4), (4, 0), (0, 0)]
    assert lines[1].startswith("a name that")
    notes = ("8 images", "2 images", "$1.00")
    assert len({cell_len(line.removesuffix(note)) for line, note in zip(lines, notes, strict=True)}) == 1
