"""Settings, jobs and images are changed while the job that they belong to is at work."""

from pathlib import Path

import pytest

from engine.api import ImageQuery
from engine.errors import ConflictError
from engine.views import ImageStatus
from tests.acceptance.support import files_below, rows
from tests.support.engine import EngineHome, request, settings, until

pytestmark = pytest.mark.fault(30)


async def test_the_job_goes_on_as_it_began_and_the_counts_are_right(home: EngineHome) -> None:
    """Its configuration is changed, it is to be deleted, and one of its images goes into the trash."""
    home.script(  # the first order ends at once, the others are at work until the script is taken away
        {
            "service": "piapi",
            "operation": "poll",
            "nth": 2,
            "times": 10**6,
            "action": "status_word",
            "word": "x",
        }
    )
    plain = settings(generation={"generations": 3, "concurrency": 3}, processing={"convert": False})
    async with home.open() as engine:
        await engine.save_configuration("mine", plain, is_default=True)
        job = await engine.start_job(request(**plain))
        await until(lambda: len(home.requests("piapi", "submit")) == 3)
        while not (await engine.job(job.job_id)).images.approved:
            await until(lambda: bool(files_below(home.paths.default_output_dir)))

        changed = settings(processing={"convert": True, "convert_format": "jpg"})
        await engine.save_configuration("mine", changed, is_default=True)
        with pytest.raises(ConflictError):
            await engine.delete_jobs([job.job_id])
        (first,) = (await engine.images(ImageQuery(job_id=job.job_id))).rows
        assert (await engine.trash_images([first.image_id])).done == (first.image_id,)
        assert files_below(home.paths.default_output_dir) == []

        home.script()
        done = await engine.wait_for_job(job.job_id)
        counts = done.images
        assert (done.status, counts.approved, counts.trashed, counts.pending) == ("completed", 2, 1, 0)
        left = (await engine.images(ImageQuery(job_id=job.job_id))).rows
        totals = await engine.totals()
        assert totals.approved == 2
    assert len(home.requests("piapi", "submit")) == 3
    assert {Path(image.file or "").suffix for image in left} == {".png"}, "it ran with the changed settings"
    assert {str(path) for path in files_below(home.paths.default_output_dir)} == {
        image.file for image in left
    }
    statuses = [row["status"] for row in rows(home, "SELECT status FROM images ORDER BY status")]
    assert statuses == [ImageStatus.APPROVED, ImageStatus.APPROVED, ImageStatus.TRASHED]
