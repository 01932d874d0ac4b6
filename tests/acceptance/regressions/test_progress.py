"""Progress: the Electron program's bar stood still and then jumped, or was full while images were still being made.
Here it moves with every image, never back, and is full only when every image is accounted for.

The arithmetic of pace and ETA: tests/engine/test_progress.py.
"""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.events import JobProgressed
from tests.acceptance.regressions.steps import PATIENCE, QUICK, labels
from tests.support.app import running, services_for, wait_until
from tests.support.engine import Listener, engine_home, request
from tui.widgets.progress_panel import ProgressPanel

pytestmark = pytest.mark.acceptance

IMAGES = 7


async def test_the_bar_moves_with_every_image_and_is_full_only_at_the_end(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "gimf", latency_seconds=0.1) as home:
        # One of them fails for good: it counts as worked through, not as a reason to wait.
        home.script({"service": "piapi", "operation": "submit", "nth": 2, "action": "status", "code": 400})
        async with (
            home.open() as engine,
            running(services_for(engine, home=home)) as pilot,
            Listener(engine) as heard,
        ):
            generation = {"generations": IMAGES, "concurrency": 1}
            job = await engine.start_job(request("bar", ai=QUICK, generation=generation))
            drawn: list[str] = []

            def is_over() -> bool:
                bar = bar_of(pilot)
                if bar and bar not in drawn[-1:]:
                    drawn.append(bar)
                return labels(pilot, "recent") == ["bar"]

            await wait_until(pilot, is_over, turns=PATIENCE)
            done = await engine.job(job.job_id)
        assert (done.images.approved, done.images.failed) == (IMAGES - 1, 1)
        told = [event.progress for event in heard.of(JobProgressed)]
        fractions = [progress.fraction for progress in told]
        assert fractions == sorted(fractions)
        assert fractions[-1] == 1
        # Images that end in the same moment are told of together.
        assert len(set(fractions) - {0.0, 1.0}) >= 3
        for progress in told:
            assert (progress.fraction == 1) == (progress.images.finished == IMAGES)
        shown = [int(bar.split("%")[0].split()[-1]) for bar in drawn]
        assert shown == sorted(shown)
        assert len(set(shown) - {0, 100}) >= 3, "seen on its way, not only at its ends"


def bar_of(pilot: Pilot[int]) -> str:
    """The line with the bar: `━━━   28 %   2 of 7`; empty where no job is at work."""
    panel = pilot.app.screen.query_one(ProgressPanel)
    return "" if panel.job is None else next(line for line in panel.plain.splitlines() if " of " in line)
