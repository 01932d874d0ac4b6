"""The line over a list: how many rows, in which order, by what they are filtered; search text as you type, options on
`f`. Knows no rows: it tells what is wanted."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from engine.text import clean_text
from tui.format import count
from tui.widgets.facet_panel import FacetPanel
from tui.widgets.filter_state import Facet, FilterState, Option

TYPING_S = 0.15
"""A list is asked for anew when nothing was typed for so long."""


class FilterBar(Vertical):
    """Screens forward their `filter.*` actions with FilterKeys, and answer Changed by showing another list."""

    class Changed(Message):
        """Other rows, or another order, are wanted."""

        def __init__(self, bar: "FilterBar", state: FilterState) -> None:
            super().__init__()
            self.bar = bar
            self.state = state

        @property
        def control(self) -> "FilterBar":
            return self.bar

    def __init__(
        self,
        facets: Sequence[Facet] = (),
        orders: Sequence[Option] = (),
        *,
        nouns: tuple[str, str] = ("row", "rows"),
        search_hint: str = "text",
        list_selector: str = "RecordTable",
    ) -> None:
        """`list_selector` finds the list on the screen, to which the focus goes back."""
        super().__init__()
        self._facets = tuple(facets)
        self._orders = tuple(orders)
        self._nouns = nouns
        self._search_hint = search_hint
        self._list_selector = list_selector
        self._state = FilterState(order=orders[0].value if orders else "")
        self._rows: int | None = None
        self._note = ""
        self._typing: Timer | None = None
        self._typed_facet: Facet | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="filter-summary", markup=False)
        yield Input(id="filter-text", compact=True)
        if self._facets:
            yield FacetPanel(self._facets)

    def on_mount(self) -> None:
        self.query_one(Input).display = False
        self._update_summary()

    # ---- what screens use

    @property
    def state(self) -> FilterState:
        """What is wanted now."""
        return self._state

    def show_count(self, rows: int | None, note: str = "") -> None:
        """How many rows there are (None: not known yet), and what else is to be said of them: `3 marked`."""
        if (rows, note) != (self._rows, self._note):
            self._rows, self._note = rows, note
            self._update_summary()

    def offer(self, facets: Sequence[Facet]) -> None:
        """Let rows be chosen by these sides; the bar was made with some."""
        self._facets = tuple(facets)
        self.query_one(FacetPanel).offer(self._facets)
        self._update_summary()

    def change(self, state: FilterState) -> None:
        """Want this from now on."""
        if state == self._state:
            return
        self._state = state
        if self._facets:
            self.query_one(FacetPanel).show(state)
        self._update_summary()
        self.post_message(self.Changed(self, state))

    def step_back(self) -> bool:
        """Undo the innermost of: typing, options on the screen, search text, chosen options; False: nothing to undo."""
        field = self.query_one(Input)
        if field.display and self._typed_facet is not None:
            self._close_input()
            self._show_options()
        elif self._facets and self.query_one(FacetPanel).display:
            self._close_options()
        elif field.display or self._state.text:
            self._close_input()
            self.change(replace(self._state, text=""))
        elif self._state.is_filtered:
            self.change(self._state.cleared())
        else:
            return False
        return True

    def search(self) -> None:
        """Let text be typed."""
        if self._facets:
            self.query_one(FacetPanel).display = False
        self._open_input(None, self._state.text, f"search {self._search_hint}")

    def choose(self) -> None:
        """Show the options, or hide them."""
        if self._facets:
            if self.query_one(FacetPanel).display:
                self._close_options()
            else:
                self._show_options()

    def next_order(self) -> None:
        """Sort by the next of the orders."""
        values = [order.value for order in self._orders]
        if values:
            following = values[(values.index(self._state.order) + 1) % len(values)]
            self.change(replace(self._state, order=following, is_reversed=False))

    def reverse(self) -> None:
        """Turn the order round."""
        if self._orders:
            self.change(replace(self._state, is_reversed=not self._state.is_reversed))

    # ---- text

    def _open_input(self, facet: Facet | None, text: str, hint: str) -> None:
        self._typed_facet = facet
        field = self.query_one(Input)
        field.display = True
        with field.prevent(Input.Changed):
            field.value = text
        field.placeholder = hint
        field.focus()

    def _close_input(self) -> None:
        self._typed_facet = None
        self._stop_typing()
        field = self.query_one(Input)
        with field.prevent(Input.Changed):
            field.value = ""
        field.display = False
        self._focus_list()

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        if self._typed_facet is None:
            self._stop_typing()
            self._typing = self.set_timer(TYPING_S, self._take_text)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        facet = self._typed_facet
        if facet is None:
            self._take_text()
            self.query_one(Input).display = bool(self._state.text)
            self._focus_list()
        elif self._take_typed(facet, message.value.strip()):
            self._close_input()
            self._show_options()

    def _take_typed(self, facet: Facet, value: str) -> bool:
        if value and facet.check is not None:
            try:
                facet.check(value)
            except ValueError as error:
                self.notify(clean_text(str(error)), severity="warning", markup=False)
                return False
        self.change(
            replace(self._state, chosen={**self._state.chosen, facet.id: frozenset({value} if value else ())})
        )
        return True

    def _take_text(self) -> None:
        self._stop_typing()
        if self._typed_facet is None:
            self.change(replace(self._state, text=self.query_one(Input).value.strip()))

    def _stop_typing(self) -> None:
        if self._typing is not None:
            self._typing.stop()
            self._typing = None

    # ---- options

    def _show_options(self) -> None:
        panel = self.query_one(FacetPanel)
        panel.show(self._state)
        panel.display = True
        panel.focus()

    def _close_options(self) -> None:
        self.query_one(FacetPanel).display = False
        self._focus_list()

    def on_facet_panel_closed(self, message: FacetPanel.Closed) -> None:
        message.stop()
        self._close_options()

    def on_facet_panel_chosen(self, message: FacetPanel.Chosen) -> None:
        message.stop()
        facet = message.facet
        if message.value is None:
            known = {option.value for option in facet.options}
            typed = next(iter(self._state.values(facet.id) - known), "")
            self._open_input(facet, typed, facet.placeholder)
        else:
            self.change(self._state.toggled(facet, message.value))

    def _focus_list(self) -> None:
        for widget in self.screen.query(self._list_selector):
            if widget.focusable and widget.display:  # a hidden one would take the keys
                widget.focus()
                return

    # ---- the line

    def _update_summary(self) -> None:
        summaries = self.query("#filter-summary").results(Static)
        if (summary := next(iter(summaries), None)) is None:
            return  # not composed yet; on_mount comes again
        state = self._state
        parts = []
        if self._rows is not None:
            parts.append(f"{count(self._rows)} {self._nouns[0] if self._rows == 1 else self._nouns[1]}")
        label = next((order.label for order in self._orders if order.value == state.order), "")
        if label:
            parts.append(f"{label}, reversed" if state.is_reversed else label)
        for facet in self._facets:
            if values := state.values(facet.id):
                labels = ", ".join(sorted(facet.label_of(value) for value in values))
                parts.append(f"{facet.title.lower()}: {labels}")
        if state.text:
            parts.append(f"with “{clean_text(state.text, limit=40)}”")
        if self._note:
            parts.append(self._note)
        text = Text(
            " " + "  ·  ".join(parts),
            no_wrap=True,
            overflow="ellipsis",
            style="bold" if state.is_filtered else "",
        )
        summary.update(text, layout=False)


class FilterKeys:
    """For a screen with a FilterBar: the `filter.*` actions of the key table."""

    def action_search(self) -> None:
        self._bar.search()

    def action_status(self) -> None:
        self._bar.choose()

    def action_order(self) -> None:
        self._bar.next_order()

    def action_reverse(self) -> None:
        self._bar.reverse()

    @property
    def _bar(self) -> FilterBar:
        return cast("Screen[Any]", self).query_one(FilterBar)
