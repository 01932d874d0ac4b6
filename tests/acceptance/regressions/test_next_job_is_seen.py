"""The next queued job: the Electron program's dashboard went on showing the one that had ended. Here the next one is
seen without a key press, also where the one before it failed or was stopped.

Three jobs that go well: tests/tui/test_dashboard.py, test_jobs_follow_one_another_without_a_key.
"""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.acceptance.regressions.steps import PATIENCE, QUICK, labels, shown
from tests.support.app import running, services_for, wait_until
from tests.support.engine import engine_home, request
from tui.widgets.progress_panel import ProgressPanel

pytestmark = pytest.mark.acceptance


async def test_after_a_failure_and_after_a_stop(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "gimf", latency_seconds=0.2) as home:
        home.script({"service": "openai", "operation": "chat.prompt", "action": "refuse", "times": 1})
        async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
            for label, images in (("fails", 1), ("is stopped", 40), ("works", 1)):
                await engine.start_job(
                    request(label, ai=QUICK, generation={"generations": images, "concurrency": 1})
                )
            await wait_until(pilot, lambda: at_work(pilot) == "is stopped", turns=PATIENCE)
            assert labels(pilot, "queue") == ["works"]
            await wait_until(pilot, lambda: labels(pilot, "recent") == ["fails"])
            (now,) = [job for job in await engine.queue() if job.label == "is stopped"]
            await engine.stop_job(now.job_id)
            await wait_until(pilot, lambda: at_work(pilot) == "works", turns=PATIENCE)
            assert labels(pilot, "queue") == []
            await wait_until(
                pilot, lambda: at_work(pilot) is None and len(labels(pilot, "recent")) == 3, turns=PATIENCE
            )
            statuses = {job.label: str(job.status) for job in shown(pilot, "recent")}
            assert statuses == {"fails": "failed", "is stopped": "stopped", "works": "completed"}


def at_work(pilot: Pilot[int]) -> str | None:
    job = pilot.app.screen.query_one(ProgressPanel).job
    return None if job is None else job.label
