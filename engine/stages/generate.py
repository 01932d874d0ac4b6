"""One paid call to an image provider, from intent to finished pictures: the protocol of a paid call.

Intent is committed before the request leaves, the provider's id before polling begins. A lost answer becomes
`unknown` and is never sent again by itself.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from db import tasks as task_rows
from db.records import utc_text
from db.status import Stage, TaskState
from engine.context import JobContext
from engine.crash import crash_point, crash_soon
from engine.errors import (
    BadAnswerError,
    CreditExhaustedError,
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
from engine.providers.base import Lookup, RemoteState, RemoteTask
from engine.spool import Spool
from engine.task_outcomes import fail_task, finish_task, give_up, keep_outcome, reopen, store_ready, take_back
from engine.task_work import TaskWork, load_work

BAD_ANSWERS_IN_A_ROW = 5
BAD_ANSWERS_IN_ALL = 20


async def generate(context: JobContext, task_id: int) -> bool:
    """Bring a task to `ready`; False when it ended without pictures to fetch (unknown).

    Raises StageError when it failed, PauseRequired and the ServiceErrors `key` and `credit` when it can go on later.
    """
    work = await load_work(context, task_id)
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
    work = await load_work(context, task_id)
    if work.task.state is not TaskState.UNKNOWN:
        return False
    spooled = Spool(context.folders.work).read(work.task.request_key)
    if spooled is not None:
        await store_ready(context, work, spooled, None, provider_task_id=None)
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
    work = await load_work(context, task_id)
    if work.task.state is not TaskState.SUBMITTED or work.task.provider_task_id is None:
        return False
    if not await work.provider.cancel(work.task.provider_task_id):
        return False
    async with context.database.transaction(durable=True) as connection:
        await reopen(connection, context, task_id)
        await context.spending.release(connection, work.call, "cancelled before it began")
    context.task_changed(work.generation.generation_id, TaskState.PROMPTED)
    return True


async def _submit(context: JobContext, work: TaskWork) -> bool:
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
        return await _follow(context, await load_work(context, work.task.task_id))


async def _begin(context: JobContext, work: TaskWork) -> bool:
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


async def _send(context: JobContext, work: TaskWork) -> RemoteTask | None:
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
    remote = await write_down(context, work.call.name, partial(keep_outcome, context, work, came))
    crash_point("after_id")
    return remote


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


async def _follow(context: JobContext, work: TaskWork) -> bool:
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
                await give_up(context, work, error.message, code=error.code)
        else:
            if remote.state is RemoteState.FINISHED:
                await finish_task(context, work, remote)
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
            await give_up(context, work, message, "timeout")


async def _poll(context: JobContext, work: TaskWork) -> RemoteTask:
    """Ask once. Writes down what ends the task: a failure (StageError), or credit that was missing after all."""
    assert work.task.provider_task_id is not None, "a submitted task has the provider's id"
    try:
        return await work.provider.poll(work.task.provider_task_id, work.request)
    except CreditExhaustedError as error:
        await take_back(context, work, error)
        raise
    except (NotSentError, RateLimitedError, KeyRefusedError, BadAnswerError, TaskMissingError):
        raise
    except ServiceError as error:
        is_bought = not isinstance(error, TaskFailedError | PolicyRefusedError)
        await fail_task(context, work, error, is_bought=is_bought)
        raise StageError(Stage.GENERATE, error.message, code=error.code, hint=error.hint) from error
