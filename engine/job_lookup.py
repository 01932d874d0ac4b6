"""The row of a job that somebody named."""

import aiosqlite

from db import jobs as job_rows
from db.records import JobRecord
from engine.errors import NotFoundError


async def job_of(connection: aiosqlite.Connection, job_id: str) -> JobRecord:
    """Raises NotFoundError where there is none."""
    record = await job_rows.get(connection, job_id)
    if record is None:
        raise NotFoundError(f"There is no job {job_id}.", hint="`gimf jobs list` shows them all.")
    return record
