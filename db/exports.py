"""Export rows, from before the first byte is written, and what an export reads that no other list shows."""

import aiosqlite

from db.query import change, fetch_rows


async def begin(
    connection: aiosqlite.Connection, export_id: str, folder: str, *, is_chosen: bool, at: str
) -> bool:
    """Note an export before it writes to `folder`; False for an id that is taken."""
    statement = """INSERT INTO exports (export_id, folder, is_chosen, started_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (export_id) DO NOTHING"""
    return await change(connection, statement, (export_id, folder, is_chosen, at)) > 0


async def end(connection: aiosqlite.Connection, export_id: str, path: str | None, at: str) -> bool:
    """It is over; `path` is the finished file, None where nothing was left of it."""
    statement = "UPDATE exports SET path = ?, ended_at = ? WHERE export_id = ? AND ended_at IS NULL"
    return await change(connection, statement, (path, at, export_id)) > 0


async def unfinished(connection: aiosqlite.Connection) -> list[tuple[str, str]]:
    """Id and folder of exports without an end: at work, or killed."""
    statement = "SELECT export_id, folder FROM exports WHERE ended_at IS NULL ORDER BY export_number"
    return [(row[0], row[1]) for row in await fetch_rows(connection, statement)]


async def last_folder(connection: aiosqlite.Connection) -> str | None:
    """The folder that was chosen last for an export that was finished."""
    statement = """SELECT folder FROM exports WHERE is_chosen = 1 AND path IS NOT NULL
        ORDER BY export_number DESC LIMIT 1"""
    rows = await fetch_rows(connection, statement)
    return rows[0][0] if rows else None


async def generation_indexes(connection: aiosqlite.Connection, job_id: str) -> dict[int, int]:
    """Generation id -> index within the job, from 0."""
    statement = "SELECT generation_id, generation_index FROM generations WHERE job_id = ?"
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, (job_id,))}
