"""The form in a box: it gives back a whole document, or nothing, and loses no edit without a question."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot
from textual.widgets import OptionList

from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.settings_dialog import SettingsDialog
from tui.widgets.settings_form import SettingsForm

DOCUMENT = {"generation": {"generations": 3}}


@asynccontextmanager
async def opened(home: EngineHome) -> AsyncIterator[tuple[Pilot[int], SettingsForm, list[Any]]]:
    async with (
        home.open(is_working=False) as engine,
        running(services_for(engine, home=home), (80, 24)) as pilot,
    ):
        results: list[Any] = []
        dialog = SettingsDialog("Next run", DOCUMENT, note="The job keeps its own settings.")
        await pilot.app.push_screen(dialog, results.append)
        await wait_until(pilot, lambda: dialog.query_one(SettingsForm).fields.has_focus)
        yield pilot, dialog.query_one(SettingsForm), results


async def test_what_was_edited_comes_back_whole(home: EngineHome) -> None:
    async with opened(home) as (pilot, form, results):
        form.fields.move_to("generation.generations")
        await pilot.press("plus", "ctrl+s")
        await wait_until(pilot, lambda: results != [])
        (document,) = results
        assert document["generation"]["generations"] == 4
        assert document["ai"]["metadata"] is True
        assert DOCUMENT == {"generation": {"generations": 3}}


async def test_escape_without_edits_gives_nothing(home: EngineHome) -> None:
    async with opened(home) as (pilot, _, results):
        await pilot.press("slash", "x", "escape")
        assert results == []
        await pilot.press("escape")
        await wait_until(pilot, lambda: results == [None])


async def test_escape_with_edits_asks(home: EngineHome) -> None:
    async with opened(home) as (pilot, form, results):
        form.put("generation.generations", 9)
        for answer in ("stay", "discard"):
            await pilot.press("escape")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, ConfirmDialog))
            choices = pilot.app.screen.query_one(OptionList)
            choices.highlighted = choices.get_option_index(answer)
            await pilot.press("enter")
            await wait_until(pilot, lambda: not isinstance(pilot.app.screen, ConfirmDialog))
            if answer == "stay":
                assert results == []
        await wait_until(pilot, lambda: results == [None])


async def test_with_a_field_to_mend_it_stays_open(home: EngineHome) -> None:
    async with opened(home) as (pilot, form, results):
        form.put("generation.generations", 2500)
        form.put("generation.variations", 20)
        await pilot.press("ctrl+s")
        field = form.fields
        await wait_until(
            pilot, lambda: field.field is not None and field.field.path == "generation.generations"
        )
        assert results == []
        assert isinstance(pilot.app.screen, SettingsDialog)
