"""Tables for people: aligned columns of plain text. Nothing is printed here."""

from collections.abc import Iterable, Sequence

from tui.cli.output import clip_to_width, display_width

_WIDEST_CELL = 60


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> list[str]:
    """Lines under a header, the columns named in `right` to the right; cells of 60 columns at most."""
    shown = [[clip_to_width(" ".join(cell.split()), _WIDEST_CELL) for cell in row] for row in rows]
    cells = [list(headers), *shown]
    widths = [max(display_width(row[column]) for row in cells) for column in range(len(headers))]

    def line(row: Sequence[str]) -> str:
        parts = []
        for header, cell, width in zip(headers, row, widths, strict=True):
            blank = " " * (width - display_width(cell))
            parts.append(blank + cell if header in right else cell + blank)
        return "  ".join(parts).rstrip()

    return [line(row) for row in cells]
