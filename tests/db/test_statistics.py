"""The sums by quarter of an hour: how steps are timed, and what an older database gets of them. The counts are
compared with a recount in tests/engine/test_statistics.py."""

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from db import images, statistics
from db.connection import Database
from db.migrate import MIGRATIONS
from db.statistics import Span
from db.status import Approval
from tests.db.rows import Rows

TABLES = ("image_quarters", "spend_quarters", "step_days")


def at(seconds: float) -> str:
    return f"2026-01-31T08:{int(seconds) // 60:02d}:{seconds % 60:06.3f}Z"


async def steps(rows: Rows, span: Span | None = None) -> dict[str, list[int]]:
    """The sums of the bands' times by step."""
    found: dict[str, list[int]] = {}
    for band in await rows.ask(statistics.step_bands, span or Span()):
        found.setdefault(band.step, []).append(band.total_ms)
    return found


async def work_on(rows: Rows, *, title: str | None = "A cat", warning: str | None = None) -> int:
    """An image from the sending of its order to the output folder, with a time for each step."""
    task = await rows.submitted((await rows.job()).job_id)
    image = await rows.image(task=task, at=at(12.5))
    image_id = image.image_id
    await rows.do(images.pass_check, image_id, "fine", at(14))
    if warning:
        await rows.do(images.add_warning, image_id, warning, at(14.5))
    size = {"processed_file": None, "width": 1, "height": 1}
    await rows.do(images.set_processed, image_id, **size, at=at(14.6))
    if title is None:
        await rows.do(images.skip_description, image_id, at(20))
    else:
        await rows.do(images.set_described, image_id, title=title, description="d", tags=("t",), at=at(20))
    done = {"output_file": f"/out/{image_id}.png", "approval": Approval.CHECKED, "reason": None}
    await rows.do(images.approve, image_id, **done, at=at(20.05))
    return image_id


async def test_each_step_takes_from_the_end_of_the_one_before_to_its_own(rows: Rows) -> None:
    await work_on(rows)
    assert await steps(rows) == {
        "generate": [12_500],
        "quality_check": [1_500],
        "process": [600],
        "metadata": [5_400],
        "save": [50],
    }
    assert await steps(rows, Span(since="2026-02-01T00:00:00.000Z")) == {}


async def test_a_step_that_was_left_out_or_cut_short_does_not_count(rows: Rows) -> None:
    await work_on(rows, title=None)
    assert await steps(rows) == {
        "generate": [12_500],
        "quality_check": [1_500],
        "process": [600],
        "save": [50],
    }
    await work_on(rows, warning="enhance was left out")
    assert (await steps(rows))["process"] == [600]


async def test_a_rejection_is_the_end_of_a_check_and_a_skipped_check_none(rows: Rows) -> None:
    skipped = await rows.image(at=at(0))
    await rows.do(images.skip_check, skipped.image_id, "off", at(0.1))
    assert await steps(rows) == {}
    rejected = await rows.image(at=at(0))
    await rows.do(images.reject, rejected.image_id, "no", at(3))
    assert await steps(rows) == {"quality_check": [3_000]}


async def test_what_is_done_after_the_first_work_takes_no_time(rows: Rows) -> None:
    image_id = await work_on(rows)
    before = await steps(rows)
    await rows.do(images.trash, image_id, at(3_000))
    await rows.do(images.restore, image_id, at(3_500))
    rejected = await rows.image(at=at(0))
    await rows.do(images.reject, rejected.image_id, "no", at(1.5))
    await rows.retry(rejected.image_id)
    await rows.begin_retry(rejected.image_id)
    await rows.do(images.pass_check, rejected.image_id, "fine", at(900))
    before["quality_check"] = [3_000]
    assert await steps(rows) == before


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """The migrations before the statistics."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    for file in folder.glob("*.sql"):
        if int(file.name[:3]) >= 6:
            file.unlink()
    return folder


async def test_an_older_database_gets_what_its_rows_say(
    database: Database, rows: Rows, older: Path, tmp_path: Path, sums: Callable[[Path], dict[str, list[Any]]]
) -> None:
    task = await rows.submitted((await rows.job(configuration_name="stock")).job_id)
    for seconds in (12.5, 13, 900):
        await rows.image(task=task, at=at(seconds))
    await rows.do(images.reject, 1, "no", at(12.5))
    now = sums(database.path)
    assert [(row[0], sum(row[4:])) for row in now["image_quarters"]] == [
        ("2026-01-31T08:00", 2),
        ("2026-01-31T08:15", 1),
    ]
    old = tmp_path / "old.db"
    await (await Database.open(old, migrations=older)).close()
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute("ATTACH ? AS new", (str(database.path),))
        for table in ("jobs", "generations", "tasks", "images", "ledger"):
            connection.execute(f"INSERT INTO {table} SELECT * FROM new.{table}")
    await (await Database.open(old)).close()
    migrated = sums(old)
    assert {name: migrated[name] for name in ("image_quarters", "spend_quarters")} == {
        name: now[name] for name in ("image_quarters", "spend_quarters")
    }
    assert migrated["step_days"] == [row for row in now["step_days"] if row[1] == "generate"]


@pytest.fixture
def sums() -> Callable[[Path], dict[str, list[Any]]]:
    """The rows of the sums that are not nothing."""

    def read(path: Path) -> dict[str, list[Any]]:
        with closing(sqlite3.connect(path)) as connection:
            found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
        return {table: [row for row in rows if any(row[4:])] for table, rows in found.items()}

    return read


async def test_the_questions_read_the_sums_and_the_index(rows: Rows) -> None:
    """No question reads the images themselves, however many there are."""
    asked: list[str] = []
    async with rows.database.reading() as connection:
        await connection.set_trace_callback(asked.append)
        for question in (statistics.dates, statistics.spend_by_configuration, statistics.step_bands):
            await question(connection, Span())
        day = statistics.Day("2026-01-31", "2026-01-31T00:00", "2026-02-01T00:00")
        await statistics.images_by_day(connection, [day])
        await statistics.spend_by_day(connection, [day])
        await statistics.failures(connection, Span(), 50)
        await connection.set_trace_callback(None)  # type: ignore[arg-type]
        plans = [
            str(row[3])
            for statement in asked
            for row in await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {statement}")
        ]
    reads = [plan for plan in plans if "images" in plan.split() or "ledger" in plan.split()]
    assert len(asked) == 7
    assert reads
    assert [plan for plan in reads if "COVERING INDEX images_by_reason" not in plan] == []
