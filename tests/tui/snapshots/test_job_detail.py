"""How one job looks, tab by tab."""

from typing import Any

import pytest

from tests.support.studio import AT_WORK, JOBS, Studio
from tests.tui.snapshots.conftest import SIZES
from tui.messages import OpenJob

ALL = tuple(job.job_id for job in JOBS)


@pytest.mark.parametrize("size", SIZES)
async def test_each_tab(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        pilot.app.post_message(OpenJob(AT_WORK.job_id, ALL))
        await matches(pilot, "job-overview")
        for tab in ("images", "logs", "settings"):
            await pilot.press("right_square_bracket")
            await matches(pilot, f"job-{tab}")


async def test_a_failed_job_says_why(studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(studio, (80, 24)) as pilot:
        pilot.app.post_message(OpenJob(JOBS[1].job_id, ALL))
        await matches(pilot, "job-failed")
