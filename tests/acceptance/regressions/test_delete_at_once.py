"""Deleting a job: in the Electron program the row stayed until the list was loaded anew, and could come back. Here the
list changes at once, undo brings the job back to its place with its pictures, and both are so after a restart.

Several jobs, and the question before it: tests/tui/test_jobs.py. On a job's own page: tests/tui/test_job_detail.py.
"""

import pytest

from engine.api import ImageQuery
from tests.acceptance.regressions.steps import QUICK, go, labels, say_yes
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tui.screens.dashboard import DashboardScreen
from tui.screens.jobs import JobsScreen
from tui.widgets.record_table import RecordTable

pytestmark = pytest.mark.acceptance


async def test_the_row_goes_comes_back_and_stays_gone(home: EngineHome) -> None:
    async with home.open() as engine:
        for label in "abc":
            job = await engine.start_job(request(label, ai=QUICK))
            await engine.wait_for_job(job.job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["c", "b", "a"])
            await go(pilot, "2", JobsScreen)
            await wait_until(pilot, lambda: labels(pilot) == ["c", "b", "a"])
            await pilot.press("j", "d")
            assert " b" in await say_yes(pilot)
            await wait_until(pilot, lambda: labels(pilot) == ["c", "a"])
            table = pilot.app.screen.query_one(RecordTable)
            await wait_until(pilot, lambda: table.cursor_index == 1)
            await pilot.press("u")
            await wait_until(pilot, lambda: labels(pilot) == ["c", "b", "a"])
            await pilot.press("g", "d")
            assert " c" in await say_yes(pilot)
            await wait_until(pilot, lambda: labels(pilot) == ["b", "a"])
            await go(pilot, "1", DashboardScreen)
            assert labels(pilot, "recent") == ["b", "a"]
            shown = (await engine.images(ImageQuery())).rows
            assert len(shown) == 2, "its picture is in no gallery any more"
            in_folder = [str(path) for path in home.paths.default_output_dir.iterdir()]
            assert sorted(in_folder) == sorted(str(image.file) for image in shown), "nor in the output folder"
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await go(pilot, "2", JobsScreen)
        await wait_until(pilot, lambda: labels(pilot) == ["b", "a"])
