"""One of a few choices on one line: left, right and space go through them."""

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widgets import Static

from engine.text import clean_text


class ChoiceLine(Static, can_focus=True):
    """Each choice is an id and what is shown of it; the first one is chosen at the beginning."""

    class Changed(Message):
        """Another choice is shown."""

    def __init__(self, choices: Sequence[tuple[str, str]], *, id: str | None = None) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id, markup=False)
        self._choices = tuple(choices)
        self._index = 0

    @property
    def chosen(self) -> str:
        """The id of what is shown; empty where there is nothing to choose."""
        return self._choices[self._index][0] if self._choices else ""

    def offer(self, choices: Sequence[tuple[str, str]], chosen: str = "") -> None:
        """Show other choices; the one with that id is chosen, else the first."""
        self._choices = tuple(choices)
        ids = [choice_id for choice_id, _ in self._choices]
        self._index = ids.index(chosen) if chosen in ids else 0
        self._show()

    def on_mount(self) -> None:
        self._show()

    def on_key(self, event: events.Key) -> None:
        step = {"left": -1, "h": -1, "right": 1, "l": 1, "space": 1}.get(event.key)
        if step is None or not self._choices:
            return
        event.stop()
        self._index = (self._index + step) % len(self._choices)
        self._show()
        self.post_message(self.Changed())

    def on_click(self) -> None:
        self.focus()

    def _show(self) -> None:
        if not self._choices:
            self.update("")
            return
        place = f"   {self._index + 1} of {len(self._choices)}" if len(self._choices) > 1 else ""
        self.update(Text(f"‹ {clean_text(self._choices[self._index][1])} ›{place}", no_wrap=True))
