"""The start dialog: what is shown is what starts, and nothing starts that has not been shown."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.api import EngineApi, JobQuery
from engine.views import JobView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, settings
from tui.screens.settings_dialog import SettingsDialog
from tui.screens.start_dialog import ConfigurationChoice, StartDialog
from tui.widgets.settings_form import SettingsForm


def text(pilot: Pilot[int]) -> str:
    return str(pilot.app.screen.query_one("#start-plan", Static).content)


async def jobs_of(engine: EngineApi) -> list[JobView]:
    return list((await engine.jobs(JobQuery())).rows)


async def open_dialog(pilot: Pilot[int]) -> None:
    await pilot.press("s")
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, StartDialog) and "estimate" in text(pilot))


def toasts(pilot: Pilot[int]) -> str:
    return "\n".join(one.message for one in pilot.app._notifications)


async def test_a_small_terminal_shows_the_estimate_and_the_keys(home: EngineHome) -> None:
    async with home.open() as engine:
        document = settings(
            generation={"generations": 40, "budget_usd": 5.0}, processing={"remove_background": True}
        )
        await engine.save_configuration("long", document, is_default=True)
        async with running(services_for(engine, home=home), size=(80, 24)) as pilot:
            await open_dialog(pilot)
            await pilot.pause()
            lines = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
            assert any("estimate" in line and "of a budget of $5.00" in line for line in lines)
            assert any("enter start" in line and "f2 settings  esc" in line for line in lines)
            assert not any("folder    /" in line for line in lines)
            await pilot.press("pagedown", "pagedown")
            await wait_until(pilot, lambda: pilot.app.screen.query_one("#start-plan-box").scroll_y > 0)


async def test_enter_starts_what_is_shown(home: EngineHome) -> None:
    async with home.open(target_agency="adobe") as engine:
        await engine.save_configuration("cats", settings(generation={"generations": 2}), is_default=True)
        await engine.save_configuration("dogs", settings(generation={"generations": 3}))
        async with running(services_for(engine, home=home)) as pilot:
            await open_dialog(pilot)
            choice = pilot.app.screen.query_one(ConfigurationChoice).chosen
            assert choice is not None
            assert choice.name == "cats"
            assert "2 from 2 prompts" in text(pilot)
            assert "1024x1024 is 1.05 of at least 4 megapixels: Adobe Stock would not take" in text(pilot)
            await pilot.press("right")
            await wait_until(pilot, lambda: "3 from 3 prompts" in text(pilot))
            await pilot.press("tab", *"my job", "tab", "backspace", "4")
            await wait_until(pilot, lambda: "4 from 4 prompts" in text(pilot))
            await pilot.press("tab", *str(home.root / "mine"))
            await wait_until(pilot, lambda: str(home.root / "mine") in text(pilot))
            await pilot.press("enter")
            await wait_until(pilot, lambda: not isinstance(pilot.app.screen, StartDialog))
            (job,) = await jobs_of(engine)
            assert (job.label, job.images.planned, job.configuration) == ("my job", 4, "dogs")
            assert job.output_dir == str(home.root / "mine")


async def test_what_stands_in_the_way_is_listed_and_nothing_starts(home: EngineHome) -> None:
    for name in ("PIAPI_API_KEY", "OPENAI_API_KEY"):
        del home.environ[name]
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_dialog(pilot)
        assert "problem" in text(pilot)
        assert "openai" in text(pilot)
        await pilot.press("enter")
        assert "cannot start" in toasts(pilot)
        await pilot.press("tab", "tab", "9", "enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, StartDialog)
        assert "still being made" in toasts(pilot), "what was typed has not been planned yet"
        await pilot.press("escape")
        assert not await jobs_of(engine)


async def test_a_wrong_number_is_named_and_nothing_starts(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_dialog(pilot)
        await pilot.press("tab", "tab", "backspace", *"9999", "enter")
        await wait_until(pilot, lambda: "generation.generations" in text(pilot))
        await pilot.press("enter")
        await wait_until(pilot, lambda: "cannot start" in toasts(pilot))
        await pilot.pause()
        assert not await jobs_of(engine)


async def test_outside_text_is_shown_as_it_is(home: EngineHome, tmp_path: Path) -> None:
    keywords = tmp_path / "[bold]keys.txt"
    keywords.write_text("[/]broken[markup\x1b[31m\n")
    async with home.open() as engine:
        document = settings(files={"keywords_file": str(keywords)})
        await engine.save_configuration("[red]x[/red", document, is_default=True)
        async with running(services_for(engine, home=home)) as pilot:
            await open_dialog(pilot)
            assert "[/]broken[markup" in text(pilot)
            assert "\x1b" not in text(pilot)
            assert "[red]x[/red" in str(pilot.app.screen.query_one(ConfigurationChoice).content)


async def test_a_relative_folder_belongs_to_the_program_and_not_to_the_engine(
    home: EngineHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_dialog(pilot)
        dialog = pilot.app.screen
        assert isinstance(dialog, StartDialog)
        dialog.query_one("#start-folder", Input).value = "mine"
        planned = dialog.request()
        assert planned is not None
        assert planned.settings["files"]["output_dir"] == str(tmp_path / "mine")


async def test_all_settings_can_be_changed_for_this_job_alone(home: EngineHome) -> None:
    async with home.open() as engine:
        await engine.save_configuration("cats", settings(generation={"generations": 2}), is_default=True)
        async with running(services_for(engine, home=home)) as pilot:
            await open_dialog(pilot)
            start = pilot.app.screen
            await pilot.press("f2")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, SettingsDialog))
            form = pilot.app.screen.query_one(SettingsForm)
            form.put("generation.variations", 3)
            form.put("ai.metadata", False)
            await pilot.press("ctrl+s")
            await wait_until(pilot, lambda: pilot.app.screen is start and "6 from 2 prompts" in text(pilot))
            await pilot.press("enter")
            await wait_until(pilot, lambda: pilot.app.screen is not start)
            (job,) = await jobs_of(engine)
            assert job.images.planned == 6
            assert (await engine.job_detail(job.job_id)).settings["ai"]["metadata"] is False
            assert (await engine.configuration("cats")).settings["generation"]["variations"] == 1
