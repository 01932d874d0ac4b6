"""Generations: one prompt each, with the keyword and size that it is for."""

from collections.abc import Sequence

import aiosqlite

from db.query import change, fetch_all, fetch_one, fetch_rows, json_text, to_parameters
from db.records import GenerationRecord, NewGeneration, RecordedError

_INSERT = """INSERT INTO generations (job_id, generation_index, keyword, keyword_row, prompt, aspect_ratio,
    width, height, seed, replaces_image_id, created_at)
VALUES (:job_id, :generation_index, :keyword, :keyword_row, :prompt, :aspect_ratio,
    :width, :height, :seed, :replaces_image_id, :at)"""

_FAIL_PLANNED_TASKS = """UPDATE tasks SET state = 'failed', error_stage = 'prompt', error_code = :code,
    error_message = :message, error_hint = :hint, updated_at = :at
WHERE generation_id = :generation_id AND state = 'planned'"""


async def insert_many(
    connection: aiosqlite.Connection, generations: Sequence[NewGeneration], at: str
) -> list[int]:
    """Insert them; their ids in the order given."""
    await connection.executemany(_INSERT, [to_parameters(item) | {"at": at} for item in generations])
    wanted = [[item.job_id, item.generation_index] for item in generations]
    rows = await fetch_rows(
        connection,
        """SELECT generation_id FROM json_each(?) AS wanted CROSS JOIN generations
            ON job_id = json_extract(wanted.value, '$[0]')
            AND generation_index = json_extract(wanted.value, '$[1]')
        ORDER BY wanted.key""",
        (json_text(wanted),),
    )
    return [row[0] for row in rows]


async def get(connection: aiosqlite.Connection, generation_id: int) -> GenerationRecord | None:
    return await fetch_one(
        connection, GenerationRecord, "FROM generations WHERE generation_id = ?", (generation_id,)
    )


async def get_many(connection: aiosqlite.Connection, generation_ids: Sequence[int]) -> list[GenerationRecord]:
    """Those of the generations that exist, by id."""
    tail = "FROM generations WHERE generation_id IN (SELECT value FROM json_each(?)) ORDER BY generation_id"
    return await fetch_all(connection, GenerationRecord, tail, (json_text(list(generation_ids)),))


async def page_for_job(
    connection: aiosqlite.Connection, job_id: str, after_index: int = -1, limit: int = 100
) -> list[GenerationRecord]:
    """The next generations of a job in their order; `after_index` is the generation_index of the last one
    seen."""
    tail = "FROM generations WHERE job_id = ? AND generation_index > ? ORDER BY generation_index LIMIT ?"
    return await fetch_all(connection, GenerationRecord, tail, (job_id, after_index, limit))


async def without_prompt(
    connection: aiosqlite.Connection, job_id: str, after_index: int = -1, limit: int = 100
) -> list[GenerationRecord]:
    """The next generations that still need a prompt: they have none, and a task that waits for it."""
    tail = """FROM generations WHERE job_id = ? AND generation_index > ? AND prompt IS NULL
            AND EXISTS (SELECT 1 FROM tasks
                WHERE tasks.generation_id = generations.generation_id AND tasks.state = 'planned')
        ORDER BY generation_index LIMIT ?"""
    return await fetch_all(connection, GenerationRecord, tail, (job_id, after_index, limit))


async def set_prompt(connection: aiosqlite.Connection, generation_id: int, prompt: str, at: str) -> bool:
    """Give the generation its prompt, once, and make its planned tasks prompted. Run it inside a transaction.

    False where it has a prompt already: that one stays, because tasks may have been sent with it.
    """
    statement = "UPDATE generations SET prompt = ? WHERE generation_id = ? AND prompt IS NULL"
    if not await change(connection, statement, (prompt, generation_id)):
        return False
    await change(
        connection,
        "UPDATE tasks SET state = 'prompted', updated_at = ? WHERE generation_id = ? AND state = 'planned'",
        (at, generation_id),
    )
    return True


async def fail_prompt(
    connection: aiosqlite.Connection, generation_id: int, error: RecordedError, at: str
) -> bool:
    """No prompt came of it: its planned tasks fail at stage prompt, whatever stage `error` names."""
    parameters = to_parameters(error) | {"generation_id": generation_id, "at": at}
    del parameters["stage"]
    return await change(connection, _FAIL_PLANNED_TASKS, parameters) > 0
