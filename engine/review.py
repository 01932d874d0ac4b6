"""Decisions of a person about images: approve, trash, and both taken back. One image at a time has one decision.

What a kill leaves half done is put right by `settle`: nothing is lost, and a file in the output folder belongs to an
approved image.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from weakref import WeakValueDictionary

from db import images as image_rows
from db import jobs as job_rows
from db import review as review_rows
from db.connection import Database
from db.records import ImageRecord, JobRecord, utc_text
from db.status import ImageStatus, Progress, Stage
from engine.bus import EventBus
from engine.calls import Caller
from engine.clock import Clock
from engine.context import JobContext
from engine.errors import ConflictError, FactoryError, NotFoundError
from engine.events import ImageChanged
from engine.explain import explain
from engine.failures import is_fatal, pause_for, stage_error_of
from engine.logs import LogBook
from engine.pipeline import Stopped
from engine.stages.metadata import describe
from engine.stages.process import process
from engine.stages.save import save
from engine.trash import move_new
from engine.trashing import Trashing
from engine.views import DecisionView, RefusalView

logger = logging.getLogger(__name__)

AT_A_TIME = 4
PATIENCE_S = 60.0
"""How long an approval waits for a service that cannot be reached: somebody is looking on."""

type Decide = Callable[[ImageRecord], Awaitable[None]]

UNDECIDED = frozenset({ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED})
WHY_NOT = {
    ImageStatus.APPROVED: "It is approved already.",
    ImageStatus.PENDING: "Its job is still at work on it.",
    ImageStatus.PROCESSING: "A retry is at work on it.",
    ImageStatus.RETRY_PENDING: "It waits for its retry.",
    ImageStatus.TRASHED: "It is in the trash: restore it first.",
}


class Review:
    """Part of the Engine. A decision that was begun is carried out even where its caller goes away."""

    def __init__(
        self,
        database: Database,
        bus: EventBus,
        clock: Clock,
        log_book: LogBook,
        make_context: Callable[[JobRecord], Awaitable[JobContext]],
        trashing: Trashing,
    ) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._log_book = log_book
        self._make_context = make_context
        self._trashing = trashing
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._places = asyncio.Semaphore(AT_A_TIME)
        self._work: set[asyncio.Task[None]] = set()
        self._contexts: list[JobContext] = []
        self._is_closing = False

    # ---- decisions

    async def approve(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide(image_ids, self._approve)

    async def unapprove(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide(image_ids, self._unapprove)

    async def trash(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide(image_ids, self._put_into_trash)

    async def restore(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide(image_ids, self._restore)

    async def change(self, image_ids: Sequence[int], change: Decide) -> DecisionView:
        """Carry another change out on each image while nobody decides about it."""
        return await self._decide(image_ids, change)

    @property
    def is_idle(self) -> bool:
        """Whether no decision is being carried out."""
        return not self._work

    async def close(self, *, at_once: bool) -> None:
        """Begin nothing new and wait for what is under way; `at_once` does not wait for answers of services."""
        self._is_closing = True
        for context in self._contexts:
            context.gate.stop()
            if at_once:
                for call in context.paid_calls:
                    call.cancel()
        if at_once:
            for task in self._work:
                task.cancel()
        if self._work:
            await asyncio.wait(self._work)

    async def settle(self) -> None:
        """Finish what a killed engine had begun: moves into the trash, files of approvals that were taken back, and
        approvals that were cut off at their last step. What cannot be finished is logged; the engine starts."""
        async with self._database.reading() as connection:
            misplaced = await review_rows.misplaced(connection, self._trashing.prefix)
            half_approved = await review_rows.half_approved(connection)
        for image in misplaced:
            is_trashed = image.status is ImageStatus.TRASHED
            await self._settle_one(image, self._move_into_trash if is_trashed else self._take_file_back)
        for image in half_approved:
            if not await self._settle_one(image, self._finish_approval):
                async with self._database.transaction() as connection:
                    await review_rows.cancel_approval(connection, image.image_id, self._now())

    # ---- carrying out

    async def _decide(self, image_ids: Sequence[int], decide: Decide) -> DecisionView:
        refused: dict[int, RefusalView] = {}
        wanted = list(dict.fromkeys(image_ids))

        async def one(image_id: int) -> None:
            try:
                async with self._lock(image_id), self._places:
                    await decide(await self._image(image_id))
            except Exception as error:
                if is_fatal(error):
                    raise
                why = reason_of(error)
                refused[image_id] = RefusalView(image_id=image_id, message=why.message, hint=why.hint)

        await self.see_through(_all(one(image_id) for image_id in wanted))
        return DecisionView(
            done=tuple(image_id for image_id in wanted if image_id not in refused),
            refused=tuple(refused[image_id] for image_id in wanted if image_id in refused),
        )

    async def see_through(self, work: Coroutine[None, None, None]) -> None:
        """Carry a decision out, also where its caller goes away; `close` waits for it."""
        task = asyncio.create_task(work, name="decision")
        self._work.add(task)
        task.add_done_callback(self._work.discard)
        await asyncio.shield(task)

    async def _settle_one(self, image: ImageRecord, finish: Decide) -> bool:
        try:
            await finish(image)
        except Exception as error:
            if is_fatal(error):
                raise
            self._log_book.for_job(image.job_id).warning(
                f"A decision about the image could not be finished: {reason_of(error).message}",
                image=image.image_number,
            )
            return False
        return True

    @asynccontextmanager
    async def holding(self, image_ids: Sequence[int]) -> AsyncIterator[None]:
        """No decision about these images is carried out while the block runs."""
        async with AsyncExitStack() as stack:
            for image_id in sorted(set(image_ids)):
                await stack.enter_async_context(self._lock(image_id))
            yield

    def _lock(self, image_id: int) -> asyncio.Lock:
        return self._locks.setdefault(image_id, asyncio.Lock())

    async def _image(self, image_id: int) -> ImageRecord:
        """The row as it is now. Raises Stopped when the engine is ending: nothing new begins."""
        if self._is_closing:
            raise Stopped
        async with self._database.reading() as connection:
            image = await image_rows.get(connection, image_id)
        if image is None:
            raise NotFoundError(f"There is no image {image_id}.", hint="`gimf images list` shows them all.")
        return image

    # ---- approve

    async def _approve(self, image: ImageRecord) -> None:
        if image.status not in UNDECIDED:
            raise ConflictError(WHY_NOT[image.status])
        if image.original_file is None:
            raise ConflictError("It has no picture: its download failed.", hint="Retry it, or trash it.")
        context = await self._context(image.job_id)
        self._contexts.append(context)
        try:
            await self._save(context, await self._prepared(context, image))
        except Exception as error:
            context.log.warning(
                f"Not approved by hand: {reason_of(error).message}", Stage.SAVE, image=image.image_number
            )
            raise
        finally:
            self._contexts.remove(context)
        context.log.info("Approved by hand.", Stage.SAVE, image=image.image_number)

    async def _prepared(self, context: JobContext, image: ImageRecord) -> ImageRecord:
        """The image with everything done but the check and the saving; what is done already is not done again."""
        is_processed = image.progress in (Progress.PROCESSED, Progress.DESCRIBED) and (
            image.processed_file is None or await asyncio.to_thread(Path(image.processed_file).exists)
        )
        if not is_processed:
            await process(context, image)
            image = await context.image(image.image_id)
        if image.progress is not Progress.DESCRIBED:
            if image.title is None:
                await describe(context, image)
            else:
                async with self._database.transaction() as connection:
                    await image_rows.skip_description(connection, image.image_id, self._now())
            image = await context.image(image.image_id)
        return image

    async def _save(self, context: JobContext, image: ImageRecord) -> None:
        async with self._database.transaction() as connection:
            _require(await review_rows.begin_approval(connection, image.image_id, self._now()))
        try:
            await save(context, image, is_manual=True)
        except FactoryError:
            async with self._database.transaction() as connection:
                await review_rows.cancel_approval(connection, image.image_id, self._now())
            raise
        _require((await context.image(image.image_id)).status is ImageStatus.APPROVED)

    async def _finish_approval(self, image: ImageRecord) -> None:
        await save(await self._context(image.job_id), image, is_manual=True)

    async def _context(self, job_id: str) -> JobContext:
        """A context of the job's own settings that soon gives up waiting for a service."""
        async with self._database.reading() as connection:
            job = await job_rows.get(connection, job_id)
        assert job is not None, "an image's job exists"
        context = await self._make_context(job)
        caller = Caller(
            clock=self._clock,
            log=context.log,
            gate=context.gate,
            first_wait_s=context.settings.generation.backoff_seconds,
            patience_s=PATIENCE_S,
        )
        return replace(context, caller=caller)

    # ---- take an approval back

    async def _unapprove(self, image: ImageRecord) -> None:
        if image.status is not ImageStatus.APPROVED or image.before_approval is None:
            raise ConflictError("It was not approved by hand.")
        async with self._database.transaction() as connection:
            _require(await review_rows.take_back_approval(connection, image.image_id, self._now()))
        self._log_book.for_job(image.job_id).info("Approval taken back.", image=image.image_number)
        await self._take_file_back(image)
        await self._tell(image)

    async def _take_file_back(self, image: ImageRecord) -> None:
        assert image.output_file is not None, "it was approved"
        processed = await asyncio.to_thread(_withdraw, Path(image.output_file), image.processed_file)
        is_processed = (processed is None) == (image.processed_file is None)
        async with self._database.transaction() as connection:
            await review_rows.take_back_file(
                connection,
                image.image_id,
                processed_file=processed,
                progress=Progress.DESCRIBED if is_processed else Progress.DOWNLOADED,
                at=self._now(),
            )

    # ---- the trash

    async def _move_into_trash(self, image: ImageRecord) -> None:
        await self._trashing.move_in([image])

    async def _put_into_trash(self, image: ImageRecord) -> None:
        await self._trashing.put(image)
        await self._tell(image)

    async def _restore(self, image: ImageRecord) -> None:
        if image.status is not ImageStatus.TRASHED:
            raise ConflictError("It is not in the trash.")
        await self._trashing.take_out(image)
        await self._tell(image)

    async def _tell(self, image: ImageRecord) -> None:
        async with self._database.reading() as connection:
            (now,) = await image_rows.get_many(connection, [image.image_id])
        self._bus.publish(ImageChanged(image.job_id, image.image_id, now.status))

    def _now(self) -> str:
        return utc_text(self._clock.now())


async def _all(works: Iterable[Coroutine[None, None, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for work in works:
            group.create_task(work)


def _require(is_done: bool, why: str = "Its status changed meanwhile.") -> None:
    if not is_done:
        raise ConflictError(why)


def _withdraw(output: Path, processed_file: str | None) -> str | None:
    """Take a delivered file out of the output folder, back to where the processed one was; where it is now. Where the
    original had been delivered untouched, the original is still there."""
    if processed_file is None:
        output.unlink(missing_ok=True)
        return None
    place = Path(processed_file)
    if output.exists():
        return str(move_new(output, place.parent, place.name))
    return processed_file if place.exists() else None


def reason_of(error: Exception) -> FactoryError:
    """Why a decision was not carried out, whatever went wrong."""
    if isinstance(error, Stopped):
        return ConflictError("The engine is ending.", hint="Decide again when it runs.")
    known = pause_for(error) or explain(error)
    if known is None:
        logger.error("a decision about an image", exc_info=error)
        return stage_error_of(error, Stage.SAVE)
    return known
