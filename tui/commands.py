"""The palette: every action of the table by its name, `Area: Verb`. What needs no cursor can be done from anywhere."""

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui.key_table import ACTIONS, SECTION_TITLES, Action
from tui.keys import display_keys, told_sections

if TYPE_CHECKING:
    from tui.app import FactoryApp

_NOT_OFFERED = frozenset({"global.palette", "global.focus_next", "global.focus_previous"})


class ActionCommands(Provider):
    """Actions that work on the screen below, first its own; then those that go to their screen."""

    async def discover(self) -> Hits:
        """Everything, in the order of the table."""
        for action, run in self._offered():
            yield DiscoveryHit(title_of(action), run, help=self._help(action))

    async def search(self, query: str) -> Hits:
        """What matches by name."""
        matcher = self.matcher(query)
        for action, run in self._offered():
            if (score := matcher.match(title_of(action))) > 0:
                yield Hit(score, matcher.highlight(title_of(action)), run, help=self._help(action))

    def _offered(self) -> Iterator[tuple[Action, Callable[[], Awaitable[None]]]]:
        app = cast("FactoryApp", self.app)
        here = told_sections(getattr(self.screen, "SECTION", ""))
        usable = {active.binding.id for active in self.screen.active_bindings.values()}
        for action in sorted(ACTIONS, key=lambda action: _rank(action, here)):
            is_here = action.section in here and action.id in usable and action.section != "list"
            if action.id not in _NOT_OFFERED and (is_here or action.is_anywhere):
                yield action, partial(app.perform, action)

    def _help(self, action: Action) -> str:
        keys = display_keys(action, cast("FactoryApp", self.app).keymap)
        return Text(f"{keys}   {action.help}").plain


def _rank(action: Action, here: tuple[str, ...]) -> int:
    """The screen's own first, then lists and filters, then what is elsewhere, then what is everywhere."""
    if action.section == "global":
        return len(here) + 1
    return here.index(action.section) if action.section in here else len(here)


def title_of(action: Action) -> str:
    """`Dashboard: Start`."""
    return f"{SECTION_TITLES[action.section]}: {action.label}"
