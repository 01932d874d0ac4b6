"""The review of failed images: in the Electron program its list was always empty. Here it shows the rejected images of
every job, with picture and reason, also those of old jobs after a restart, and decides about them.

Decisions by key, marks, undo: tests/tui/test_review.py. What a decision does: tests/engine/test_review.py.
"""

from pathlib import Path

import pytest

from engine.views import ImageStatus
from tests.acceptance.regressions.steps import go
from tests.support.app import running, services_for, wait_until
from tests.support.engine import engine_home
from tests.support.images import finished_job
from tests.support.screen_text import text_of
from tui.screens.review import ReviewScreen
from tui.widgets.image_preview import ImagePreview
from tui.widgets.record_table import RecordTable

pytestmark = pytest.mark.acceptance


async def test_images_of_old_jobs_are_there_after_a_restart(tmp_path: Path) -> None:
    async with engine_home(tmp_path / "gimf", reject_share=1.0) as home:
        async with home.open() as engine:
            old = await finished_job(engine, 1, "old")
        async with home.open() as engine:
            new = await finished_job(engine, 2, "new")
        expected = sorted((image.image_id for image in (*old, *new)), reverse=True)
        async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
            screen = await go(pilot, "3", ReviewScreen)
            await wait_until(pilot, lambda: isinstance(screen.focused, RecordTable))
            table, preview = screen.focused, screen.query_one(ImagePreview)
            assert isinstance(table, RecordTable)
            await wait_until(pilot, lambda: table.source.count == 3)
            for image_id in expected:
                await wait_until(
                    pilot,
                    lambda wanted=image_id: (
                        table.cursor_key == wanted and preview.frame is not None and is_of(preview, wanted)
                    ),
                )
                reason = (await engine.image(image_id)).reason
                assert reason
                assert reason in text_of(screen.query_one("#review-words"))
                await pilot.press("j")
            await pilot.press("a")  # the oldest, at the end of the list
            while (image := await engine.image(old[0].image_id)).status is ImageStatus.QC_FAILED:
                await pilot.pause()
            assert (image.status, image.reason) == (ImageStatus.APPROVED, "Manually approved")
            assert Path(image.file or "").is_file()
            await wait_until(pilot, lambda: table.source.count == 2)


def is_of(preview: ImagePreview, image_id: int) -> bool:
    return preview.picture is not None and preview.picture.image_id == image_id
