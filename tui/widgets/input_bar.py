"""A question for a line of text, in a bar under the list."""

import asyncio

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Input, Static

from engine.text import clean_text


class InputBar(Horizontal):
    """Hidden until `ask`; enter answers, esc (the screen's step back) does not."""

    def __init__(self) -> None:
        super().__init__()
        self.display = False
        self._answer: asyncio.Future[str | None] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="input-question", markup=False)
        yield Input(id="input-answer", compact=True)

    @property
    def is_asking(self) -> bool:
        """Whether a question waits for its answer."""
        return self._answer is not None

    async def ask(self, question: str, text: str = "") -> str | None:
        """What was typed, without blanks around it; None where it was given up or nothing was typed."""
        self.cancel()
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._answer = answer
        before = self.screen.focused
        self.query_one("#input-question", Static).update(f" {clean_text(question)} ")
        field = self.query_one(Input)
        field.value = clean_text(text)
        self.display = True
        field.focus()
        try:
            return await answer
        finally:
            if self._answer in (answer, None):
                self._answer = None
                self.display = False
                if before is not None and before.is_attached:
                    before.focus()

    def cancel(self) -> bool:
        """Give the question up; False where none is asked."""
        if self._answer is None:
            return False
        if not self._answer.done():
            self._answer.set_result(None)
        self._answer = None
        return True

    def on_input_submitted(self, message: Input.Submitted) -> None:
        message.stop()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(message.value.strip() or None)
