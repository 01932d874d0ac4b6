"""Sends only the changed part of a line to the terminal. Knows no widget.

Textual cuts what it sends off where a changed region ends, but begins where the widget does: a number at the end of a
line then costs the whole line. The two classes below are Textual's own, for which it has no public hook."""

from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor


class NarrowUpdate(ChopsUpdate):
    """Begins each line where the change does."""

    def render_segments(self, console: Console) -> str:
        """Escape sequences and text of all changed spans."""
        sequences: list[str] = []
        for y, first, last in self.spans:
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                start, stop = max(x, first), min(end, last)
                if strip is None or start >= stop:
                    continue
                part = strip if (start, stop) == (x, end) else strip.crop(start - x, stop - x)
                sequences.append(f"\x1b[{y + 1};{start + 1}H{part.render(console)}")
        return "".join(sequences)


class NarrowCompositor(Compositor):
    """Textual's, with narrow updates."""

    def render_partial_update(self) -> ChopsUpdate | None:
        """As Textual's."""
        update = super().render_partial_update()
        return update and NarrowUpdate(update.chops, update.spans, update.chop_ends)
