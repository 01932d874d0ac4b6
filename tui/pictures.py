"""Pictures as a terminal shows them: the part in view, scaled, on its backdrop, as kitty, sixel or half blocks.

Pure functions over files and pixels. All of them block for milliseconds to a second: call them in a thread.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from PIL import Image
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from engine.imaging.open_checked import open_picture, open_reduced
from tui import kitty
from tui.terminal import Protocol, TerminalFacts

LARGEST_SCALE = 16.0
SMALLEST_SCALE = 1 / 64


class Backdrop(StrEnum):
    """What is seen through transparent parts."""

    CHECKER = "checker"
    BLACK = "black"
    WHITE = "white"


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a picture is looked at."""

    scale: float | None = None
    """Screen pixels for each pixel of the picture; None: all of it, as large as fits."""
    x: float = 0.5
    y: float = 0.5
    """What of the picture is in the middle, 0 to 1."""


WHOLE = Window()


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, ready for one place of one terminal."""

    protocol: Protocol
    columns: int
    rows: int
    strips: tuple[Strip, ...]
    """One a row: the picture itself as half blocks, the cells that kitty fills, blanks under a sixel picture."""
    sequence: str = ""
    """kitty: sends the picture; sixel: draws it at the cursor."""
    number: int = 0
    """kitty's number of the picture."""
    scale: float = 1.0
    """Screen pixels for each pixel of the file."""
    window: Window = WHOLE
    """The part that is seen, kept inside the picture."""


def load(path: Path, longest: int | None = None) -> Image.Image:
    """The picture, RGB or RGBA, upright; `longest`: that many pixels on its longer side are enough. Raises
    PictureError and OSError."""
    return open_picture(path) if longest is None else open_reduced(path, longest)


def make_frame(
    image: Image.Image,
    facts: TerminalFacts,
    columns: int,
    rows: int,
    *,
    window: Window = WHOLE,
    backdrop: Backdrop = Backdrop.CHECKER,
    file_width: int | None = None,
    ground: tuple[int, int, int] = (0, 0, 0),
) -> Frame:
    """The part of the picture that `window` shows in a place of that many cells, in the terminal's protocol.

    `ground` is the colour around the picture. `file_width` is the width of the file's picture where `image` is a
    smaller copy: scales are the file's.
    """
    protocol = facts.protocol
    rows = min(rows, kitty.MOST_ROWS) if protocol is Protocol.KITTY else rows
    view = _view(image.size, facts.cell, (columns, rows), window, image.width / (file_width or image.width))
    part = image if view.box == (0, 0, *image.size) else image.crop(view.box)
    match protocol:
        case Protocol.KITTY:
            return _kitty_frame(part, view, facts, backdrop, ground)
        case Protocol.SIXEL:
            return _sixel_frame(part, view, facts, backdrop, ground)
        case _:
            return _block_frame(part, view, backdrop)


@dataclass(frozen=True, slots=True)
class _View:
    box: tuple[int, int, int, int]
    """The part that is seen, in pixels of the picture at hand."""
    size: tuple[int, int]
    """Its width and height on the screen, in pixels."""
    cells: tuple[int, int]
    scale: float
    window: Window


def _view(
    picture: tuple[int, int], cell: tuple[int, int], place: tuple[int, int], window: Window, copy: float
) -> _View:
    """`copy`: pixels of the picture at hand for each pixel of the file. All pairs are width and height."""
    area = (place[0] * cell[0], place[1] * cell[1])
    fit = min(area[0] / picture[0], area[1] / picture[1])
    scale = fit if window.scale is None else window.scale / copy
    seen = [min(side, room / scale) for side, room in zip(picture, area, strict=True)]
    starts = [
        min(max(middle * side - part / 2, 0.0), side - part)
        for middle, side, part in zip((window.x, window.y), picture, seen, strict=True)
    ]
    left, top = (int(start) for start in starts)
    right, bottom = (
        min(side, max(int(start) + 1, round(start + part)))
        for start, part, side in zip(starts, seen, picture, strict=True)
    )
    size = [max(1, round(part * scale)) for part in seen]
    cells = [min(room, max(1, -(-side // unit))) for side, unit, room in zip(size, cell, place, strict=True)]
    middles = [(start + part / 2) / side for start, part, side in zip(starts, seen, picture, strict=True)]
    return _View(
        box=(left, top, right, bottom),
        size=(size[0], size[1]),
        cells=(cells[0], cells[1]),
        scale=scale * copy,
        window=Window(window.scale, middles[0], middles[1]),
    )


def _kitty_frame(
    part: Image.Image, view: _View, facts: TerminalFacts, backdrop: Backdrop, ground: tuple[int, int, int]
) -> Frame:
    """The terminal enlarges by itself, so no more pixels are sent than there are. Where they do not fill a cell, the
    cell's own background is seen."""
    small = part.width <= view.size[0] and part.height <= view.size[1]
    pixels = _on_backdrop(part if small else _scaled(part, view.size), backdrop)
    file = io.BytesIO()
    pixels.save(file, "PNG", compress_level=1)
    columns, rows = view.cells
    number = kitty.next_number()
    sequence = kitty.transmission(number, file.getvalue(), columns, rows)
    mark = Color.from_rgb(number >> 16, number >> 8 & 255, number & 255)
    style = Style(color=mark, bgcolor=Color.from_rgb(*ground))
    return Frame(
        protocol=Protocol.KITTY,
        columns=columns,
        rows=rows,
        strips=tuple(
            Strip([Segment(kitty.placeholder_row(row, columns), style)], columns) for row in range(rows)
        ),
        sequence=kitty.through_tmux(sequence) if facts.is_tmux else sequence,
        number=number,
        scale=view.scale,
        window=view.window,
    )


def _sixel_frame(
    part: Image.Image, view: _View, facts: TerminalFacts, backdrop: Backdrop, ground: tuple[int, int, int]
) -> Frame:
    # The public modules of the package ask the terminal when they are imported, and Textual reads the answer as keys.
    from textual_image._sixel import SixelOptions, image_to_sixels  # noqa: PLC0415

    columns, rows = view.cells
    # Whole cells: between a picture's edge and the end of its last cell some terminals would show white.
    pixels = Image.new("RGB", (columns * facts.cell[0], rows * facts.cell[1]), ground)
    pixels.paste(_on_backdrop(_scaled(part, view.size), backdrop))
    return Frame(
        protocol=Protocol.SIXEL,
        columns=columns,
        rows=rows,
        strips=(Strip.blank(columns),) * rows,
        sequence=image_to_sixels(pixels, SixelOptions(colors=facts.sixel_colors)),
        scale=view.scale,
        window=view.window,
    )


def _block_frame(part: Image.Image, view: _View, backdrop: Backdrop) -> Frame:
    columns, rows = view.cells
    pixels = _on_backdrop(_scaled(part, (columns, rows * 2)), backdrop, square=2)
    return Frame(
        protocol=Protocol.BLOCKS,
        columns=columns,
        rows=rows,
        strips=tuple(half_blocks(pixels)),
        scale=view.scale,
        window=view.window,
    )


def _scaled(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    is_larger = size[0] >= image.width * 2
    method = Image.Resampling.NEAREST if is_larger else Image.Resampling.BICUBIC
    return image.resize(size, method, reducing_gap=2.0)


def _on_backdrop(image: Image.Image, backdrop: Backdrop, *, square: int = 8) -> Image.Image:
    if image.mode == "RGB":
        return image
    ground = Image.new("RGB", image.size, _GROUNDS[backdrop])
    if backdrop is Backdrop.CHECKER:
        squares = (-(-image.width // square), -(-image.height // square))
        greys = bytes(
            _CHECKER[(column + row) % 2] for row in range(squares[1]) for column in range(squares[0])
        )
        board = Image.frombytes("L", squares, greys)
        full = (squares[0] * square, squares[1] * square)
        ground = board.resize(full, Image.Resampling.NEAREST).crop((0, 0, *image.size)).convert("RGB")
    ground.paste(image, mask=image.getchannel("A"))
    return ground


_CHECKER = (112, 144)
_GROUNDS = {Backdrop.CHECKER: (128, 128, 128), Backdrop.BLACK: (0, 0, 0), Backdrop.WHITE: (255, 255, 255)}


def thumbnail(path: Path, cell: tuple[int, int], columns: int, rows: int) -> tuple[Strip, ...]:
    """A small picture as half blocks in the middle of exactly that many cells.

    Its colours are rounded: that many different ones cost more on a line than the eye sees. Raises PictureError.
    """
    image = load(path, max(columns, rows * 2) * 2)
    view = _view(image.size, cell, (columns, rows), WHOLE, 1.0)
    wide, high = view.cells
    pixels = _on_backdrop(_scaled(image, (wide, high * 2)), Backdrop.CHECKER, square=2)
    left, top = (columns - wide) // 2, (rows - high) // 2
    before, after = Segment(" " * left), Segment(" " * (columns - wide - left))
    blank = Strip.blank(columns)
    shown = [Strip([before, *strip, after], columns) for strip in half_blocks(pixels, _ROUNDED)]
    return (*(blank,) * top, *shown, *(blank,) * (rows - high - top))


_ROUNDED = bytes(value & 0xF8 | value >> 5 for value in range(256))


def half_blocks(image: Image.Image, colours: bytes | None = None) -> Iterator[Strip]:
    """An RGB picture as one cell for each two pixels above each other; its height is even. `colours`: what each value
    of a channel becomes."""
    data, width = image.tobytes(), image.width
    if colours is not None:
        data = data.translate(colours)
    for start in range(0, len(data), width * 6):
        upper, lower = data[start : start + width * 3], data[start + width * 3 : start + width * 6]
        segments = []
        last, length = (b"", b""), 0
        for at in range(0, width * 3, 3):
            pair = (upper[at : at + 3], lower[at : at + 3])
            if pair != last and length:
                segments.append(_cells(last, length))
                length = 0
            last, length = pair, length + 1
        segments.append(_cells(last, length))
        yield Strip(segments, width)


def _cells(pair: tuple[bytes, bytes], length: int) -> Segment:
    upper, lower = pair
    if upper == lower:
        return Segment(" " * length, _style(None, lower))
    return Segment("▀" * length, _style(upper, lower))


@lru_cache(maxsize=32_768)
def _style(upper: bytes | None, lower: bytes) -> Style:
    return Style(
        color=None if upper is None else Color.from_rgb(*upper),
        bgcolor=Color.from_rgb(*lower),
    )
