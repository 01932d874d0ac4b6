"""How much of the disk a job takes."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from db import care
from db import jobs as job_rows
from db.connection import Database
from engine.care import finding
from engine.errors import NotFoundError
from engine.places import Places
from engine.settings import merge_settings
from engine.views import SpaceView


async def job_space(database: Database, places: Places, job_id: str) -> SpaceView:
    """Files that two jobs share count for both; those that are gone take nothing. Raises NotFoundError."""
    async with database.reading() as connection:
        snapshot = await job_rows.snapshot(connection, job_id)
        files = await care.files_of_job(connection, job_id)
    if snapshot is None:
        raise NotFoundError(f"There is no job {job_id}.")
    work = places.work(merge_settings(snapshot.settings)[0]) / job_id
    previews = places.paths.previews_dir / job_id
    return await asyncio.to_thread(_measure, work, previews, files)


async def images_space(database: Database, image_ids: Sequence[int]) -> int:
    """Bytes of every file of these images but their previews; those that are gone take nothing."""
    async with database.reading() as connection:
        files = await care.files_of_images(connection, image_ids)
    names = {Path(name) for row in files for name in row if name is not None}

    def measure() -> int:
        return finding.size_of(file for path in names if (file := finding.found(path)) is not None)

    return await asyncio.to_thread(measure)


def _measure(work: Path, previews: Path, rows: list[tuple[str | None, ...]]) -> SpaceView:
    in_work = {file.path: file for file in finding.files_below(work)}
    for original, processed, _ in rows:
        for name in (
            original,
            processed,
        ):  # also where they lie elsewhere: imported, or before a change of folders
            if (
                name is not None
                and Path(name) not in in_work
                and (file := finding.found(Path(name))) is not None
            ):
                in_work[file.path] = file
    outputs = {Path(row[2]) for row in rows if row[2] is not None}
    return SpaceView(
        output=finding.size_of(file for path in outputs if (file := finding.found(path)) is not None),
        work=finding.size_of(in_work.values()),
        previews=finding.size_of(finding.files_below(previews)),
    )
