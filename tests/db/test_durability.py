"""kill -9 of a writing process: what it was told is kept is kept, and nothing is half there."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from db.connection import Database

WRITER = """
import asyncio, pathlib, sys
from db import jobs, ledger
from db.connection import Database
from db.records import NewJob, NewLedgerEntry
from db.status import JobKind, LedgerAccount

async def main():
    database = await Database.open(pathlib.Path(sys.argv[1]))
    first = int(sys.argv[2])
    for number in range(first, first + 100_000):
        async with database.transaction(durable=number % 3 == 0) as connection:
            job_id = f"job{number:08d}"
            await jobs.insert(connection, NewJob(job_id, JobKind.GENERATE, "l", {}, {}, "/out"), "2026")
            entry = NewLedgerEntry("2026", "task:1", "piapi", "m", LedgerAccount.ACTUAL, 5, job_id=job_id)
            await ledger.add_many(connection, [entry])
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 40])
async def test_nothing_acknowledged_is_lost(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "gimf.db"
    acknowledged = -1
    for _ in range(3):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(acknowledged + 1_000)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        for _ in range(lines):
            acknowledged = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout.read().splitlines():
            acknowledged = int(line)
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL

        database = await Database.open(path)
        try:
            async with database.reading() as connection:
                (row,) = await connection.execute_fetchall(
                    """SELECT count(*), max(job_id), sum(actual_micros), (SELECT count(*) FROM ledger),
                        (SELECT count(*) FROM job_snapshots),
                        (SELECT value FROM totals WHERE name = 'jobs.queued'),
                        (SELECT value FROM totals WHERE name = 'spend.actual') FROM jobs"""
                )
            jobs, last, actual, entries, snapshots, queued, spent = row
            assert int(last.removeprefix("job")) >= acknowledged
            assert jobs == entries == snapshots == queued
            assert actual == spent == 5 * jobs
            assert await database.check_integrity() == []
        finally:
            await database.close()
