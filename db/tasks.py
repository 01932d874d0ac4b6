"""Tasks: one paid call to an image provider each. The states and their order are TaskState's.

Every update says from which states it may happen and returns whether it did; the caller books the money
in the same transaction.
"""

from collections.abc import Collection, Sequence

import aiosqlite

from db.query import change, fetch_all, fetch_one, fetch_rows, json_text, to_parameters, words
from db.records import JsonObject, NewTask, RecordedError, TaskRecord
from db.status import TaskState

_INSERT = """INSERT INTO tasks (generation_id, job_id, task_index, provider, model, state, request_key,
    images_requested, estimate_micros, created_at, updated_at)
VALUES (:generation_id, :job_id, :task_index, :provider, :model, :state, :request_key,
    :images_requested, :estimate_micros, :at, :at)"""

_NO_ERROR = "error_stage = NULL, error_code = NULL, error_message = NULL, error_hint = NULL, updated_at = :at"
_ERROR = (
    "error_stage = :stage, error_code = :code, error_message = :message, error_hint = :hint, updated_at = :at"
)

_MARK_SUBMITTING = f"""UPDATE tasks SET state = 'submitting', submissions = submissions + 1, submitted_at =
    :at,
    {_NO_ERROR}
WHERE task_id = :task_id AND state = 'prompted'"""  # noqa: S608 - constants only

_MARK_SUBMITTED = f"""UPDATE tasks SET state = 'submitted', provider_task_id = :provider_task_id, {_NO_ERROR}
WHERE task_id = :task_id AND state IN ('submitting', 'unknown')"""  # noqa: S608 - constants only

_MARK_UNSENT = f"""UPDATE tasks SET state = 'prompted', submitted_at = NULL, {_NO_ERROR}
WHERE task_id = :task_id AND state IN ('submitting', 'unknown')"""  # noqa: S608 - constants only

_MARK_READY = f"""UPDATE tasks SET state = 'ready', outputs = :outputs,
    cost_micros = coalesce(:cost_micros, cost_micros),
    provider_task_id = coalesce(:provider_task_id, provider_task_id), {_NO_ERROR}
WHERE task_id = :task_id
    AND state IN ('submitting', 'submitted', 'ready', 'unknown', 'failed')"""  # noqa: S608 - constants only

_MARK_DOWNLOADED = f"""UPDATE tasks SET state = 'downloaded', images_received = :images_received, {_NO_ERROR}
WHERE task_id = :task_id AND state IN ('ready', 'downloaded')"""  # noqa: S608 - constants only

_MARK_DONE = """UPDATE tasks SET state = 'done', updated_at = :at
WHERE task_id = :task_id AND state = 'downloaded' AND NOT EXISTS (SELECT 1 FROM images
    WHERE images.task_id = tasks.task_id AND images.status IN ('pending', 'processing', 'retry_pending'))"""

_MARK_UNKNOWN = f"""UPDATE tasks SET state = 'unknown', {_ERROR}
WHERE task_id = :task_id AND state IN ('submitting', 'unknown')"""  # noqa: S608 - constants only

_MARK_FAILED = f"""UPDATE tasks SET state = 'failed', {_ERROR}
WHERE task_id = :task_id AND state IN
    ('planned', 'prompted', 'submitting', 'submitted', 'ready', 'unknown', 'failed')"""  # noqa: S608 - constants only

_MARK_CANCELLED = """UPDATE tasks SET state = 'cancelled', updated_at = :at
WHERE task_id = :task_id AND state IN ('planned', 'prompted', 'submitted')"""

_CHECK_AGAIN = f"""UPDATE tasks SET state = 'submitted', decided_at = NULL, {_NO_ERROR}
WHERE task_id = :task_id AND state = 'failed' AND provider_task_id IS NOT NULL"""  # noqa: S608 - constants only

_REOPEN = f"""UPDATE tasks SET request_key = :request_key, provider_task_id = NULL, submitted_at = NULL,
    decided_at = NULL, {_NO_ERROR},
    state = CASE WHEN EXISTS (SELECT 1 FROM generations AS own
            WHERE own.generation_id = tasks.generation_id AND own.prompt IS NOT NULL)
        THEN 'prompted' ELSE 'planned' END
WHERE task_id = :task_id AND state IN ('failed', 'cancelled', 'unknown')"""  # noqa: S608 - constants only


async def insert_many(connection: aiosqlite.Connection, tasks: Sequence[NewTask], at: str) -> list[int]:
    """Insert them; their ids in the order given. Raises ValueError for one that starts in a later state."""
    for task in tasks:
        if task.state not in (TaskState.PLANNED, TaskState.PROMPTED):
            raise ValueError(f"a new task is planned or prompted, not {task.state.value}")
    await connection.executemany(_INSERT, [to_parameters(task) | {"at": at} for task in tasks])
    rows = await fetch_rows(
        connection,
        """SELECT task_id FROM json_each(?) AS wanted CROSS JOIN tasks ON request_key = wanted.value
        ORDER BY wanted.key""",
        (json_text([task.request_key for task in tasks]),),
    )
    return [row[0] for row in rows]


async def get(connection: aiosqlite.Connection, task_id: int) -> TaskRecord | None:
    return await fetch_one(connection, TaskRecord, "FROM tasks WHERE task_id = ?", (task_id,))


async def for_generation(connection: aiosqlite.Connection, generation_id: int) -> list[TaskRecord]:
    tail = "FROM tasks WHERE generation_id = ? ORDER BY task_index"
    return await fetch_all(connection, TaskRecord, tail, (generation_id,))


async def for_generations(
    connection: aiosqlite.Connection, generation_ids: Sequence[int]
) -> list[TaskRecord]:
    """The tasks of many generations, by generation and index."""
    tail = """FROM tasks WHERE generation_id IN (SELECT value FROM json_each(?))
        ORDER BY generation_id, task_index"""
    return await fetch_all(connection, TaskRecord, tail, (json_text(list(generation_ids)),))


async def for_job(
    connection: aiosqlite.Connection,
    job_id: str,
    states: Collection[TaskState],
    after_task_id: int = 0,
    limit: int = 100,
) -> list[TaskRecord]:
    """The next tasks of a job in any of `states`, by id."""
    tail = """FROM tasks WHERE job_id = ? AND task_id > ? AND state IN (SELECT value FROM json_each(?))
        ORDER BY task_id LIMIT ?"""
    return await fetch_all(connection, TaskRecord, tail, (job_id, after_task_id, words(states), limit))


_UNDECIDED = """FROM tasks WHERE state IN ('unknown', 'failed') AND decided_at IS NULL
    AND job_id NOT IN (SELECT job_id FROM jobs WHERE deleted_at IS NOT NULL AND job_id IS NOT :job_id)
    AND (:job_id IS NULL OR job_id = :job_id)"""


async def undecided(
    connection: aiosqlite.Connection, job_id: str | None = None, after_task_id: int = 0, limit: int = 100
) -> list[TaskRecord]:
    """The next tasks that ended without pictures (unknown, failed) and that nobody has decided about, of one job or
    of all that are not deleted, by id."""
    tail = f"{_UNDECIDED} AND task_id > :after ORDER BY task_id LIMIT :limit"
    return await fetch_all(
        connection, TaskRecord, tail, {"after": after_task_id, "job_id": job_id, "limit": limit}
    )


async def count_undecided(connection: aiosqlite.Connection) -> int:
    """How many there are, of all jobs that are not deleted."""
    statement = f"SELECT count(*) {_UNDECIDED}"
    return int((await fetch_rows(connection, statement, {"job_id": None}))[0][0])


async def note_decided(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """A person has decided that nothing more is to come of a failed task."""
    statement = (
        "UPDATE tasks SET decided_at = ? WHERE task_id = ? AND state = 'failed' AND decided_at IS NULL"
    )
    return await change(connection, statement, (at, task_id)) > 0


async def recover_submitting(connection: aiosqlite.Connection, job_id: str | None = None) -> list[TaskRecord]:
    """The tasks in state submitting, of one job or of all. Found at start, each is one whose answer was
    lost."""
    tail = "FROM tasks WHERE state = 'submitting' AND (:job_id IS NULL OR job_id = :job_id) ORDER BY task_id"
    return await fetch_all(connection, TaskRecord, tail, {"job_id": job_id})


async def count_by_state(connection: aiosqlite.Connection, job_id: str) -> dict[TaskState, int]:
    """How many tasks of the job are in each state; states without any are there with 0."""
    statement = "SELECT state, count(*) FROM tasks WHERE job_id = ? GROUP BY state"
    counts = {row[0]: row[1] for row in await fetch_rows(connection, statement, (job_id,))}
    return {state: counts.get(state, 0) for state in TaskState}


async def provider_ids(connection: aiosqlite.Connection, provider: str, since: str) -> list[str]:
    """The provider's ids of all tasks submitted at or after `since`."""
    statement = """SELECT provider_task_id FROM tasks
        WHERE provider = ? AND submitted_at >= ? AND provider_task_id IS NOT NULL ORDER BY task_id"""
    return [row[0] for row in await fetch_rows(connection, statement, (provider, since))]


async def mark_submitting(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """The request is about to leave. Commit this in a durable transaction before it does."""
    return await change(connection, _MARK_SUBMITTING, {"task_id": task_id, "at": at}) > 0


async def mark_submitted(
    connection: aiosqlite.Connection, task_id: int, provider_task_id: str, at: str
) -> bool:
    """The provider's id is known, from the answer or from reconciling."""
    parameters = {"task_id": task_id, "provider_task_id": provider_task_id, "at": at}
    return await change(connection, _MARK_SUBMITTED, parameters) > 0


async def mark_unsent(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """Nothing was bought: safe to send again. `submissions` keeps counting the attempt."""
    return await change(connection, _MARK_UNSENT, {"task_id": task_id, "at": at}) > 0


async def mark_ready(
    connection: aiosqlite.Connection,
    task_id: int,
    outputs: Sequence[JsonObject],
    cost_micros: int | None,
    at: str,
    *,
    provider_task_id: str | None = None,
) -> bool:
    """The provider has finished; from ready again where its links were refreshed. None leaves cost and id as
    they are."""
    parameters = {
        "task_id": task_id,
        "outputs": json_text(list(outputs)),
        "cost_micros": cost_micros,
        "provider_task_id": provider_task_id,
        "at": at,
    }
    return await change(connection, _MARK_READY, parameters) > 0


async def mark_downloaded(
    connection: aiosqlite.Connection, task_id: int, images_received: int, at: str
) -> bool:
    """Every picture of it has its image row; what is short of the number asked for becomes the job's
    `missing`."""
    parameters = {"task_id": task_id, "images_received": images_received, "at": at}
    return await change(connection, _MARK_DOWNLOADED, parameters) > 0


async def mark_done_if_finished(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """Close a downloaded task once none of its images is pending, processing or waiting for a retry."""
    return await change(connection, _MARK_DONE, {"task_id": task_id, "at": at}) > 0


async def mark_unknown(connection: aiosqlite.Connection, task_id: int, error: RecordedError, at: str) -> bool:
    """The answer to the submission was lost; again with a newer account of it after reconciling in vain."""
    return await change(connection, _MARK_UNKNOWN, to_parameters(error) | {"task_id": task_id, "at": at}) > 0


async def mark_failed(connection: aiosqlite.Connection, task_id: int, error: RecordedError, at: str) -> bool:
    """It ends without a picture. A provider's id stays, so that the task can be asked for again."""
    return await change(connection, _MARK_FAILED, to_parameters(error) | {"task_id": task_id, "at": at}) > 0


async def mark_cancelled(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """Never sent, or taken back by the provider."""
    return await change(connection, _MARK_CANCELLED, {"task_id": task_id, "at": at}) > 0


async def check_again(connection: aiosqlite.Connection, task_id: int, at: str) -> bool:
    """Poll a failed task once more under the id that the provider gave it: costs nothing."""
    return await change(connection, _CHECK_AGAIN, {"task_id": task_id, "at": at}) > 0


async def reopen(connection: aiosqlite.Connection, task_id: int, request_key: str, at: str) -> bool:
    """Prepare a failed, cancelled or unknown task to be sent anew, under a key of its own so that no answer
    to the old request is taken for one to the new. It may pay a second time: the user's decision."""
    return await change(connection, _REOPEN, {"task_id": task_id, "request_key": request_key, "at": at}) > 0
