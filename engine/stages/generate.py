"""One paid call to an image provider, from intent to finished pictures: the protocol of a paid call.

Intent is committed before the request leaves, the provider's id before polling begins. A lost answer becomes
`unknown` and is never sent again by itself.
"""

import asyncio
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

import aiosqlite

from db import generations as generation_rows
from db import tasks as task_rows
from db.records import GenerationRecord, RecordedError, TaskRecord, utc_text
from db.status import Stage, TaskState
from engine.context import JobContext
from engine.crash import crash_point, crash_soon
from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    CreditExhaustedError,
    FactoryError,
    KeyRefusedError,
    NotSentError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
    StageError,
    TaskFailedError,
    TaskMissingError,
)
from engine.paid import write_down
from engine.providers.base import ImageProvider, ImageRequest, Lookup, Lora, RemoteState, RemoteTask
from engine.spending import PaidCall
from engine.spool import Spool

BAD_ANSWERS_IN_A_ROW = 5
BAD_ANSWERS_IN_ALL = 20


@dataclass(frozen=True, slots=True)
class _Work:
    """A task with everything that its calls need."""

    task: TaskRecord
    generation: GenerationRecord
    provider: ImageProvider
    request: ImageRequest
    call: PaidCall


async def generate(context: JobContext, task_id: int) -> bool:
    """Bring a task to `ready`; False when it ended without pictures to fetch (unknown).

    Raises StageError when it failed, PauseRequired and the ServiceErrors `key` and `credit` when it can go on later.
    """
    work = await _load(context, task_id)
    match work.task.state:
        case TaskState.PROMPTED:
            return await _submit(context, work)
        case TaskState.SUBMITTING if work.call.name in context.unkept:
            return await _submit(context, work)
        case TaskState.SUBMITTED:
            return await _follow(context, work)
        case TaskState.READY:
            return True
        case _:
            return False


async def reconcile(context: JobContext, task_id: int) -> bool:
    """Find out what became of a lost submission. True when the task has work to do again: found, or safe to send.

    Otherwise it stays `unknown`.
    """
    work = await _load(context, task_id)
    if work.task.state is not TaskState.UNKNOWN:
        return False
    spooled = Spool(context.folders.work).read(work.task.request_key)
    if spooled is not None:
        await _store_ready(context, work, spooled, None, provider_task_id=None)
        context.log.info(f"Task {task_id}: the answer had been kept; nothing was lost.", Stage.GENERATE)
        return True
    sent_at = datetime.fromisoformat(work.task.submitted_at or work.task.updated_at)
    async with context.database.reading() as connection:
        since = context.clock.now() - timedelta(days=3)
        known = await task_rows.provider_ids(connection, work.task.provider, utc_text(since))
    try:
        found = await work.provider.reconcile(work.request, sent_at, known)
    except (NotSentError, RateLimitedError, KeyRefusedError, BadAnswerError) as error:
        context.log.warning(
            f"Task {task_id} could not be looked up at {work.task.provider}: {error.message}", Stage.GENERATE
        )
        return False
    match found.lookup:
        case Lookup.FOUND:
            assert found.task is not None, "a task that was found is there"
            async with context.database.transaction(durable=True) as connection:
                await task_rows.mark_submitted(connection, task_id, found.task.task_id, context.now())
            context.log.info(
                f"Task {task_id} was found at {work.task.provider}: {found.detail}", Stage.GENERATE
            )
            context.task_changed(work.generation.generation_id, TaskState.SUBMITTED)
            return True
        case Lookup.NOT_THERE:
            async with context.database.transaction(durable=True) as connection:
                await task_rows.mark_unsent(connection, task_id, context.now())
                await context.spending.release(connection, work.call, found.detail)
            context.log.info(
                f"Task {task_id} never reached {work.task.provider}; it is sent again. {found.detail}",
                Stage.GENERATE,
            )
            context.task_changed(work.generation.generation_id, TaskState.PROMPTED)
            return True
        case Lookup.CANNOT_TELL:
            context.log.warning(
                f"Task {task_id}: {work.task.provider} cannot say what became of it. {found.detail}",
                Stage.GENERATE,
                hint="It may have been paid. It waits for your decision: treat it as lost, or submit it again.",
            )
            return False


async def cancel(context: JobContext, task_id: int) -> bool:
    """Ask the provider to take a pending task back; True if it did and nothing was bought."""
    work = await _load(context, task_id)
    if work.task.state is not TaskState.SUBMITTED or work.task.provider_task_id is None:
        return False
    if not await work.provider.cancel(work.task.provider_task_id):
        return False
    async with context.database.transaction(durable=True) as connection:
        await _reopen(connection, context, task_id)
        await context.spending.release(connection, work.call, "cancelled before it began")
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)
    return True


async def _load(context: JobContext, task_id: int) -> _Work:
    async with context.database.reading() as connection:
        task = await task_rows.get(connection, task_id)
        assert task is not None, f"task {task_id} is in the pipeline, so it has a row"
        generation = await generation_rows.get(connection, task.generation_id)
        assert generation is not None, "a task's generation exists"
        siblings = await task_rows.for_generation(connection, task.generation_id)
    settings = context.settings
    earlier_images = sum(one.images_requested for one in siblings if one.task_index < task.task_index)
    request = ImageRequest(
        request_key=task.request_key,
        model=task.model,
        prompt=generation.prompt or "",
        width=generation.width,
        height=generation.height,
        aspect_ratio=generation.aspect_ratio,
        images=task.images_requested,
        negative_prompt=settings.generation.negative_prompt,
        seed=None if generation.seed is None else generation.seed + earlier_images,
        steps=settings.generation.steps,
        guidance=settings.generation.guidance,
        process_mode=settings.generation.process_mode,
        mj_version=settings.generation.mj_version,
        loras=tuple(Lora(lora.model, lora.weight) for lora in settings.generation.loras),
        transparent=settings.processing.remove_background,
    )
    return _Work(
        task=task,
        generation=generation,
        provider=context.services.images(task.provider),
        request=request,
        call=PaidCall(f"task:{task_id}", task.provider, task.model, task.estimate_micros),
    )


async def _submit(context: JobContext, work: _Work) -> bool:
    backoff = context.caller.backoff()
    waited_s = 0.0
    while True:
        send = context.unkept.get(work.call.name)
        if send is None:
            if not await _begin(context, work):
                return False  # somebody else has it: never send what is not ours to send
            send = partial(_send, context, work)
        try:
            remote: RemoteTask | None = await context.see_through(asyncio.ensure_future(send()))
        except (NotSentError, RateLimitedError) as error:
            waited_s = await context.caller.wait_out(error, backoff, waited_s, Stage.GENERATE)
            continue
        if remote is None:
            return await _after_lost_answer(context, work.task.task_id)
        if remote.state is RemoteState.FINISHED:
            return True
        return await _follow(context, await _load(context, work.task.task_id))


async def _begin(context: JobContext, work: _Work) -> bool:
    """Commit the intent, as soon as the provider and the gate allow it; False where the task is not to be sent."""
    await context.caller.until_allowed(work.task.provider)
    context.gate.check()
    crash_point("before_intent")
    async with context.database.transaction(durable=True) as connection:
        if not await task_rows.mark_submitting(connection, work.task.task_id, context.now()):
            return False
        await context.spending.reserve(connection, work.call)
    crash_point("after_intent")
    context.task_changed(work.generation.generation_id, TaskState.SUBMITTING)
    return True


async def _send(context: JobContext, work: _Work) -> RemoteTask | None:
    """The request and the commit of what came of it, as one piece that a cancelled worker does not take down.

    None: the answer was lost and the task is `unknown` now.
    """
    task_id = work.task.task_id
    request = work.request
    context.log.debug(
        f"Task {task_id}: asking {work.task.provider} ({request.model}) for {request.images} images of "
        f"{request.width}x{request.height}.",
        Stage.GENERATE,
    )
    crash_soon("in_post")
    came: RemoteTask | ServiceError
    try:
        came = await work.provider.submit(work.request)
    except ServiceError as error:
        came = error
    else:
        crash_point("after_answer")
    remote = await write_down(context, work.call.name, partial(_keep, context, work, came))
    crash_point("after_id")
    return remote


async def _keep(context: JobContext, work: _Work, came: RemoteTask | ServiceError) -> RemoteTask | None:
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
    await _fail(context, work, came, is_bought=False)
    raise StageError(Stage.GENERATE, came.message, code=came.code, hint=came.hint) from came


async def _keep_answer(context: JobContext, work: _Work, remote: RemoteTask) -> None:
    task_id = work.task.task_id
    context.log.debug(
        f"Task {task_id}: {work.task.provider} answered “{remote.status_word}”.", Stage.GENERATE
    )
    if remote.state is RemoteState.FINISHED:
        await _finish(context, work, remote)
        return
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_submitted(connection, task_id, remote.task_id, context.now())
    context.log.info(f"Task {task_id} submitted to {work.task.model} as {remote.task_id}.", Stage.GENERATE)
    context.task_changed(work.generation.generation_id, TaskState.SUBMITTED)


async def _after_lost_answer(context: JobContext, task_id: int) -> bool:
    """Look once right away; what cannot be told yet is looked up again at the end of the job."""
    if not await reconcile(context, task_id):
        return False
    return await generate(context, task_id)


@dataclass(slots=True)
class _Patience:
    """How much a task's polling may still bear."""

    timeout_s: float
    reachable_s: float = 0.0
    """Time in which the provider could be reached; a line that is down does not count, it only waits."""
    bad_in_a_row: int = 0
    bad_in_all: int = 0

    def note_bad(self) -> None:
        self.bad_in_a_row += 1
        self.bad_in_all += 1

    @property
    def has_too_many_bad_answers(self) -> bool:
        return self.bad_in_a_row >= BAD_ANSWERS_IN_A_ROW or self.bad_in_all >= BAD_ANSWERS_IN_ALL

    @property
    def is_at_its_end(self) -> bool:
        return self.reachable_s > self.timeout_s


async def _follow(context: JobContext, work: _Work) -> bool:
    """Poll until the task is finished. Raises StageError when patience is at its end; the id is kept then."""
    settings = context.settings.generation
    patience = _Patience(settings.timeout_minutes * 60)
    backoff = context.caller.backoff(settings.poll_interval_seconds)
    wait_s = settings.poll_interval_seconds
    is_line_down = is_told_of_word = False
    asked_at = context.clock.monotonic()
    while True:
        await context.clock.sleep(wait_s)
        await context.caller.until_allowed(work.task.provider)
        crash_point("mid_poll")
        previous, asked_at = asked_at, context.clock.monotonic()
        was_line_down = is_line_down
        try:
            remote = await _poll(context, work)
        except NotSentError as error:
            if not is_line_down:
                context.log.warning(
                    f"{error.message} Task {work.task.task_id} waits for the line.", Stage.GENERATE
                )
            is_line_down, wait_s = True, backoff.next_s()
            continue
        except RateLimitedError as error:
            wait_s = error.retry_after if error.retry_after is not None else backoff.next_s()
            context.log.warning(
                f"{error.message} Asking again in {wait_s:.1f} s.", Stage.GENERATE, cause=error.code
            )
        except (BadAnswerError, TaskMissingError) as error:
            patience.note_bad()
            wait_s = backoff.next_s()
            context.log.warning(
                f"Task {work.task.task_id}: {error.message} ({patience.bad_in_a_row} in a row)",
                Stage.GENERATE,
                cause=error.code,
            )
            if patience.has_too_many_bad_answers:
                await _give_up(context, work, error.message, code=error.code)
        else:
            if remote.state is RemoteState.FINISHED:
                await _finish(context, work, remote)
                return True
            if not remote.is_known_status and not is_told_of_word:
                is_told_of_word = True
                context.log.warning(
                    f"Task {work.task.task_id}: {work.task.provider} calls its state “{remote.status_word}”; "
                    "it is taken as still going.",
                    Stage.GENERATE,
                )
            patience.bad_in_a_row = 0
            backoff = context.caller.backoff(settings.poll_interval_seconds)
            # From question to question, so that the answers' own time does not add up; a slow service gets its rest.
            taken_s = context.clock.monotonic() - asked_at
            wait_s = max(settings.poll_interval_seconds - taken_s, settings.poll_interval_seconds / 2)
        is_line_down = False
        patience.reachable_s += 0.0 if was_line_down else asked_at - previous
        if patience.is_at_its_end:
            message = f"{work.task.provider} did not finish within {settings.timeout_minutes} minutes."
            await _give_up(context, work, message, "timeout")


async def _poll(context: JobContext, work: _Work) -> RemoteTask:
    """Ask once. Writes down what ends the task: a failure (StageError), or credit that was missing after all."""
    assert work.task.provider_task_id is not None, "a submitted task has the provider's id"
    try:
        return await work.provider.poll(work.task.provider_task_id, work.request)
    except CreditExhaustedError as error:
        await _take_back(context, work, error)
        raise
    except (NotSentError, RateLimitedError, KeyRefusedError, BadAnswerError, TaskMissingError):
        raise
    except ServiceError as error:
        is_bought = not isinstance(error, TaskFailedError | PolicyRefusedError)
        await _fail(context, work, error, is_bought=is_bought)
        raise StageError(Stage.GENERATE, error.message, code=error.code, hint=error.hint) from error


async def _finish(context: JobContext, work: _Work, remote: RemoteTask) -> None:
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
    await _store_ready(context, work, outputs, remote, provider_task_id=remote.task_id)


async def _store_ready(
    context: JobContext,
    work: _Work,
    outputs: list[dict[str, object]],
    remote: RemoteTask | None,
    *,
    provider_task_id: str | None,
) -> None:
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


async def _unsend(context: JobContext, work: _Work, error: FactoryError) -> None:
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_unsent(connection, work.task.task_id, context.now())
        await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)


async def _take_back(context: JobContext, work: _Work, error: FactoryError) -> None:
    """The provider dropped an accepted task without making it: it is a new request from here on."""
    async with context.database.transaction(durable=True) as connection:
        await _reopen(connection, context, work.task.task_id)
        await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)


async def _reopen(connection: aiosqlite.Connection, context: JobContext, task_id: int) -> None:
    await task_rows.mark_cancelled(connection, task_id, context.now())
    await task_rows.reopen(connection, task_id, str(uuid.uuid4()), context.now())


async def _fail(context: JobContext, work: _Work, error: FactoryError, *, is_bought: bool) -> None:
    async with context.database.transaction(durable=True) as connection:
        await task_rows.mark_failed(connection, work.task.task_id, _recorded(error), context.now())
        if is_bought:
            await context.spending.lose(connection, work.call, error.message)
        else:
            await context.spending.release(connection, work.call, error.message)
    context.task_changed(work.generation.generation_id, TaskState.FAILED)


async def _give_up(context: JobContext, work: _Work, message: str, code: str) -> NoReturn:
    error = StageError(
        Stage.GENERATE,
        message,
        code=code,
        hint=f"Its id {work.task.provider_task_id} is kept: check again later, it costs nothing.",
    )
    await _fail(context, work, error, is_bought=True)
    raise error


def _recorded(error: FactoryError) -> RecordedError:
    return RecordedError(Stage.GENERATE, error.code, error.message, error.hint)
