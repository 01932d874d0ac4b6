"""The options of a filter bar as lines to walk over. Shows and tells; the bar decides."""

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.text import Text
from textual.app import RenderResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.widget import Widget

from tui.widgets.filter_state import Facet, FilterState

_TITLE = 10
_MARKS = {(True, True): "[x]", (True, False): "[ ]", (False, True): "(x)", (False, False): "( )"}
_HINT = " arrows walk, space chooses, f or esc closes; nothing chosen means all"


class FacetPanel(Widget, can_focus=True):
    """Hidden until the bar shows it. Arrows (or hjkl) walk, space or enter chooses, f or esc closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "walk(1, 0)", "Down", show=False),
        Binding("up,k", "walk(-1, 0)", "Up", show=False),
        Binding("right,l", "walk(0, 1)", "Right", show=False),
        Binding("left,h", "walk(0, -1)", "Left", show=False),
        Binding("space,enter", "choose", "Choose", show=False),
        Binding("f", "close", "Close", show=False),
    ]

    class Chosen(Message):
        """An option was chosen or given up; `value` None: it is to be typed."""

        def __init__(self, facet: Facet, value: str | None) -> None:
            super().__init__()
            self.facet = facet
            self.value = value

    class Closed(Message):
        """The user has done."""

    def __init__(self, facets: Sequence[Facet]) -> None:
        super().__init__()
        self.display = False
        self._facets = tuple(facets)
        self._state = FilterState()
        self._row = 0
        self._column = 0

    def show(self, state: FilterState) -> None:
        """Show these options as chosen."""
        self._state = state
        self.refresh(layout=True)

    def offer(self, facets: Sequence[Facet]) -> None:
        """Show these facets."""
        self._facets = tuple(facets)
        self._row = min(self._row, len(self._facets) - 1)
        self.refresh(layout=True)

    def action_walk(self, rows: int, columns: int) -> None:
        self._row = (self._row + rows) % len(self._facets)
        options = self._options(self._facets[self._row])
        self._column = (
            min(self._column, len(options) - 1) if rows else (self._column + columns) % len(options)
        )
        self.refresh()

    def action_choose(self) -> None:
        facet = self._facets[self._row]
        self.post_message(self.Chosen(facet, self._options(facet)[self._column][0]))

    def action_close(self) -> None:
        self.post_message(self.Closed())

    def _options(self, facet: Facet) -> list[tuple[str | None, str, bool]]:
        """Value, label, whether it is chosen."""
        chosen = self._state.values(facet.id)
        options: list[tuple[str | None, str, bool]] = [
            (option.value, option.label, option.value in chosen) for option in facet.options
        ]
        if facet.typed:
            typed = ", ".join(sorted(chosen - {option.value for option in facet.options}))
            options.append((None, f"{facet.typed} {typed}".rstrip(), bool(typed)))
        return options

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._lines(width))

    def render(self) -> RenderResult:
        return Text("\n").join(self._lines(self.size.width))

    def _lines(self, width: int) -> list[Text]:
        """Each facet from a line of its own on; an option is never broken."""
        lines: list[Text] = []
        for row, facet in enumerate(self._facets):
            line = Text(f" {facet.title:<{_TITLE}}", "bold", no_wrap=True)
            for column, (_, label, is_chosen) in enumerate(self._options(facet)):
                is_here = self.has_focus and (row, column) == (self._row, self._column)
                item = f"{_MARKS[facet.is_many, is_chosen]} {label}"
                if line.cell_len + cell_len(item) + 2 > width and line.cell_len > _TITLE + 1:
                    lines.append(line)
                    line = Text(" " * (_TITLE + 1), no_wrap=True)
                line.append(" ", "not bold")
                line.append(item, "not bold reverse" if is_here else "not bold")
                line.append(" ", "not bold")
            lines.append(line)
        lines.append(Text(_HINT, "dim italic", no_wrap=True, overflow="ellipsis"))
        return lines
