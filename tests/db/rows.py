"""Rows to fill a test's database with."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

from db import generations, images, jobs, retries, tasks
from db.connection import Database
from db.records import (
    GenerationRecord,
    ImageRecord,
    JobRecord,
    NewGeneration,
    NewImage,
    NewJob,
    NewTask,
    RecordedError,
    TaskRecord,
)
from db.status import Approval, JobKind, Progress, Stage, TaskState

NOW = "2026-01-31T08:00:00.000Z"
LATER = "2026-01-31T09:00:00.000Z"
LOST = RecordedError(Stage.GENERATE, "answer_lost", "The answer was lost.", "Decide what becomes of it.")


class Rows:
    """Inserts rows with as little said as a test needs, and reads them back. Each call is one transaction."""

    now = NOW
    later = LATER
    error = LOST

    def __init__(self, database: Database) -> None:
        self.database = database
        self._count = 0

    def _next(self) -> int:
        self._count += 1
        return self._count

    async def do[T](self, act: Callable[..., Awaitable[T]], *arguments: Any, **options: Any) -> T:
        """Call a repository function inside a transaction of its own."""
        async with self.database.transaction() as connection:
            return await act(connection, *arguments, **options)

    async def ask[T](self, query: Callable[..., Awaitable[T]], *arguments: Any, **options: Any) -> T:
        """Call a repository function on the reader."""
        async with self.database.reading() as connection:
            return await query(connection, *arguments, **options)

    async def value(self, statement: str, *parameters: object) -> Any:
        """The first value of the first row."""
        async with self.database.reading() as connection:
            rows = list(await connection.execute_fetchall(statement, parameters))
        return rows[0][0]

    async def job(self, *, at: str = NOW, **changes: Any) -> JobRecord:
        number = self._next()
        new = NewJob(f"job{number:05d}", JobKind.GENERATE, f"label {number}", {"a": 1}, {"seed": 7}, "/out")
        return await self.do(jobs.insert, dataclasses.replace(new, **changes), at)

    async def generation(self, job_id: str, **changes: Any) -> GenerationRecord:
        number = self._next()
        new = NewGeneration(job_id, number, "cat", {"keyword": "cat"}, "1:1", 1024, 1024)
        (generation_id,) = await self.do(generations.insert_many, [dataclasses.replace(new, **changes)], NOW)
        record = await self.ask(generations.get, generation_id)
        assert record is not None
        return record

    async def task(self, job_id: str, generation_id: int | None = None, **changes: Any) -> TaskRecord:
        if generation_id is None:
            generation_id = (await self.generation(job_id)).generation_id
        number = self._next()
        new = NewTask(generation_id, job_id, number, "piapi", "flux", f"key-{number}", 1)
        (task_id,) = await self.do(tasks.insert_many, [dataclasses.replace(new, **changes)], NOW)
        record = await self.ask(tasks.get, task_id)
        assert record is not None
        return record

    async def image(
        self, job_id: str | None = None, task: TaskRecord | None = None, *, at: str = NOW, **changes: Any
    ) -> ImageRecord:
        if task is None:
            task = await self.task(job_id or (await self.job()).job_id)
        number = self._next()
        new = NewImage(
            task.job_id,
            task.generation_id,
            task.task_id,
            number,
            number,
            "a prompt",
            "cat",
            "piapi",
            "flux",
            original_file=f"/originals/{number}.png",
            original_sha256="0" * 64,
        )
        return await self.do(images.insert, dataclasses.replace(new, **changes), at)

    async def approved(self, job_id: str | None = None, **changes: Any) -> ImageRecord:
        image = await self.image(job_id, **changes)
        await self.do(images.pass_check, image.image_id, "fine", NOW)
        assert await self.do(
            images.approve,
            image.image_id,
            output_file=f"/out/{image.image_id}.png",
            approval=Approval.CHECKED,
            reason=None,
            at=NOW,
        )
        return await self.image_now(image.image_id)

    async def submitted(self, job_id: str, **changes: Any) -> TaskRecord:
        task = await self.task(job_id, state=TaskState.PROMPTED, **changes)
        assert await self.do(tasks.mark_submitting, task.task_id, NOW)
        assert await self.do(tasks.mark_submitted, task.task_id, f"remote-{task.task_id}", NOW)
        return await self.task_now(task.task_id)

    async def retry(self, *image_ids: int, job_id: str | None = None) -> str:
        """Put images into a retry, a new one without `job_id`; its job's id."""
        job_id = job_id or (await self.job(kind=JobKind.RETRY)).job_id
        await self.do(retries.admit, job_id, image_ids, {}, NOW)
        return job_id

    async def begin_retry(self, image_id: int, progress: Progress | None = Progress.DOWNLOADED) -> bool:
        """Let its retry begin with the image."""
        return await self.do(retries.begin, image_id, progress, NOW, forgets_check=True)

    async def job_now(self, job_id: str) -> JobRecord:
        record = await self.ask(jobs.get, job_id)
        assert record is not None
        return record

    async def task_now(self, task_id: int) -> TaskRecord:
        record = await self.ask(tasks.get, task_id)
        assert record is not None
        return record

    async def image_now(self, image_id: int) -> ImageRecord:
        record = await self.ask(images.get, image_id)
        assert record is not None
        return record
