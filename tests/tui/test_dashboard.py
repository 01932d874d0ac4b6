"""The dashboard follows the engine by itself, and its keys act on the engine."""

import asyncio
from pathlib import Path

from textual.message import Message
from textual.pilot import Pilot

from engine.api import JobQuery
from engine.service import Engine
from engine.views import JobStatus
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, engine_home, request
from tui.messages import OpenJob
from tui.screens.dashboard import DashboardScreen
from tui.screens.export_dialog import ExportDialog
from tui.screens.text_dialog import TextDialog
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.latest_images import LatestImages
from tui.widgets.memory_source import MemorySource
from tui.widgets.progress_panel import ProgressPanel
from tui.widgets.record_table import RecordTable
from tui.widgets.welcome_panel import WelcomePanel


def labels(pilot: Pilot[int], list_id: str) -> list[str]:
    source = pilot.app.screen.query_one(f"#{list_id}", RecordTable).source
    assert isinstance(source, MemorySource)
    return [job.label for job in source.rows]


def at_work(pilot: Pilot[int]) -> str | None:
    job = pilot.app.screen.query_one(ProgressPanel).job
    return None if job is None else job.label


async def test_jobs_follow_one_another_without_a_key(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        for name in ("first", "second", "third"):
            await engine.start_job(request(name, generation={"generations": 2}))
        seen: set[str | None] = set()

        def all_done() -> bool:
            seen.add(at_work(pilot))
            return len(labels(pilot, "recent")) == 3 and at_work(pilot) is None

        await wait_until(pilot, all_done, turns=1_500)
        assert seen >= {"first", "second", "third"}
        assert labels(pilot, "recent") == ["third", "second", "first"]
        assert labels(pilot, "queue") == []
        await wait_until(
            pilot, lambda: pilot.app.status.totals is not None and pilot.app.status.totals.approved == 6
        )


async def test_the_queue_is_moved_and_shortened(home: EngineHome) -> None:
    async with home.open() as engine:
        jobs = [await engine.start_job(request(name, generation={"generations": 30})) for name in "abcd"]
        await engine.pause_job(await begun(engine))
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "queue") == ["b", "c", "d"])
            await pilot.press("J")
            await wait_until(pilot, lambda: labels(pilot, "queue") == ["c", "b", "d"])
            await pilot.press("K")
            await wait_until(pilot, lambda: labels(pilot, "queue") == ["b", "c", "d"])
            await pilot.press("G", "d")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(ConfirmBar).is_asking)
            await pilot.press("escape")
            await pilot.pause()
            assert (await engine.job(jobs[3].job_id)).status is JobStatus.QUEUED
            await pilot.press("d")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(ConfirmBar).is_asking)
            await pilot.press("enter")
            await wait_until(pilot, lambda: labels(pilot, "queue") == ["b", "c"])
            assert (await engine.job(jobs[3].job_id)).status is JobStatus.STOPPED


async def begun(engine: Engine) -> str:
    """The job at work, once there is one."""
    while True:
        for job in await engine.queue():
            if job.status is JobStatus.RUNNING:
                return job.job_id
        await asyncio.sleep(0.01)


async def test_pause_resume_and_stop(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request("long", generation={"generations": 200}))
        await begun(engine)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: at_work(pilot) == "long")
            await pilot.press("p")
            await wait_until(pilot, lambda: shows(pilot, JobStatus.PAUSED))
            await pilot.press("p")
            await wait_until(pilot, lambda: shows(pilot, JobStatus.RUNNING))
            await pilot.press("x")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(ConfirmBar).is_asking)
            await pilot.press("p", "J", "1")  # while a question is open nothing else happens
            await pilot.press("enter")
            await wait_until(pilot, lambda: at_work(pilot) is None, turns=1_500)
            assert (await engine.job(job.job_id)).status is JobStatus.STOPPED


async def test_a_job_without_budget_asks_for_another_one(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request("dear", generation={"generations": 6, "budget_usd": 0.01}))
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: shows(pilot, JobStatus.PAUSED))
            await pilot.press("p")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
            await pilot.press("ctrl+u", *"much", "enter")
            await wait_until(
                pilot, lambda: "no amount" in str([one.message for one in pilot.app._notifications])
            )
            assert (await engine.job(job.job_id)).status is JobStatus.PAUSED
            await pilot.press("p")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, TextDialog))
            await pilot.press("ctrl+u", *"$2.5", "enter")
            await wait_until(pilot, lambda: at_work(pilot) is None, turns=1_500)
            done = await engine.job(job.job_id)
            assert (done.status, done.budget_usd, done.images.approved) == (JobStatus.COMPLETED, 2.5, 6)


async def test_marked_recent_jobs_run_again_in_the_order_shown(home: EngineHome) -> None:
    async with home.open() as engine:
        for name in ("one", "two", "three"):
            job = await engine.start_job(request(name))
            await engine.wait_for_job(job.job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["three", "two", "one"])
            recent = pilot.app.screen.query_one("#recent", RecordTable)
            recent.focus()
            await pilot.press("A")
            await wait_until(pilot, lambda: len(recent.marks) == 3)
            await pilot.press("escape")
            await wait_until(pilot, lambda: not recent.marks)
            await pilot.press("g", "space", "j", "space")
            await wait_until(pilot, lambda: recent.border_title == "Recent jobs - 2 marked")
            await pilot.press("r")
            bar = pilot.app.screen.query_one(ConfirmBar)
            await wait_until(pilot, lambda: bar.is_asking)
            assert "2 jobs" in str(bar.render())
            await pilot.press("enter")
            await wait_until(pilot, lambda: not recent.marks)
            newest = (await engine.jobs(JobQuery(limit=2))).rows
            assert [job.label.split()[0] for job in newest] == ["one", "three"]


def shows(pilot: Pilot[int], status: JobStatus) -> bool:
    job = pilot.app.screen.query_one(ProgressPanel).job
    return job is not None and job.status is status


async def test_rerun_and_open_act_on_the_job_at_the_cursor(home: EngineHome) -> None:
    async with home.open() as engine:
        jobs = [await engine.start_job(request(name)) for name in ("one", "two")]
        for job in jobs:
            await engine.wait_for_job(job.job_id)
        heard: list[Message] = []
        async with running(services_for(engine, home=home), heard=heard) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["two", "one"])
            pilot.app.screen.query_one("#recent").focus()
            await pilot.press("j", "r")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(ConfirmBar).is_asking)
            await pilot.press("enter")
            await wait_until(pilot, lambda: len(labels(pilot, "recent")) == 3, turns=1_000)
            newest = (await engine.jobs(JobQuery(limit=1))).rows[0]
            assert newest.label == f"one (rerun {jobs[0].job_id[:6]})"
            await pilot.press("g", "enter")
            await wait_until(pilot, lambda: bool(opened(heard)))
            (message,) = opened(heard)
            assert message.job_id == newest.job_id
            assert message.neighbours == (newest.job_id, jobs[1].job_id, jobs[0].job_id)


async def test_an_ended_job_is_exported_deleted_and_taken_back(home: EngineHome) -> None:
    async with home.open() as engine:
        for name in ("one", "two"):
            await engine.wait_for_job((await engine.start_job(request(name))).job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["two", "one"])
            await pilot.press("j", "e")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExportDialog))
            await pilot.press("escape", "d")
            bar = pilot.app.screen.query_one(ConfirmBar)
            await wait_until(pilot, lambda: bar.is_asking and "Delete #1 one" in str(bar.render()))
            await pilot.press("enter")
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["two"])
            await pilot.press("u")
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["two", "one"])


def opened(heard: list[Message]) -> list[OpenJob]:
    return list({id(message): message for message in heard if isinstance(message, OpenJob)}.values())


async def test_a_new_user_is_told_what_is_missing(home: EngineHome) -> None:
    del home.environ["OPENAI_API_KEY"]
    async with home.open() as engine:
        services = services_for(engine, home=home, demo_folder="/where/demo/lives")
        async with running(services) as pilot:
            panel = pilot.app.screen.query_one(WelcomePanel)
            await wait_until(pilot, lambda: panel.display)
            shown = text_of(pilot, panel)
            assert "openai" in shown
            assert "/where/demo/lives" in shown
            await pilot.press("t")
            await wait_until(pilot, lambda: pilot.app.wants_demo)


async def test_after_the_first_job_nobody_is_welcomed(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        panel = pilot.app.screen.query_one(WelcomePanel)
        await wait_until(pilot, lambda: panel.display)
        await engine.start_job(request())
        await wait_until(pilot, lambda: not panel.display)
        await pilot.press("t")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DashboardScreen)
        assert not pilot.app.wants_demo


async def test_hostile_labels_are_text(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request("[/bold][link=x\x1b[31m"))
        await engine.wait_for_job(job.job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: len(labels(pilot, "recent")) == 1)
            assert "[/bold][link=x" in pilot.app.export_screenshot(simplify=True).replace("&#160;", " ")


def text_of(pilot: Pilot[int], panel: WelcomePanel) -> str:
    with pilot.app.console.capture() as capture:
        pilot.app.console.print(panel.render(), width=200)
    return capture.get()


async def test_the_first_key_has_a_job_to_work_on(home: EngineHome) -> None:
    """Nothing waits, so the list of what has ended has the focus, and enter opens the newest job."""
    async with home.open() as engine:
        job = await engine.start_job(request("one"))
        await engine.wait_for_job(job.job_id)
        heard: list[Message] = []
        async with running(services_for(engine, home=home), heard=heard) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["one"])
            await pilot.press("enter")
            await wait_until(pilot, lambda: [one.job_id for one in opened(heard)] == [job.job_id])


async def test_when_a_job_has_ended_everything_of_it_is_shown(tmp_path: Path) -> None:
    """Also what comes slowly while it runs."""
    async with (
        engine_home(tmp_path / "gimf", reject_share=0.3) as home,
        home.open() as engine,
        running(services_for(engine, home=home)) as pilot,
    ):
        panel = pilot.app.screen.query_one(ProgressPanel)
        job = await engine.start_job(request("one", generation={"generations": 8, "concurrency": 2}))
        await wait_until(pilot, lambda: "for your decision.  Press 3." in panel.plain, turns=1_500)
        counts = (await engine.job(job.job_id)).images
        assert counts.approved > 1
        assert counts.qc_failed
        assert f"{counts.qc_failed} image" in panel.plain
        latest = pilot.app.screen.query_one(LatestImages)
        await wait_until(pilot, lambda: len(latest.image_ids) == counts.approved)
