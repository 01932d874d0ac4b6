"""A single run: in the Electron program a start could come to nothing, or the job's status was never told. Here one
start is one job, paid once, followed to its end on the dashboard, with its picture on the disk.

What the dialog starts: tests/tui/test_start_dialog.py. What comes of whole jobs: tests/acceptance/test_stories.py.
"""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.acceptance.regressions.steps import PATIENCE, jobs_of, labels, shown, start
from tests.acceptance.support import assert_converged, checked_pictures, outcome_of
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, settings
from tui.widgets.progress_panel import ProgressPanel

pytestmark = pytest.mark.acceptance


async def test_one_start_is_one_job_with_its_picture_on_the_disk(home: EngineHome) -> None:
    async with home.open() as engine:
        await engine.save_configuration("cards", settings(), is_default=True)
        async with running(services_for(engine, home=home)) as pilot:
            await start(pilot)
            await wait_until(pilot, lambda: len(labels(pilot, "recent")) == 1, turns=PATIENCE)
            await wait_until(pilot, lambda: at_work(pilot) is None)
            (seen,) = shown(pilot, "recent")
            (job,) = await jobs_of(engine)
            done = await outcome_of(engine, job.job_id)
            assert (seen.status, seen.images.approved) == ("completed", 1)
    (image,) = done.images
    assert (image.status, Path(image.file or "").parent) == ("approved", Path(job.output_dir))
    assert len(checked_pictures(home)) == 1, "nothing is approved that was not looked at"
    assert_converged(home, 1)


def at_work(pilot: Pilot[int]) -> object:
    return pilot.app.screen.query_one(ProgressPanel).job
