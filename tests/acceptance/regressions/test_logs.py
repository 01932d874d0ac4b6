"""Logs: in the Electron program lines came late or not at all, and those of a job were gone when it had ended. Here
they are seen while the job runs, and exactly what was seen is there after a restart.

Paging, finding, following: tests/tui/test_log_view.py. A long finished job's log: tests/tui/test_job_detail.py.
"""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.acceptance.regressions.steps import PATIENCE, QUICK
from tests.support.app import running, services_for, wait_until
from tests.support.engine import engine_home, request
from tui.messages import OpenJob
from tui.screens.job_detail import JobDetailScreen
from tui.widgets.log_panel import LogPanel
from tui.widgets.log_view import LogView

pytestmark = pytest.mark.acceptance


async def test_what_is_seen_live_is_there_after_a_restart(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "gimf", latency_seconds=0.2) as home:
        async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
            job = await engine.start_job(
                request("live", ai=QUICK, generation={"generations": 3, "concurrency": 1})
            )
            view = await log_of(pilot, job.job_id)
            glimpses: list[set[int | None]] = []

            def is_over() -> bool:
                glimpses.append({entry.image_number for entry in view.entries})
                return bool(view.entries) and "Completed" in view.entries[-1].message

            await wait_until(pilot, is_over, turns=PATIENCE)
            seen = list(view.entries)
        assert glimpses[-1] >= {1, 2, 3}
        assert any(1 in glimpse and 3 not in glimpse for glimpse in glimpses), (
            "one by one, not all at the end"
        )

        async with (
            home.open(is_working=False) as engine,
            running(services_for(engine, home=home)) as pilot,
        ):
            view = await log_of(pilot, job.job_id)
            await wait_until(pilot, lambda: bool(view.entries))
            assert list(view.entries) == seen
            assert [entry.entry_id for entry in seen] == sorted({entry.entry_id for entry in seen})


async def log_of(pilot: Pilot[int], job_id: str) -> LogView:
    pilot.app.post_message(OpenJob(job_id, (), tab="logs"))

    def is_there() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, JobDetailScreen) and screen.current_job() is not None

    await wait_until(pilot, is_there)
    return pilot.app.screen.query_one(LogPanel).view
