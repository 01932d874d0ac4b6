"""What is asked before files are removed: which jobs there are, what rows point to, what lies in the trash for long."""

from collections.abc import Collection, Sequence

import aiosqlite

from db.query import fetch_all, fetch_rows, json_text
from db.records import ImageRecord, JobRecord

_FILES = "original_file, processed_file, output_file"

_POINTED_AT = " UNION ".join(
    f"SELECT {column} FROM images WHERE {column} IN (SELECT value FROM json_each(:files))"  # noqa: S608 - constants
    for column in _FILES.split(", ")
)


async def all_job_ids(connection: aiosqlite.Connection) -> set[str]:
    """Deleted ones too: they can be restored."""
    return {row[0] for row in await fetch_rows(connection, "SELECT job_id FROM jobs")}


async def image_numbers(connection: aiosqlite.Connection, job_id: str) -> set[int]:
    """The numbers of the images that the job has, of any status."""
    rows = await fetch_rows(connection, "SELECT image_number FROM images WHERE job_id = ?", (job_id,))
    return {row[0] for row in rows}


async def files_of_job(connection: aiosqlite.Connection, job_id: str) -> list[tuple[str | None, ...]]:
    """Original, processed and output file of every image of the job."""
    statement = f"SELECT {_FILES} FROM images WHERE job_id = ?"  # noqa: S608 - constants only
    return [tuple(row) for row in await fetch_rows(connection, statement, (job_id,))]


async def files_of_images(
    connection: aiosqlite.Connection, image_ids: Sequence[int]
) -> list[tuple[str | None, ...]]:
    """As `files_of_job`, of these images."""
    statement = f"SELECT {_FILES} FROM images WHERE image_id IN (SELECT value FROM json_each(?))"  # noqa: S608 - as above
    return [tuple(row) for row in await fetch_rows(connection, statement, (json_text(list(image_ids)),))]


async def open_tasks(connection: aiosqlite.Connection, job_id: str) -> list[tuple[int, str]]:
    """Id and request key of the job's tasks whose pictures do not all have a row yet."""
    statement = (
        "SELECT task_id, request_key FROM tasks WHERE job_id = ? AND state NOT IN ('downloaded', 'done')"
    )
    return [(row[0], row[1]) for row in await fetch_rows(connection, statement, (job_id,))]


async def pointed_at(connection: aiosqlite.Connection, files: Collection[str]) -> set[str]:
    """Those of the files that any image of any job points to. Reads all images once."""
    rows = await fetch_rows(connection, _POINTED_AT, {"files": json_text(list(files))})
    return {row[0] for row in rows}


async def old_trash(
    connection: aiosqlite.Connection, before: str, after_image_id: int = 0, limit: int = 500
) -> list[ImageRecord]:
    """The next images that were trashed one by one and not touched after `before`, by id; none of a job at
    work."""
    tail = """FROM images WHERE status = 'trashed' AND image_id > :after AND updated_at <= :before
            AND is_trashed_with_job = 0 AND job_id IN
                (SELECT job_id FROM jobs WHERE deleted_at IS NULL AND status NOT IN ('running', 'paused'))
        ORDER BY image_id LIMIT :limit"""
    parameters = {"before": before, "after": after_image_id, "limit": limit}
    return await fetch_all(connection, ImageRecord, tail, parameters)


async def trashed_with_job(
    connection: aiosqlite.Connection, job_id: str, after_image_id: int = 0, limit: int = 200
) -> list[ImageRecord]:
    """The next images that went into the trash because their job was deleted, by id."""
    tail = """FROM images WHERE job_id = ? AND status = 'trashed' AND is_trashed_with_job = 1 AND image_id > ?
        ORDER BY image_id LIMIT ?"""
    return await fetch_all(connection, ImageRecord, tail, (job_id, after_image_id, limit))


async def old_deleted_jobs(connection: aiosqlite.Connection, before: str) -> list[JobRecord]:
    """Jobs that were deleted at that time or earlier and are not at work, oldest first."""
    tail = "FROM jobs WHERE deleted_at <= ? AND status NOT IN ('running', 'paused') ORDER BY job_number"
    return await fetch_all(connection, JobRecord, tail, (before,))


async def image_ids_of_job(connection: aiosqlite.Connection, job_id: str) -> list[int]:
    """Of any status."""
    rows = await fetch_rows(connection, "SELECT image_id FROM images WHERE job_id = ?", (job_id,))
    return [row[0] for row in rows]


async def output_folders(connection: aiosqlite.Connection) -> list[str]:
    """Every folder that a job has put pictures into."""
    return [row[0] for row in await fetch_rows(connection, "SELECT DISTINCT output_dir FROM jobs")]
