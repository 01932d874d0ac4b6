"""The two lines over the settings: which configuration, what a job of it would cost, and the groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from engine.text import clean_text
from engine.views import PlanView
from tui import format as fmt


@dataclass(frozen=True, slots=True)
class HeadFacts:
    """What the first line says."""

    name: str = ""
    is_default: bool = False
    place: str = ""
    """`2 of 3`; empty where there is one."""
    unsaved: int = 0
    problems: int = 0
    plan: PlanView | None = None


class GroupStrip(Static):
    """The names of the groups, the one at the cursor marked; a click goes to one."""

    class Clicked(Message):
        """A group's name was clicked."""

        def __init__(self, group: str) -> None:
            super().__init__()
            self.group = group

    def __init__(self, groups: Sequence[tuple[str, str]]) -> None:
        super().__init__(id="settings-groups", markup=False)
        self._groups = tuple(groups)
        self._current = ""

    def show(self, current: str) -> None:
        """Mark a group."""
        self._current = current
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for group, title in self._groups:
            text.append(f" {title} ", "reverse bold" if group == current else "")
        self.update(text)

    def on_click(self, event: events.Click) -> None:
        at = 1
        for group, title in self._groups:
            at += len(title) + 2
            if event.x < at:
                self.post_message(self.Clicked(group))
                return


class SettingsHead(Vertical):
    """Shows what it is given."""

    facts: reactive[HeadFacts] = reactive(HeadFacts(), init=False)

    def __init__(self, groups: Sequence[tuple[str, str]]) -> None:
        super().__init__(id="settings-head")
        self._groups = groups

    def compose(self) -> ComposeResult:
        yield Static(id="settings-line", markup=False)
        yield GroupStrip(self._groups)

    def watch_facts(self) -> None:
        self.query_one("#settings-line", Static).update(self._line())

    def on_resize(self) -> None:
        self.watch_facts()

    def show_group(self, group: str) -> None:
        """Mark the group at the cursor."""
        self.query_one(GroupStrip).show(group)

    def _line(self) -> Text:
        facts = self.facts
        if not facts.name:
            return Text(" Waiting for the engine", "dim")
        left = Text(" Configuration ", no_wrap=True)
        left.append(clean_text(facts.name, limit=40), "bold")
        notes = [note for note in (facts.place, "the default" if facts.is_default else "") if note]
        left.append(f" ({', '.join(notes)})" if notes else "", "dim")
        if facts.unsaved:
            left.append(f"  * {facts.unsaved} unsaved", "yellow")
        right = _plan_text(facts)
        if left.cell_len + right.cell_len + 2 > self.size.width:
            right = _plan_text(facts, is_short=True)
        room = self.size.width - left.cell_len - right.cell_len - 1
        return Text.assemble(left, " " * max(room, 2), right)


def _plan_text(facts: HeadFacts, *, is_short: bool = False) -> Text:
    if facts.problems:
        return Text(f"✗ {fmt.plural(facts.problems, 'field')} to mend", "bold red")
    plan = facts.plan
    if plan is None:
        return Text()
    text = Text(f"{fmt.plural(plan.images, 'image')}  about {fmt.money(plan.estimate_usd)}")
    blocking = sum(not one.is_warning for one in plan.problems)
    warnings = len(plan.problems) - blocking
    if blocking:
        text.append(f"  ✗ {blocking if is_short else fmt.plural(blocking, 'problem')}", "red")
    if warnings:
        text.append(f"  ! {warnings if is_short else fmt.plural(warnings, 'warning')}", "yellow")
    return text
