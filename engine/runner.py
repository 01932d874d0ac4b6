"""One job, from its rows to its rows: feeds what is not done into the stages and writes down how it ended.

Resuming is the same as running: what a step has committed decides where an item goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable

from db import generations as generation_rows
from db import images as image_rows
from db import tasks as task_rows
from db.status import ImageStatus, Progress, TaskState
from db.status import Stage as Where
from engine.context import JobContext
from engine.errors import PauseRequired, StageError
from engine.failures import FailureStreak
from engine.image_line import LANGUAGE_WORKERS, ImageLine, Opened, make_stage
from engine.pipeline import Pipeline
from engine.stages.download import download
from engine.stages.generate import cancel, generate, reconcile
from engine.stages.prompts import write_prompt

PAGE = 200
DOWNLOAD_WORKERS = 4


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
        self._prompts = make_stage("prompts", language_workers, self._write_prompt, is_gated=True)
        self._tasks = make_stage("tasks", concurrency, self._generate)
        # All tasks in flight may finish at once; none may keep its place at the provider while it waits here.
        self._downloads = make_stage("downloads", DOWNLOAD_WORKERS, self._download, capacity=concurrency)
        self._line = ImageLine(self._open)
        self._pipeline = Pipeline(
            (self._prompts, self._tasks, self._downloads, *self._line.stages),
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
        after = 0
        while True:
            async with self._context.database.reading() as connection:
                page = await image_rows.unfinished(connection, self._context.job.job_id, after, PAGE)
            if not page:
                return
            for image in page:
                after = image.image_id
                await self._line.after(image.progress or Progress.DOWNLOADED).put(image.image_id)

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
            await self._line.checks.put(image_id)

        failures = await download(self._context, task_id, arrived)
        for failure in failures:
            await self._failed(failure)
        if not failures:
            self._streaks[Where.DOWNLOAD].note_success()

    async def _open(self, image_id: int) -> Opened | None:
        image = await self._context.image(image_id)
        return (self._context, image) if image.status is ImageStatus.PENDING else None

    async def _failed(self, error: StageError) -> None:
        """A generation, task or download failed: it is written down already; five in a row pause the job."""
        self._context.log.failure(error, error.stage)
        pause = self._streaks[error.stage].note_failure(error)
        if pause is not None:
            await self._pause(pause)
