"""A line of tabs, the chosen one marked with brackets, so that it is seen without colours."""

from collections.abc import Mapping, Sequence

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.message import Message
from textual.widget import Widget


class TabLine(Widget):
    """Shows titles; tells which one is clicked. Keys belong to the screen."""

    class Chosen(Message):
        """Another tab is wanted."""

        def __init__(self, tab: str) -> None:
            super().__init__()
            self.tab = tab

    def __init__(
        self,
        tabs: Sequence[tuple[str, str]],
        *,
        active: str | None = None,
        short: Mapping[str, str] | None = None,
    ) -> None:
        """`tabs`: id and title of each; `short`: other titles where the line is too narrow for these."""
        super().__init__()
        self._tabs = tuple(tabs)
        self._short = dict(short or {})
        self._notes: dict[str, str] = {}
        self._active = active or self._tabs[0][0]

    @property
    def active(self) -> str:
        """The id of the chosen tab."""
        return self._active

    def show(self, tab: str, notes: dict[str, str] | None = None) -> None:
        """Mark this tab as chosen; `notes`: what stands behind titles, such as a count."""
        if (tab, notes or self._notes) != (self._active, self._notes):
            self._active, self._notes = tab, dict(notes or self._notes)
            self.refresh()

    def neighbour(self, step: int) -> str:
        """The tab `step` places on, round and round."""
        ids = [tab for tab, _ in self._tabs]
        return ids[(ids.index(self._active) + step) % len(ids)]

    def render(self) -> RenderResult:
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for tab, item in self._items():
            text.append(item, "bold" if tab == self._active else "dim")
        return text

    def _items(self) -> list[tuple[str, str]]:
        items = self._items_with({})
        if 1 + sum(len(item) for _, item in items) > self.size.width:
            items = self._items_with(self._short)
        return items

    def _items_with(self, short: Mapping[str, str]) -> list[tuple[str, str]]:
        items = []
        for tab, whole in self._tabs:
            title = short.get(tab, whole)
            note = f" {self._notes[tab]}" if self._notes.get(tab) else ""
            items.append((tab, f"[{title}{note}] " if tab == self._active else f" {title}{note}  "))
        return items

    def on_click(self, event: events.Click) -> None:
        at = 1
        for tab, item in self._items():
            at += len(item)
            if event.x < at:
                self.post_message(self.Chosen(tab))
                return
