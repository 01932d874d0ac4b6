"""A question in a bar under the list, never a dialog over a picture. It stands in the footer's place, whose keys are
dead meanwhile: so a picture keeps its size, and need not be sent once more."""

import asyncio

from rich.text import Text
from textual import events
from textual.widgets import Static

from engine.text import clean_text


class ConfirmBar(Static, can_focus=True):
    """Hidden until `ask`. While it asks it has the focus and every key but enter, esc and the app's own is dead."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._answer: asyncio.Future[bool] | None = None

    @property
    def is_asking(self) -> bool:
        """Whether a question waits for its answer."""
        return self._answer is not None

    async def ask(self, question: str, *, yes: str, no: str) -> bool:
        """Wait for the answer; a question that is asked over another one answers the first with no."""
        self._settle(is_yes=False)
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._answer = answer
        before = self.screen.focused
        asked = Text(f" {clean_text(question)}  ", "bold")
        answers = Text.assemble((" enter ", "reverse"), f" {yes}   ", (" esc ", "reverse"), f" {no} ")
        is_long = asked.cell_len + answers.cell_len > self.app.size.width
        self.update(Text.assemble(asked, "\n " if is_long else "", answers))
        self._appear(is_seen=True)
        self.focus()
        try:
            return await answer
        finally:
            if self._answer in (answer, None):
                self._answer = None
                self._appear(is_seen=False)
                if before is not None and before.is_attached:
                    before.focus()

    def _appear(self, *, is_seen: bool) -> None:
        self.display = is_seen
        self.screen.set_class(is_seen, "-asking")

    def on_key(self, event: events.Key) -> None:
        if not self.is_asking:
            return
        event.stop()
        event.prevent_default()
        if event.key == "enter":
            self._settle(is_yes=True)
        elif event.key in ("escape", "n", "q"):
            self._settle(is_yes=False)

    def on_blur(self) -> None:
        """Who goes elsewhere with the mouse has not agreed; who looks at another window has said nothing."""
        if self.app.app_focus:
            self._settle(is_yes=False)

    def _settle(self, *, is_yes: bool) -> None:
        answer, self._answer = self._answer, None
        if answer is not None and not answer.done():
            answer.set_result(is_yes)
