"""The schema and the Python that mirrors it say the same; what must never change cannot."""

import dataclasses
import re
import sqlite3
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

import pytest

from db import ledger, records
from db.connection import Database
from db.records import NewLedgerEntry
from db.status import (
    Approval,
    ImageStatus,
    JobKind,
    JobStatus,
    LedgerAccount,
    LogLevel,
    Progress,
    RetryState,
    Stage,
    TaskState,
)
from tests.db.rows import NOW, Rows

IMAGE_STAGES = [stage for stage in Stage if stage not in (Stage.PREFLIGHT, Stage.PROMPT, Stage.GENERATE)]


async def table_sql(database: Database, table: str) -> str:
    async with database.reading() as connection:
        (row,) = await connection.execute_fetchall("SELECT sql FROM sqlite_master WHERE name = ?", (table,))
    return str(row[0])


@pytest.mark.parametrize(
    ("table", "column", "members"),
    [
        ("jobs", "kind", JobKind),
        ("jobs", "status", JobStatus),
        ("jobs", "error_stage", Stage),
        ("tasks", "state", TaskState),
        ("tasks", "error_stage", Stage),
        ("images", "status", ImageStatus),
        ("images", "previous_status", ImageStatus),
        ("images", "progress", Progress),
        ("images", "stage", IMAGE_STAGES),
        ("images", "approval", Approval),
        ("retries", "state", RetryState),
        ("retries", "stage", IMAGE_STAGES),
        ("log_entries", "level", LogLevel),
        ("ledger", "account", LedgerAccount),
    ],
)
async def test_check_constraints_list_the_enums(
    database: Database, table: str, column: str, members: Iterable[StrEnum]
) -> None:
    check = re.search(rf"CHECK \({column} IN\s[^(]*\(([^)]*)\)", await table_sql(database, table))
    assert check is not None
    assert re.findall(r"'(\w+)'", check.group(1)) == [member.value for member in members]


@pytest.mark.parametrize(
    ("table", "record"),
    [
        ("configurations", records.ConfigurationRecord),
        ("jobs", records.JobRecord),
        ("generations", records.GenerationRecord),
        ("tasks", records.TaskRecord),
        ("images", records.ImageRecord),
        ("retries", records.RetryRecord),
        ("log_entries", records.LogRecord),
        ("ledger", records.LedgerRecord),
    ],
)
async def test_records_mirror_the_columns(database: Database, table: str, record: type) -> None:
    async with database.reading() as connection:
        columns = [row[1] for row in await connection.execute_fetchall(f"PRAGMA table_info({table})")]
    assert sorted(columns) == sorted(item.name for item in dataclasses.fields(record))


async def test_totals_are_named_after_the_enums(rows: Rows) -> None:
    async with rows.database.reading() as connection:
        names = {row[0] for row in await connection.execute_fetchall("SELECT name FROM totals")}
    expected = {f"images.{status.value}" for status in ImageStatus}
    expected |= {f"jobs.{status.value}" for status in JobStatus} | {"jobs.started", "jobs.active_ms"}
    expected |= {f"spend.{account.value}" for account in LedgerAccount}
    assert names == expected


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job_snapshots SET settings = '{}'",
        "UPDATE job_snapshots SET inputs = '{}'",
        "UPDATE jobs SET job_id = 'other'",
        "UPDATE jobs SET kind = 'retry'",
        "UPDATE ledger SET amount_micros = 1",
        "UPDATE ledger SET note = 'changed'",
        "UPDATE ledger SET job_id = 'job00002'",
        "UPDATE ledger SET job_id = NULL, amount_micros = 1",
        "DELETE FROM ledger",
    ],
)
async def test_what_never_changes(rows: Rows, statement: str) -> None:
    job = await rows.job()
    await rows.job()
    entry = NewLedgerEntry(NOW, "task:1", "piapi", "flux", LedgerAccount.ACTUAL, 5, job_id=job.job_id)
    await rows.do(ledger.add_many, [entry])
    with pytest.raises(sqlite3.IntegrityError, match=r"never changes|keeps its id|append only"):
        async with rows.database.transaction() as connection:
            await connection.execute(statement)


async def test_no_approved_image_without_file_and_approval(rows: Rows) -> None:
    image = await rows.image()
    for assignment in (
        "status = 'approved'",
        "status = 'approved', output_file = '/out/a.png'",
        "status = 'approved', approval = 'manual'",
        "status = 'approved', output_file = '/out/a.png', approval = 'checked'",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
            async with rows.database.transaction() as connection:
                await connection.execute(
                    f"UPDATE images SET {assignment} WHERE image_id = ?", (image.image_id,)
                )


async def test_only_one_job_runs(rows: Rows) -> None:
    await rows.job()
    await rows.job()
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"):
        async with rows.database.transaction() as connection:
            await connection.execute("UPDATE jobs SET status = 'running', queue_position = NULL")


@pytest.mark.parametrize("assignment", ["status = 'stopped'", "queue_position = NULL"])
async def test_only_queued_jobs_have_a_place_in_the_queue(rows: Rows, assignment: str) -> None:
    await rows.job()
    with pytest.raises(sqlite3.IntegrityError, match="CHECK"):
        async with rows.database.transaction() as connection:
            await connection.execute(f"UPDATE jobs SET {assignment}")


async def test_every_foreign_key_has_an_index(database: Database) -> None:
    """Without one, deleting a row scans the whole table that refers to it."""
    async with database.reading() as connection:
        tables = [
            row[0]
            for row in await connection.execute_fetchall(
                "SELECT name FROM sqlite_master WHERE sql LIKE '%REFERENCES%'"
            )
        ]
        for table in tables:
            leading = set()
            for index in await connection.execute_fetchall(f"PRAGMA index_list({table})"):
                leading.add(
                    next(iter(await connection.execute_fetchall(f"PRAGMA index_info({index[1]})")))[2]
                )
            for key in await connection.execute_fetchall(f"PRAGMA foreign_key_list({table})"):
                assert key[3] in leading, f"{table}.{key[3]}"


def test_migrations_are_packaged_beside_the_module() -> None:
    assert (Path(records.__file__).parent / "migrations" / "001_initial.sql").is_file()
