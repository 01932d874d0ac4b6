"""The images of a command, grouped by the jobs that they are from, with each job's settings as it ran."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from db import images as image_rows
from db import jobs as job_rows
from db.connection import Database
from db.records import ImageRecord, JobRecord
from engine.inputs import JobInputs, read_inputs
from engine.settings import Settings, merge_settings
from engine.views import RefusalView


@dataclass(frozen=True, slots=True)
class ImageGroup:
    """Images of one job, in the order asked for."""

    job: JobRecord
    settings: Settings
    inputs: JobInputs
    images: tuple[ImageRecord, ...]


@dataclass(frozen=True, slots=True)
class Grouped:
    groups: tuple[ImageGroup, ...]
    refused: tuple[RefusalView, ...]

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """All of them, group by group."""
        return tuple(image for group in self.groups for image in group.images)


async def group_images(
    database: Database, image_ids: Sequence[int], why_not: Callable[[ImageRecord], str | None]
) -> Grouped:
    """Read the images and the snapshots of their jobs. `why_not` says why an image is to be left out, or None."""
    wanted = list(dict.fromkeys(image_ids))
    refused: list[RefusalView] = []
    by_job: dict[str, list[ImageRecord]] = {}
    async with database.reading() as connection:
        found = {image.image_id: image for image in await image_rows.get_many(connection, wanted)}
        for image_id in wanted:
            image = found.get(image_id)
            if image is None:
                message: str | None = f"There is no image {image_id}."
            else:
                message = why_not(image)
            if message is not None:
                refused.append(RefusalView(image_id=image_id, message=message, hint=""))
            elif image is not None:
                by_job.setdefault(image.job_id, []).append(image)
        groups = []
        for job_id, images in by_job.items():
            job = await job_rows.get(connection, job_id)
            snapshot = await job_rows.snapshot(connection, job_id)
            assert job is not None, "an image's job exists"
            assert snapshot is not None, "every job has its snapshot"
            groups.append(
                ImageGroup(
                    job=job,
                    settings=merge_settings(snapshot.settings)[0],
                    inputs=read_inputs(snapshot.inputs),
                    images=tuple(images),
                )
            )
    return Grouped(tuple(groups), tuple(refused))
