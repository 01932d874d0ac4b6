"""What came of a paid call for pictures, each outcome as one durable transaction of the task and its money.

The flow that leads here is in `engine.stages.generate`.
"""

import uuid
from typing import NoReturn

import aiosqlite

from db import tasks as task_rows
from db.records import RecordedError
from db.status import Stage, TaskState
from engine.context import JobContext
from engine.errors import (
    AnswerLostError,
    CreditExhaustedError,
    FactoryError,
    KeyRefusedError,
    NotSentError,
    RateLimitedError,
    ServiceError,
    StageError,
)
from engine.providers.base import RemoteState, RemoteTask
from engine.spool import Spool
from engine.task_work import TaskWork


async def keep_outcome(
    context: JobContext, work: TaskWork, came: RemoteTask | ServiceError
) -> RemoteTask | None:
    """Commit what came of a submission. None for a lost answer; raises every other failure."""
    if isinstance(came, RemoteTask):
        await _keep_answer(context, work, came)
        return came
    task_id = work.task.task_id
    if isinstance(came, AnswerLostError):
        async with context.database.transaction(durable=True) as connection:
            await task_rows.mark_unknown(connection, task_id, _recorded(came), context.now())
            await context.spending.lose(connection, work.call, came.message)
        context.log.error(
            f"Task {task_id}: {came.message}",
            Stage.GENERATE,
            cause=came.code,
            hint="It may have been paid; it is not sent again by itself.",
        )
        context.task_changed(work.generation.generation_id, TaskState.UNKNOWN)
        return None
    if isinstance(came, NotSentError | RateLimitedError | KeyRefusedError | CreditExhaustedError):
        await _unsend(context, work, came)
        raise came
    await fail_task(context, work, came, is_bought=False)
    raise StageError(Stage.GENERATE, came.message, code=came.code, hint=came.hint) from came


async def _keep_answer(context: JobContext, work: TaskWork, remote: RemoteTask) -> None:
    task_id = work.task.task_id
    context.log.debug(
        f"Task {task_id}: {work.task.provider} answered “{remote.status_word}”.", Stage.GENERATE
    )
    if remote.state is RemoteState.FINISHED:
        await finish_task(context, work, remote)
        return
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_submitted(connection, task_id, remote.task_id, context.now())
    context.log.info(f"Task {task_id} submitted to {work.task.model} as {remote.task_id}.", Stage.GENERATE)
    context.task_changed(work.generation.generation_id, TaskState.SUBMITTED)


async def finish_task(context: JobContext, work: TaskWork, remote: RemoteTask) -> None:
    """Store what the provider delivered. Raises StageError when that is no picture at all."""
    task_id = work.task.task_id
    if not remote.images:
        error = StageError(
            Stage.GENERATE,
            f"{work.task.provider} reports the task as completed, without an image.",
            code="no_image",
            hint="What it cost is in the ledger; ask the provider for it with the task's id.",
        )
        async with context.database.transaction(durable=True) as connection:
            await task_rows.mark_failed(connection, task_id, _recorded(error), context.now())
            await context.spending.settle(connection, work.call, remote.charge)
        context.task_changed(work.generation.generation_id, TaskState.FAILED)
        raise error
    outputs: list[dict[str, object]] = [
        {"url": image.url, "seed": image.seed, "quarter": image.quarter}
        for image in remote.images
        if image.data is None
    ]
    if any(image.data is not None for image in remote.images):
        pictures = [(image.data, image.seed) for image in remote.images if image.data is not None]
        spool = Spool(context.folders.work)
        outputs += await context.compute(spool.write, work.task.request_key, pictures)
    await store_ready(context, work, outputs, remote, provider_task_id=remote.task_id)


async def store_ready(
    context: JobContext,
    work: TaskWork,
    outputs: list[dict[str, object]],
    remote: RemoteTask | None,
    *,
    provider_task_id: str | None,
) -> None:
    """Commit what a task has delivered: `outputs`, one for each picture, and its price."""
    task = work.task
    async with context.database.transaction(durable=True) as connection:
        cost = await context.spending.settle(connection, work.call, remote.charge if remote else None)
        await task_rows.mark_ready(
            connection, task.task_id, outputs, cost, context.now(), provider_task_id=provider_task_id
        )
    if len(outputs) < task.images_requested:
        context.log.warning(
            f"Task {task.task_id}: {len(outputs)} images came of {task.images_requested} asked for.",
            Stage.GENERATE,
            hint="None is ordered again by itself.",
        )
    context.task_changed(work.generation.generation_id, TaskState.READY)


async def _unsend(context: JobContext, work: TaskWork, error: FactoryError) -> None:
    """The request never counted: nothing was bought, and it may be sent again."""
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_unsent(connection, work.task.task_id, context.now())
        await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)


async def take_back(context: JobContext, work: TaskWork, error: FactoryError) -> None:
    """The provider dropped an accepted task without making it: it is a new request from here on."""
    async with context.database.transaction(durable=True) as connection:
        await reopen(connection, context, work.task.task_id)
        await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)


async def reopen(connection: aiosqlite.Connection, context: JobContext, task_id: int) -> None:
    """Make a new request of a task that the provider took back, within the caller's transaction."""
    await task_rows.mark_cancelled(connection, task_id, context.now())
    await task_rows.reopen(connection, task_id, str(uuid.uuid4()), context.now())


async def fail_task(context: JobContext, work: TaskWork, error: FactoryError, *, is_bought: bool) -> None:
    """The task has failed; `is_bought`: the provider may have taken its price all the same."""
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_failed(connection, work.task.task_id, _recorded(error), context.now())
        if is_bought:
            await context.spending.lose(connection, work.call, error.message)
        else:
            await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.FAILED)


async def give_up(context: JobContext, work: TaskWork, message: str, code: str) -> NoReturn:
    """Stop waiting for a task. Raises StageError; the provider's id is kept, so that it can be checked again."""
    error = StageError(
        Stage.GENERATE,
        message,
        code=code,
        hint=f"Its id {work.task.provider_task_id} is kept: check again later, it costs nothing.",
    )
    await fail_task(context, work, error, is_bought=True)
    raise error


def _recorded(error: FactoryError) -> RecordedError:
    return RecordedError(Stage.GENERATE, error.code, error.message, error.hint)
