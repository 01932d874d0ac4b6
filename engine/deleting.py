"""The commands that delete jobs and take that back: the rows at once, the delivered files right after them. All that
moves images is Trashing's; a deletion that was begun is carried out even where its caller goes away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

from db import care
from db import images as image_rows
from db import jobs as job_rows
from db import retries as retry_rows
from db.connection import Database
from db.records import ImageRecord, JobRecord, utc_text
from db.status import JobStatus
from engine.announce import announce_images
from engine.bus import EventBus
from engine.clock import Clock
from engine.errors import ConflictError, FactoryError
from engine.events import JobChanged, QueueChanged
from engine.failures import is_fatal
from engine.job_lookup import job_of
from engine.logs import LogBook
from engine.queue import JobQueue
from engine.review import Review, reason_of
from engine.trashing import Trashing

PAGE = 200


class Deleting:
    """Part of the Engine. One job at a time is deleted or restored once; jobs do not wait for each other."""

    def __init__(
        self,
        database: Database,
        queue: JobQueue,
        review: Review,
        trashing: Trashing,
        clock: Clock,
        log_book: LogBook,
        bus: EventBus,
    ) -> None:
        self._database = database
        self._queue = queue
        self._review = review
        self._trashing = trashing
        self._clock = clock
        self._log_book = log_book
        self._bus = bus
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def delete(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        await self._queue.settled()
        count = 0

        async def work() -> None:
            nonlocal count
            async with self._holding(job_ids):
                hidden = await self._hide(job_ids)
                failed: FactoryError | None = None
                for job in hidden:
                    try:
                        await self._files_go(job)
                        count += 1
                    except FactoryError as error:
                        failed = failed or error
                if failed is not None:
                    raise failed

        await self._review.see_through(work())
        return count

    async def restore(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        count = 0

        async def work() -> None:
            nonlocal count
            async with self._holding(job_ids):
                for job_id in job_ids:
                    count += await self._show(job_id)

        await self._review.see_through(work())
        return count

    @asynccontextmanager
    async def _holding(self, job_ids: Sequence[str]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for job_id in sorted(set(job_ids)):
                await stack.enter_async_context(self._locks.setdefault(job_id, asyncio.Lock()))
            yield

    # ---- deleting

    async def _hide(self, job_ids: Sequence[str]) -> list[JobRecord]:
        """Let the jobs leave every list and their images be in the trash; those that were not deleted before. Raises
        NotFoundError and ConflictError before anything is done."""
        jobs = [await self._job(job_id) for job_id in dict.fromkeys(job_ids)]
        for job in jobs:
            running = self._queue.running
            is_at_work = running is not None and running.job.job_id == job.job_id
            if job.status in (JobStatus.RUNNING, JobStatus.PAUSED) and is_at_work:
                raise ConflictError(f"{job.label} is at work.", hint="Stop it first.")
        hidden: list[JobRecord] = []
        given_back: list[int] = []
        for job in jobs:
            at = utc_text(self._clock.now())
            async with self._database.transaction() as connection:
                if await job_rows.mark_deleted(connection, job.job_id, at):
                    await image_rows.trash_job(connection, job.job_id, at)
                    given_back += await retry_rows.cancel(connection, job.job_id, at)
                    hidden.append(job)
            self._bus.publish(JobChanged(job.job_id))
        await announce_images(self._database, self._bus, given_back)
        self._queue_changed()
        return hidden

    async def _files_go(self, job: JobRecord) -> None:
        """Move the delivered files into the trash. Where one cannot be, the job is not deleted: raises FactoryError."""
        try:
            count = 0
            async for images in self._pages(job.job_id):
                async with self._review.holding([image.image_id for image in images]):
                    await self._trashing.move_in(images)
                count += sum(image.output_file is not None for image in images)
        except Exception as error:
            if is_fatal(error):
                raise
            why = reason_of(error)
            log = self._log_book.for_job(job.job_id)
            try:
                await self._come_back(job)
            except Exception as second:
                if is_fatal(second):
                    raise
                log.warning(f"The deletion could not be taken back: {reason_of(second).message}")
            raise FactoryError(
                f"{job.label} is not deleted: {why.message}", hint=why.hint, code=why.code
            ) from error
        pictures = f"; its finished pictures ({count:,}) are in the trash" if count else ""
        self._log_book.for_job(job.job_id).info(f"Deleted{pictures}.")

    # ---- taking it back

    async def _show(self, job_id: str) -> bool:
        job = await self._job(job_id)
        if job.deleted_at is None:
            return False
        try:
            await self._come_back(job)
        except Exception as error:
            if is_fatal(error):
                raise
            why = reason_of(error)
            raise FactoryError(
                f"{job.label} is not restored: {why.message}", hint=why.hint, code=why.code
            ) from error
        self._log_book.for_job(job_id).info("The deletion was taken back.")
        return True

    async def _come_back(self, job: JobRecord) -> None:
        """The files first, then the rows, all of the job in one step. Where a file cannot come back, nothing does."""
        gone: list[ImageRecord] = []
        back: list[ImageRecord] = []
        try:
            async for images in self._pages(job.job_id):
                async with self._review.holding([image.image_id for image in images]):
                    there = await self._trashing.move_out(images)
                back += there
                kept = {image.image_id for image in there}
                gone += [image for image in images if image.image_id not in kept]
        except Exception:
            async for images in self._pages(job.job_id):
                await self._trashing.move_in(images)
            raise
        at = utc_text(self._clock.now())
        async with self._database.transaction() as connection:
            for image in gone:
                await image_rows.trash_alone(connection, image.image_id)
            await job_rows.unmark_deleted(connection, job.job_id)
            await image_rows.restore_job(connection, job.job_id, at)
        self._bus.publish(JobChanged(job.job_id))
        self._queue_changed()
        await self._trashing.drop(back)
        for image in gone:
            self._log_book.for_job(job.job_id).warning(
                "It stays in the trash: its file is no longer there.",
                image=image.image_number,
                hint=str(image.output_file),
            )

    # ---- inside

    async def _pages(self, job_id: str) -> AsyncIterator[list[ImageRecord]]:
        """The images that were trashed with the job, some at a time."""
        after = 0
        while True:
            async with self._database.reading() as connection:
                images = await care.trashed_with_job(connection, job_id, after, PAGE)
            if not images:
                return
            yield images
            after = images[-1].image_id

    async def _job(self, job_id: str) -> JobRecord:
        async with self._database.reading() as connection:
            return await job_of(connection, job_id)

    def _queue_changed(self) -> None:
        self._bus.publish(QueueChanged())
        self._queue.wake()
