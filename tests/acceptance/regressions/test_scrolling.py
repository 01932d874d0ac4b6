"""Scrolling: in the Electron program lists jumped to their end with everything that came, or could not be moved at all.
Here the log, the job list and the gallery are moved while a job runs, and stay where they were left.

Each widget by itself: tests/tui/test_log_view.py, test_record_table.py, test_gallery_grid.py.
"""

from pathlib import Path

import pytest

from tests.acceptance.regressions.steps import PATIENCE, QUICK, go, labels, shown
from tests.support.app import running, services_for, wait_until
from tests.support.engine import engine_home, request
from tests.support.images import finished_job
from tests.support.many_jobs import fill_jobs, fill_log
from tui.messages import ShowLogs
from tui.screens.gallery import GalleryScreen
from tui.screens.jobs import JobsScreen
from tui.screens.logs import LogsScreen
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.log_panel import LogPanel
from tui.widgets.record_table import RecordTable

pytestmark = pytest.mark.acceptance


async def test_what_is_looked_at_stays_in_sight_while_a_job_runs(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "gimf", latency_seconds=0.1) as home:
        first, *_ = await fill_jobs(home.paths, 80)
        fill_log(home.paths, first, 200)
        async with home.open() as engine:
            pictures = [image.image_id for image in await finished_job(engine, 24, "old", ai=QUICK)]
            async with running(services_for(engine, home=home), size=(80, 24)) as pilot:
                running_job = request("new", ai=QUICK, generation={"generations": 200, "concurrency": 2})

                pilot.app.post_message(ShowLogs())
                await wait_until(pilot, lambda: isinstance(pilot.app.screen, LogsScreen))
                view = pilot.app.screen.query_one(LogPanel).view
                await wait_until(pilot, lambda: bool(view.entries) and view.has_focus)
                job = await engine.start_job(running_job)
                await wait_until(pilot, lambda: view.entries[-1].job_id == job.job_id, turns=PATIENCE)
                await pilot.press("pageup", "pageup")
                place, at, newest = view.scroll_y, view.entry, view.entries[-1].entry_id
                assert at is not None
                assert not view.is_following
                await wait_until(pilot, lambda: view.entries[-1].entry_id > newest + 5, turns=PATIENCE)
                assert (view.scroll_y, view.entry) == (place, at)
                await pilot.press("G")
                await wait_until(pilot, lambda: view.is_following)
                assert view.scroll_y > place
                await pilot.press("escape")

                await go(pilot, "2", JobsScreen)
                table = pilot.app.screen.query_one(RecordTable)
                await wait_until(pilot, lambda: len(labels(pilot)) == 82)
                await pilot.press("ctrl+d", "ctrl+d", "ctrl+d")
                place, at = table.scroll_y, table.cursor_key
                assert place > 0
                done = shown(pilot)[0].images.finished
                await wait_until(pilot, lambda: shown(pilot)[0].images.finished > done + 2, turns=PATIENCE)
                assert (table.scroll_y, table.cursor_key) == (place, at)
                await pilot.press("G")
                await wait_until(pilot, lambda: table.cursor_index == 81)
                await wait_until(pilot, lambda: table.scroll_y == table.max_scroll_y)

                source = (await go(pilot, "4", GalleryScreen))._source
                grid = pilot.app.screen.query_one(GalleryGrid)
                await wait_until(pilot, lambda: len(source.ids) > 24)
                await pilot.press("G")
                await wait_until(pilot, lambda: grid.cursor_key == min(pictures))
                await pilot.press("k")
                await wait_until(pilot, lambda: grid.cursor_key in {*pictures} - {min(pictures)})
                at, count = grid.cursor_key, len(source.ids)
                await wait_until(pilot, lambda: len(source.ids) > count, turns=PATIENCE)
                assert grid.cursor_key == at
                assert grid.scroll_y > 0
                await engine.stop_job(job.job_id, is_forced=True)
