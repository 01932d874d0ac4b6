"""Image rows and the changes of their status, from the first byte on disk to the output folder or the trash.

Every update says from which statuses it may happen and returns whether it did. Lists are image_pages'.
"""

from collections.abc import Sequence

import aiosqlite

from db.query import change, fetch_all, fetch_one, fetch_rows, json_text, to_parameters
from db.records import ImageRecord, NewImage
from db.status import Approval, Progress, Stage

_INSERT = """INSERT INTO images (job_id, generation_id, task_id, task_position, image_number, status,
    progress,
    warnings, prompt, keyword, provider, model, provider_task_id, seed, width, height, original_file,
    original_sha256, cost_micros, replaces_image_id, created_at, updated_at)
VALUES (:job_id, :generation_id, :task_id, :task_position, :image_number, 'pending',
    CASE WHEN :original_file IS NOT NULL THEN 'downloaded' END,
    :warnings, :prompt, :keyword, :provider, :model, :provider_task_id, :seed, :width, :height,
    :original_file, :original_sha256, :cost_micros, :replaces_image_id, :at, :at)
ON CONFLICT (task_id, task_position) DO NOTHING"""

# A manual approval works on an image while it still shows what the check or the failure made of it.
_WORKABLE = "status IN ('pending', 'processing', 'qc_failed', 'failed', 'retry_failed')"
_AT_WORK = "status IN ('pending', 'processing')"

_BEFORE_RETRY = """(SELECT image_before ->> 'status' FROM retries
    WHERE retries.image_id = images.image_id AND retries.state IN ('waiting', 'working'))"""

_SET_FILE = f"""UPDATE images SET original_file = :original_file, original_sha256 = :original_sha256,
    width = :width, height = :height, progress = 'downloaded', updated_at = :at
WHERE image_id = :image_id AND original_file IS NULL AND {_WORKABLE}"""  # noqa: S608 - constants only

_PASS_CHECK = f"""UPDATE images SET is_checked = :is_checked, reason = :reason, updated_at = :at,
    progress = CASE progress WHEN 'downloaded' THEN 'checked' ELSE progress END
WHERE image_id = :image_id AND progress IS NOT NULL AND {_AT_WORK}"""  # noqa: S608 - constants only

_SET_PROCESSED = f"""UPDATE images SET processed_file = :processed_file, width = :width, height = :height,
    progress = 'processed', updated_at = :at
WHERE image_id = :image_id AND {_WORKABLE}"""  # noqa: S608 - constants only

_SET_DESCRIBED = f"""UPDATE images SET title = :title, description = :description, tags = :tags,
    progress = 'described', updated_at = :at
WHERE image_id = :image_id AND {_WORKABLE}"""  # noqa: S608 - constants only

_SKIP_DESCRIPTION = f"""UPDATE images SET progress = 'described', updated_at = :at
WHERE image_id = :image_id AND {_WORKABLE}"""  # noqa: S608 - constants only

_APPROVE = f"""UPDATE images SET output_file = :output_file, approval = :approval, status = 'approved',
    progress = 'saved', reason = coalesce(:reason, reason), stage = NULL, error_code = NULL, updated_at = :at,
    before_approval = CASE :approval WHEN 'manual' THEN before_approval END
WHERE image_id = :image_id AND (:approval <> 'checked' OR is_checked = 1)
    AND CASE :approval WHEN 'manual' THEN {_WORKABLE} ELSE {_AT_WORK} END"""  # noqa: S608 - constants only

_REJECT = f"""UPDATE images SET is_checked = 0, stage = 'quality_check', error_code = NULL,
    status = CASE status WHEN 'processing' THEN 'retry_failed' ELSE 'qc_failed' END,
    reason = :reason, updated_at = :at
WHERE image_id = :image_id AND {_AT_WORK}"""  # noqa: S608 - constants only

_FAIL = """UPDATE images SET status = CASE status WHEN 'processing' THEN 'retry_failed' ELSE 'failed' END,
    stage = :stage, error_code = :code, reason = :reason, updated_at = :at
WHERE image_id = :image_id AND status IN ('pending', 'processing', 'retry_pending')"""

_ADD_WARNING = """UPDATE images SET warnings = json_insert(warnings, '$[#]', :warning), updated_at = :at
WHERE image_id = :image_id AND NOT EXISTS (SELECT 1 FROM json_each(warnings) WHERE value = :warning)"""

_TRASH = f"""UPDATE images SET status = 'trashed', is_trashed_with_job = :is_with_job, updated_at = :at,
    previous_status = CASE WHEN status IN ('retry_pending', 'processing') THEN {_BEFORE_RETRY} ELSE status END
WHERE status <> 'trashed' AND"""  # noqa: S608 - constants only

_RESTORE = """UPDATE images SET status = previous_status, previous_status = NULL, is_trashed_with_job = 0,
    updated_at = :at
WHERE status = 'trashed' AND"""


async def insert(connection: aiosqlite.Connection, image: NewImage, at: str) -> ImageRecord:
    """Insert a pending image. A second one at the same place of the same task changes nothing: the row that
    is there comes back. Raises sqlite3.IntegrityError where the job already has this image number
    elsewhere."""
    await change(connection, _INSERT, to_parameters(image) | {"at": at})
    tail = "FROM images WHERE task_id = ? AND task_position = ?"
    record = await fetch_one(connection, ImageRecord, tail, (image.task_id, image.task_position))
    assert record is not None
    return record


async def get(connection: aiosqlite.Connection, image_id: int) -> ImageRecord | None:
    return await fetch_one(connection, ImageRecord, "FROM images WHERE image_id = ?", (image_id,))


async def get_many(connection: aiosqlite.Connection, image_ids: Sequence[int]) -> list[ImageRecord]:
    """Those of the images that exist, in the order asked for."""
    tail = "FROM json_each(?) AS wanted CROSS JOIN images ON image_id = wanted.value ORDER BY wanted.key"
    return await fetch_all(connection, ImageRecord, tail, (json_text(list(image_ids)),))


async def for_task(connection: aiosqlite.Connection, task_id: int) -> list[ImageRecord]:
    return await fetch_all(
        connection, ImageRecord, "FROM images WHERE task_id = ? ORDER BY task_position", (task_id,)
    )


async def unfinished(
    connection: aiosqlite.Connection, job_id: str, after_image_id: int = 0, limit: int = 100
) -> list[ImageRecord]:
    """The next pending images of a job, by id."""
    tail = "FROM images WHERE job_id = ? AND status = 'pending' AND image_id > ? ORDER BY image_id LIMIT ?"
    return await fetch_all(connection, ImageRecord, tail, (job_id, after_image_id, limit))


async def next_image_number(connection: aiosqlite.Connection, job_id: str) -> int:
    """One more than the highest image number of the job. Only good inside the transaction that inserts it."""
    statement = "SELECT coalesce(max(image_number), 0) + 1 FROM images WHERE job_id = ?"
    number: int = (await fetch_rows(connection, statement, (job_id,)))[0][0]
    return number


async def count_by_progress(connection: aiosqlite.Connection, job_id: str) -> dict[Progress, int]:
    """How many images of the job have passed each step last; rejected ones are left out, they passed none."""
    statement = """SELECT progress, count(*) FROM images
        WHERE job_id = ? AND progress IS NOT NULL AND status <> 'qc_failed' GROUP BY progress"""
    return {Progress(row[0]): row[1] for row in await fetch_rows(connection, statement, (job_id,))}


async def set_original(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    original_file: str,
    original_sha256: str,
    width: int,
    height: int,
    at: str,
) -> bool:
    """A later download brought the file that the first one did not."""
    parameters = {
        "image_id": image_id,
        "original_file": original_file,
        "original_sha256": original_sha256,
        "width": width,
        "height": height,
        "at": at,
    }
    return await change(connection, _SET_FILE, parameters) > 0


async def pass_check(connection: aiosqlite.Connection, image_id: int, reason: str, at: str) -> bool:
    """The quality check passed it."""
    parameters = {"image_id": image_id, "is_checked": 1, "reason": reason, "at": at}
    return await change(connection, _PASS_CHECK, parameters) > 0


async def skip_check(connection: aiosqlite.Connection, image_id: int, reason: str, at: str) -> bool:
    """The settings switch the check off; the image does not count as checked."""
    parameters = {"image_id": image_id, "is_checked": 0, "reason": reason, "at": at}
    return await change(connection, _PASS_CHECK, parameters) > 0


async def set_processed(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    processed_file: str | None,
    width: int,
    height: int,
    at: str,
) -> bool:
    """Processing is over; `processed_file` is None where nothing was switched on and the original goes on."""
    parameters = {
        "image_id": image_id,
        "processed_file": processed_file,
        "width": width,
        "height": height,
        "at": at,
    }
    return await change(connection, _SET_PROCESSED, parameters) > 0


async def set_described(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    title: str,
    description: str,
    tags: Sequence[str],
    at: str,
) -> bool:
    parameters = {
        "image_id": image_id,
        "title": title,
        "description": description,
        "tags": json_text(list(tags)),
        "at": at,
    }
    return await change(connection, _SET_DESCRIBED, parameters) > 0


async def skip_description(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """Go on without metadata, because it is switched off or failed softly."""
    return await change(connection, _SKIP_DESCRIPTION, {"image_id": image_id, "at": at}) > 0


async def approve(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    output_file: str,
    approval: Approval,
    reason: str | None,
    at: str,
) -> bool:
    """Status, file and approval in one step, when the file is already in the output folder; None keeps the
    reason.

    False unless the image is at work and, for `checked`, has passed the check; a manual approval also takes
    rejected and failed ones. Raises sqlite3.IntegrityError where another image has this output file.
    """
    parameters = {
        "image_id": image_id,
        "output_file": output_file,
        "approval": approval,
        "reason": reason,
        "at": at,
    }
    return await change(connection, _APPROVE, parameters) > 0


async def reject(connection: aiosqlite.Connection, image_id: int, reason: str, at: str) -> bool:
    """The quality check rejected it: qc_failed, or retry_failed for an image that a retry was at work on."""
    return await change(connection, _REJECT, {"image_id": image_id, "reason": reason, "at": at}) > 0


async def fail(
    connection: aiosqlite.Connection, image_id: int, stage: Stage, *, code: str, reason: str, at: str
) -> bool:
    """A technical failure at `stage`: failed, or retry_failed for an image that a retry was at work on."""
    parameters = {"image_id": image_id, "stage": stage, "code": code, "reason": reason, "at": at}
    return await change(connection, _FAIL, parameters) > 0


async def add_warning(connection: aiosqlite.Connection, image_id: int, text: str, at: str) -> bool:
    """Record a soft failure, in any status; False where the image has this very warning already."""
    return await change(connection, _ADD_WARNING, {"image_id": image_id, "warning": text, "at": at}) > 0


async def replacements(
    connection: aiosqlite.Connection, image_ids: Sequence[int]
) -> dict[int, tuple[int, ...]]:
    """For those of the images that were made anew the images that were, oldest first."""
    statement = """SELECT replaces_image_id, image_id FROM json_each(?) AS wanted
        CROSS JOIN images ON images.replaces_image_id = wanted.value ORDER BY image_id"""
    found: dict[int, tuple[int, ...]] = {}
    for old, new in await fetch_rows(connection, statement, (json_text(list(image_ids)),)):
        found[old] = (*found.get(old, ()), new)
    return found


async def trash(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """Trash an image of any status. One that was in a retry remembers what it was before the retry."""
    parameters = {"image_id": image_id, "is_with_job": 0, "at": at}
    return await change(connection, f"{_TRASH} image_id = :image_id", parameters) > 0


async def restore(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """Give a trashed image the status that it had."""
    parameters = {"image_id": image_id, "at": at}
    return await change(connection, f"{_RESTORE} image_id = :image_id", parameters) > 0


async def trash_job(connection: aiosqlite.Connection, job_id: str, at: str) -> int:
    """Trash every image of a job that is being deleted; how many. Those already in the trash do not count."""
    parameters = {"job_id": job_id, "is_with_job": 1, "at": at}
    return await change(connection, f"{_TRASH} job_id = :job_id", parameters)


async def restore_job(connection: aiosqlite.Connection, job_id: str, at: str) -> int:
    """Take the deletion of a job back: the images that it trashed are what they were; how many."""
    statement = f"{_RESTORE} job_id = :job_id AND is_trashed_with_job = 1"
    return await change(connection, statement, {"job_id": job_id, "at": at})


async def trash_alone(connection: aiosqlite.Connection, image_id: int) -> bool:
    """Let an image that was trashed with its job stay in the trash when the job comes back."""
    statement = "UPDATE images SET is_trashed_with_job = 0 WHERE image_id = ? AND status = 'trashed'"
    return await change(connection, statement, (image_id,)) > 0


async def set_output_file(connection: aiosqlite.Connection, image_id: int, output_file: str, at: str) -> bool:
    """The file of an approved image was moved, into the trash or out of it."""
    statement = """UPDATE images SET output_file = ?, updated_at = ?
        WHERE image_id = ? AND status IN ('approved', 'trashed') AND output_file IS NOT NULL"""
    return await change(connection, statement, (output_file, at, image_id)) > 0


async def delete(connection: aiosqlite.Connection, image_id: int) -> bool:
    """Remove a trashed image for good. Its files go afterwards: without a row nobody can restore them meanwhile."""
    statement = "DELETE FROM images WHERE image_id = ? AND status = 'trashed'"
    return await change(connection, statement, (image_id,)) > 0
