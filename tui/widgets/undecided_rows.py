"""Tasks that ended without pictures: what a list shows of each, and all there is to read about one. Asks nothing."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.text import clean_text
from engine.views import TaskState, UndecidedView
from tui import format as fmt
from tui.keys import action_of, display_keys
from tui.widgets.columns import Cell, Column

COLUMNS = (
    Column("state", "state", width=10),
    Column("job", "job", width=16),
    Column("when", "sent", width=16, min_terminal_width=100),
    Column("price", "price", width=8, align="right"),
    Column("said", "what became of it", ratio=3),
    Column("prompt", "prompt", ratio=2, min_terminal_width=120),
)
_LONGEST = 2_000
_CHOICES = {
    "ask": ("check again", "asks {provider} what became of it; costs nothing"),
    "submit": ("submit again", "costs {price}{twice}"),
    "lost": ("treat as lost", "no picture of it is expected any more"),
}


def undecided_key(task: UndecidedView) -> int:
    """Rows are known by it."""
    return task.task


def undecided_cells(task: UndecidedView) -> Sequence[Cell]:
    """One for each of COLUMNS."""
    look = fmt.task_look(task.state)
    return (
        Text(str(look), look.style),
        Text.assemble((f"#{task.job_number} ", "dim"), clean_text(task.job_label)),
        fmt.local_time(task.submitted_at),
        fmt.money(task.price_usd),
        said(task),
        task.prompt or task.keyword,
    )


def said(task: UndecidedView) -> str:
    """What is known of its end, as one sentence."""
    if task.error is not None:
        return task.error.message
    return "The answer to its submission was lost, and looking for it found nothing."


def undecided_text(task: UndecidedView, keymap: Mapping[str, str]) -> RenderableType:
    """Why it waits, what can be done with which key, and all its facts."""
    look = fmt.task_look(task.state)
    text = Text.assemble((f"{look}: ", f"bold {look.style}"), _clean(said(task)))
    if task.error is not None and task.error.hint:
        text.append(f" {_clean(task.error.hint)}")
    may_be_paid = task.state is TaskState.UNKNOWN or task.task_id is not None
    twice = "; where the first request had arrived, it is paid for twice" if may_be_paid else ""
    choices = Table.grid(padding=(0, 1))
    choices.add_column(no_wrap=True, justify="right", style="bold cyan")
    choices.add_column(no_wrap=True, style="bold")
    choices.add_column()
    for choice, (name, words) in _CHOICES.items():
        if choice in task.choices:
            key = display_keys(action_of(f"decide.{choice}"), keymap)
            told = words.format(provider=task.provider, price=fmt.money(task.price_usd), twice=twice)
            choices.add_row(key, name, told)
    money = "may have cost" if task.state is TaskState.UNKNOWN else "price"
    facts = (
        ("job", f"#{task.job_number} {task.job_label}"),
        ("model", f"{task.model} ({task.provider})"),
        ("task", task.task_id or "the provider never told its id"),
        ("sent", fmt.local_time(task.submitted_at)),
        ("images", fmt.count(task.images)),
        (money, fmt.money(task.price_usd)),
        ("keyword", task.keyword),
        ("prompt", task.prompt),
    )
    known = Table.grid(padding=(0, 2))
    known.add_column(no_wrap=True, style="dim")
    known.add_column()
    for name, value in facts:
        if value:
            known.add_row(name, Text(_clean(value)))
    return Group(text, choices, "", known)


def _clean(text: str) -> str:
    return clean_text(text, keep_newlines=True, limit=_LONGEST)
