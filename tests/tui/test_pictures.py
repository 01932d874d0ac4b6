"""The part of a picture that is in view, at its scale, in each of the terminal's ways."""

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from rich.color import Color

from engine.imaging.faults import PictureError
from tests.support.images import draw
from tui import kitty
from tui.pictures import Backdrop, Window, half_blocks, load, make_frame, thumbnail
from tui.terminal import Protocol, TerminalFacts

BLOCKS = TerminalFacts(setting="blocks")
KITTY = TerminalFacts(setting="kitty")
SIXEL = TerminalFacts(setting="sixel")
RED, BLUE = (255, 0, 0), (0, 0, 255)


def halves(left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE) -> Image.Image:
    image = Image.new("RGB", (200, 100), left)
    image.paste(right, (100, 0, 200, 100))
    return image


def colours(frame_or_strip: object) -> set[tuple[int, int, int]]:
    """The colours of all cells."""
    strips = getattr(frame_or_strip, "strips", [frame_or_strip])
    found: set[tuple[int, int, int]] = set()
    for strip in strips:
        for segment in strip:
            for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                if isinstance(colour, Color):
                    found.add(tuple(colour.get_truecolor()))  # type: ignore[arg-type]
    return found


def test_a_picture_fits_its_place_and_keeps_its_shape() -> None:
    frame = make_frame(halves(), BLOCKS, 40, 20)  # 400 x 400 pixels
    assert (frame.columns, frame.rows, frame.scale) == (40, 10, 2.0)
    assert all(strip.cell_length == 40 for strip in frame.strips)
    assert len(frame.strips) == frame.rows


def test_the_scale_is_that_of_the_file() -> None:
    frame = make_frame(halves(), BLOCKS, 40, 20, file_width=400)
    assert frame.scale == 1.0


def test_a_window_shows_its_part_and_stays_inside() -> None:
    left = make_frame(halves(), BLOCKS, 10, 5, window=Window(1.0, 0.0, 0.0))
    assert colours(left) == {RED}
    assert (left.window.x, left.window.y) == (0.25, 0.5)
    right = make_frame(halves(), BLOCKS, 10, 5, window=Window(1.0, 5.0, 0.5))
    assert colours(right) == {BLUE}
    assert right.window.x == 0.75


def test_a_window_far_out_shows_all_of_it_small() -> None:
    frame = make_frame(halves(), BLOCKS, 40, 20, window=Window(0.1))
    assert (frame.columns, frame.rows) == (2, 1)


@pytest.mark.parametrize(
    ("backdrop", "seen"),
    [
        (Backdrop.BLACK, {(0, 0, 0)}),
        (Backdrop.WHITE, {(255, 255, 255)}),
        (Backdrop.CHECKER, {(112, 112, 112), (144, 144, 144)}),
    ],
)
def test_a_backdrop_shows_through(backdrop: Backdrop, seen: set[tuple[int, int, int]]) -> None:
    clear = Image.new("RGBA", (64, 64), (9, 9, 9, 0))
    assert colours(make_frame(clear, BLOCKS, 16, 8, backdrop=backdrop)) == seen


def test_two_pixels_a_cell() -> None:
    image = Image.new("RGB", (2, 2), RED)
    image.putpixel((0, 1), BLUE)
    (strip,) = half_blocks(image)
    assert [(segment.text, segment.style and segment.style.color is None) for segment in strip] == [
        ("▀", False),
        (" ", True),
    ]


def test_kitty_gets_the_picture_once_under_its_number() -> None:
    frame = make_frame(halves(), KITTY, 40, 20)
    assert frame.protocol is Protocol.KITTY
    commands = re.findall(r"\x1b_G([^;\x1b]*)(?:;([^\x1b]*))?\x1b\\", frame.sequence)
    assert commands[0][0].startswith(f"i={frame.number},f=100,q=2,m=")
    assert commands[-1][0] == f"a=p,U=1,i={frame.number},c=40,r=10,q=2"
    assert all(len(data) <= kitty.CHUNK for _, data in commands)
    png = base64.b64decode("".join(data for _, data in commands))
    assert Image.open(io.BytesIO(png)).size == (200, 100), "kitty enlarges it itself"
    assert colours(frame) == {(frame.number >> 16, frame.number >> 8 & 255, frame.number & 255), (0, 0, 0)}
    assert frame.strips[3].text == kitty.placeholder_row(3, 40)


def test_the_edge_of_a_kitty_picture_has_the_colour_around_it() -> None:
    frame = make_frame(halves(), KITTY, 40, 20, ground=(17, 20, 24))
    grounds = {
        segment.style and segment.style.bgcolor and segment.style.bgcolor.triplet
        for strip in frame.strips
        for segment in strip
    }
    assert grounds == {(17, 20, 24)}


def test_kitty_gets_no_more_pixels_than_are_shown() -> None:
    frame = make_frame(halves(), KITTY, 5, 20)
    data = "".join(re.findall(r";([^\x1b]+)\x1b", frame.sequence))
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (50, 25)


def test_a_large_picture_comes_in_chunks() -> None:
    sent = kitty.transmission(7, bytes(10_000), 4, 2)
    flags = re.findall(r"m=([01]);", sent)
    assert flags == ["1"] * (len(flags) - 1) + ["0"]
    assert len(flags) == 4


def test_rows_are_marked_as_kitty_counts_them() -> None:
    assert kitty.placeholder_row(0, 2) == "\U0010eeee\u0305\u0305\U0010eeee\u0305\u030d"
    assert kitty.placeholder_row(2, 1) == "\U0010eeee\u030e\u0305"
    assert kitty.placeholder_row(1, 200).count(kitty.PLACEHOLDER) == 200
    assert kitty.MOST_ROWS == 85
    assert kitty.placeholder_row(84, 1)[1] == "\u06ec"


def test_kitty_behind_tmux_is_wrapped_command_by_command() -> None:
    wrapped = kitty.through_tmux(kitty.deletion(5) + kitty.deletion(6))
    assert wrapped.count("\x1bPtmux;") == 2
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b_Ga=d,d=I,i=5,q=2\x1b\x1b\\\x1b\\")


def test_sixels_fill_whole_cells() -> None:
    frame = make_frame(Image.new("RGB", (33, 33), RED), SIXEL, 8, 4, window=Window(1.0), ground=(0, 0, 0))
    assert (frame.columns, frame.rows) == (4, 2)
    assert '"1;1;40;40' in frame.sequence
    assert frame.sequence.startswith("\x1bP")
    assert frame.sequence.endswith("\x1b\\")


def test_fewer_colours_are_fewer_bytes() -> None:
    slope = Image.linear_gradient("L")
    image = Image.merge("RGB", (slope, slope.rotate(90), Image.radial_gradient("L")))
    many = make_frame(image, TerminalFacts(setting="sixel", sixel_colors=256), 20, 10)
    few = make_frame(image, TerminalFacts(setting="sixel", sixel_colors=16), 20, 10)
    assert len(few.sequence) < len(many.sequence)


def test_a_thumbnail_stands_in_the_middle_of_its_place(tmp_path: Path) -> None:
    strips = thumbnail(draw(tmp_path / "a.jpg", (64, 32), (255, 0, 0)), (10, 20), 16, 8)
    assert len(strips) == 8
    assert all(strip.cell_length == 16 for strip in strips)
    assert [bool(colours(strip)) for strip in strips] == [False, False, *[True] * 4, False, False]


def test_a_broken_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(PictureError):
        load(tmp_path / "a.png")
