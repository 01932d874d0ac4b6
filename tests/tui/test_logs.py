"""The log screen: level, stage, one job, search, and what is shown as a file."""

from textual.pilot import Pilot
from textual.widgets import Input

from engine.views import LogLevel
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tests.support.many_jobs import fill_jobs, fill_log
from tui.messages import ShowLogs
from tui.screens.job_detail import JobDetailScreen
from tui.screens.logs import LogsScreen
from tui.widgets.log_panel import LogPanel


def panel(pilot: Pilot[int]) -> LogPanel:
    return pilot.app.screen.query_one(LogPanel)


async def open_logs(pilot: Pilot[int], job_id: str | None = None) -> None:
    pilot.app.post_message(ShowLogs(job_id))
    await wait_until(
        pilot, lambda: isinstance(pilot.app.screen, LogsScreen) and not pilot.app.screen.is_loading_now
    )
    await wait_until(pilot, lambda: bool(panel(pilot).view.entries))


async def test_level_stage_and_one_job(home: EngineHome) -> None:
    one, two = await fill_jobs(home.paths, 2)
    fill_log(home.paths, one, 50)
    fill_log(home.paths, two, 20)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_logs(pilot)
        view = panel(pilot).view
        assert {entry.job_id for entry in view.entries} >= {one, two}
        await pilot.press("J")
        await wait_until(pilot, lambda: {entry.job_id for entry in view.entries} == {two})
        await pilot.press("f")
        await wait_until(pilot, lambda: {entry.level for entry in view.entries} == {LogLevel.ERROR})
        assert view.scope.min_level is LogLevel.WARNING
        await pilot.press("J")
        await wait_until(pilot, lambda: {entry.job_id for entry in view.entries} == {one, two})
        await pilot.press("f", "f", "f")
        await wait_until(pilot, lambda: view.scope.min_level is LogLevel.INFO)
        for _ in range(5):
            await pilot.press("s")
        await wait_until(pilot, lambda: {entry.stage for entry in view.entries} == {"quality_check"})


async def test_search_and_step_back(home: EngineHome) -> None:
    (job_id,) = await fill_jobs(home.paths, 1)
    fill_log(home.paths, job_id, 3_000)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_logs(pilot, job_id)
        view = panel(pilot).view
        await pilot.press("slash", *"Entry 12", "enter")
        await wait_until(
            pilot, lambda: view.entry is not None and view.entry.message.startswith("entry 1299")
        )
        await pilot.press("N")
        await wait_until(
            pilot, lambda: view.entry is not None and view.entry.message.startswith("entry 1298")
        )
        await pilot.press("n")
        await wait_until(
            pilot, lambda: view.entry is not None and view.entry.message.startswith("entry 1299")
        )
        await pilot.press("escape")
        await wait_until(pilot, lambda: view.words == "")
        assert isinstance(pilot.app.screen, LogsScreen)
        await pilot.press("escape")
        await wait_until(pilot, lambda: not isinstance(pilot.app.screen, LogsScreen))


async def test_what_is_shown_is_saved_whole_with_date_and_zone(home: EngineHome) -> None:
    (job_id,) = await fill_jobs(home.paths, 1)
    fill_log(home.paths, job_id, 5_000)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_logs(pilot, job_id)
        await pilot.press("f")
        await wait_until(pilot, lambda: panel(pilot).view.scope.min_level is LogLevel.WARNING)
        await pilot.press("S")
        folder = home.paths.default_export_dir
        await wait_until(pilot, lambda: bool(list(folder.glob("*.log"))))
        (file,) = folder.iterdir()
        lines = file.read_text("utf-8").splitlines()
        assert len(lines) == 500
        assert "entry 0 of the log; cause: policy; Change the prompt." in lines[0]
        day, time, zone, level, *_ = lines[0].split()
        assert (len(day), len(time), level) == (10, 8, "error")
        assert zone[0] in "+-"


async def test_a_search_that_finds_nothing_leaves_everything_as_it_was(home: EngineHome) -> None:
    (job_id,) = await fill_jobs(home.paths, 1)
    fill_log(home.paths, job_id, 30)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_logs(pilot, job_id)
        before = panel(pilot).view.entry
        await pilot.press("slash", *"nowhere", "enter")
        await wait_until(pilot, lambda: bool(pilot.app._notifications))
        assert panel(pilot).view.entry == before
        assert not panel(pilot).query_one(Input).display


async def test_lines_come_while_a_job_runs_and_lead_to_it(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        pilot.app.post_message(ShowLogs())
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, LogsScreen))
        await engine.start_job(request("live", ai={"quality_check": False, "metadata": False}))
        view = panel(pilot).view
        await wait_until(
            pilot, lambda: any("Completed" in entry.message for entry in view.entries), turns=1_000
        )
        await pilot.press("enter")
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, JobDetailScreen))


async def test_what_was_copied_is_called_what_it_is(home: EngineHome) -> None:
    (job_id,) = await fill_jobs(home.paths, 1)
    fill_log(home.paths, job_id, 5)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_logs(pilot)
        await wait_until(pilot, lambda: panel(pilot).line_to_copy() is not None)
        await pilot.press("y")
        (said,) = [one.message for one in pilot.app._notifications]
        assert said.startswith("Copied line: 20")
