from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import generations, jobs, ledger, tasks
from db.connection import Database
from db.records import NewGeneration, NewJob, NewTask, TaskRecord
from db.status import JobKind, JobStatus, LedgerAccount, LogLevel, TaskState
from engine.bus import EventBus
from engine.events import LogRecorded
from engine.logs import LogBook
from engine.masking import Masker
from engine.recovery import lose_submissions, recover
from engine.spending import PaidCall, Spending
from engine.views import LogView
from tests.support.clock import FakeClock

AT = "2026-11-22T11:00:00.000Z"


class Leftovers:
    """What a killed engine may have left: rows in every state, each with the money that belongs to it."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.clock = clock
        self.bus = EventBus()
        self.heard = self.bus.subscribe()
        self.log_book = LogBook(database, self.bus, clock, Masker())
        self._count = 0

    async def job(self, job_id: str, *, is_running: bool) -> None:
        async with self.database.transaction() as connection:
            await jobs.insert(connection, NewJob(job_id, JobKind.GENERATE, job_id, {}, {}, "out"), AT)
            if is_running:
                assert await jobs.mark_started(connection, job_id, AT)

    async def task(self, job_id: str, state: TaskState) -> int:
        """A task that came as far as `state`, with 2,000 micros reserved where it was sent."""
        self._count += 1
        async with self.database.transaction() as connection:
            new = NewGeneration(job_id, self._count, "cat", {"keyword": "cat"}, "1:1", 64, 64)
            (generation_id,) = await generations.insert_many(connection, [new], AT)
            task = NewTask(generation_id, job_id, 0, "piapi", "flux-schnell", f"key-{self._count}", 1, 2_000)
            (task_id,) = await tasks.insert_many(connection, [task], AT)
            if state is not TaskState.PLANNED:
                await generations.set_prompt(connection, generation_id, "a cat", AT)
            if state in (TaskState.SUBMITTING, TaskState.SUBMITTED):
                await tasks.mark_submitting(connection, task_id, AT)
                await Spending(job_id, self.clock).reserve(connection, self.call(f"task:{task_id}"))
            if state is TaskState.SUBMITTED:
                await tasks.mark_submitted(connection, task_id, f"remote-{task_id}", AT)
        return task_id

    @staticmethod
    def call(name: str, micros: int = 2_000) -> PaidCall:
        return PaidCall(name, "openai", "gpt-5.4-mini", micros)

    async def open_call(self, job_id: str, name: str, micros: int) -> None:
        async with self.database.transaction() as connection:
            await Spending(job_id, self.clock).reserve(connection, self.call(name, micros))

    async def recover(self) -> list[str]:
        interrupted = await recover(self.database, self.log_book, self.clock)
        return [job.job_id for job in interrupted]

    async def now(self, task_id: int) -> TaskRecord:
        async with self.database.reading() as connection:
            record = await tasks.get(connection, task_id)
        assert record is not None
        return record

    async def status(self, job_id: str) -> JobStatus:
        async with self.database.reading() as connection:
            record = await jobs.get(connection, job_id)
        assert record is not None
        return record.status

    async def money(self, job_id: str) -> tuple[int, int]:
        """committed, unknown"""
        async with self.database.reading() as connection:
            sums = await ledger.totals_for_job(connection, job_id)
        return sums[LedgerAccount.COMMITTED], sums[LedgerAccount.UNKNOWN]

    async def told(self) -> list[LogView]:
        self.log_book.start()
        await self.log_book.flush()
        return [event.entry for event in self.heard.drain() if isinstance(event, LogRecorded)]


@pytest.fixture
async def left(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Leftovers]:
    database = await Database.open(tmp_path / "factory.db")
    made = Leftovers(database, clock)
    yield made
    await made.log_book.close()
    await database.close()


async def test_a_clean_folder_needs_nothing(left: Leftovers) -> None:
    assert await left.recover() == []
    assert await left.told() == []


async def test_a_submission_without_an_answer_becomes_unknown_with_its_money(left: Leftovers) -> None:
    await left.job("running1", is_running=True)
    task_id = await left.task("running1", TaskState.SUBMITTING)
    assert await left.recover() == ["running1"]
    task = await left.now(task_id)
    assert task.state is TaskState.UNKNOWN
    assert task.error_code == "answer_lost"
    assert task.error_hint
    assert await left.money("running1") == (0, 2_000)
    (entry,) = await left.told()
    assert (entry.level, entry.job_id, entry.stage) == (LogLevel.WARNING, "running1", "generate")
    assert f"Task {task_id}" in entry.message


@pytest.mark.parametrize("state", [TaskState.PLANNED, TaskState.PROMPTED, TaskState.SUBMITTED])
async def test_every_other_state_is_good_as_it_is(left: Leftovers, state: TaskState) -> None:
    await left.job("running1", is_running=True)
    before = await left.now(await left.task("running1", state))
    money = await left.money("running1")
    await left.recover()
    assert await left.now(before.task_id) == before
    assert await left.money("running1") == money
    assert await left.told() == []


async def test_other_calls_that_were_on_their_way_are_announced_once_a_job(left: Leftovers) -> None:
    await left.job("running1", is_running=True)
    await left.task("running1", TaskState.SUBMITTED)
    await left.open_call("running1", "prompt:1", 300)
    await left.open_call("running1", "check:1", 700)
    await left.recover()
    assert await left.money("running1") == (2_000, 1_000)
    (entry,) = await left.told()
    assert entry.message.startswith("2 answers")
    assert "$0.001" in entry.message
    assert "twice" in (entry.hint or "")


async def test_a_running_job_waits_as_interrupted_and_so_does_an_earlier_one(left: Leftovers) -> None:
    for job_id in ("first001", "second01", "third001"):
        await left.job(job_id, is_running=False)
    async with left.database.transaction() as connection:
        assert await jobs.mark_started(connection, "second01", AT)
        assert await jobs.set_status(connection, "second01", JobStatus.INTERRUPTED, AT, [JobStatus.RUNNING])
        assert await jobs.mark_started(connection, "first001", AT)
    assert await left.recover() == ["first001", "second01"]
    assert await left.status("first001") is JobStatus.INTERRUPTED
    assert await left.status("third001") is JobStatus.QUEUED


async def test_a_paused_job_stays_paused(left: Leftovers) -> None:
    await left.job("paused01", is_running=True)
    async with left.database.transaction() as connection:
        await jobs.set_pause(connection, "paused01", code="credit", message="none", hint="add", at=AT)
    assert await left.recover() == []
    assert await left.status("paused01") is JobStatus.PAUSED


async def test_recovering_again_changes_nothing_more(left: Leftovers) -> None:
    await left.job("running1", is_running=True)
    await left.task("running1", TaskState.SUBMITTING)
    await left.open_call("running1", "check:1", 700)
    await left.recover()
    await left.told()
    money = await left.money("running1")
    assert await left.recover() == ["running1"]
    assert await left.money("running1") == money == (0, 2_700)
    assert await left.told() == []


async def test_only_one_jobs_submissions_are_lost_where_one_is_named(left: Leftovers) -> None:
    await left.job("running1", is_running=True)
    await left.job("other001", is_running=False)
    ours = await left.task("running1", TaskState.SUBMITTING)
    others = await left.task("other001", TaskState.SUBMITTING)
    lost = await lose_submissions(left.database, left.clock, "running1")
    assert [task.task_id for task in lost] == [ours]
    assert (await left.now(ours)).state is TaskState.UNKNOWN
    assert (await left.now(others)).state is TaskState.SUBMITTING
