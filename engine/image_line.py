"""The steps on an image whose file is there: check, pixels, title, save; each with its limit and its bounded queue.

Jobs and retries run the same line. It knows neither: whoever owns it says which images are its own, with which
context each is worked on, and what a failure means.
"""

import logging
from collections.abc import Awaitable, Callable

from db import images as image_rows
from db import retries as retry_rows
from db import tasks as task_rows
from db.records import ImageRecord
from db.status import ImageStatus, Progress
from db.status import Stage as Where
from engine.context import JobContext
from engine.errors import PauseRequired, StageError
from engine.failures import is_fatal, pause_for, stage_error_of
from engine.pipeline import Stage, Stopped
from engine.stages.metadata import describe
from engine.stages.process import process
from engine.stages.quality import check_quality
from engine.stages.save import save

logger = logging.getLogger(__name__)

LANGUAGE_WORKERS = 20
"""Calls of one kind to the language model at a time: enough to keep 20 quick image tasks supplied."""
PIXEL_WORKERS = 4
SAVE_WORKERS = 2

type Opened = tuple[JobContext, ImageRecord]
type Open = Callable[[int], Awaitable[Opened | None]]
type Step = Callable[[JobContext, ImageRecord], Awaitable[None]]
type Fail = Callable[[JobContext, ImageRecord, StageError], Awaitable[None]]


def make_stage(
    name: str,
    workers: int,
    work: Callable[[int], Awaitable[None]],
    *,
    capacity: int = 0,
    is_gated: bool = False,
) -> Stage[int]:
    """A stage that turns errors which need the user first (key, credit, disk) into pauses."""

    async def guarded(item: int) -> None:
        try:
            await work(item)
        except Stopped:
            raise
        except Exception as error:
            pause = pause_for(error)
            if pause is None:
                raise
            raise pause from error

    return Stage(name, workers, max(capacity, workers * 2), guarded, is_gated=is_gated)


class ImageLine:
    """`open_image` answers the context and the row of an image, None where it is no longer to be worked on."""

    def __init__(
        self, open_image: Open, *, describe: Step = describe, save: Step = save, fail: Fail | None = None
    ) -> None:
        self._open = open_image
        self._fail = fail or fail_image
        self._describe_with = describe
        self._save_with = save
        self.checks = make_stage("checks", LANGUAGE_WORKERS, self.step(self._check, Where.QUALITY_CHECK))
        self.pixels = make_stage("pixels", PIXEL_WORKERS, self.step(self._process, Where.CONVERT))
        self.titles = make_stage("titles", LANGUAGE_WORKERS, self.step(self._describe, Where.METADATA))
        self.saves = make_stage("saves", SAVE_WORKERS, self.step(self._save_with, Where.SAVE))

    @property
    def stages(self) -> tuple[Stage[int], ...]:
        """In the order of the work."""
        return (self.checks, self.pixels, self.titles, self.saves)

    def after(self, progress: Progress) -> Stage[int]:
        """The stage that follows the step which an image has passed last."""
        match progress:
            case Progress.DOWNLOADED:
                return self.checks
            case Progress.CHECKED:
                return self.pixels
            case Progress.PROCESSED:
                return self.titles
            case Progress.DESCRIBED | Progress.SAVED:
                return self.saves

    def step(self, work: Step, where: Where) -> Callable[[int], Awaitable[None]]:
        """Around a step on an image: read its row, and write down a failure that is the image's own."""

        async def step(image_id: int) -> None:
            opened = await self._open(image_id)
            if opened is None:
                return
            context, image = opened
            try:
                await work(context, image)
            except (PauseRequired, Stopped):
                raise
            except Exception as error:
                if pause_for(error) is not None or is_fatal(error):
                    raise
                failure = stage_error_of(error, where)
                if failure.code == "internal":
                    logger.exception("image %s of job %s", image_id, context.job.job_id)
                await self._fail(context, image, failure)

        return step

    async def _check(self, context: JobContext, image: ImageRecord) -> None:
        if await check_quality(context, image):
            await self.pixels.put(image.image_id)

    async def _process(self, context: JobContext, image: ImageRecord) -> None:
        await process(context, image)
        await self.titles.put(image.image_id)

    async def _describe(self, context: JobContext, image: ImageRecord) -> None:
        await self._describe_with(context, image)
        await self.saves.put(image.image_id)


async def fail_image(
    context: JobContext, image: ImageRecord, error: StageError, *, rewinds: bool = False
) -> None:
    """Write a failure down: `failed`, or `retry_failed` for an image that a retry was at work on. `rewinds`: what was
    done to the pixels does not count for whoever works on it next."""
    async with context.database.transaction() as connection:
        await image_rows.fail(
            connection,
            image.image_id,
            error.stage,
            code=error.code,
            reason=error.message,
            at=context.now(),
        )
        if rewinds:
            await retry_rows.rewind(connection, image.image_id)
        await task_rows.mark_done_if_finished(connection, image.task_id, context.now())
    context.log.failure(error, error.stage, image=image.image_number)
    is_retried = image.status in (ImageStatus.RETRY_PENDING, ImageStatus.PROCESSING)
    context.image_changed(image.image_id, ImageStatus.RETRY_FAILED if is_retried else ImageStatus.FAILED)
