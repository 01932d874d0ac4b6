"""The queue at work, through the engine that owns it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest

from engine.api import ImageQuery, JobQuery, LogQuery
from engine.context import JobContext
from engine.errors import ConflictError
from engine.events import JobFinished, JobPaused, JobStarted, JobStatusChanged, TaskChanged
from engine.service import Engine
from engine.simulator import Service
from engine.views import JobDetailView, JobStatus, JobView, LogLevel, TaskState
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, Listener, engine_home, request, until

BARE = {"quality_check": False, "metadata": False}
"""The `ai` group of a job that asks the language model for prompts only."""
STILL_WORKING = {"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"}
HANGING_SUBMISSION = {"service": "piapi", "operation": "submit", "action": "hang", "process": True}
PATIENT = {"timeout_minutes": 60}


@pytest.fixture
async def engine(home: EngineHome, clock: FakeClock) -> AsyncIterator[Engine]:
    async with home.open(clock=clock) as opened:
        yield opened


def states(detail: JobDetailView) -> list[str]:
    return [task.state for generation in detail.generations for task in generation.tasks]


async def messages(engine: Engine, job: JobView, level: LogLevel = LogLevel.INFO) -> str:
    entries = await engine.logs(LogQuery(job_id=job.job_id, min_level=level))
    return "\n".join(f"{entry.message} {entry.hint or ''}" for entry in entries)


async def in_flight(engine: Engine, home: EngineHome, number: int = 1, **generation: Any) -> JobView:
    """A running job with `number` tasks at the provider, which says that it still works on them."""
    home.script(STILL_WORKING)
    job = await engine.start_job(
        request("A", generation={"generations": number, **PATIENT, **generation}, ai=BARE)
    )
    await until(lambda: len(home.requests("piapi", "poll")) >= number)
    return job


class TestOrder:
    async def test_jobs_run_one_after_another_by_themselves(self, engine: Engine) -> None:
        async with Listener(engine) as heard:
            jobs = [await engine.start_job(request(label, ai=BARE)) for label in "ABC"]
            for job in jobs:
                await engine.wait_for_job(job.job_id)
        told = [
            (type(event).__name__, event.job_id)
            for event in heard.events
            if isinstance(event, JobStarted | JobFinished)
        ]
        assert told == [(name, job.job_id) for job in jobs for name in ("JobStarted", "JobFinished")]
        assert await engine.is_idle()
        assert await engine.queue() == []

    async def test_a_job_whose_snapshot_is_damaged_fails_alone(self, home: EngineHome) -> None:
        async with home.open(is_working=False) as engine:
            damaged, next_one = [await engine.start_job(request(label, ai=BARE)) for label in "AB"]
        with closing(sqlite3.connect(home.paths.database_file)) as connection, connection:
            connection.execute("DROP TRIGGER job_snapshots_are_immutable")
            connection.execute(
                "UPDATE job_snapshots SET inputs = '{\"columns\": 7}' WHERE job_id = ?", (damaged.job_id,)
            )
        async with home.open() as engine:
            assert (await engine.wait_for_job(next_one.job_id)).status is JobStatus.COMPLETED
            failed = await engine.job(damaged.job_id)
            assert failed.status is JobStatus.FAILED
            assert failed.error is not None
            assert (failed.error.code, "keyword_source" in failed.error.message) == ("damaged", True)

    async def test_a_failed_job_does_not_stall_the_queue(self, engine: Engine, home: EngineHome) -> None:
        home.script(
            {"service": "openai", "operation": "chat.prompt", "nth": 1, "action": "refuse", "text": "No."}
        )
        failing, next_one = [await engine.start_job(request(label, ai=BARE)) for label in "AB"]
        failed = await engine.wait_for_job(failing.job_id)
        assert failed.status is JobStatus.FAILED
        assert failed.error is not None
        assert failed.error.stage == "prompt"
        assert failed.images.failed == 1
        assert (await engine.wait_for_job(next_one.job_id)).status is JobStatus.COMPLETED

    async def test_a_job_that_cannot_even_begin_does_not_stall_the_queue(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        folder = home.root.parent / "pictures"
        async with home.open(clock=clock, is_working=False) as idle:
            failing = await idle.start_job(request("A", files={"output_dir": str(folder)}))
            next_one = await idle.start_job(request("B", ai=BARE))
        folder.write_text("a file where the folder should be")
        async with home.open(clock=clock) as engine:
            failed = await engine.wait_for_job(failing.job_id)
            assert failed.status is JobStatus.FAILED
            assert failed.error is not None
            assert failed.error.stage == "preflight"
            assert (await engine.wait_for_job(next_one.job_id)).status is JobStatus.COMPLETED

    async def test_the_running_job_comes_first_in_the_queue(self, engine: Engine, home: EngineHome) -> None:
        running = await in_flight(engine, home)
        await engine.start_job(request("B", ai=BARE))
        queue = await engine.queue()
        assert [(job.label, job.queue_position) for job in queue] == [("A", None), ("B", 1)]
        with pytest.raises(ConflictError):
            await engine.move_in_queue(running.job_id, 1)
        home.script()
        await engine.wait_for_job(running.job_id)

    async def test_a_command_right_after_the_start_meets_the_job_wherever_it_is(self, engine: Engine) -> None:
        for number in range(8):
            job = await engine.start_job(request(f"A{number}", ai=BARE))
            for _ in range(number):
                await asyncio.sleep(0.0005)
            await engine.stop_job(job.job_id)
            assert (await engine.wait_for_job(job.job_id)).status is JobStatus.STOPPED


class TestPause:
    async def test_what_is_on_its_way_is_worked_through_and_nothing_new_begins(
        self, engine: Engine, home: EngineHome, clock: FakeClock
    ) -> None:
        job = await in_flight(engine, home, 2, concurrency=1, generations=3)
        async with Listener(engine) as heard:
            await engine.pause_job(job.job_id)
            paused = await engine.job(job.job_id)
            assert paused.status is JobStatus.PAUSED
            assert paused.pause is not None
            assert paused.pause.code == "user"
            assert not (await engine.progress(job.job_id)).is_quiescent
            home.script()
            view = await engine.wait_for_job(job.job_id)
            assert heard.of(JobPaused, code="user")
        assert view.images.approved == 1
        assert (await engine.progress(job.job_id)).is_quiescent
        assert len(home.payments("piapi", "submit")) == 1
        clock.advance(3_600)
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert done.status is JobStatus.COMPLETED
        assert done.images.approved == done.images.planned == 3
        assert done.pause is None
        assert len(home.payments("piapi", "submit")) == 3
        assert done.duration_s is not None
        assert done.duration_s < 3_600

    async def test_pausing_and_resuming_at_once_breaks_no_call_off(
        self, engine: Engine, home: EngineHome
    ) -> None:
        """The clients are made anew, because a key may have been mended: the old ones may still be in use."""
        home.script({"service": "openai", "operation": "chat.prompt", "action": "slow", "seconds": 0.3})
        job = await engine.start_job(request("A", generation={"generations": 2}, ai=BARE))
        await until(lambda: len(home.requests("openai", "chat.prompt")) == 2)
        await engine.pause_job(job.job_id)
        await engine.resume_job(job.job_id)
        view = await engine.wait_for_job(job.job_id)
        assert view.images.approved == 2
        assert len(home.requests("openai", "chat.prompt")) == 2
        assert view.spend.unknown == 0

    async def test_pausing_twice_and_resuming_twice_is_once(self, engine: Engine, home: EngineHome) -> None:
        job = await in_flight(engine, home)
        async with Listener(engine) as heard:
            for _ in range(2):
                await engine.pause_job(job.job_id)
            for _ in range(2):
                await engine.resume_job(job.job_id)
            home.script()
            await engine.wait_for_job(job.job_id)
        assert len(heard.of(JobPaused)) == 1
        assert [event.status for event in heard.of(JobStatusChanged)] == ["paused", "running", "completed"]

    async def test_a_paused_job_holds_the_queue(self, engine: Engine, home: EngineHome) -> None:
        job = await in_flight(engine, home)
        waiting = await engine.start_job(request("B", ai=BARE))
        await engine.pause_job(job.job_id)
        home.script()
        assert (await engine.wait_for_job(waiting.job_id)).status is JobStatus.QUEUED
        await engine.resume_job(job.job_id)
        assert (await engine.wait_for_job(waiting.job_id)).status is JobStatus.COMPLETED

    async def test_a_pause_outlives_the_engine(self, home: EngineHome, clock: FakeClock) -> None:
        async with home.open(clock=clock) as engine:
            job = await in_flight(engine, home)
            await engine.pause_job(job.job_id)
        async with home.open(clock=clock) as engine:
            view = await engine.job(job.job_id)
            assert view.status is JobStatus.PAUSED
            assert view.pause is not None
            assert (await engine.progress(job.job_id)).is_quiescent, "nobody works on it any more"
            home.script()
            await engine.resume_job(job.job_id)
            assert (await engine.wait_for_job(job.job_id)).status is JobStatus.COMPLETED
        assert len(home.payments("piapi", "submit")) == 1


class TestPausesOfItsOwn:
    async def test_credit(self, engine: Engine, home: EngineHome) -> None:
        home.simulator.world.set_credit(Service.PIAPI, 0)
        job = await engine.start_job(request("A", generation={"generations": 3}, ai=BARE))
        view = await engine.wait_for_job(job.job_id)
        assert view.status is JobStatus.PAUSED
        assert view.pause is not None
        assert (view.pause.code, "PiAPI" in view.pause.message) == ("credit", True)
        assert view.spend.committed == view.spend.unknown == 0
        home.simulator.world.set_credit(Service.PIAPI, None)
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert done.images.approved == 3
        assert len(home.payments("piapi", "submit")) == 3

    async def test_budget(self, engine: Engine, home: EngineHome) -> None:
        job = await engine.start_job(
            request("A", generation={"generations": 4, "concurrency": 1, "budget_usd": 0.006}, ai=BARE)
        )
        view = await engine.wait_for_job(job.job_id)
        assert view.pause is not None
        assert view.pause.code == "budget"
        assert view.spend_usd <= 0.006
        await engine.resume_job(job.job_id)
        again = await engine.wait_for_job(job.job_id)
        assert again.status is JobStatus.PAUSED
        assert again.spend_usd <= 0.006
        assert len(home.payments("piapi", "submit")) < 4
        await engine.resume_job(job.job_id, budget_usd=1.0)
        done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 4)

    async def test_key(self, tmp_path: Any, clock: FakeClock) -> None:
        async with engine_home(tmp_path, expect_keys={Service.PIAPI: "pk-right-2468ace0bdf1"}) as home:
            wrong = home.environ["PIAPI_API_KEY"]
            async with home.open(clock=clock) as engine:
                job = await engine.start_job(request("A", ai=BARE))
                view = await engine.wait_for_job(job.job_id)
                assert view.pause is not None
                assert (view.pause.code, "PiAPI" in view.pause.message) == ("key", True)
                told = view.model_dump_json() + await messages(engine, job)
                assert wrong not in told
                home.environ["PIAPI_API_KEY"] = "pk-right-2468ace0bdf1"
                await engine.resume_job(job.job_id)
                assert (await engine.wait_for_job(job.job_id)).status is JobStatus.COMPLETED

    async def test_the_same_failure_five_times_in_a_row(self, engine: Engine, home: EngineHome) -> None:
        home.script({"service": "piapi", "operation": "submit", "action": "status", "code": 400})
        job = await engine.start_job(request("A", generation={"generations": 20, "concurrency": 1}, ai=BARE))
        view = await engine.wait_for_job(job.job_id)
        assert view.pause is not None
        assert view.pause.code == "repeated_failure"
        assert 5 <= view.images.failed < 20
        home.script()
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert done.status is JobStatus.COMPLETED
        assert done.images.failed == view.images.failed
        assert done.images.approved == 20 - view.images.failed

    @pytest.mark.fault(2)
    async def test_a_line_that_is_down_for_too_long(self, engine: Engine, home: EngineHome) -> None:
        job = await in_flight(engine, home, timeout_minutes=1)
        await engine.stop_job(job.job_id, is_forced=True)
        await engine.wait_for_job(job.job_id)
        await home.simulator.stop()
        waiting = await engine.start_job(request("B", generation={"timeout_minutes": 1}, ai=BARE))
        view = await engine.wait_for_job(waiting.job_id)
        assert view.pause is not None
        assert view.pause.code == "network"
        assert view.spend_usd == 0


class TestStop:
    async def test_what_is_paid_for_is_finished_and_nothing_new_is_sent(
        self, engine: Engine, home: EngineHome
    ) -> None:
        job = await in_flight(engine, home, 2, concurrency=2, generations=6)
        async with Listener(engine) as heard:
            await engine.stop_job(job.job_id)
            home.script()
            view = await engine.wait_for_job(job.job_id)
        assert view.status is JobStatus.STOPPED
        assert view.images.approved == len(home.payments("piapi", "submit")) == 2
        assert [event.status for event in heard.of(JobStatusChanged)] == ["stopped"]
        assert view.spend.committed == 0
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 6)
        assert len(home.payments("piapi", "submit")) == 6
        assert len(home.requests("openai", "chat.prompt")) == 6

    async def test_a_stopping_job_cannot_be_resumed_yet(self, engine: Engine, home: EngineHome) -> None:
        job = await in_flight(engine, home)
        await engine.stop_job(job.job_id)
        with pytest.raises(ConflictError, match="is stopping"):
            await engine.resume_job(job.job_id)
        home.script()
        await engine.wait_for_job(job.job_id)

    async def test_a_paused_job_can_be_stopped(self, engine: Engine, home: EngineHome) -> None:
        job = await in_flight(engine, home, 1, concurrency=1, generations=3)
        await engine.pause_job(job.job_id)
        await engine.stop_job(job.job_id)
        home.script()
        view = await engine.wait_for_job(job.job_id)
        assert (view.status, view.images.approved, view.pause) == (JobStatus.STOPPED, 1, None)

    async def test_an_interrupted_job_can_be_stopped(self, home: EngineHome, clock: FakeClock) -> None:
        async with home.open(clock=clock) as engine:
            job = await in_flight(engine, home)
        async with home.open(clock=clock, is_working=False) as idle:
            assert (await idle.job(job.job_id)).status is JobStatus.INTERRUPTED
            await idle.stop_job(job.job_id)
            assert (await idle.job(job.job_id)).status is JobStatus.STOPPED


class TestForceStop:
    async def test_pending_tasks_are_taken_back_and_the_others_keep_their_ids(
        self, tmp_path: Any, clock: FakeClock
    ) -> None:
        async with (
            engine_home(tmp_path, concurrency=1, latency_seconds=0.7) as home,
            home.open(clock=clock) as engine,
        ):
            job = await engine.start_job(request("A", generation={"generations": 3, **PATIENT}, ai=BARE))
            await until(lambda: len(home.payments("piapi", "submit")) == 3)
            async with Listener(engine) as heard:
                await engine.stop_job(job.job_id, is_forced=True)
                view = await engine.wait_for_job(job.job_id)
                assert len(heard.of(TaskChanged, state="prompted")) == 2
            assert view.status is JobStatus.STOPPED
            detail = await engine.job_detail(job.job_id)
            assert sorted(states(detail)) == [TaskState.PROMPTED, TaskState.PROMPTED, TaskState.SUBMITTED]
            assert len(home.payments("piapi", "submit")) == 1
            assert "2 pending tasks were cancelled" in await messages(engine, job)
            await engine.resume_job(job.job_id)
            done = await engine.wait_for_job(job.job_id)
            assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 3)
            assert len(home.payments("piapi", "submit")) == 3
            assert done.spend.committed == done.spend.unknown == 0

    async def test_an_answer_that_is_waited_for_in_vain_leaves_the_task_unknown(
        self, tmp_path: Any, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("engine.queue.PAID_CALLS_LIMIT_S", 0.05)
        async with (
            engine_home(tmp_path, has_task_history=False) as home,
            home.open(clock=clock) as engine,
        ):
            home.script(HANGING_SUBMISSION)
            job = await engine.start_job(request("A", ai=BARE))
            await until(lambda: bool(home.payments("piapi", "submit")))
            await engine.stop_job(job.job_id, is_forced=True)
            view = await engine.wait_for_job(job.job_id)
            assert (view.status, view.images.unknown) == (JobStatus.STOPPED, 1)
            assert view.spend.unknown > 0
            assert view.spend.committed == 0
            assert states(await engine.job_detail(job.job_id)) == [TaskState.UNKNOWN]
            home.script()
            await engine.resume_job(job.job_id)
            await engine.wait_for_job(job.job_id)
            assert len(home.requests("piapi", "submit")) == 1


class TestLeaving:
    async def test_answers_to_paid_requests_are_waited_for(self, home: EngineHome, clock: FakeClock) -> None:
        slow = {"action": "slow", "seconds": 0.3}
        home.script(
            {"service": "piapi", "operation": "submit", "nth": 1, **slow},
            {"service": "openai", "operation": "chat.check", "nth": 1, **slow},
        )
        wanted = request("A", ai={"quality_check": True, "metadata": False}, generation=PATIENT)
        async with home.open(clock=clock) as engine:
            job = await engine.start_job(wanted)
            await until(lambda: bool(home.requests("piapi", "submit")))
        async with home.open(clock=clock, is_working=False) as idle:
            assert states(await idle.job_detail(job.job_id)) == [TaskState.SUBMITTED]
        async with home.open(clock=clock) as engine:
            await until(lambda: bool(home.requests("openai", "chat.check")))
        async with home.open(clock=clock, is_working=False) as idle:
            view = await idle.job(job.job_id)
            assert (view.status, view.images.pending) == (JobStatus.INTERRUPTED, 1)
            assert (view.spend.committed, view.spend.unknown) == (0, 0)
        async with home.open(clock=clock) as engine:
            done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 1)
        assert len(home.requests("piapi", "submit")) == 1
        assert len(home.requests("openai", "chat.check")) == 1

    async def test_at_once_leaves_a_lost_answer_for_the_next_start_to_find(
        self, tmp_path: Any, clock: FakeClock
    ) -> None:
        async with engine_home(tmp_path, has_task_history=False) as home:
            home.script(HANGING_SUBMISSION)
            async with home.open(clock=clock) as engine:
                job = await engine.start_job(request("A", ai=BARE))
                await until(lambda: bool(home.payments("piapi", "submit")))
                await engine.shut_down(at_once=True)
            async with home.open(clock=clock, is_working=False) as idle:
                view = await idle.job(job.job_id)
                assert states(await idle.job_detail(job.job_id)) == [TaskState.UNKNOWN]
                assert view.images.unknown == 1
                assert view.spend.unknown > 0
                assert "was being submitted" in await messages(idle, job, LogLevel.WARNING)
            home.script()
            async with home.open(clock=clock) as engine:
                done = await engine.wait_for_job(job.job_id)
                assert done.images.unknown == 1
            assert len(home.requests("piapi", "submit")) == 1

    async def test_a_second_call_at_once_ends_a_first_one_that_waits(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        home.script(HANGING_SUBMISSION)
        async with home.open(clock=clock) as engine:
            await engine.start_job(request("A", ai=BARE))
            await until(lambda: bool(home.payments("piapi", "submit")))
            first = asyncio.create_task(engine.shut_down(at_once=False))
            for _ in range(20):
                await asyncio.sleep(0)
            assert not first.done()
            await engine.shut_down(at_once=True)
            await first

    @pytest.mark.parametrize("turns", range(0, 30, 3))
    async def test_leaving_right_after_a_start_does_not_wait_for_the_job(
        self, home: EngineHome, clock: FakeClock, turns: int
    ) -> None:
        home.script(STILL_WORKING)  # the job would never end
        async with home.open(clock=clock) as engine:
            job = await engine.start_job(request("A", ai=BARE, generation=PATIENT))
            for _ in range(turns):
                await asyncio.sleep(0.0003)
        async with home.open(clock=clock, is_working=False) as idle:
            assert (await idle.job(job.job_id)).status in (JobStatus.QUEUED, JobStatus.INTERRUPTED)

    @pytest.mark.parametrize("waits_once", [False, True])
    async def test_the_next_start_goes_on_from_there(
        self, home: EngineHome, clock: FakeClock, waits_once: bool
    ) -> None:
        async with home.open(clock=clock) as engine:
            job = await in_flight(engine, home, 2, generations=2)
        home.script()
        if waits_once:
            async with home.open(clock=clock, resume_on_start=False) as engine:
                for _ in range(20):
                    await asyncio.sleep(0.001)
                assert (await engine.job(job.job_id)).status is JobStatus.INTERRUPTED
        async with home.open(clock=clock) as engine, Listener(engine) as heard:
            done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 2)
        assert not heard.of(JobStarted, is_resumed=False)
        assert len(home.payments("piapi", "submit")) == 2
        assert done.started_at == job.started_at or done.started_at is not None

    async def test_an_error_on_the_way_out_is_not_the_jobs_failure(
        self, home: EngineHome, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begun = asyncio.Event()

        async def falls_over_when_cancelled(context: JobContext, task_id: int) -> bool:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                raise ValueError("a fault of the program")

        with monkeypatch.context() as patch:
            patch.setattr("engine.runner.generate", falls_over_when_cancelled)
            async with home.open(clock=clock) as engine:
                job = await engine.start_job(request("A", ai=BARE))
                await begun.wait()
        async with home.open(clock=clock, is_working=False) as engine:
            assert (await engine.job(job.job_id)).status is JobStatus.INTERRUPTED
        async with home.open(clock=clock) as engine:
            done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 1)

    async def test_interrupted_jobs_go_on_before_those_that_waited(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        async with home.open(clock=clock) as engine:
            await in_flight(engine, home)
            await engine.start_job(request("B", ai=BARE))
        home.script()
        async with home.open(clock=clock) as engine:
            jobs = await engine.jobs(JobQuery(sort="oldest"))
            views = [await engine.wait_for_job(job.job_id) for job in jobs.rows]
        assert [view.label for view in views] == ["A", "B"]
        assert all(view.status is JobStatus.COMPLETED for view in views)


class TestDatabaseTrouble:
    @staticmethod
    async def set_room(engine: Engine, pages: int) -> None:
        """No page more than there is now, which is what a full disk means to SQLite."""
        async with engine._database.transaction() as connection:
            await connection.execute(f"PRAGMA max_page_count = {pages}")

    @pytest.mark.fault(14)
    async def test_a_full_disk_pauses_and_the_job_goes_on_when_there_is_room(
        self, engine: Engine, home: EngineHome
    ) -> None:
        job = await in_flight(engine, home, 8, generations=40, concurrency=8)
        async with Listener(engine) as heard:
            await self.set_room(engine, 1)
            home.script()
            told = await heard.wait_for(JobPaused)
            assert told.code == "disk"
            assert "room" in told.hint
            await self.set_room(engine, 1_000_000)
            await engine.resume_job(job.job_id)
            done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved) == (JobStatus.COMPLETED, 40)
        assert len(home.payments("piapi", "submit")) == 40
        assert len((await engine.images(ImageQuery(job_id=job.job_id))).rows) == 40

    async def test_a_broken_database_ends_the_queue_and_lets_nobody_wait(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        async def run_until_it_breaks() -> None:
            async with home.open(clock=clock) as engine:
                job = await in_flight(engine, home)
                waiting = asyncio.create_task(engine.wait_for_job(job.job_id))
                async with engine._database.transaction() as connection:
                    await connection.execute("ALTER TABLE tasks RENAME TO elsewhere")
                home.script()
                await asyncio.wait_for(waiting, 20)

        with pytest.raises(sqlite3.OperationalError, match="tasks"):
            await run_until_it_breaks()
