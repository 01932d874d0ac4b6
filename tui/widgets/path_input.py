"""An input for a file or folder: completes with tab, shows what could follow and whether there is something."""

import asyncio
from collections.abc import Collection
from typing import ClassVar, Self

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Input, Static

from engine.text import clean_text
from tui.later import Later
from tui.path_names import Completion, PathState, complete, judge
from tui.widgets.line_input import LineInput

_SHOWN = 40
_LONGEST_NAME = 60


class _PathText(LineInput):
    """Takes a file that was dropped on the terminal: such a path comes in quotes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("tab", "complete", "Complete", show=False)]

    class CompleteWanted(Message):
        """Tab was pressed."""

    def action_complete(self) -> None:
        self.post_message(self.CompleteWanted())

    def _on_paste(self, event: events.Paste) -> None:
        text = event.text.strip()
        if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
            event.stop()
            event.prevent_default()
            self.insert_text_at_cursor(text[1:-1])


class PathInput(Vertical):
    """Posts `Submitted` on enter; the value is what was typed, `~` and all."""

    class Submitted(Message):
        """Enter was pressed."""

        def __init__(self, value: str) -> None:
            super().__init__()
            self.value = value

    def __init__(
        self,
        value: str = "",
        *,
        is_folder: bool,
        suffixes: Collection[str] = (),
        id: str | None = None,  # noqa: A002 - Textual's name for it
    ) -> None:
        super().__init__(id=id)
        self._first = value
        self._is_folder = is_folder
        self._suffixes = frozenset(suffixes)

    def compose(self) -> ComposeResult:
        path = _PathText(self._first, placeholder="not set")
        yield path
        yield Static(markup=False, classes="path-state")

    @property
    def value(self) -> str:
        """What stands in it, without blanks around."""
        return self.query_one(Input).value.strip()

    def focus(self, scroll_visible: bool = True) -> Self:
        """The keys go to the text."""
        self.query_one(Input).focus(scroll_visible)
        return self

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.run_worker(Later(self._look(event.value.strip())), group="look", exclusive=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Submitted(self.value))

    def on__path_text_complete_wanted(self) -> None:
        """Write what all candidates have in common; where that is nothing more, they are shown anyway."""
        self.run_worker(Later(self._complete(self.value)), group="complete", exclusive=True)

    async def _complete(self, text: str) -> None:
        found = await self._completion(text)
        if self._is_gone:
            return
        path = self.query_one(Input)
        if path.value.strip() == text and found.text != text:
            path.value = found.text
            path.cursor_position = len(found.text)

    async def _look(self, text: str) -> None:
        if not text:
            self._say(Text("tab completes; empty: not set", style="dim"))
            return
        found = await self._completion(text)
        state = await asyncio.to_thread(judge, text, is_folder=self._is_folder)
        self._say(state_line(state, found))

    @property
    def _is_gone(self) -> bool:
        """Whether the form took the input away while a folder was being read."""
        return not self.query(Input)

    async def _completion(self, text: str) -> Completion:
        return await asyncio.to_thread(complete, text, only_folders=self._is_folder, suffixes=self._suffixes)

    def _say(self, line: Text) -> None:
        for shown in self.query(".path-state").results(
            Static
        ):  # the parts of one that goes away go one by one
            shown.update(line)


def state_text(state: PathState) -> Text:
    """`✓ found`, `✗ no such file`."""
    glyph, style = ("✓", "green") if state.is_good else ("✗", "red")
    return Text(f"{glyph} {clean_text(state.words)}", style=style)


def state_line(state: PathState, found: Completion) -> Text:
    """Whether there is something, then the names that could follow."""
    names = [clean_text(name, limit=_LONGEST_NAME) for name in found.candidates[:_SHOWN]]
    if len(found.candidates) > _SHOWN:
        names.append("…")
    is_on_its_way = names and not state.is_good
    judged = Text() if is_on_its_way else state_text(state)
    return Text.assemble(judged, "   " if judged and names else "", ("  ".join(names), "dim"))
