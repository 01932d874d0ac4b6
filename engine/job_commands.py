"""The commands on jobs that exist: pause, resume, stop, order, rename. Deleting is engine.deleting's."""

from dataclasses import dataclass

from db import job_queue
from db import jobs as job_rows
from db import retries as retry_rows
from db.connection import Database
from db.records import JobRecord, utc_text
from db.status import JobStatus
from engine.announce import announce_images
from engine.bus import EventBus
from engine.clock import Clock
from engine.errors import ConflictError, NotFoundError, PauseRequired
from engine.events import JobChanged, JobStatusChanged, QueueChanged
from engine.job_lookup import job_of
from engine.labels import checked_label
from engine.logs import LogBook
from engine.queue import JobQueue
from engine.running_job import RunningJob


@dataclass(frozen=True, slots=True)
class JobCommands:
    """What each method does is said in EngineApi."""

    database: Database
    queue: JobQueue
    clock: Clock
    log_book: LogBook
    bus: EventBus

    async def pause(self, job_id: str) -> None:
        """See EngineApi."""
        await self.queue.settled()
        running = self._at_work(job_id, "paused")
        await self.queue.pause(
            running, PauseRequired("Paused by you.", hint="Resume when you like.", code="user")
        )

    async def resume(self, job_id: str, *, budget_usd: float | None = None) -> None:
        """See EngineApi."""
        await self.queue.settled()
        job = await self._record(job_id)
        if budget_usd is not None:
            async with self.database.transaction() as connection:
                await job_rows.set_budget(connection, job_id, round(budget_usd * 1_000_000))
        running = self.queue.running
        if running is not None and running.job.job_id == job_id:
            if running.context.gate.is_stopping:
                raise ConflictError(f"{job.label} is stopping.", hint="Resume it when it has stopped.")
            await self.queue.resume(running)
            return
        async with self.database.transaction() as connection:
            if not await job_queue.enqueue(connection, job_id):
                raise ConflictError(f"{job.label} is {job.status}: there is nothing to resume.")
            await job_queue.move_in_queue(connection, job_id, 0)
            taken = await retry_rows.readmit(connection, job_id, utc_text(self.clock.now()))
        await announce_images(self.database, self.bus, taken)
        self.bus.publish(JobStatusChanged(job_id, JobStatus.QUEUED))
        self.queue_changed()

    async def stop(self, job_id: str, *, is_forced: bool = False) -> None:
        """See EngineApi."""
        await self.queue.settled()
        running = self.queue.running
        if running is not None and running.job.job_id == job_id:
            await self.queue.stop(running, is_forced=is_forced)
            return
        job = await self._record(job_id)
        if job.status is JobStatus.QUEUED:
            await self.remove(job_id)
            return
        if job.status not in (JobStatus.PAUSED, JobStatus.INTERRUPTED):
            raise ConflictError(f"{job.label} is {job.status}: there is nothing to stop.")
        await self._end_waiting(job_id, [job.status])

    async def remove(self, job_id: str) -> None:
        """See EngineApi."""
        await self.queue.settled()
        job = await self._record(job_id)
        if job.status is not JobStatus.QUEUED:
            raise ConflictError(f"{job.label} is {job.status}, it does not wait in the queue.")
        await self._end_waiting(job_id, [JobStatus.QUEUED])

    async def move(self, job_id: str, position: int) -> None:
        """See EngineApi."""
        async with self.database.transaction() as connection:
            is_moved = await job_queue.move_in_queue(connection, job_id, position - 1)
        if not is_moved:
            raise ConflictError("The job does not wait in the queue.")
        self.queue_changed()

    async def rename(self, job_id: str, label: str) -> None:
        """See EngineApi."""
        async with self.database.transaction() as connection:
            if not await job_rows.rename(connection, job_id, checked_label(label)):
                raise NotFoundError(f"There is no job {job_id}.")
        self.bus.publish(JobChanged(job_id))

    async def _record(self, job_id: str) -> JobRecord:
        async with self.database.reading() as connection:
            return await job_of(connection, job_id)

    def _at_work(self, job_id: str, verb: str) -> RunningJob:
        running = self.queue.running
        if running is None or running.job.job_id != job_id:
            raise ConflictError(
                f"Only the job at work can be {verb}.", hint="`gimf jobs list` shows which one it is."
            )
        return running

    async def _end_waiting(self, job_id: str, from_statuses: list[JobStatus]) -> None:
        async with self.database.transaction() as connection:
            is_ended = await job_rows.set_status(
                connection, job_id, JobStatus.STOPPED, utc_text(self.clock.now()), from_statuses
            )
            given_back = await retry_rows.cancel(connection, job_id, utc_text(self.clock.now()))
        if not is_ended:
            raise ConflictError("The job has just changed its status.", hint="Look at it, then try again.")
        await announce_images(self.database, self.bus, given_back)
        self.log_book.for_job(job_id).info("Stopped before it was done; it can be resumed.")
        self.bus.publish(JobStatusChanged(job_id, JobStatus.STOPPED))
        self.queue_changed()

    def queue_changed(self) -> None:
        """Tell, and let the queue look."""
        self.bus.publish(QueueChanged())
        self.queue.wake()
