"""Every key of the screen below, from the table of keys, with a search."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from engine.text import clean_text
from tui.dialog import Dialog
from tui.key_table import SECTION_TITLES, Action
from tui.keys import actions_on, display_keys


class HelpScreen(Dialog[None]):
    """Type to search; esc closes it. Shows the ids too: they are what `[keymap]` in config.toml names."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "scroll(1)", show=False, priority=True),
        Binding("up", "scroll(-1)", show=False, priority=True),
        Binding("pagedown", "scroll(10)", show=False, priority=True),
        Binding("pageup", "scroll(-10)", show=False, priority=True),
        Binding("f1", "cancel", show=False, priority=True),
    ]

    def __init__(self, section: str) -> None:
        super().__init__(f"Keys: {SECTION_TITLES.get(section, 'everywhere')}")
        self._section = section

    def compose_dialog(self) -> ComposeResult:
        yield Input(placeholder="type to search; esc closes", id="help-search", compact=True)
        with VerticalScroll(can_focus=False):
            yield Static(id="help-keys")
        yield Static(id="help-facts", markup=False)

    def on_mount(self) -> None:
        self._show("")
        facts = [
            f"Keys can be changed in {clean_text(str(self.host.services.paths.config_file))}, table [keymap].",
            f"Pictures: {self.host.terminal.describe()}",
        ]
        self.query_one("#help-facts", Static).update("\n".join(facts))

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show(event.value)

    def on_input_submitted(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _show(self, text: str) -> None:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, min_width=12)
        table.add_column()
        table.add_column(no_wrap=True, style="dim")
        title = ""
        for action in matching(self._section, text, self.host.keymap):
            if SECTION_TITLES[action.section] != title:
                title = SECTION_TITLES[action.section]
                table.add_row(Text(title, style="bold underline"), "", "")
            table.add_row(
                Text(display_keys(action, self.host.keymap), style="bold cyan"),
                Text(action.help),
                Text(action.id),
            )
        if not title:
            table.add_row("", Text(f"No key for “{clean_text(text)}”."), "")
        self.query_one("#help-keys", Static).update(table)


def matching(section: str, text: str, keymap: Mapping[str, str]) -> Iterator[Action]:
    """The actions of a screen whose name, help, id or key has every word of the text, in the order of the table."""
    words = text.lower().split()
    for action in actions_on(section):
        hay = f"{action.label} {action.help} {action.id} {display_keys(action, keymap)}".lower()
        if all(word in hay for word in words):
            yield action
