"""The job list acts on the engine, stays quick with many jobs and follows what happens."""

from datetime import date
from pathlib import Path

import pytest
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input

from engine.api import ImageQuery, JobQuery
from engine.service import Engine
from engine.views import JobStatus, JobView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tests.support.many_jobs import fill_jobs
from tui.format import bytes_text
from tui.messages import OpenJob
from tui.screens.jobs import JobsScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.filter_bar import FilterBar
from tui.widgets.filter_state import FilterState
from tui.widgets.input_bar import InputBar
from tui.widgets.job_rows import job_query
from tui.widgets.list_source import PagedSource
from tui.widgets.record_table import RecordTable


def table(pilot: Pilot[int]) -> RecordTable:
    return pilot.app.screen.query_one(RecordTable)


def source(pilot: Pilot[int]) -> PagedSource[JobView]:
    found = table(pilot).source
    assert isinstance(found, PagedSource)
    return found


def loaded(pilot: Pilot[int]) -> list[JobView]:
    rows = source(pilot)
    return [job for index in range(rows.count) if (job := rows.row_at(index)) is not None]


def labels(pilot: Pilot[int]) -> list[str]:
    return [job.label for job in loaded(pilot)]


def bar(pilot: Pilot[int]) -> FilterBar:
    return pilot.app.screen.query_one(FilterBar)


def question(pilot: Pilot[int]) -> str | None:
    confirm = pilot.app.screen.query_one(ConfirmBar)
    return str(confirm.content) if confirm.is_asking else None


async def open_jobs(pilot: Pilot[int], count: int) -> None:
    await pilot.press("2")
    await wait_until(
        pilot, lambda: isinstance(pilot.app.screen, JobsScreen) and not pilot.app.screen.is_loading_now
    )
    await wait_until(pilot, lambda: source(pilot).count == count)


async def answer(pilot: Pilot[int], key: str) -> None:
    await wait_until(pilot, lambda: question(pilot) is not None)
    await pilot.press(key)
    await wait_until(pilot, lambda: question(pilot) is None)


async def finished(engine: Engine, *names: str) -> list[str]:
    jobs = [
        await engine.start_job(request(name, ai={"quality_check": False, "metadata": False}))
        for name in names
    ]
    for job in jobs:
        await engine.wait_for_job(job.job_id)
    return [job.job_id for job in jobs]


async def test_filters_orders_and_search_ask_the_engine(home: EngineHome) -> None:
    await fill_jobs(home.paths, 700)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_jobs(pilot, 700)
        await pilot.press("slash", *"cats")
        await wait_until(
            pilot, lambda: bool(labels(pilot)) and all("cats" in label for label in labels(pilot))
        )
        with_cats = source(pilot).count
        await pilot.press("enter", "f", "l", "l", "l", "l", "space")
        await wait_until(pilot, lambda: 0 < source(pilot).count < with_cats)
        assert {job.status for job in loaded(pilot)} == {JobStatus.FAILED}
        await pilot.press("escape", "escape", "escape")
        await wait_until(pilot, lambda: source(pilot).count == 700)
        assert table(pilot).has_focus
        await pilot.press("o")
        await wait_until(pilot, lambda: labels(pilot)[:1] == [min(labels(pilot), key=str.lower)])
        newest = [
            job.label for job in (await engine.jobs(JobQuery(sort="name", is_reversed=True, limit=3))).rows
        ]
        await pilot.press("O")
        await wait_until(pilot, lambda: labels(pilot)[:3] == newest)


async def test_days_are_typed_and_wrong_ones_refused(home: EngineHome) -> None:
    await fill_jobs(home.paths, 100)
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_jobs(pilot, 100)
        await pilot.press("f", "j", *"llll", "space")
        await wait_until(pilot, lambda: bar(pilot).query_one(Input).has_focus)
        await pilot.press(*"yesterday", "enter")
        await pilot.pause()
        assert source(pilot).count == 100
        assert bar(pilot).query_one(Input).has_focus
        bar(pilot).query_one(Input).value = ""
        await pilot.press(*"2026-01-02..2026-01-03", "enter")
        expected = job_query(
            FilterState(chosen={"created": frozenset({"2026-01-02..2026-01-03"})}, order="newest"),
            date(2026, 1, 1),
        )
        wanted = (await engine.job_index(expected)).count
        assert 0 < wanted < 100
        await wait_until(pilot, lambda: source(pilot).count == wanted)


async def test_marked_jobs_run_again_in_the_order_shown(home: EngineHome) -> None:
    async with home.open() as engine:
        await finished(engine, "a", "b", "c")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 3)
            await pilot.press("space", "j", "space")  # c, then a: newest first
            await wait_until(pilot, lambda: len(table(pilot).marks) == 2)
            await pilot.press("r")
            await wait_until(pilot, lambda: question(pilot) is not None)
            assert "2 jobs" in (question(pilot) or "")
            await pilot.press("enter")
            await wait_until(pilot, lambda: source(pilot).count == 5)
            newest = (await engine.jobs(JobQuery(limit=2))).rows
            assert [job.label[:1] for job in newest] == ["a", "c"]
            await wait_until(pilot, lambda: not table(pilot).marks)


async def test_rerun_costs_nothing_until_it_is_confirmed(home: EngineHome) -> None:
    async with home.open() as engine:
        await finished(engine, "a")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 1)
            await pilot.press("R")
            await answer(pilot, "escape")
            await pilot.pause()
            assert (await engine.job_index(JobQuery())).count == 1


async def test_delete_asks_with_the_count_and_is_undone(home: EngineHome) -> None:
    async with home.open() as engine:
        job_ids = await finished(engine, "a", "b", "c")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 3)
            await pilot.press("A")
            await wait_until(pilot, lambda: len(table(pilot).marks) == 3)
            await pilot.press("d")
            await wait_until(pilot, lambda: question(pilot) is not None)
            assert "3 jobs" in (question(pilot) or "")
            assert "3 images" in (question(pilot) or "")
            taken = await taken_by(home, engine, job_ids)
            assert f", {taken}?" in (question(pilot) or "")
            await pilot.press("enter")
            await wait_until(pilot, lambda: source(pilot).count == 0)
            assert (await engine.job(job_ids[0])).deleted_at is not None
            await pilot.press("u")
            await wait_until(pilot, lambda: source(pilot).count == 3)
            assert (await engine.job(job_ids[0])).images.approved == 1


async def taken_by(home: EngineHome, engine: Engine, job_ids: list[str]) -> str:
    """What the jobs take on the disk, by the files themselves."""
    folders = [
        folder / job_id for job_id in job_ids for folder in (home.paths.work_dir, home.paths.previews_dir)
    ]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    files += [Path(image.file or "") for image in (await engine.images(ImageQuery())).rows]
    return bytes_text(sum(path.stat().st_size for path in files))


async def test_only_marked_rows_that_are_shown_are_meant(home: EngineHome) -> None:
    async with home.open() as engine:
        await finished(engine, "cats", "dogs")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 2)
            await pilot.press("A")
            await wait_until(pilot, lambda: len(table(pilot).marks) == 2)
            await pilot.press("slash", *"dogs", "enter")
            await wait_until(pilot, lambda: source(pilot).count == 1)
            await pilot.press("d")
            await answer(pilot, "enter")
            await wait_until(pilot, lambda: source(pilot).count == 0)
            assert (await engine.job_index(JobQuery())).count == 1


async def test_a_job_gets_another_label(home: EngineHome) -> None:
    async with home.open() as engine:
        (job_id,) = await finished(engine, "a")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 1)
            await pilot.press("t")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(InputBar).is_asking)
            await pilot.press("end", *"dventures", "enter")
            await wait_until(pilot, lambda: labels(pilot) == ["adventures"])
            assert (await engine.job(job_id)).label == "adventures"
            await pilot.press("t")
            await wait_until(pilot, lambda: pilot.app.screen.query_one(InputBar).is_asking)
            await pilot.press("x", "escape")
            await wait_until(pilot, lambda: not pilot.app.screen.query_one(InputBar).is_asking)
            assert (await engine.job(job_id)).label == "adventures"


async def test_the_list_follows_a_job_and_stops_it(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_jobs(pilot, 0)
        await pilot.press("x")  # nothing runs: the key is dead
        await pilot.pause()
        assert question(pilot) is None
        job = await engine.start_job(request("long", generation={"generations": 300}))
        await wait_until(pilot, lambda: source(pilot).count == 1)

        def progressed() -> bool:
            shown = source(pilot).row(job.job_id)
            return shown is not None and shown.status is JobStatus.RUNNING and shown.images.finished > 0

        await wait_until(pilot, progressed, turns=1_500)
        await pilot.press("x")
        await answer(pilot, "enter")

        def stopped() -> bool:
            shown = source(pilot).row(job.job_id)
            return shown is not None and shown.status is JobStatus.STOPPED

        await wait_until(pilot, stopped, turns=1_500)
        await pilot.press("p")
        await wait_until(pilot, lambda: not stopped(), turns=500)


async def test_enter_opens_with_every_neighbour(home: EngineHome) -> None:
    job_ids = await fill_jobs(home.paths, 250)
    heard: list[Message] = []
    async with home.open() as engine, running(services_for(engine, home=home), heard=heard) as pilot:
        await open_jobs(pilot, 250)
        await pilot.press("j", "enter")
        await wait_until(pilot, lambda: any(isinstance(one, OpenJob) for one in heard))
        message = next(one for one in heard if isinstance(one, OpenJob))
        assert message.job_id == job_ids[-2]
        assert message.neighbours == tuple(reversed(job_ids))


async def test_what_is_typed_ahead_goes_into_the_search(home: EngineHome) -> None:
    """Over a slow line keys come together; `d` and enter must not delete the job at the cursor."""
    async with home.open() as engine:
        await finished(engine, "dogs", "cats")
        async with running(services_for(engine, home=home)) as pilot:
            await open_jobs(pilot, 2)
            for key in ("slash", "d", "o", "g", "s", "enter"):
                pilot.app.simulate_key(key)
            await wait_until(pilot, lambda: labels(pilot) == ["dogs"])
            await pilot.pause()
            assert question(pilot) is None
            assert bar(pilot).state == FilterState(text="dogs", order="newest")


@pytest.mark.parametrize("size", [(80, 24), (60, 16), (200, 60)])
async def test_every_size_shows_the_list(home: EngineHome, size: tuple[int, int]) -> None:
    await fill_jobs(home.paths, 300)
    async with home.open() as engine, running(services_for(engine, home=home), size=size) as pilot:
        await open_jobs(pilot, 300)
        await pilot.press("G")
        await wait_until(pilot, lambda: table(pilot).cursor_index == 299)
        await wait_until(pilot, lambda: "#1 " in table(pilot).render_line(table(pilot).size.height - 1).text)
