"""Job rows: inserting, finding and the changes of their status. Not the queue's order, not lists.

Every update says from which statuses it may happen and returns whether it did.
"""

from collections.abc import Collection

import aiosqlite

from db.query import change, fetch_all, fetch_one, literals, to_parameters, words
from db.records import JobRecord, JobSnapshot, NewJob, RecordedError
from db.status import RESUMABLE_JOBS, JobStatus

RESOLVE_LIMIT = 20

_ENDED = literals((JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED))
_STARTABLE = literals(sorted({JobStatus.QUEUED, *RESUMABLE_JOBS}))
_NOBODY_RUNS = "NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.status = 'running')"

_INSERT = """INSERT INTO jobs (job_id, kind, label, status, configuration_name, parent_job_id, planned_images,
    estimate_micros, budget_micros, output_dir, queue_position, created_at)
VALUES (:job_id, :kind, :label, 'queued', :configuration_name, :parent_job_id, :planned_images,
    :estimate_micros, :budget_micros, :output_dir, (SELECT coalesce(max(queue_position), 0) + 1 FROM jobs),
    :at)"""

_SET_STATUS = f"""UPDATE jobs SET status = :status, queue_position = NULL,
    finished_at = CASE WHEN :status IN ({_ENDED}) THEN :at END
WHERE job_id = :job_id AND status IN (SELECT value FROM json_each(:from_statuses))"""  # noqa: S608 - enum members only

_MARK_STARTED = f"""UPDATE jobs SET status = 'running', queue_position = NULL,
    started_at = coalesce(started_at, :at),
    finished_at = NULL, paused_at = NULL, pause_code = NULL, pause_message = NULL, pause_hint = NULL,
    error_stage = NULL, error_code = NULL, error_message = NULL, error_hint = NULL
WHERE job_id = :job_id AND deleted_at IS NULL AND status IN ({_STARTABLE}) AND {_NOBODY_RUNS}"""  # noqa: S608 - as above

_MARK_FINISHED = """UPDATE jobs SET status = :status, queue_position = NULL, finished_at = :at,
    paused_at = NULL, pause_code = NULL, pause_message = NULL, pause_hint = NULL,
    error_stage = :stage, error_code = :code, error_message = :message, error_hint = :hint
WHERE job_id = :job_id AND status IN ('queued', 'running', 'paused', 'interrupted')"""

_MARK_DELETED = """UPDATE jobs SET deleted_at = :at, queue_position = NULL,
    finished_at = CASE status WHEN 'queued' THEN :at ELSE finished_at END,
    status = CASE status WHEN 'queued' THEN 'stopped' ELSE status END
WHERE job_id = :job_id AND deleted_at IS NULL"""

_SET_PAUSE = """UPDATE jobs SET status = 'paused',
    paused_at = CASE status WHEN 'paused' THEN paused_at ELSE :at END,
    pause_code = :code, pause_message = :message, pause_hint = :hint
WHERE job_id = :job_id AND status IN ('running', 'paused', 'interrupted')"""

_NO_PAUSE = "paused_at = NULL, pause_code = NULL, pause_message = NULL, pause_hint = NULL"
_CLEAR_PAUSE_TO_RUNNING = f"""UPDATE jobs SET status = 'running', {_NO_PAUSE}
WHERE job_id = :job_id AND status = 'paused' AND {_NOBODY_RUNS}"""  # noqa: S608 - constants only
_CLEAR_PAUSE_TO_QUEUED = f"""UPDATE jobs SET status = 'queued', {_NO_PAUSE},
    queue_position = (SELECT coalesce(min(queue_position), 1) - 1 FROM jobs)
WHERE job_id = :job_id AND status = 'paused'"""  # noqa: S608 - constants only


async def insert(connection: aiosqlite.Connection, job: NewJob, at: str) -> JobRecord:
    """Insert the job with its snapshot, queued at the end.

    Raises sqlite3.IntegrityError where the id is taken; the transaction is still good, so try another id.
    """
    parameters = to_parameters(job)
    snapshot = (job.job_id, parameters.pop("settings"), parameters.pop("inputs"))
    await change(connection, _INSERT, parameters | {"at": at})
    await change(
        connection, "INSERT INTO job_snapshots (job_id, settings, inputs) VALUES (?, ?, ?)", snapshot
    )
    record = await get(connection, job.job_id)
    assert record is not None
    return record


async def get(connection: aiosqlite.Connection, job_id: str) -> JobRecord | None:
    """Deleted jobs too: their `deleted_at` says so."""
    return await fetch_one(connection, JobRecord, "FROM jobs WHERE job_id = ?", (job_id,))


async def snapshot(connection: aiosqlite.Connection, job_id: str) -> JobSnapshot | None:
    """The settings and inputs that the job runs with."""
    return await fetch_one(connection, JobSnapshot, "FROM job_snapshots WHERE job_id = ?", (job_id,))


async def resolve(
    connection: aiosqlite.Connection, text: str, *, include_deleted: bool = False
) -> list[JobRecord]:
    """The jobs that a user may mean by `text`: an id, a number (`12` or `#12`), a label, or the beginning of
    an id.

    The first of these that fits anything decides. More than one record means that the text is ambiguous; at
    most RESOLVE_LIMIT come back, newest first.
    """
    text = text.strip()
    digits = text.removeprefix("#")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    readings: list[tuple[str, object]] = [
        ("job_id = :text", text),
        ("job_number = :text", number),
        ("label = :text", text),
        (":text <> '' AND job_id >= :text AND job_id < :text || char(1114111)", text),
    ]
    tail = "FROM jobs WHERE {} AND (deleted_at IS NULL OR :deleted) ORDER BY job_number DESC LIMIT :limit"
    for condition, value in readings:
        parameters = {"text": value, "deleted": include_deleted, "limit": RESOLVE_LIMIT}
        if found := await fetch_all(connection, JobRecord, tail.format(condition), parameters):
            return found
    return []


async def by_status(connection: aiosqlite.Connection, status: JobStatus) -> list[JobRecord]:
    """All jobs of one status, oldest first, deleted ones left out."""
    tail = "FROM jobs WHERE status = ? AND deleted_at IS NULL ORDER BY job_number"
    return await fetch_all(connection, JobRecord, tail, (status,))


async def of_parent(connection: aiosqlite.Connection, parent_job_id: str) -> list[JobRecord]:
    """The reruns, retries and regenerations of a job, oldest first, deleted ones left out."""
    tail = "FROM jobs WHERE parent_job_id = ? AND deleted_at IS NULL ORDER BY job_number"
    return await fetch_all(connection, JobRecord, tail, (parent_job_id,))


async def set_status(
    connection: aiosqlite.Connection,
    job_id: str,
    status: JobStatus,
    at: str,
    from_statuses: Collection[JobStatus],
) -> bool:
    """Change nothing but the status (and `finished_at` with it). Raises ValueError for queued: that is
    `enqueue`."""
    if status is JobStatus.QUEUED:
        raise ValueError("a job enters the queue by job_queue.enqueue, which gives it its place")
    parameters = {"job_id": job_id, "status": status, "at": at, "from_statuses": words(from_statuses)}
    return await change(connection, _SET_STATUS, parameters) > 0


async def mark_started(connection: aiosqlite.Connection, job_id: str, at: str) -> bool:
    """Make it the running job, from queued or any status that can be resumed; False while another one
    runs."""
    return await change(connection, _MARK_STARTED, {"job_id": job_id, "at": at}) > 0


async def mark_finished(
    connection: aiosqlite.Connection,
    job_id: str,
    status: JobStatus,
    at: str,
    error: RecordedError | None = None,
) -> bool:
    """End an unfinished job as completed, failed or stopped; `error` is kept with it, an older one is
    dropped."""
    if status not in (JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED):
        raise ValueError(f"{status.value} is not an end of a job")
    parameters = {"job_id": job_id, "status": status, "at": at} | _error_parameters(error)
    return await change(connection, _MARK_FINISHED, parameters) > 0


async def set_pause(
    connection: aiosqlite.Connection, job_id: str, *, code: str, message: str, hint: str, at: str
) -> bool:
    """Pause the running job, or say anew why a paused or interrupted one waits."""
    parameters = {"job_id": job_id, "code": code, "message": message, "hint": hint, "at": at}
    return await change(connection, _SET_PAUSE, parameters) > 0


async def clear_pause(connection: aiosqlite.Connection, job_id: str, to: JobStatus) -> bool:
    """Let a paused job go on: `to` running (False while another one runs), or queued, at the front of the
    queue."""
    if to is JobStatus.RUNNING:
        statement = _CLEAR_PAUSE_TO_RUNNING
    elif to is JobStatus.QUEUED:
        statement = _CLEAR_PAUSE_TO_QUEUED
    else:
        raise ValueError(f"a paused job goes on as running or queued, not as {to.value}")
    return await change(connection, statement, {"job_id": job_id}) > 0


async def add_active_ms(connection: aiosqlite.Connection, job_id: str, milliseconds: int) -> bool:
    """Add to the time at work; in any status, because the last stretch is booked when the job has ended."""
    statement = "UPDATE jobs SET active_ms = active_ms + ? WHERE job_id = ?"
    return await change(connection, statement, (milliseconds, job_id)) > 0


async def set_planned(
    connection: aiosqlite.Connection, job_id: str, planned_images: int, estimate_micros: int
) -> bool:
    """What the plan came to; not after the job has ended."""
    statement = f"""UPDATE jobs SET planned_images = ?, estimate_micros = ?
        WHERE job_id = ? AND status NOT IN ({_ENDED})"""  # noqa: S608 - enum members only
    return await change(connection, statement, (planned_images, estimate_micros, job_id)) > 0


async def set_budget(connection: aiosqlite.Connection, job_id: str, budget_micros: int | None) -> bool:
    """The user allows the job another sum; None: no limit. The snapshot keeps what it began with."""
    statement = "UPDATE jobs SET budget_micros = ? WHERE job_id = ?"
    return await change(connection, statement, (budget_micros, job_id)) > 0


async def rename(connection: aiosqlite.Connection, job_id: str, label: str) -> bool:
    """In any status; files that are already in the output folder keep the old label."""
    return await change(connection, "UPDATE jobs SET label = ? WHERE job_id = ?", (label, job_id)) > 0


async def mark_deleted(connection: aiosqlite.Connection, job_id: str, at: str) -> bool:
    """Hide the job from lists and totals; a queued one leaves the queue as stopped. Images are not
    touched."""
    return await change(connection, _MARK_DELETED, {"job_id": job_id, "at": at}) > 0


async def unmark_deleted(connection: aiosqlite.Connection, job_id: str) -> bool:
    statement = "UPDATE jobs SET deleted_at = NULL WHERE job_id = ? AND deleted_at IS NOT NULL"
    return await change(connection, statement, (job_id,)) > 0


async def purge(connection: aiosqlite.Connection, job_id: str) -> bool:
    """Remove a deleted job that does not run, with its generations, tasks, images and log. The ledger
    stays."""
    statement = (
        "DELETE FROM jobs WHERE job_id = ? AND deleted_at IS NOT NULL AND status NOT IN ('running', 'paused')"
    )
    return await change(connection, statement, (job_id,)) > 0


def _error_parameters(error: RecordedError | None) -> dict[str, object]:
    if error is None:
        return {"stage": None, "code": None, "message": None, "hint": None}
    return to_parameters(error)
