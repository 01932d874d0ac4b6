"""Which cells of a line are other ones than before, so that only those are sent to the terminal. Draws nothing."""

from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text
from textual.geometry import Region

_NEAR = 12
"""Cells between two changes that are sent along: another place costs as many bytes."""

type _Cell = tuple[str, tuple[object, ...]]
_BLANK: _Cell = (" ", ())


def changed_regions(before: Text, after: Text, width: int) -> list[Region]:
    """The parts of a line `width` cells wide that differ in text or style; both are cut as they are drawn."""
    old, new = _cells(before, width), _cells(after, width)
    regions: list[Region] = []
    start = end = -1
    for at, (one, other) in enumerate(zip(old, new, strict=True)):
        if one == other:
            continue
        if start >= 0 and at - end > _NEAR:
            regions.append(Region(start, 0, end - start, 1))
            start = at
        start = at if start < 0 else start
        end = at + 1
    if start >= 0:
        regions.append(Region(start, 0, end - start, 1))
    return regions


def _cells(text: Text, width: int) -> list[_Cell]:
    """`width` of them; a wide character has two that are never told apart."""
    line = text.copy()
    line.truncate(width, overflow="ellipsis")
    cells = list(_styled(line))[:width]
    return cells + [_BLANK] * (width - len(cells))


def _styled(line: Text) -> Iterator[_Cell]:
    styles: list[list[object]] = [[] for _ in line.plain]
    for span in line.spans:
        for number in range(max(span.start, 0), min(span.end, len(styles))):
            styles[number].append(span.style)
    for character, over in zip(line.plain, styles, strict=True):
        for _ in range(cell_len(character)):
            yield character, tuple(style for style in (line.style, *over) if style)
