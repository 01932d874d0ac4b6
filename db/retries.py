"""Retries: images that failed, at work once more in a job of its own. Their state follows the images by trigger.

Every update says from which statuses it may happen. One image is in one retry at a time; the database sees to it.
"""

from collections.abc import Mapping, Sequence

import aiosqlite

from db.query import change, fetch_all, fetch_one, fetch_rows, json_text
from db.records import JsonObject, RetryRecord
from db.status import Progress, RetryState

_RETRIABLE = """images.status IN ('qc_failed', 'failed', 'retry_failed') AND images.before_approval IS NULL"""
_ACTIVE = "state IN ('waiting', 'working')"

_BEFORE = """json_object('status', images.status, 'stage', images.stage, 'error_code', images.error_code,
    'reason', images.reason, 'progress', images.progress, 'is_checked', images.is_checked)"""

_ADMIT = f"""INSERT INTO retries (job_id, image_id, attempt, state, image_before, used, created_at)
SELECT :job_id, images.image_id,
    1 + (SELECT coalesce(max(attempt), 0) FROM retries AS earlier WHERE earlier.image_id = images.image_id),
    'waiting', {_BEFORE}, coalesce(json_extract(:used, '$."' || images.job_id || '"'), '{{}}'), :at
FROM json_each(:image_ids) AS wanted CROSS JOIN images ON images.image_id = wanted.value
WHERE {_RETRIABLE} ORDER BY wanted.key"""  # noqa: S608 - constants only

_READMIT = f"""UPDATE retries SET state = 'waiting', finished_at = NULL,
    image_before = (SELECT {_BEFORE} FROM images WHERE images.image_id = retries.image_id)
WHERE job_id = :job_id AND state = 'cancelled'
    AND EXISTS (SELECT 1 FROM images WHERE images.image_id = retries.image_id AND {_RETRIABLE})
    AND NOT EXISTS (SELECT 1 FROM retries AS other
        WHERE other.image_id = retries.image_id AND other.{_ACTIVE})"""  # noqa: S608 - constants only

_MARK_PENDING = f"""UPDATE images SET status = 'retry_pending', updated_at = :at
WHERE {_RETRIABLE} AND image_id IN (SELECT image_id FROM retries WHERE job_id = :job_id AND state = 'waiting')"""  # noqa: S608 - as above

_BEGIN = """UPDATE images SET status = 'processing', progress = :progress, updated_at = :at,
    is_checked = CASE WHEN :forgets_check THEN 0 ELSE is_checked END
WHERE image_id = :image_id AND status = 'retry_pending'"""

_CANCEL = f"""UPDATE retries SET state = 'cancelled', finished_at = :at
WHERE job_id = :job_id AND {_ACTIVE}"""  # noqa: S608 - as above

# Work that a cut off retry has done on the pixels may have been done with settings of its own: it is done again.
_GIVE_BACK = f"""UPDATE images SET updated_at = :at,
    status = before.image_before ->> 'status', stage = before.image_before ->> 'stage',
    error_code = before.image_before ->> 'error_code', reason = before.image_before ->> 'reason',
    is_checked = before.image_before ->> 'is_checked',
    progress = CASE WHEN images.status = 'retry_pending' THEN images.progress
        WHEN before.image_before ->> 'progress' IN ('processed', 'described', 'saved') THEN 'checked'
        ELSE before.image_before ->> 'progress' END
FROM retries AS before
WHERE before.image_id = images.image_id AND before.job_id = :job_id AND before.state = 'cancelled'
    AND images.status IN ('retry_pending', 'processing')
    AND NOT EXISTS (SELECT 1 FROM retries AS active
        WHERE active.image_id = images.image_id AND active.{_ACTIVE})
RETURNING images.image_id"""  # noqa: S608 - as above

_REWIND = """UPDATE images SET progress = 'checked'
WHERE image_id = :image_id AND progress IN ('processed', 'described', 'saved') AND status <> 'approved'"""


async def admit(
    connection: aiosqlite.Connection,
    job_id: str,
    image_ids: Sequence[int],
    used: Mapping[str, JsonObject],
    at: str,
) -> list[int]:
    """Put rejected and failed images into the retry `job_id`, in this order: they are retry_pending then. `used` has,
    for each job that an image is from, the settings it will be worked on with. Answers the images that were taken:
    not those of other statuses, nor those that are being approved."""
    parameters = {
        "job_id": job_id,
        "image_ids": json_text(list(image_ids)),
        "used": json_text(dict(used)),
        "at": at,
    }
    await change(connection, _ADMIT, parameters)
    return await _mark_pending(connection, job_id, at)


async def readmit(connection: aiosqlite.Connection, job_id: str, at: str) -> list[int]:
    """Take the images of a stopped retry in again, as far as they are still undecided; which ones."""
    await change(connection, _READMIT, {"job_id": job_id})
    return await _mark_pending(connection, job_id, at)


async def _mark_pending(connection: aiosqlite.Connection, job_id: str, at: str) -> list[int]:
    await change(connection, _MARK_PENDING, {"job_id": job_id, "at": at})
    statement = "SELECT image_id FROM retries WHERE job_id = ? AND state = 'waiting' ORDER BY retry_id"
    return [row[0] for row in await fetch_rows(connection, statement, (job_id,))]


async def begin(
    connection: aiosqlite.Connection,
    image_id: int,
    progress: Progress | None,
    at: str,
    *,
    forgets_check: bool,
) -> bool:
    """The work on an image begins, right after the step `progress` (None: with the download). `forgets_check`: an
    earlier pass of the quality check no longer counts, because it is checked again."""
    parameters = {"image_id": image_id, "progress": progress, "at": at, "forgets_check": forgets_check}
    return await change(connection, _BEGIN, parameters) > 0


async def cancel(connection: aiosqlite.Connection, job_id: str, at: str) -> list[int]:
    """Let go of every image that the retry is not done with: each is what it was before; which ones. Run it inside a
    transaction; for a job that is no retry it does nothing."""
    await change(connection, _CANCEL, {"job_id": job_id, "at": at})
    return [row[0] for row in await fetch_rows(connection, _GIVE_BACK, {"job_id": job_id, "at": at})]


async def rewind(connection: aiosqlite.Connection, image_id: int) -> bool:
    """What was done to the pixels with settings that are not the job's own counts for nothing: it is done anew."""
    return await change(connection, _REWIND, {"image_id": image_id}) > 0


async def of_image(connection: aiosqlite.Connection, image_id: int) -> list[RetryRecord]:
    """Every retry that the image was in, the first one first."""
    tail = "FROM retries WHERE image_id = ? ORDER BY retry_id"
    return await fetch_all(connection, RetryRecord, tail, (image_id,))


async def active(connection: aiosqlite.Connection, image_id: int) -> RetryRecord | None:
    """The retry that the image waits for, or that is at work on it."""
    tail = f"FROM retries WHERE image_id = ? AND {_ACTIVE}"
    return await fetch_one(connection, RetryRecord, tail, (image_id,))


async def unfinished(
    connection: aiosqlite.Connection,
    job_id: str,
    state: RetryState,
    after_retry_id: int = 0,
    limit: int = 100,
) -> list[RetryRecord]:
    """The next images of a retry in a state, in their order."""
    tail = "FROM retries WHERE job_id = ? AND state = ? AND retry_id > ? ORDER BY retry_id LIMIT ?"
    return await fetch_all(connection, RetryRecord, tail, (job_id, state, after_retry_id, limit))


async def count_by_progress(connection: aiosqlite.Connection, job_id: str) -> dict[Progress, int]:
    """How many images that the retry has begun with have passed each step last."""
    statement = """SELECT images.progress, count(*) FROM retries JOIN images USING (image_id)
        WHERE retries.job_id = ? AND retries.state NOT IN ('waiting', 'cancelled') AND images.progress IS NOT NULL
        GROUP BY images.progress"""
    return {Progress(row[0]): row[1] for row in await fetch_rows(connection, statement, (job_id,))}
