"""Log entries of jobs and of the engine, in the order in which they were written."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from db.paging import like_pattern
from db.query import fetch_all, fetch_rows, to_parameters, words
from db.records import LogRecord, NewLogEntry
from db.status import LogLevel

_SEVERITY = (LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR)

_INSERT = """INSERT INTO log_entries (job_id, at, level, stage, image_number, message, cause, hint)
VALUES (:job_id, :at, :level, :stage, :image_number, :message, :cause, :hint)"""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """What an entry must be to be listed."""

    job_id: str | None = None
    """None: entries of every job and of the engine itself."""
    min_level: LogLevel = LogLevel.DEBUG
    stage: str | None = None
    text: str = ""
    """Part of the message or the cause, letter case ignored."""


async def insert_many(connection: aiosqlite.Connection, entries: Sequence[NewLogEntry]) -> range:
    """Insert them; their entry ids, in the order given. Run it inside a transaction: the ids of one are in a
    row."""
    await connection.executemany(_INSERT, [to_parameters(entry) for entry in entries])
    last: int = (await fetch_rows(connection, "SELECT last_insert_rowid()"))[0][0]
    return range(last - len(entries) + 1, last + 1)


async def page(
    connection: aiosqlite.Connection,
    where: LogFilter,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = 200,
    newest_first: bool = False,
) -> list[LogRecord]:
    """Up to `limit` entries between the entry ids `after` and `before` (both left out), oldest first or
    newest first."""
    conditions = ["entry_id > :after", "entry_id < :before"]
    parameters: dict[str, object] = {
        "after": 0 if after is None else after,
        "before": 2**63 - 1 if before is None else before,
        "limit": limit,
    }
    if where.job_id is not None:
        conditions.append("job_id = :job_id")
        parameters["job_id"] = where.job_id
    if where.min_level is not LogLevel.DEBUG:
        conditions.append("level IN (SELECT value FROM json_each(:levels))")
        parameters["levels"] = words(_SEVERITY[_SEVERITY.index(where.min_level) :])
    if where.stage is not None:
        conditions.append("stage = :stage")
        parameters["stage"] = where.stage
    if where.text:
        conditions.append("(message LIKE :text ESCAPE '!' OR cause LIKE :text ESCAPE '!')")
        parameters["text"] = like_pattern(where.text)
    direction = "DESC" if newest_first else "ASC"
    tail = f"FROM log_entries WHERE {' AND '.join(conditions)} ORDER BY entry_id {direction} LIMIT :limit"
    return await fetch_all(connection, LogRecord, tail, parameters)


async def tail(connection: aiosqlite.Connection, where: LogFilter, limit: int = 200) -> list[LogRecord]:
    """The last entries, in the order in which they were written."""
    return (await page(connection, where, limit=limit, newest_first=True))[::-1]
