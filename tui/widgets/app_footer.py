"""The line at the bottom: the keys that matter most here, from the table of keys."""

from collections.abc import Iterator

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.binding import ActiveBinding
from textual.widget import Widget

from tui.key_table import ACTIONS
from tui.keys import display_key

MOST = 8
_GAP = 2
_ORDER = {action.id: number for number, action in enumerate(ACTIONS)}
_LAST = ("global",)


class AppFooter(Widget):
    """At most eight keys; what does not fit is left out, and `?` shows all."""

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def _bindings_updated(self, _screen: object) -> None:
        self.refresh()

    def render(self) -> RenderResult:
        text = Text(" ", no_wrap=True, overflow="ellipsis")
        for item, _ in self._items():
            text.append_text(item)
        return text

    def _items(self) -> Iterator[tuple[Text, ActiveBinding]]:
        """What is shown, with what it stands for; the app's own keys are never pushed out."""
        shown = sorted(_one_each(self.screen.active_bindings), key=_rank)
        own = [active for active in shown if not _is_last(active)]
        last = [active for active in shown if _is_last(active)]
        # The blanks behind the last key need no room.
        room = self.size.width - 1 + _GAP - sum(_item(active).cell_len for active in last)
        chosen = []
        for active in own[: MOST - len(last)]:
            room -= _item(active).cell_len
            if room < 0:
                break
            chosen.append(active)
        for active in (*chosen, *last):
            yield _item(active), active

    async def on_click(self, event: events.Click) -> None:
        """A click is the key."""
        at = 1
        for item, active in self._items():
            at += item.cell_len
            if event.x < at:
                await self.app.run_action(active.binding.action, active.node)
                return


def _one_each(bindings: dict[str, ActiveBinding]) -> list[ActiveBinding]:
    """The first key of each action that is to be shown."""
    found: dict[str, ActiveBinding] = {}
    for active in bindings.values():
        if active.binding.show and active.enabled and active.binding.id in _ORDER:
            found.setdefault(active.binding.id, active)
    return list(found.values())


def _section(active: ActiveBinding) -> str:
    return (active.binding.id or "").partition(".")[0]


def _is_last(active: ActiveBinding) -> bool:
    return _section(active) in _LAST


def _rank(active: ActiveBinding) -> int:
    return _ORDER[active.binding.id or ""] + (len(_ORDER) if _section(active) == "filter" else 0)


def _item(active: ActiveBinding) -> Text:
    return Text.assemble(
        (display_key(active.binding.key), "bold cyan"), f" {active.binding.description}{' ' * _GAP}"
    )
