"""The counters that triggers keep equal a recount, whatever happened before."""

import asyncio
import contextlib
import random
import sqlite3
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from db import generations, images, job_queue, jobs, ledger, retries, tasks, totals
from db.connection import Database
from db.records import NewLedgerEntry
from db.status import Approval, ImageStatus, JobStatus, LedgerAccount, RetryState, Stage, TaskState
from tests.db.rows import LOST, NOW, Rows

IN_RETRIES = {
    ImageStatus.RETRY_PENDING: RetryState.WAITING,
    ImageStatus.PROCESSING: RetryState.WORKING,
    ImageStatus.APPROVED: RetryState.APPROVED,
    ImageStatus.RETRY_FAILED: RetryState.FAILED,
    ImageStatus.TRASHED: RetryState.TRASHED,
}
"""What a retry's job counts its images as, by their state in it."""
RECOUNT_JOB = {
    "images": "SELECT (SELECT count(*) FROM images WHERE job_id = :job)"
    " + (SELECT count(*) FROM retries WHERE job_id = :job)",
    **{
        status.value: f"SELECT (SELECT count(*) FROM images WHERE job_id = :job AND status = '{status.value}')"
        f" + (SELECT count(*) FROM retries WHERE job_id = :job AND state = '{IN_RETRIES.get(status, '-')}')"
        for status in ImageStatus
    },
    "lost": "SELECT coalesce(sum(images_requested), 0) FROM tasks"
    " WHERE job_id = :job AND state IN ('failed', 'cancelled')",
    "unknown": "SELECT coalesce(sum(images_requested), 0) FROM tasks"
    " WHERE job_id = :job AND state = 'unknown'",
    "missing": "SELECT coalesce(sum(max(0, images_requested - images_received)), 0) FROM tasks"
    " WHERE job_id = :job AND state IN ('downloaded', 'done')",
    **{
        f"{account}_micros": f"SELECT coalesce(sum(amount_micros), 0) FROM ledger"
        f" WHERE job_id = :job AND account = '{account}'"
        for account in ("actual", "committed", "unknown")
    },
}
RECOUNT_TOTALS = {
    **{
        f"images.{one.value}": f"SELECT count(*) FROM images WHERE status = '{one.value}'"
        for one in ImageStatus
    },
    **{
        f"jobs.{one.value}": f"SELECT count(*) FROM jobs WHERE status = '{one.value}' AND deleted_at IS NULL"
        for one in JobStatus
    },
    "jobs.started": "SELECT count(*) FROM jobs WHERE started_at IS NOT NULL AND deleted_at IS NULL",
    "jobs.active_ms": "SELECT coalesce(sum(active_ms), 0) FROM jobs WHERE deleted_at IS NULL",
    **{
        f"spend.{one.value}": "SELECT coalesce(sum(amount_micros), 0) FROM ledger"
        f" WHERE account = '{one.value}'"
        for one in LedgerAccount
    },
}


async def disagreements(rows: Rows) -> list[str]:
    """Every counter that is not what counting the rows gives."""
    wrong = []
    async with rows.database.reading() as connection:
        kept = await totals.read_all(connection)
        assert kept.keys() == RECOUNT_TOTALS.keys()
        for name, statement in RECOUNT_TOTALS.items():
            ((counted,),) = await connection.execute_fetchall(statement)
            if counted != kept[name]:
                wrong.append(f"{name} is {kept[name]}, not {counted}")
        for (job_id,) in await connection.execute_fetchall("SELECT job_id FROM jobs"):
            job = await jobs.get(connection, job_id)
            for name, statement in RECOUNT_JOB.items():
                ((counted,),) = await connection.execute_fetchall(statement, {"job": job_id})
                if counted != getattr(job, name):
                    wrong.append(f"{job_id}.{name} is {getattr(job, name)}, not {counted}")
    return wrong


class Chaos:
    """Does anything to anything, legal or not; what the repositories refuse is simply refused."""

    def __init__(self, rows: Rows, seed: int) -> None:
        self.rows = rows
        self.rng = random.Random(seed)

    async def _any(self, table: str, key: str) -> object:
        async with self.rows.database.reading() as connection:
            found = [row[0] for row in await connection.execute_fetchall(f"SELECT {key} FROM {table}")]
        return self.rng.choice(found) if found else None

    async def step(self) -> None:
        job_id = await self._any("jobs", "job_id")
        if job_id is None:
            await self.rows.job()
            return
        acts = [
            self._job,
            self._job,
            self._task,
            self._task,
            self._task,
            self._image,
            self._image,
            self._money,
        ]
        with contextlib.suppress(sqlite3.IntegrityError):
            await self.rng.choice(acts)(str(job_id))

    async def _job(self, job_id: str) -> None:
        do, pick = self.rows.do, self.rng.randrange(11)
        match pick:
            case 0 | 1:
                await self.rows.job()
            case 2:
                await do(jobs.mark_started, job_id, NOW)
            case 3:
                end = self.rng.choice([JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED])
                await do(jobs.mark_finished, job_id, end, NOW)
            case 4:
                await do(jobs.set_pause, job_id, code="c", message="m", hint="h", at=NOW)
            case 5:
                await do(jobs.clear_pause, job_id, self.rng.choice([JobStatus.RUNNING, JobStatus.QUEUED]))
            case 6:
                await do(job_queue.enqueue, job_id)
            case 7:
                await do(jobs.add_active_ms, job_id, self.rng.randrange(1_000))
            case 8:
                await do(jobs.mark_deleted, job_id, NOW)
                await do(images.trash_job, job_id, NOW)
            case 9:
                await do(jobs.unmark_deleted, job_id)
                await do(images.restore_job, job_id, NOW)
            case 10:
                await do(jobs.purge, job_id)

    async def _task(self, job_id: str) -> None:
        do, pick = self.rows.do, self.rng.randrange(13)
        task_id = await self._any("tasks", "task_id")
        if pick < 3 or task_id is None:
            state = self.rng.choice([TaskState.PLANNED, TaskState.PROMPTED])
            await self.rows.task(job_id, state=state, images_requested=self.rng.randint(1, 4))
            return
        match pick:
            case 3:
                task = await self.rows.task_now(int(str(task_id)))
                await do(generations.set_prompt, task.generation_id, "p", NOW)
            case 4 | 5:
                await do(tasks.mark_submitting, task_id, NOW)
                await do(tasks.mark_submitted, task_id, "r", NOW)
            case 6:
                await do(tasks.mark_submitting, task_id, NOW)
                await do(tasks.mark_unknown, task_id, LOST, NOW)
            case 7 | 8:
                await do(tasks.mark_ready, task_id, [], 3, NOW)
            case 9:
                await do(tasks.mark_downloaded, task_id, self.rng.randrange(5), NOW)
            case 10:
                await do(tasks.mark_failed, task_id, LOST, NOW)
            case 11:
                await do(tasks.mark_cancelled, task_id, NOW)
                await do(tasks.mark_done_if_finished, task_id, NOW)
            case 12:
                await do(tasks.reopen, task_id, f"key {self.rng.random()}", NOW)

    async def _image(self, job_id: str) -> None:
        do, pick = self.rows.do, self.rng.randrange(13)
        image_id = await self._any("images", "image_id")
        if pick < 3 or image_id is None:
            await self.rows.image(job_id)
            return
        match pick:
            case 3:
                await do(images.pass_check, image_id, "fine", NOW)
            case 4:
                output = f"/out/{image_id}"
                approval = self.rng.choice(list(Approval))
                await do(images.approve, image_id, output_file=output, approval=approval, reason=None, at=NOW)
            case 5:
                await do(images.reject, image_id, "no", NOW)
            case 6:
                await do(images.fail, image_id, Stage.TRIM, code="c", reason="r", at=NOW)
            case 7:
                await self.rows.retry(image_id)
            case 8:
                await self.rows.begin_retry(image_id)
            case 9:
                active = await self.rows.ask(retries.active, image_id)
                if active is not None:
                    await do(retries.cancel, active.job_id, NOW)
            case 10:
                await do(images.trash, image_id, NOW)
            case 11:
                await do(images.restore, image_id, NOW)
            case 12:
                await do(images.delete, image_id)

    async def _money(self, job_id: str) -> None:
        account = self.rng.choice(list(LedgerAccount))
        amount = self.rng.randint(-50, 100)
        job = self.rng.choice([job_id, job_id, None])
        entry = NewLedgerEntry(NOW, "task:1", "piapi", "flux", account, amount, job_id=job)
        await self.rows.do(ledger.add_many, [entry])


@settings(max_examples=25, derandomize=True, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_counters_equal_a_recount(seed: int) -> None:
    async def run(folder: Path) -> None:
        database = await Database.open(folder / "gimf.db")
        try:
            rows = Rows(database)
            chaos = Chaos(rows, seed)
            for number in range(150):
                await chaos.step()
                if number % 30 == 29:
                    assert await disagreements(rows) == []
            assert await database.check_integrity() == []
        finally:
            await database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


async def test_a_wrong_counter_is_noticed(rows: Rows) -> None:
    """Proves that the recount above can fail."""
    image = await rows.image()
    async with rows.database.transaction() as connection:
        await connection.execute("UPDATE jobs SET pending = 2")
        await connection.execute("UPDATE totals SET value = 5 WHERE name = 'jobs.queued'")
    assert await disagreements(rows) == ["jobs.queued is 5, not 1", f"{image.job_id}.pending is 2, not 1"]


async def test_missing_lost_and_unknown(rows: Rows) -> None:
    job_id = (await rows.job()).job_id

    async def counts() -> tuple[int, int, int]:
        job = await rows.job_now(job_id)
        return job.missing, job.lost, job.unknown

    task = await rows.task(job_id, state=TaskState.PROMPTED, images_requested=4)
    await rows.do(tasks.mark_submitting, task.task_id, NOW)
    await rows.do(tasks.mark_unknown, task.task_id, LOST, NOW)
    assert await counts() == (0, 0, 4)
    await rows.do(tasks.mark_failed, task.task_id, LOST, NOW)
    assert await counts() == (0, 4, 0)
    await rows.do(tasks.mark_ready, task.task_id, [], None, NOW)
    assert await counts() == (0, 0, 0)
    await rows.do(tasks.mark_downloaded, task.task_id, 3, NOW)
    assert await counts() == (1, 0, 0)
    await rows.do(tasks.mark_downloaded, task.task_id, 6, NOW)
    assert await counts() == (0, 0, 0)
    await rows.do(tasks.mark_downloaded, task.task_id, 1, NOW)
    await rows.do(tasks.mark_done_if_finished, task.task_id, NOW)
    assert await counts() == (3, 0, 0)
