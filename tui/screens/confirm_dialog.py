"""A question with a few answers, for where no list is below that a confirm bar could stand under."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from engine.text import clean_text
from tui.dialog import Dialog
from tui.widgets.choice_list import ChoiceList


@dataclass(frozen=True, slots=True)
class Answer:
    """`answer_id` is the dialog's result."""

    answer_id: str
    label: str
    help: str = ""


class ConfirmDialog(Dialog[str]):
    """Dismissed with the chosen answer's id, or None; the first answer is the one that changes least."""

    def __init__(self, title: str, question: str, answers: Sequence[Answer]) -> None:
        super().__init__(title)
        self._question = clean_text(question, keep_newlines=True)
        self._answers = answers

    def compose_dialog(self) -> ComposeResult:
        yield Static(self._question, markup=False, classes="dialog-text")
        yield ChoiceList(*(Option(_prompt(answer), id=answer.answer_id) for answer in self._answers))
        yield Static("enter choose   esc back", classes="dialog-keys", markup=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id)


def _prompt(answer: Answer) -> Text:
    about = f"\n  {clean_text(answer.help)}" if answer.help else ""
    return Text.assemble((clean_text(answer.label), "bold"), about)
