"""A database with any number of finished jobs and log entries in it, made without an engine."""

import random
import sqlite3
from datetime import UTC, datetime, timedelta

from db.connection import Database
from engine.paths import Paths
from engine.settings import Settings, dump_settings

WORDS = ("cats", "dogs", "landscapes", "city-night", "logos", "花火", "ocean", "retro posters", "mandala")
STATUSES = (*["completed"] * 17, *["failed"] * 2, "stopped")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


async def fill_jobs(paths: Paths, count: int) -> list[str]:
    """Add finished jobs, one an hour from BEGAN on; their ids, oldest first."""
    paths.ensure()
    database = await Database.open(paths.database_file)
    await database.close()
    rng = random.Random(1)
    rows = [_job(number, rng) for number in range(count)]
    settings = Settings.model_validate(dump_settings(Settings())).model_dump_json()
    connection = sqlite3.connect(paths.database_file)
    try:
        with connection:
            connection.executemany(
                """INSERT INTO jobs (job_id, kind, label, status, created_at, started_at, finished_at, output_dir,
                active_ms, planned_images, images, approved, failed, actual_micros, error_code, error_message,
                error_hint) VALUES (?, 'generate', ?, ?, ?, ?, ?, '/out', ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
                rows,
            )
            connection.executemany(
                "INSERT INTO job_snapshots (job_id, settings, inputs) VALUES (?, ?, '{}')",
                [(row[0], settings) for row in rows],
            )
    finally:
        connection.close()
    return [str(row[0]) for row in rows]


def fill_log(paths: Paths, job_id: str | None, count: int) -> None:
    """Add log entries of a job, one a second; every tenth is an error."""
    connection = sqlite3.connect(paths.database_file)
    try:
        with connection:
            connection.executemany(
                """INSERT INTO log_entries (job_id, at, level, stage, image_number, message, cause, hint)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
                [_entry(job_id, number) for number in range(count)],
            )
    finally:
        connection.close()


def _job(number: int, rng: random.Random) -> tuple[object, ...]:
    status = rng.choice(STATUSES)
    approved, failed = rng.randint(0, 120), rng.randint(0, 8)
    at = _text(BEGAN + timedelta(hours=number))
    error = ("no_credit", "Insufficient credits.", "Top up.") if status == "failed" else (None, None, None)
    images = approved + failed
    return (
        f"job{number:08d}",
        f"{rng.choice(WORDS)} {number}",
        status,
        *(at, at, at),
        rng.randint(1_000, 900_000),
        *(images, images, approved, failed),
        rng.randint(0, 2_000_000),
        *error,
    )


def _entry(job_id: str | None, number: int) -> tuple[object, ...]:
    is_error = number % 10 == 0
    return (
        job_id,
        _text(BEGAN + timedelta(seconds=number)),
        "error" if is_error else "info",
        "generate" if is_error else "quality_check",
        number,
        f"entry {number} of the log",
        "policy" if is_error else None,
        "Change the prompt." if is_error else None,
    )


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")
