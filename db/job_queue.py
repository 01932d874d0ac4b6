"""The order in which queued jobs run. A position is any whole number; only its order means something."""

import aiosqlite

from db.query import change, fetch_all, fetch_one, fetch_rows
from db.records import JobRecord

_IN_ORDER = "FROM jobs WHERE status = 'queued' ORDER BY queue_position"

_ENQUEUE = """UPDATE jobs SET status = 'queued', finished_at = NULL, paused_at = NULL,
    pause_code = NULL, pause_message = NULL, pause_hint = NULL,
    queue_position = (SELECT coalesce(max(queue_position), 0) + 1 FROM jobs)
WHERE job_id = ? AND deleted_at IS NULL AND status IN ('paused', 'stopped', 'interrupted', 'failed')"""
_ENQUEUE_AGAIN = _ENQUEUE.replace("'failed')", "'failed', 'completed')")


async def enqueue(connection: aiosqlite.Connection, job_id: str, *, is_completed_too: bool = False) -> bool:
    """Put a job that can be resumed at the end of the queue; `is_completed_too`: one that had ended well too, because
    there is work for it again. Its last error stays until it starts."""
    return await change(connection, _ENQUEUE_AGAIN if is_completed_too else _ENQUEUE, (job_id,)) > 0


async def queue(connection: aiosqlite.Connection) -> list[JobRecord]:
    """The queued jobs in the order in which they will run."""
    return await fetch_all(connection, JobRecord, _IN_ORDER)


async def next_queued(connection: aiosqlite.Connection) -> JobRecord | None:
    """The job whose turn it is."""
    return await fetch_one(connection, JobRecord, f"{_IN_ORDER} LIMIT 1")


async def move_in_queue(connection: aiosqlite.Connection, job_id: str, to_index: int) -> bool:
    """Give the job the place `to_index` (0 is next; beyond the end means last). False where it is not
    queued."""
    rows = await fetch_rows(connection, f"SELECT job_id, queue_position {_IN_ORDER}")
    order = [row[0] for row in rows]
    if job_id not in order:
        return False
    order.remove(job_id)
    order.insert(max(to_index, 0), job_id)
    # New positions lie above all old ones, so that no two jobs share one at any moment of the update.
    first = rows[-1][1] + 1
    await connection.executemany(
        "UPDATE jobs SET queue_position = ? WHERE job_id = ? AND status = 'queued'",
        [(first + index, queued_id) for index, queued_id in enumerate(order)],
    )
    return True
