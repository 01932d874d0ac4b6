"""The app's frame: sections, back and out, the engine lost and found, faults that it survives, sizes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.app import ComposeResult
from textual.widgets import Static

from engine.api import EngineApi
from engine.client import EngineClient
from engine.errors import ConflictError
from engine.events import Event, JobCreated, Resynced
from engine.host import EngineHost
from engine.views import JobStatus
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request, until
from tests.support.screen_text import text_of_screen
from tui.app import FactoryApp
from tui.factory_screen import FactoryScreen
from tui.host import is_going
from tui.keys import bindings_for
from tui.navigation import BROKEN
from tui.screens.dashboard import DashboardScreen
from tui.screens.quit_dialog import QuitDialog
from tui.screens.settings import SettingsScreen
from tui.status import Link
from tui.widgets.app_header import AppHeader
from tui.widgets.progress_panel import ProgressPanel
from tui.widgets.size_guard import SizeGuard
from tui.widgets.trouble_bar import TroubleBar


class Probe(FactoryScreen):
    """A screen that writes down what the frame does with it."""

    SECTION = "jobs"
    BINDINGS = bindings_for("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.loads = 0
        self.applied: list[Event] = []
        self.may_finish = asyncio.Event()
        self.may_finish.set()
        self.undoable = 0

    def compose_body(self) -> ComposeResult:
        yield Static("probe", id="probe")

    async def load(self) -> None:
        self.loads += 1
        await self.may_finish.wait()

    def apply_events(self, events: Sequence[Event]) -> None:
        self.applied += events

    def step_back(self) -> bool:
        self.undoable -= 1
        return self.undoable >= 0

    def action_rename(self) -> None:
        raise RuntimeError("a fault of the program")


class Survivor(FactoryApp):
    """As the app is for people: a fault that it survives ends no test."""

    def note_fault(self, error: Exception) -> None:
        self.log(error)


async def test_sections_by_number_and_quit(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        app = pilot.app
        assert app.current_mode == "dashboard"
        await pilot.press("q")
        await wait_until(pilot, lambda: app._exit)
    assert app.return_code == 0


async def test_a_click_on_a_section_goes_there(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        line = pilot.app.screen.query_one(AppHeader)._line().plain
        await pilot.click(AppHeader, offset=(line.index("Jobs"), 0))
        await wait_until(pilot, lambda: pilot.app.current_mode == "jobs")
        await pilot.click(AppHeader, offset=(line.index("1"), 0))
        await wait_until(pilot, lambda: pilot.app.current_mode == "dashboard")


async def test_escape_steps_back_and_never_quits(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        probe = Probe()
        await pilot.app.push_screen(probe)
        probe.undoable = 1
        await pilot.press("escape")
        assert pilot.app.screen is probe
        await pilot.press("backspace")
        assert isinstance(pilot.app.screen, DashboardScreen)
        await pilot.press("escape", "escape")
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert not pilot.app._exit
        await pilot.app.push_screen(Probe())
        await pilot.press("q")
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert not pilot.app._exit


async def test_a_running_job_is_asked_about_before_leaving(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 100}))
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: pilot.app.status.job is not None)
            await pilot.press("q")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, QuitDialog))
            await pilot.press("escape")
            assert not pilot.app._exit
            await pilot.press("q", "j", "enter")  # stop and leave
            await wait_until(pilot, lambda: pilot.app._exit)
        stopped = await engine.wait_for_job(job.job_id)
        assert stopped.status is JobStatus.STOPPED


async def test_the_question_before_leaving_is_about_the_job_at_work(home: EngineHome) -> None:
    """It asks about the next job where that comes, and leaves where nothing is at work any more."""
    async with home.open() as engine:
        first = await engine.start_job(request("first", generation={"generations": 100}))
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: pilot.app.status.job is not None)
            await pilot.press("q")
            await wait_until(pilot, lambda: "#1 first is running." in text_of_screen(pilot.app))
            asked = pilot.app.screen
            assert isinstance(asked, QuitDialog)
            second = await engine.start_job(request("second", generation={"generations": 100}))
            await engine.stop_job(first.job_id, is_forced=True)
            await wait_until(pilot, lambda: "#2 second is running." in text_of_screen(pilot.app))
            assert isinstance(pilot.app.screen, QuitDialog)
            assert pilot.app.screen is not asked
            assert not pilot.app._exit
            await engine.stop_job(second.job_id, is_forced=True)
            await wait_until(pilot, lambda: pilot.app._exit)


async def test_a_screen_hears_only_while_it_is_seen(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        probe = Probe()
        await pilot.app.push_screen(probe)
        await wait_until(pilot, lambda: probe.loads == 1 and not probe.is_loading_now)
        engine._bus.publish(JobCreated("seen"))
        await wait_until(pilot, lambda: JobCreated("seen") in probe.applied)

        await pilot.app.push_screen(Probe())
        engine._bus.publish(JobCreated("covered"))
        await wait_until(pilot, lambda: probe.is_loading_now)
        await pilot.press("escape")
        await wait_until(pilot, lambda: probe.loads == 2)
        assert JobCreated("covered") not in probe.applied

        engine._bus.publish(Resynced())
        await wait_until(pilot, lambda: probe.loads == 3)


async def test_what_comes_during_a_load_is_applied_to_what_was_loaded(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        probe = Probe()
        probe.may_finish.clear()
        await pilot.app.push_screen(probe)
        await wait_until(pilot, lambda: probe.loads == 1)
        engine._bus.publish(JobCreated("meanwhile"))
        await wait_until(pilot, lambda: bool(probe._held))
        assert probe.applied == []
        probe.may_finish.set()
        await wait_until(pilot, lambda: probe.applied == [JobCreated("meanwhile")])


async def test_a_command_outlives_its_screen_and_its_error_is_told(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        done = asyncio.Event()

        async def command() -> None:
            await done.wait()
            raise ConflictError("The job is [b]gone", hint="Look again.")

        await pilot.app.push_screen(Probe())
        pilot.app.run_command(command(), "stop the job")
        await pilot.press("escape")
        done.set()
        await wait_until(pilot, lambda: bool(pilot.app._notifications))
        (toast,) = pilot.app._notifications
        assert (toast.title, toast.message, toast.markup) == (
            "Could not stop the job",
            "The job is [b]gone\nLook again.",
            False,
        )


async def test_a_lost_engine_is_said_and_found_again(home: EngineHome) -> None:
    attached = 0

    @asynccontextmanager
    async def attach() -> AsyncIterator[EngineApi]:
        nonlocal attached
        async with home.open() as engine:
            host = EngineHost(engine, home.paths.socket_file, idle_s=None)
            serving = asyncio.create_task(host.run())
            await until(home.paths.socket_file.exists)
            try:
                async with EngineClient.connect(home.paths) as client:
                    attached += 1
                    if attached == 1:
                        asyncio.get_running_loop().call_later(0.3, lambda: host.end(at_once=True))
                    yield client
            finally:
                host.end()
                await serving

    async with home.open() as engine:
        services = services_for(engine, home=home, attach=attach)
    links: list[Link] = []
    async with running(services, app_class=Survivor) as pilot:
        pilot.app.watch(pilot.app, "status", lambda status: links.append(status.link))
        await wait_until(pilot, lambda: Link.LOST in links)
        await wait_until(pilot, lambda: attached == 2 and pilot.app.status.link is Link.ATTACHED)
        await pilot.app.engine.start_job(request())
        await wait_until(
            pilot, lambda: pilot.app.status.totals is not None and pilot.app.status.totals.jobs == 1
        )


async def test_an_engine_of_another_version_that_can_be_spoken_to_is_told_of_once(home: EngineHome) -> None:
    async with home.open() as engine:
        notice = "The running engine is version 9.9, this program 1.0."
        engine.version_notice = notice  # type: ignore[attr-defined]
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: bool(pilot.app._notifications))
            assert [toast.message for toast in pilot.app._notifications] == [notice]


async def test_an_engine_that_cannot_start_is_said_and_the_app_stays(home: EngineHome) -> None:
    @asynccontextmanager
    async def attach() -> AsyncIterator[EngineApi]:
        raise ConflictError("The folder is [bold]elsewhere.")
        yield

    async with home.open() as engine:
        services = services_for(engine, home=home, attach=attach)
    app = FactoryApp(services)
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.status.link is Link.LOST)
        assert app.status.problem == "The folder is [bold]elsewhere."
        bar = app.screen.query_one(TroubleBar)
        await wait_until(pilot, lambda: bar.display)
        said = str(bar.content)
        assert "The folder is [bold]elsewhere." in said
        assert str(home.paths.log_file) in said
        assert "Nothing is at work" not in app.screen.query_one(ProgressPanel).plain
        await pilot.press("p", "s")
        await pilot.pause()
        assert not app._exit


async def test_an_action_that_fails_is_told_and_logged(
    home: EngineHome, caplog: pytest.LogCaptureFixture
) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), app_class=Survivor) as pilot:
        probe = Probe()
        await pilot.app.push_screen(probe)
        with caplog.at_level(logging.ERROR):
            await pilot.press("t")
        assert "a fault of the program" in caplog.text
        assert str(home.paths.log_file) in "".join(one.message for one in pilot.app._notifications)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, DashboardScreen)


async def test_what_a_closed_screen_could_not_do_is_not_told(home: EngineHome) -> None:
    """Under load a key, or an answer of the engine, reaches a screen whose widgets are gone."""
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        probe = Probe()
        probe.may_finish.clear()
        await pilot.app.push_screen(probe)
        await wait_until(pilot, lambda: probe.loads == 1)

        async def ask() -> None:
            await asyncio.shield(asked.wait())
            raise RuntimeError("its widgets are gone")

        asked = asyncio.Event()
        query = asyncio.create_task(probe._guarded(ask(), "ask"))
        await pilot.app.pop_screen()
        asked.set()
        await query
        await pilot.app.run_action("rename", probe)
        assert not pilot.app._notifications


class Late(Static):
    """Is shown only after its screen was closed, and fails for that."""

    async def on_mount(self) -> None:
        self.app.pop_screen()
        while not is_going(self):
            await asyncio.sleep(0)
        raise RuntimeError("its widgets are gone")


async def test_a_screen_that_is_closed_while_it_is_made_does_not_break_down(home: EngineHome) -> None:
    class Slow(Probe):
        def compose_body(self) -> ComposeResult:
            yield Late()

    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        dashboard = pilot.app.screen
        pilot.app.push_screen(Slow())
        await wait_until(pilot, lambda: pilot.app.screen is not dashboard)
        await wait_until(pilot, lambda: pilot.app.screen is dashboard)
        await pilot.pause()
        assert not pilot.app._notifications


class Bomb(Static):
    """Breaks down when it is drawn."""

    def render(self) -> str:
        raise RuntimeError("cannot be drawn")


async def test_a_screen_that_breaks_down_is_closed_and_the_app_stays(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), app_class=Survivor) as pilot:
        await pilot.app.push_screen(Probe())
        await pilot.app.screen.mount(Bomb())
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        await engine.start_job(request())
        await wait_until(
            pilot, lambda: pilot.app.status.totals is not None and pilot.app.status.totals.jobs == 1
        )


async def test_a_section_that_breaks_down_can_be_opened_again(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), app_class=Survivor) as pilot:
        before = pilot.app.screen
        await before.mount(Bomb())
        await wait_until(pilot, lambda: pilot.app.current_mode == BROKEN)
        assert not pilot.app._exit
        await pilot.press("1")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))
        assert pilot.app.screen is not before


async def test_a_section_that_cannot_be_laid_out_is_left(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Textual lays the screen on top out once more when another mode begins."""

    def fail(*_: object) -> None:
        raise RuntimeError("cannot be laid out")

    monkeypatch.setattr(SettingsScreen, "_refresh_layout", fail)
    async with home.open() as engine, running(services_for(engine, home=home), app_class=Survivor) as pilot:
        await pilot.press("5")
        await wait_until(pilot, lambda: pilot.app.current_mode == BROKEN)
        await pilot.press("1")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, DashboardScreen))


async def test_who_breaks_down_again_and_again_ends_without_a_traceback(
    home: EngineHome, capsys: pytest.CaptureFixture[str]
) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), app_class=Survivor) as pilot:
        for _ in range(10):
            if pilot.app._exit:
                break
            await pilot.app.push_screen(Probe())
            await pilot.app.screen.mount(Bomb())
            await wait_until(pilot, lambda: pilot.app._exit or isinstance(pilot.app.screen, DashboardScreen))
    assert pilot.app.return_code == 1
    said = "".join(capsys.readouterr())
    assert "jobs are not touched" in said
    assert "Traceback" not in said


async def test_too_small_a_terminal_is_covered_until_it_grows(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), size=(59, 30)) as pilot:
        guard = pilot.app.screen.query_one(SizeGuard)
        assert guard.display
        for columns, rows, is_covered in ((60, 16, False), (60, 15, True), (80, 24, False)):
            await pilot.resize_terminal(columns, rows)
            await pilot.pause()
            assert guard.display == is_covered, (columns, rows)


async def test_the_users_keys_replace_ours_and_clashes_are_told(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text('[keymap]\n"dashboard.start" = "b"\n"dashboard.pause" = "x"\n')
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        assert "dashboard.stop has it" in "".join(one.message for one in pilot.app._notifications)
        await pilot.press("s")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DashboardScreen)
        await pilot.press("b")
        await wait_until(pilot, lambda: type(pilot.app.screen).__name__ == "StartDialog")


async def test_what_config_toml_has_and_cannot_be_used_is_said_on_the_screen(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text('theme = "mauve"\n[keymap]\n"nope.nope" = "z"\n')
    async with home.open() as engine:
        services = services_for(engine, home=home, notices=("xyz: there is no such field.",))
        async with running(services) as pilot:
            said = "\n".join(one.message for one in pilot.app._notifications)
            assert "xyz: there is no such field." in said
            assert "there is no theme mauve; gimf-dark is used" in said
            assert "there is no action nope.nope" in said


async def test_an_empty_queue_makes_room_for_the_names_of_the_sections(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home), size=(80, 24)) as pilot:
        totals = pilot.app.status.totals
        assert totals is not None
        busy = totals.model_copy(update={"spend_today_usd": 0.0451, "failed": 1})
        pilot.app.status = replace(pilot.app.status, totals=busy)
        line = pilot.app.screen.query_one(AppHeader)._line().plain
        assert "3 Review 1 4 Gallery 5 Settings" in line
        assert line.rstrip().endswith("$0.0451 today")
        assert "queue" not in line
