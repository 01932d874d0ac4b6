"""Help and palette: both from the table of keys, both searchable."""

from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tui.keys import action_of
from tui.screens.help import HelpScreen, matching


def test_search_finds_by_word_key_and_id() -> None:
    assert [action.id for action in matching("dashboard", "queue up", {})] == ["dashboard.move_up"]
    assert [action.id for action in matching("dashboard", "force_stop", {})] == ["dashboard.force_stop"]
    assert action_of("global.help") in list(matching("jobs", "f1", {}))
    assert action_of("global.help") in list(matching("jobs", "f9", {"global.help": "f9"}))
    assert not list(matching("dashboard", "review.approve", {}))
    assert list(matching("jobs", "list.mark_all", {}))
    assert not list(matching("logs", "list.mark", {})), "where nothing can be marked"


async def test_help_opens_on_every_screen_and_searches_as_you_type(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await pilot.press("question_mark")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        assert "dashboard.start" in shown(pilot)
        assert str(home.paths.config_file) in str(pilot.app.screen.query_one("#help-facts", Static).content)
        await pilot.press(*"take")
        assert pilot.app.screen.query_one(Input).value == "take"
        assert "dashboard.remove" in shown(pilot)
        assert "dashboard.start" not in shown(pilot)
        await pilot.press(*"zzz")
        assert "No key for" in shown(pilot)
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, HelpScreen)


async def test_the_palette_finds_and_does(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await pilot.press("colon")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"dashboard start")
        await wait_until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count > 0)
        await pilot.press("enter")
        await wait_until(pilot, lambda: type(pilot.app.screen).__name__ == "StartDialog")


def shown(pilot: Pilot[int]) -> str:
    """The help as plain text."""
    table = pilot.app.screen.query_one("#help-keys", Static)
    console = pilot.app.console
    with console.capture() as capture:
        console.print(table.content, width=200)
    return capture.get()
