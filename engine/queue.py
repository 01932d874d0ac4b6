"""The sequential job queue: takes the next job from the database, runs it, writes down how it ended, takes the next."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import aiosqlite

from db import job_queue
from db import jobs as job_rows
from db import retries as retry_rows
from db import tasks as task_rows
from db.connection import Database
from db.errors import DatabaseBusyError, DatabaseError, DatabaseFullError
from db.records import JobRecord, RecordedError, utc_text
from db.status import JobKind, JobStatus, Stage, TaskState
from engine.announce import announce_images
from engine.bus import EventBus
from engine.clock import Clock
from engine.context import JobContext
from engine.errors import FactoryError, PauseRequired
from engine.events import JobFinished, JobPaused, JobStarted, JobStatusChanged, QueueChanged
from engine.failures import stage_error_of
from engine.paid import write_down_the_rest
from engine.queries import Queries
from engine.recovery import lose_submissions
from engine.retry_runner import RetryRunner
from engine.runner import JobRunner
from engine.running_job import ProgressWatch, RunningJob

logger = logging.getLogger(__name__)

PAID_CALLS_LIMIT_S = 5.0
"""How long a forced stop waits for the answers of requests that are on their way."""
DATABASE_RETRY_S = 1.0
"""The wait before something is written again that a full disk or another program's lock kept out."""
KEEP_TRIES = 5
"""How often answers that could not be written down are tried at the end of their job."""


class JobQueue:
    """Runs queued jobs one after another until it is closed."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        clock: Clock,
        queries: Queries,
        make_context: Callable[[JobRecord], Awaitable[JobContext]],
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._queries = queries
        self._watch = ProgressWatch(database, bus, clock, queries)
        self._make_context = make_context
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._loop: asyncio.Task[None] | None = None
        self._is_closing = False
        self.running: RunningJob | None = None

    def start(self) -> None:
        """Begin with whatever is queued."""
        self._wake.set()
        self._loop = asyncio.create_task(self._run(), name="job queue")

    def wake(self) -> None:
        """Something was queued."""
        self._wake.set()

    @property
    def is_idle(self) -> bool:
        """Whether no job is at work."""
        return self.running is None

    async def settled(self) -> None:
        """Return when no job is just being taken: it is at work then, or has not left the queue."""
        await self._settled.wait()

    async def shut_down(self, *, at_once: bool) -> None:
        """End the work, leaving every row as it is. Answers to paid requests are awaited unless `at_once`."""
        self._is_closing = True
        running = self.running
        if running is not None and running.work is not None:
            running.work.cancel()
            paid_calls = set(running.context.paid_calls)
            if at_once:
                for call in paid_calls:
                    call.cancel()
            if paid_calls:
                await asyncio.wait(paid_calls)
        if self._loop is not None:
            self._wake.set()
            await asyncio.wait([self._loop])
            if not self._loop.cancelled() and (error := self._loop.exception()) is not None:
                raise error

    # ---- commands on the job at work

    async def pause(self, running: RunningJob, reason: PauseRequired) -> None:
        """Close the gate and say why; what is on its way goes on."""
        if not running.context.gate.is_open:
            return
        running.context.gate.close()
        running.paused_since = self._clock.monotonic()
        await self._watch.book_time(running)
        running.active_since = None
        job_id = running.job.job_id
        try:
            async with self._database.transaction() as connection:
                await job_rows.set_pause(
                    connection,
                    job_id,
                    code=reason.code,
                    message=reason.message,
                    hint=reason.hint,
                    at=utc_text(self._clock.now()),
                )
        except (DatabaseFullError, DatabaseBusyError) as error:  # which may be what the pause is about
            logger.error("the pause of job %s is told, but not stored: %s", job_id, error)
        if reason.code == "user":
            running.context.log.info("Paused. What is on its way is worked through.")
        else:
            running.context.log.error(f"Paused: {reason.message}", cause=reason.code, hint=reason.hint)
        self._bus.publish(JobPaused(job_id, reason.code, reason.message, reason.hint))
        self._bus.publish(JobStatusChanged(job_id, JobStatus.PAUSED))
        self._note_still(running)

    async def resume(self, running: RunningJob) -> None:
        """Open the gate again; keys are read anew."""
        if running.context.gate.is_open:
            return
        async with self._database.transaction() as connection:
            await job_rows.clear_pause(connection, running.job.job_id, JobStatus.RUNNING)
        running.context.services.forget()
        if running.paused_since is not None:
            running.pace.pause(self._clock.monotonic() - running.paused_since)
        running.paused_since = None
        running.active_since = self._clock.monotonic()
        running.is_told_still = False
        running.context.log.info("Resumed.")
        running.context.gate.reopen()
        self._bus.publish(JobStatusChanged(running.job.job_id, JobStatus.RUNNING))

    async def stop(self, running: RunningJob, *, is_forced: bool) -> None:
        """Submit nothing new; forced: cancel the work at once and ask the provider to cancel what is pending."""
        running.context.log.info(
            "Force stop: the work ends at once." if is_forced else "Stopping after what is already paid for."
        )
        running.context.gate.stop()
        if is_forced and running.work is not None:
            running.work.cancel()

    def _note_still(self, running: RunningJob) -> None:
        if running.is_still and not running.is_told_still and not running.context.gate.is_stopping:
            running.is_told_still = True
            self._bus.publish(JobStatusChanged(running.job.job_id, JobStatus.PAUSED))

    # ---- the loop

    async def _run(self) -> None:
        try:
            while not self._is_closing:
                self._wake.clear()
                self._settled.clear()
                job = await self._take_next()
                running = None if job is None else await self._prepare(job)
                self.running = running
                self._settled.set()
                if running is not None:
                    await self._run_job(running)
                elif job is None:
                    await self._wake.wait()
        except Exception:
            logger.exception("the queue has ended")
            self._bus.close()  # who waits for a job would wait for ever
            raise
        finally:
            self._settled.set()

    async def _take_next(self) -> JobRecord | None:
        """The job whose turn it is, marked as running; None where none waits or another one is still running."""
        job: JobRecord | None = None

        async def take(connection: aiosqlite.Connection) -> None:
            nonlocal job
            job = await job_queue.next_queued(connection)
            if job and not await job_rows.mark_started(connection, job.job_id, utc_text(self._clock.now())):
                job = None

        await self._store(take)
        return job

    async def _store(
        self, write: Callable[[aiosqlite.Connection], Awaitable[None]], *, durable: bool = False
    ) -> None:
        """Commit what `write` does; where the disk is full or the database locked, again until it works.

        Raises DatabaseError where it cannot work, or where the engine is leaving.
        """
        while True:
            try:
                async with self._database.transaction(durable=durable) as connection:
                    await write(connection)
                return
            except (DatabaseFullError, DatabaseBusyError) as error:
                if self._is_closing:
                    raise
                logger.error("the queue waits for the database: %s", error)
            await self._clock.sleep(DATABASE_RETRY_S)

    async def _prepare(self, job: JobRecord) -> RunningJob | None:
        """Everything that the work on a job needs; None where that cannot be had and the job has failed."""
        self._bus.publish(QueueChanged())
        self._bus.publish(JobStarted(job.job_id, is_resumed=job.started_at is not None))
        self._bus.publish(JobStatusChanged(job.job_id, JobStatus.RUNNING))
        try:
            context = await self._make_context(job)
        except (FactoryError, OSError) as error:
            failure = stage_error_of(error, Stage.PREFLIGHT)
            await self._finish(
                job,
                JobStatus.FAILED,
                RecordedError(failure.stage, failure.code, failure.message, failure.hint),
            )
            return None
        context.log.info(
            f"Job {job.label} {'goes on' if job.started_at else 'starts'}: {job.planned_images} images."
        )
        return RunningJob(job, context)

    async def _run_job(self, running: RunningJob) -> None:
        running.runner = self._runner_for(running)
        running.active_since = self._clock.monotonic()
        ticker = asyncio.create_task(self._watch.tick(running), name="progress")
        running.work = asyncio.create_task(running.runner.run(), name=f"job {running.job.job_id}")
        if self._is_closing:  # told while the job was being prepared
            running.work.cancel()
        try:
            await asyncio.wait([running.work])
            ticker.cancel()
            await asyncio.wait([ticker])
            await self._conclude(running)
        finally:
            ticker.cancel()
            self.running = None

    def _runner_for(self, running: RunningJob) -> JobRunner | RetryRunner:
        async def on_pause(reason: PauseRequired) -> None:
            await self.pause(running, reason)

        def on_still() -> None:
            self._note_still(running)

        if running.job.kind is JobKind.RETRY:
            return RetryRunner(running.context, self._make_context, on_pause=on_pause, on_still=on_still)
        return JobRunner(running.context, on_pause=on_pause, on_still=on_still)

    async def _conclude(self, running: RunningJob) -> None:
        """Write down how the job ended, from the rows."""
        assert running.work is not None, "a job that ends was at work"
        job_id = running.job.job_id
        error = None if running.work.cancelled() else running.work.exception()
        if error is not None:
            logger.error("job %s", job_id, exc_info=error)
        if running.context.paid_calls:
            await asyncio.wait(
                set(running.context.paid_calls), timeout=None if self._is_closing else PAID_CALLS_LIMIT_S
            )
        await self._keep_the_rest(running)
        if running.context.gate.is_stopping and running.work.cancelled():
            await self._after_forced_stop(running)
        await self._watch.book_time(running)
        if running.context.gate.is_stopping:
            await self._finish(running.job, JobStatus.STOPPED, None)
        elif running.work.cancelled() or (self._is_closing and not isinstance(error, DatabaseError | None)):
            # An error on the way out, logged above, is no end either: the next start goes on.
            await self._interrupt(running)
        elif isinstance(error, DatabaseError):
            raise error
        elif error is not None:
            failure = stage_error_of(error, Stage.GENERATE) if isinstance(error, Exception) else None
            message = failure.message if failure else str(error)
            recorded = RecordedError(
                Stage.GENERATE, "internal", message, "The log has the details; the job can be resumed."
            )
            await self._finish(running.job, JobStatus.FAILED, recorded)
        else:
            await self._finish_worked_through(running)

    async def _keep_the_rest(self, running: RunningJob) -> None:
        """Write down answers that found no room, or a held database, while the job was at work. Orders whose answer
        cannot be kept are looked up like lost ones, at the next resume or start."""
        for _ in range(KEEP_TRIES):
            if await write_down_the_rest(running.context) or self._is_closing:
                return
            await self._clock.sleep(DATABASE_RETRY_S)
        with contextlib.suppress(DatabaseFullError, DatabaseBusyError):
            await lose_submissions(self._database, self._clock, running.job.job_id)

    async def _finish_worked_through(self, running: RunningJob) -> None:
        async with self._database.reading() as connection:
            job = await job_rows.get(connection, running.job.job_id)
            assert job is not None, "the job at work exists"
            failed = await task_rows.for_job(
                connection, job.job_id, [TaskState.FAILED, TaskState.UNKNOWN], limit=1
            )
        if job.images > 0:
            await self._finish(running.job, JobStatus.COMPLETED, None)
            return
        recorded = RecordedError(
            Stage.GENERATE, "no_image", "No image came of it.", "The log says what happened."
        )
        if failed and failed[0].error_code is not None:
            first = failed[0]
            recorded = RecordedError(
                first.error_stage or Stage.GENERATE,
                first.error_code or "no_image",
                f"No image came of it: {first.error_message}",
                first.error_hint or "",
            )
        await self._finish(running.job, JobStatus.FAILED, recorded)

    async def _after_forced_stop(self, running: RunningJob) -> None:
        for call in set(running.context.paid_calls):
            call.cancel()
        await lose_submissions(self._database, self._clock, running.job.job_id)
        if running.runner is not None:
            taken_back = await running.runner.cancel_pending()
            if taken_back:
                running.context.log.info(f"{taken_back} pending tasks were cancelled at the provider.")

    async def _interrupt(self, running: RunningJob) -> None:
        """The engine is leaving: a running job waits as interrupted, a paused one stays paused."""
        async with self._database.transaction() as connection:
            await job_rows.set_status(
                connection,
                running.job.job_id,
                JobStatus.INTERRUPTED,
                utc_text(self._clock.now()),
                [JobStatus.RUNNING],
            )
        running.context.log.info("Interrupted; the next start goes on from here.")

    async def _finish(self, job: JobRecord, status: JobStatus, error: RecordedError | None) -> None:
        given_back: list[int] = []

        async def finish(connection: aiosqlite.Connection) -> None:
            at = utc_text(self._clock.now())
            await job_rows.mark_finished(connection, job.job_id, status, at, error)
            given_back[:] = await retry_rows.cancel(connection, job.job_id, at)

        await self._store(finish, durable=True)
        await announce_images(self._database, self._bus, given_back)
        running = self.running
        if running is not None:
            view = await self._queries.job(job.job_id)
            running.context.log.info(
                f"{status.value.capitalize()}: {view.images.approved} approved, {view.images.qc_failed} rejected, "
                f"{view.images.failed} failed of {view.images.planned}; ${view.spend_usd:.4f} spent."
            )
            await self._watch.publish(running)
        self._bus.publish(JobStatusChanged(job.job_id, status))
        self._bus.publish(JobFinished(job.job_id, status))
