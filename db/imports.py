"""Rows that were made by another program: what is remembered of them, and how they come in with their own past.

The only module that inserts a job or an image in any other state than the first one. Knows no other program's words.
"""

from collections.abc import Collection
from dataclasses import dataclass

import aiosqlite

from db.query import change, fetch_rows, json_text, to_parameters
from db.records import JsonObject
from db.status import Approval, ImageStatus, JobStatus, Progress, Stage

_INSERT_JOB = """INSERT INTO jobs (job_id, kind, label, status, configuration_name, output_dir, error_code,
    error_message, created_at, started_at, finished_at, active_ms)
VALUES (:job_id, 'generate', :label, :status, :configuration_name, :output_dir,
    CASE WHEN :error_message IS NOT NULL THEN 'imported' END, :error_message,
    :created_at, :started_at, :finished_at, :active_ms)"""

_INSERT_GENERATION = """INSERT INTO generations (job_id, generation_index, keyword, keyword_row, prompt, aspect_ratio,
    width, height, seed, created_at)
VALUES (:job_id, (SELECT coalesce(max(generation_index), -1) + 1 FROM generations WHERE job_id = :job_id), '', '{}',
    nullif(trim(:prompt), ''), :aspect_ratio, coalesce(:width, 0), coalesce(:height, 0), :seed, :created_at)"""

_INSERT_TASK = """INSERT INTO tasks (generation_id, job_id, task_index, provider, model, state, request_key,
    images_requested, images_received, error_code, error_message, created_at, updated_at)
VALUES (:generation_id, :job_id, 0, :provider, :model, :state, :request_key,
    :images_requested, :images_received, :error_code, :error_message, :created_at, :at)"""

_INSERT_IMAGE = """INSERT INTO images (job_id, generation_id, task_id, task_position, image_number, status, progress,
    stage, error_code, reason, approval, prompt, keyword, provider, model, seed, width, height, original_file,
    original_sha256, output_file, title, description, tags, created_at, updated_at)
VALUES (:job_id, :generation_id, :task_id, 0,
    (SELECT coalesce(max(image_number), 0) + 1 FROM images WHERE job_id = :job_id), :status, :progress,
    :stage, :error_code, :reason, :approval, :prompt, '', :provider, :model, :seed, :width, :height, :original_file,
    :original_sha256, :output_file, :title, :description, :tags, :created_at, :at)"""

_SET_PLANNED = """UPDATE jobs SET planned_images = images + lost WHERE job_id = ?"""


@dataclass(frozen=True, slots=True)
class ImportedJob:
    """A job as it ended elsewhere; its images and what it planned are counted as they come."""

    job_id: str
    label: str
    status: JobStatus
    configuration_name: str | None
    output_dir: str
    error_message: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    active_ms: int
    settings: JsonObject
    inputs: JsonObject


@dataclass(frozen=True, slots=True)
class ImportedImage:
    """An image with the generation and the task that it comes from; `request_key` is unique among all tasks."""

    job_id: str
    request_key: str
    status: ImageStatus
    progress: Progress
    stage: Stage | None
    error_code: str | None
    reason: str | None
    approval: Approval | None
    prompt: str
    provider: str
    model: str
    seed: int | None
    width: int
    height: int
    aspect_ratio: str
    original_file: str | None
    original_sha256: str | None
    output_file: str | None
    title: str | None
    description: str | None
    tags: tuple[str, ...]
    created_at: str


async def targets(connection: aiosqlite.Connection, origins: Collection[str]) -> dict[str, str]:
    """What those of the origins became that were taken over before."""
    statement = "SELECT origin, target FROM imported WHERE origin IN (SELECT value FROM json_each(?))"
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, (json_text(list(origins)),))}


async def count_by_kind(connection: aiosqlite.Connection) -> dict[str, int]:
    """How many rows were taken over, by the first two words of their origin: `electron:image`."""
    statement = """SELECT substr(origin, 1, instr(origin, ':') + instr(substr(origin, instr(origin, ':') + 1), ':') - 1)
        AS kind, count(*) FROM imported GROUP BY kind"""
    return {row[0]: row[1] for row in await fetch_rows(connection, statement)}


async def remember(connection: aiosqlite.Connection, origin: str, target: str, at: str) -> None:
    """In the transaction that takes the row over. Raises sqlite3.IntegrityError for one that was before."""
    await change(
        connection,
        "INSERT INTO imported (origin, target, imported_at) VALUES (?, ?, ?)",
        (origin, target, at),
    )


async def imported_jobs(connection: aiosqlite.Connection, job_ids: Collection[str]) -> set[str]:
    """Those of the jobs that another program ran."""
    statement = """SELECT target FROM imported WHERE target IN (SELECT value FROM json_each(?))
        AND origin GLOB '*:job:*'"""
    return {row[0] for row in await fetch_rows(connection, statement, (json_text(list(job_ids)),))}


async def insert_job(connection: aiosqlite.Connection, job: ImportedJob) -> None:
    """Raises sqlite3.IntegrityError where the id is taken; the transaction is still good, so try another id."""
    parameters = to_parameters(job)
    snapshot = (job.job_id, parameters.pop("settings"), parameters.pop("inputs"))
    await change(connection, _INSERT_JOB, parameters)
    await change(
        connection, "INSERT INTO job_snapshots (job_id, settings, inputs) VALUES (?, ?, ?)", snapshot
    )


async def insert_image(connection: aiosqlite.Connection, image: ImportedImage, at: str) -> int:
    """Insert it under the next number of its job; its id."""
    parameters = to_parameters(image) | {
        "at": at,
        "state": "done",
        "images_requested": 1,
        "images_received": 1,
        "error_message": None,
    }
    cursor = await connection.execute(_INSERT_GENERATION, parameters)
    parameters["generation_id"] = cursor.lastrowid
    cursor = await connection.execute(_INSERT_TASK, parameters | {"error_code": None})
    parameters["task_id"] = cursor.lastrowid
    cursor = await connection.execute(_INSERT_IMAGE, parameters)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


async def settle_job(
    connection: aiosqlite.Connection,
    job_id: str,
    *,
    request_key: str,
    planned_images: int,
    provider: str,
    model: str,
    why: str,
    at: str,
) -> None:
    """Make the job's count whole: what it planned and no image came of is one failed task that says `why`. May be
    repeated when more images have come."""
    delete = "DELETE FROM generations WHERE generation_id IN (SELECT generation_id FROM tasks WHERE request_key = ?)"
    await change(connection, delete, (request_key,))
    rows = await fetch_rows(connection, "SELECT images, created_at FROM jobs WHERE job_id = ?", (job_id,))
    missing = planned_images - rows[0][0]
    if missing > 0:
        parameters: dict[str, object] = {
            "job_id": job_id,
            "prompt": "",
            "aspect_ratio": "",
            "width": 0,
            "height": 0,
            "seed": None,
            "created_at": rows[0][1],
            "provider": provider,
            "model": model,
            "state": "failed",
            "request_key": request_key,
            "images_requested": missing,
            "images_received": None,
            "error_code": "imported",
            "error_message": why,
            "at": at,
        }
        cursor = await connection.execute(_INSERT_GENERATION, parameters)
        await change(connection, _INSERT_TASK, parameters | {"generation_id": cursor.lastrowid})
    await change(connection, _SET_PLANNED, (job_id,))
