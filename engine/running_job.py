"""The job at work as the queue sees it, and what is told and written of it meanwhile: progress, time at work."""

import asyncio
import logging
from dataclasses import dataclass, field

from db import jobs as job_rows
from db.connection import Database
from db.errors import DatabaseBusyError, DatabaseError, DatabaseFullError
from db.records import JobRecord
from engine.bus import EventBus
from engine.clock import Clock
from engine.context import JobContext
from engine.events import JobProgressed
from engine.progress import Pace
from engine.queries import Queries
from engine.retry_runner import RetryRunner
from engine.runner import JobRunner

logger = logging.getLogger(__name__)

TICK_S = 0.25
TICK_OF_A_LARGE_JOB_S = 1.0
LARGE_JOB = 2_000
BOOK_TIME_EVERY_S = 2.0


@dataclass(eq=False)
class RunningJob:
    """The job at work, as the queue sees it."""

    job: JobRecord
    context: JobContext
    pace: Pace = field(default_factory=Pace)
    runner: JobRunner | RetryRunner | None = None
    work: asyncio.Task[None] | None = None
    is_told_still: bool = False
    active_since: float | None = None
    paused_since: float | None = None

    @property
    def is_still(self) -> bool:
        """Paused or stopping, and nothing is on its way any more."""
        return not self.context.gate.is_open and self.runner is not None and self.runner.is_still


class ProgressWatch:
    """Publishes how far a job is, and books its time at work."""

    def __init__(self, database: Database, bus: EventBus, clock: Clock, queries: Queries) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._queries = queries

    async def tick(self, running: RunningJob) -> None:
        """Publish progress, and book the time at work so that a killed engine loses at most a few seconds of it."""
        pause_s = TICK_OF_A_LARGE_JOB_S if running.job.planned_images > LARGE_JOB else TICK_S
        booked_at = self._clock.monotonic()
        while True:
            await self.publish(running)
            await self._clock.sleep(pause_s)
            if self._clock.monotonic() - booked_at >= BOOK_TIME_EVERY_S:
                booked_at = self._clock.monotonic()
                await self.book_time(running)

    async def publish(self, running: RunningJob) -> None:
        """Tell how far it is; a database that cannot be read now costs this one announcement."""
        try:
            view = await self._queries.progress_at(
                running.job.job_id, running.pace, self._clock.monotonic(), is_still=running.is_still
            )
        except DatabaseError as error:
            logger.warning("progress: %s", error)
            return
        self._bus.publish(JobProgressed(running.job.job_id, view))

    async def book_time(self, running: RunningJob) -> None:
        """Add the time since the last booking. What cannot be written now is booked with the next stretch."""
        if running.active_since is None:
            return
        since, now = running.active_since, self._clock.monotonic()
        running.active_since = now
        try:
            async with self._database.transaction() as connection:
                await job_rows.add_active_ms(connection, running.job.job_id, int((now - since) * 1000))
        except (DatabaseFullError, DatabaseBusyError) as error:
            running.active_since = since  # booked together with the next stretch
            logger.warning("time at work: %s", error)
        except asyncio.CancelledError:
            running.active_since = since  # the ticker ends in the middle of it: the job's end books it
            raise
