"""Decisions about tasks that ended without pictures: their answer was lost, or they failed. Nothing is sent from here:
what has to be asked or sent is the work of the task's job, which goes on."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from db import generations as generation_rows
from db import job_queue
from db import jobs as job_rows
from db import tasks as task_rows
from db.connection import Database
from db.records import JobRecord, RecordedError, TaskRecord, utc_text
from db.status import JobStatus, Stage, TaskState
from engine.api import TaskChoice
from engine.bus import EventBus
from engine.clock import Clock
from engine.deciding_rules import choices_for, why_not
from engine.errors import ConflictError, NotFoundError
from engine.events import JobStatusChanged, QueueChanged, TaskChanged
from engine.logs import LogBook
from engine.queue import JobQueue
from engine.views import TaskDecisionView, TaskRefusalView

_TREATED_AS_LOST = RecordedError(
    Stage.GENERATE, "treated_as_lost", "Its answer was lost; you treat it as lost.", "It may have been paid."
)
_WAITING = (JobStatus.QUEUED, JobStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class Deciding:
    """Part of the Engine. What the method does is said in EngineApi."""

    database: Database
    queue: JobQueue
    clock: Clock
    log_book: LogBook
    bus: EventBus

    async def decide(self, task_ids: Sequence[int], choice: TaskChoice) -> TaskDecisionView:
        """See EngineApi."""
        await self.queue.settled()
        done: list[int] = []
        refused: list[TaskRefusalView] = []
        jobs: dict[str, None] = {}
        for task_id in dict.fromkeys(task_ids):
            try:
                task = await self._decide(task_id, choice)
            except (ConflictError, NotFoundError) as error:
                refused.append(TaskRefusalView(task=task_id, message=error.message, hint=error.hint))
                continue
            done.append(task_id)
            if choice is not TaskChoice.LOST:
                jobs[task.job_id] = None
        for job_id in jobs:
            self.bus.publish(JobStatusChanged(job_id, JobStatus.QUEUED))
        if jobs:
            self.bus.publish(QueueChanged())
            self.queue.wake()
        return TaskDecisionView(done=tuple(done), refused=tuple(refused), job_ids=tuple(jobs))

    async def _decide(self, task_id: int, choice: TaskChoice) -> TaskRecord:
        at = utc_text(self.clock.now())
        async with self.database.transaction(durable=True) as connection:
            task = await task_rows.get(connection, task_id)
            if task is None:
                raise NotFoundError(f"There is no task {task_id}.", hint="`gimf images decide` lists them.")
            job = await job_rows.get(connection, task.job_id)
            assert job is not None, "a task's job exists"
            if choice.value not in choices_for(task):
                raise ConflictError(why_not(task, choice))
            match choice:
                case TaskChoice.LOST:
                    if task.state is TaskState.UNKNOWN:
                        await task_rows.mark_failed(connection, task_id, _TREATED_AS_LOST, at)
                    await task_rows.note_decided(connection, task_id, at)
                case TaskChoice.ASK:
                    self._refuse_at_work(job)
                    if task.state is TaskState.FAILED:
                        await task_rows.check_again(connection, task_id, at)
                    await _enqueue(connection, job, task_id)
                case TaskChoice.SUBMIT:
                    self._refuse_at_work(job)
                    await task_rows.reopen(connection, task_id, str(uuid.uuid4()), at)
                    await _enqueue(connection, job, task_id)
            now = await task_rows.get(connection, task_id)
            assert now is not None, "it was there just now"
            generation = await generation_rows.get(connection, task.generation_id)
            assert generation is not None, "a task's generation exists"
        self.log_book.for_job(task.job_id).warning(f"Task {task_id}: {_SAID[choice]}", Stage.GENERATE)
        self.bus.publish(TaskChanged(task.job_id, task.generation_id, now.state))
        return task

    def _refuse_at_work(self, job: JobRecord) -> None:
        running = self.queue.running
        if running is not None and running.job.job_id == job.job_id:
            raise ConflictError(
                f"{job.label} is at work.", hint="Decide when it has ended, or stop it first."
            )


_SAID = {
    TaskChoice.LOST: "you treat it as lost. Its money counts as possibly spent.",
    TaskChoice.ASK: "you let the provider be asked once more.",
    TaskChoice.SUBMIT: "you let it be submitted again; where the first request had arrived, it is paid for twice.",
}


async def _enqueue(connection: aiosqlite.Connection, job: JobRecord, task_id: int) -> None:
    """Let the job go on for the sake of this task. Where it was ended with orders left to send, that would send them
    too: the user has to resume it knowingly."""
    if job.deleted_at is not None:
        raise ConflictError(f"{job.label} is deleted.", hint="Restore it first.")
    if job.status in _WAITING:
        return
    left = await task_rows.for_job(connection, job.job_id, [TaskState.PLANNED, TaskState.PROMPTED], limit=2)
    if any(task.task_id != task_id for task in left):
        raise ConflictError(
            f"{job.label} is {job.status} with orders left to send; they would be sent too.",
            hint="Resume the job: lost answers are looked up then. Decide about what is left when it has ended.",
        )
    if not await job_queue.enqueue(connection, job.job_id, is_completed_too=True):
        raise ConflictError(
            f"{job.label} has just changed its status.", hint="Look at it, then decide again."
        )
