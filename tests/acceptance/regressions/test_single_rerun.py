"""A single rerun: in the Electron program it worked from some places and not from others, and could change the job that
it repeated. Here it is the same from the dashboard, the job list and a job's own page: one new job with the settings
of the old one, which stays as it was.

The same on the command line: tests/tui/test_cli_commands.py, test_rerun_makes_new_jobs_with_the_same_settings. With a
changed configuration: tests/acceptance/test_stories.py, test_rerun_keeps_the_original_and_its_settings.
"""

import pytest

from tests.acceptance.regressions.steps import PATIENCE, QUICK, go, job_after, labels, say_yes
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tui.screens.dashboard import DashboardScreen
from tui.screens.job_detail import JobDetailScreen
from tui.screens.jobs import JobsScreen

pytestmark = pytest.mark.acceptance


async def test_the_same_from_three_places(home: EngineHome) -> None:
    async with home.open() as engine:
        original = await engine.start_job(request("cards", ai=QUICK, generation={"aspect_ratios": ["16:9"]}))
        await engine.wait_for_job(original.job_id)
        before = await engine.job_detail(original.job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["cards"])
            await pilot.press("r")
            assert "About $" in await say_yes(pilot), "what it will cost is said first"
            reruns = [await job_after(engine, 1)]

            await go(pilot, "2", JobsScreen)
            await wait_until(pilot, lambda: len(labels(pilot)) == 2, turns=PATIENCE)
            await pilot.press("G", "r")
            await say_yes(pilot)
            reruns.append(await job_after(engine, 2))

            await wait_until(pilot, lambda: len(labels(pilot)) == 3, turns=PATIENCE)
            await pilot.press("G")
            await go(pilot, "enter", JobDetailScreen)
            await pilot.press("r")
            await say_yes(pilot)
            reruns.append(await job_after(engine, 3))

            await go(pilot, "1", DashboardScreen)
            await wait_until(pilot, lambda: len(labels(pilot, "recent")) == 4)
        for rerun in reruns:
            assert (rerun.status, rerun.images.approved) == ("completed", 1)
            assert (rerun.label, rerun.parent_job_id) == (
                f"cards (rerun {original.job_id[:6]})",
                original.job_id,
            )
            assert (await engine.job_detail(rerun.job_id)).settings == before.settings
        after = await engine.job_detail(original.job_id)
        assert after.child_job_ids == tuple(rerun.job_id for rerun in reruns)
        assert after.model_copy(update={"child_job_ids": ()}) == before
    assert len(home.payments("piapi", "submit")) == 4
    bodies = [record.body["input"] for record in home.requests("piapi", "submit")]
    (size,) = {(body["width"], body["height"]) for body in bodies}
    assert size[0] > size[1], "all of them as the settings of the first say"
