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
    if before.plain == after.plain and before.spans == after.spans and before.style == after.style:
        return []
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
    if cell_len(text.plain) > width:
        text = text.copy()
        text.truncate(width, overflow="ellipsis")
    cells = list(_styled(text))[:width]
    return cells + [_BLANK] * (width - len(cells))


def _styled(line: Text) -> Iterator[_Cell]:
    plain = line.plain
    styles: list[tuple[object, ...]] = [(line.style,) if line.style else ()] * len(plain)
    for span in line.spans:
        over = (span.style,) if span.style else ()
        for number in range(max(span.start, 0), min(span.end, len(plain))):
            styles[number] += over
    cells = zip(plain, styles, strict=True)
    if plain.isascii():
        yield from cells
        return
    for cell in cells:
        for _ in range(1 if cell[0].isascii() else cell_len(cell[0])):
            yield cell
