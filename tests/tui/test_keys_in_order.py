"""Keys that arrive together have their effects one after the other."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from tests.support.app import wait_until
from tui.keys_in_order import KeyHandled, KeysInOrder


class Vanishing(Widget, can_focus=True):
    """`x` takes it away."""

    BINDINGS: ClassVar[list[BindingType]] = [("x", "vanish", "Vanish")]

    async def action_vanish(self) -> None:
        await self.remove()


class Silent(Widget, can_focus=True):
    """Never says that it is done with a key."""

    def on_key_handled(self, message: KeyHandled) -> None:
        message.stop()


class Named(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [("b", "note", "Note"), ("c", "note", "Note")]

    def action_note(self) -> None:
        assert isinstance(self.app, KeyApp)
        self.app.noted.append("on the second screen")


class KeyApp(KeysInOrder):
    BINDINGS: ClassVar[list[BindingType]] = [
        ("a", "go", "Go"),
        ("b", "note", "Note"),
        ("i", "type", "Type"),
        ("n", "note", "Note"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Vanishing()
            yield Silent()
            yield Input()

    async def action_go(self) -> None:
        await self.push_screen(Named())

    def action_type(self) -> None:
        self.query_one(Input).focus()

    def action_note(self) -> None:
        self.noted.append("on the first screen")

    def type_at_once(self, keys: str) -> None:
        for key in keys:
            self.simulate_key(key)


async def test_keys_behind_a_new_screen_belong_to_it() -> None:
    app = KeyApp()
    async with app.run_test() as pilot:
        app.query_one(Vanishing).focus()
        app.type_at_once("abc")
        await wait_until(pilot, lambda: app.noted == ["on the second screen"] * 2)


async def test_keys_behind_a_new_focus_belong_to_it() -> None:
    app = KeyApp()
    async with app.run_test() as pilot:
        app.query_one(Vanishing).focus()
        app.type_at_once("inab")
        await wait_until(pilot, lambda: app.query_one(Input).value == "nab")
        assert app.noted == []


async def test_a_widget_that_goes_with_its_key_blocks_nothing() -> None:
    app = KeyApp()
    async with app.run_test() as pilot:
        app.query_one(Vanishing).focus()
        app.type_at_once("xnn")  # both reach whatever has the focus then
        await wait_until(pilot, lambda: len(app.noted) + len(app.query_one(Input).value) == 2)
        assert not app.query(Vanishing)


async def test_a_key_whose_end_is_never_told_holds_the_next_up_only_for_a_moment() -> None:
    app = KeyApp()
    async with app.run_test() as pilot:
        app.query_one(Silent).focus()
        app.type_at_once("nn")
        await wait_until(pilot, lambda: len(app.noted) == 2)
