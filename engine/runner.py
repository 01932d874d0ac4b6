"""One job, from its rows to its rows: feeds what is not done into the stages and writes down how it ended.

Resuming is the same as running: what a step has committed decides where an item goes on.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from db import generations as generation_rows
from db import images as image_rows
from db import tasks as task_rows
from db.records import ImageRecord
from db.status import ImageStatus, Progress, TaskState
from db.status import Stage as Where
from engine.context import JobContext
from engine.errors import PauseRequired, StageError
from engine.failures import FailureStreak, is_fatal, pause_for, stage_error_of
from engine.pipeline import Pipeline, Stage, Stopped
from engine.stages.download import download
from engine.stages.generate import cancel, generate, reconcile
from engine.stages.metadata import describe
from engine.stages.process import process
from engine.stages.prompts import write_prompt
from engine.stages.quality import check_quality
from engine.stages.save import save

logger = logging.getLogger(__name__)

PAGE = 200
LANGUAGE_WORKERS = 20
"""Calls of one kind to the language model at a time: enough to keep 20 quick image tasks supplied."""
DOWNLOAD_WORKERS = 4
PIXEL_WORKERS = 4
SAVE_WORKERS = 2


class JobRunner:
    """Runs one job once; built anew for every resume."""

    def __init__(
        self,
        context: JobContext,
        *,
        on_pause: Callable[[PauseRequired], Awaitable[None]],
        on_still: Callable[[], None],
    ) -> None:
        self._context = context
        self._pause = on_pause
        # One for each: prompts that are written well say nothing about tasks that all fail.
        self._streaks = {stage: FailureStreak() for stage in (Where.PROMPT, Where.GENERATE, Where.DOWNLOAD)}
        self._fed: set[int] = set()
        concurrency = context.settings.generation.concurrency
        language_workers = max(2, min(LANGUAGE_WORKERS, concurrency))
        self._prompts = self._stage("prompts", language_workers, self._write_prompt, is_gated=True)
        self._tasks = self._stage("tasks", concurrency, self._generate, is_gated=False)
        # All tasks in flight may finish at once; none may keep its place at the provider while it waits here.
        self._downloads = self._stage("downloads", DOWNLOAD_WORKERS, self._download, capacity=concurrency)
        self._checks = self._stage(
            "checks", LANGUAGE_WORKERS, self._image_step(self._check, Where.QUALITY_CHECK)
        )
        self._pixels = self._stage("pixels", PIXEL_WORKERS, self._image_step(self._process, Where.CONVERT))
        self._titles = self._stage(
            "titles", LANGUAGE_WORKERS, self._image_step(self._describe, Where.METADATA)
        )
        self._saves = self._stage("saves", SAVE_WORKERS, self._image_step(self._save, Where.SAVE))
        self._pipeline = Pipeline(
            (
                self._prompts,
                self._tasks,
                self._downloads,
                self._checks,
                self._pixels,
                self._titles,
                self._saves,
            ),
            context.gate,
            on_pause=on_pause,
            on_still=on_still,
        )

    @property
    def is_still(self) -> bool:
        """Whether nothing moves in any stage."""
        return self._pipeline.is_still

    async def run(self) -> None:
        """Work through everything that the job's rows leave to do. Cancelling leaves every item as its row says."""
        await self._pipeline.run(self._feed)

    async def cancel_pending(self) -> int:
        """Ask the provider to take back what it has not begun; answers how many tasks it took back."""
        async with self._context.database.reading() as connection:
            pending = await task_rows.for_job(
                connection, self._context.job.job_id, [TaskState.SUBMITTED], limit=10_000
            )
        answers = await asyncio.gather(*(cancel(self._context, task.task_id) for task in pending))
        return sum(answers)

    # ---- feeding: in the order in which nothing is fed twice

    async def _feed(self) -> None:
        await self._feed_images()
        await self._look_up_lost()
        await self._feed_tasks((TaskState.SUBMITTED, TaskState.READY))
        await self._feed_tasks((TaskState.PROMPTED,))
        await self._feed_generations()
        await self._pipeline.drained(self._tasks)
        for task_id in await self._look_up_lost():
            await self._tasks.put(task_id)

    async def _feed_images(self) -> None:
        entry = {
            Progress.DOWNLOADED: self._checks,
            Progress.CHECKED: self._pixels,
            Progress.PROCESSED: self._titles,
            Progress.DESCRIBED: self._saves,
        }
        after = 0
        while True:
            async with self._context.database.reading() as connection:
                page = await image_rows.unfinished(connection, self._context.job.job_id, after, PAGE)
            if not page:
                return
            for image in page:
                after = image.image_id
                await entry[image.progress or Progress.DOWNLOADED].put(image.image_id)

    async def _look_up_lost(self) -> list[int]:
        """Ask the providers about submissions whose answers were lost; the tasks that have work to do again."""
        found: list[int] = []
        after = 0
        while True:
            async with self._context.database.reading() as connection:
                page = await task_rows.for_job(
                    connection, self._context.job.job_id, [TaskState.UNKNOWN], after, PAGE
                )
            if not page:
                return found
            for task in page:
                after = task.task_id
                if await reconcile(self._context, task.task_id):
                    found.append(task.task_id)

    async def _feed_tasks(self, states: tuple[TaskState, ...]) -> None:
        after = 0
        while True:
            async with self._context.database.reading() as connection:
                page = await task_rows.for_job(connection, self._context.job.job_id, states, after, PAGE)
            if not page:
                return
            for task in page:
                after = task.task_id
                if task.task_id not in self._fed:
                    self._fed.add(task.task_id)
                    await self._tasks.put(task.task_id)

    async def _feed_generations(self) -> None:
        after = -1
        while True:
            async with self._context.database.reading() as connection:
                page = await generation_rows.without_prompt(connection, self._context.job.job_id, after, PAGE)
            if not page:
                return
            for generation in page:
                after = generation.generation_index
                await self._context.gate.wait()
                await self._prompts.put(generation.generation_id)

    # ---- the stages' work

    def _stage(
        self,
        name: str,
        workers: int,
        work: Callable[[int], Awaitable[None]],
        *,
        capacity: int = 0,
        is_gated: bool = False,
    ) -> Stage[int]:
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

    async def _write_prompt(self, generation_id: int) -> None:
        async with self._context.database.reading() as connection:
            generation = await generation_rows.get(connection, generation_id)
            siblings = await task_rows.for_generation(connection, generation_id)
        assert generation is not None, "a generation that was fed exists"
        try:
            await write_prompt(self._context, generation)
        except StageError as error:
            await self._failed(error)
            return
        self._streaks[Where.PROMPT].note_success()
        for task in siblings:
            await self._tasks.put(task.task_id)

    async def _generate(self, task_id: int) -> None:
        try:
            is_ready = await generate(self._context, task_id)
        except StageError as error:
            await self._failed(error)
            return
        if is_ready:
            self._streaks[Where.GENERATE].note_success()
            await self._downloads.put(task_id)

    async def _download(self, task_id: int) -> None:
        async def arrived(image_id: int) -> None:
            await self._checks.put(image_id)

        failures = await download(self._context, task_id, arrived)
        for failure in failures:
            await self._failed(failure)
        if not failures:
            self._streaks[Where.DOWNLOAD].note_success()

    async def _check(self, image: ImageRecord) -> None:
        if await check_quality(self._context, image):
            await self._pixels.put(image.image_id)

    async def _process(self, image: ImageRecord) -> None:
        await process(self._context, image)
        await self._titles.put(image.image_id)

    async def _describe(self, image: ImageRecord) -> None:
        await describe(self._context, image)
        await self._saves.put(image.image_id)

    async def _save(self, image: ImageRecord) -> None:
        await save(self._context, image)

    def _image_step(
        self, work: Callable[[ImageRecord], Awaitable[None]], where: Where
    ) -> Callable[[int], Awaitable[None]]:
        """Around a step on an image: read its row, and write down a failure that is the image's own."""

        async def step(image_id: int) -> None:
            image = await self._context.image(image_id)
            if image.status is not ImageStatus.PENDING:
                return
            try:
                await work(image)
            except (PauseRequired, Stopped):
                raise
            except Exception as error:
                if pause_for(error) is not None or is_fatal(error):
                    raise
                failure = stage_error_of(error, where)
                if failure.code == "internal":
                    logger.exception("image %s of job %s", image_id, self._context.job.job_id)
                await self._fail_image(image, failure)

        return step

    async def _fail_image(self, image: ImageRecord, error: StageError) -> None:
        context = self._context
        async with context.database.transaction() as connection:
            await image_rows.fail(
                connection,
                image.image_id,
                error.stage,
                code=error.code,
                reason=error.message,
                at=context.now(),
            )
            await task_rows.mark_done_if_finished(connection, image.task_id, context.now())
        context.log.failure(error, error.stage, image=image.image_number)
        context.image_changed(image.image_id, ImageStatus.FAILED)

    async def _failed(self, error: StageError) -> None:
        """A generation, task or download failed: it is written down already; five in a row pause the job."""
        self._context.log.failure(error, error.stage)
        pause = self._streaks[error.stage].note_failure(error)
        if pause is not None:
            await self._pause(pause)
