"""Decisions about tasks that ended without pictures: reads them, asks where money or a picture is at stake, tells the
engine."""

from collections.abc import Sequence

from engine.api import TaskChoice
from engine.events import Event, TaskChanged
from engine.views import TaskDecisionView, TaskState, UndecidedView
from tui.factory_screen import FactoryScreen
from tui.format import advice, money, plural
from tui.widgets.decision_panel import DecisionPanel

PAGE = 200
_DECIDED_BY = frozenset({TaskState.UNKNOWN, TaskState.FAILED, TaskState.PROMPTED, TaskState.SUBMITTED})
"""States by which a task comes to the list or leaves it."""


class TaskActions(FactoryScreen):
    """For a screen with a DecisionPanel."""

    @property
    def decisions_panel(self) -> DecisionPanel:
        """The panel."""
        return self.query_one(DecisionPanel)

    async def load_tasks(self, job_id: str | None) -> None:
        """Read all that wait for a decision; the first of them are shown while the rest is read."""
        found: list[UndecidedView] = []
        while True:
            after = found[-1].task if found else 0
            page = await self.engine.undecided_tasks(job_id=job_id, after=after, limit=PAGE)
            found += page
            if not self.decisions_panel.rows or len(page) < PAGE:
                self.decisions_panel.show(found)
            if len(page) < PAGE:
                break
        self.decisions_panel.show_line()

    @staticmethod
    def is_about_tasks(events: Sequence[Event]) -> bool:
        """Whether any of these may change the list."""
        return any(isinstance(event, TaskChanged) and event.state in _DECIDED_BY for event in events)

    def on_decision_panel_chosen(self, message: DecisionPanel.Chosen) -> None:
        message.stop()
        tasks = [task for task in message.tasks if message.choice in task.choices]
        self.run_query(self._decide_tasks(tasks, message.choice, len(message.tasks) - len(tasks)), "decide")

    async def _decide_tasks(self, tasks: Sequence[UndecidedView], choice: TaskChoice, left_out: int) -> None:
        question, yes = _question(tasks, choice)
        if left_out:
            question += f" {plural(left_out, 'other task')} cannot."
        is_harmless = choice is TaskChoice.ASK and len(tasks) == 1
        if is_harmless or await self.ask(question, yes=yes, no="Leave it"):
            self.host.run_command(self._tell_choice(tasks, choice), "carry out the decision")

    async def _tell_choice(self, tasks: Sequence[UndecidedView], choice: TaskChoice) -> None:
        view = await self.engine.decide_tasks([task.task for task in tasks], choice)
        if view.refused:
            title = f"{plural(len(view.refused), 'task')} not decided"
            self.host.toast(_refusals(view), title=title, severity="error")
        elif view.job_ids:
            jobs = (
                "Its job goes on." if len(view.job_ids) == 1 else f"{plural(len(view.job_ids), 'job')} go on."
            )
            words = {TaskChoice.ASK: "asked about", TaskChoice.SUBMIT: "submitted again"}
            self.host.toast(f"{plural(len(view.done), 'task')} to be {words[choice]}. {jobs}")
        if self.is_mounted:
            self.tasks_decided(view)

    def tasks_decided(self, view: TaskDecisionView) -> None:
        """Show what is left."""


def _question(tasks: Sequence[UndecidedView], choice: TaskChoice) -> tuple[str, str]:
    name = "the task" if len(tasks) == 1 else plural(len(tasks), "task")
    it = "it is" if len(tasks) == 1 else "they are"
    price = money(sum(task.price_usd for task in tasks))
    may_be_paid = any(task.state is TaskState.UNKNOWN or task.task_id is not None for task in tasks)
    match choice:
        case TaskChoice.ASK:
            return f"Ask the provider about {name}? That costs nothing.", "Ask"
        case TaskChoice.SUBMIT:
            twice = f" Where the first request had arrived, {it} paid for twice." if may_be_paid else ""
            return f"Submit {name} again for {price}?{twice}", "Submit"
        case TaskChoice.LOST:
            unknown = [task for task in tasks if task.state is TaskState.UNKNOWN]
            spent = money(sum(task.price_usd for task in unknown))
            counts = f" {spent} counts as possibly spent." if unknown else ""
            return (
                f"Treat {name} as lost?{counts} No picture of {'it' if len(tasks) == 1 else 'them'} comes.",
                "Lost",
            )


def _refusals(view: TaskDecisionView) -> str:
    first = view.refused[0]
    others = f"\nand {len(view.refused) - 1} more" if len(view.refused) > 1 else ""
    return f"Task {first.task}: {advice(first.message, first.hint)}{others}"
