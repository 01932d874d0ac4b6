import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db import generations, images, jobs, tasks
from db.records import NewTask, RecordedError, TaskRecord
from db.status import Approval, Stage, TaskState
from tests.db.rows import LATER, LOST, NOW, Rows

FAILURE = RecordedError(Stage.GENERATE, "task_failed", "The provider failed.", "Try again.")

S = TaskState
ACTS: dict[str, tuple[Callable[..., Awaitable[bool]], tuple[Any, ...], set[TaskState], TaskState]] = {
    "submitting": (tasks.mark_submitting, (LATER,), {S.PROMPTED}, S.SUBMITTING),
    "submitted": (tasks.mark_submitted, ("r", LATER), {S.SUBMITTING, S.UNKNOWN}, S.SUBMITTED),
    "unsent": (tasks.mark_unsent, (LATER,), {S.SUBMITTING, S.UNKNOWN}, S.PROMPTED),
    "ready": (
        tasks.mark_ready,
        ([{"url": "u"}], 5, LATER),
        {S.SUBMITTING, S.SUBMITTED, S.READY, S.UNKNOWN, S.FAILED},
        S.READY,
    ),
    "downloaded": (tasks.mark_downloaded, (1, LATER), {S.READY, S.DOWNLOADED}, S.DOWNLOADED),
    "done": (tasks.mark_done_if_finished, (LATER,), {S.DOWNLOADED}, S.DONE),
    "unknown": (tasks.mark_unknown, (LOST, LATER), {S.SUBMITTING, S.UNKNOWN}, S.UNKNOWN),
    "failed": (
        tasks.mark_failed,
        (FAILURE, LATER),
        {S.PLANNED, S.PROMPTED, S.SUBMITTING, S.SUBMITTED, S.READY, S.UNKNOWN, S.FAILED},
        S.FAILED,
    ),
    "cancelled": (tasks.mark_cancelled, (LATER,), {S.PLANNED, S.PROMPTED, S.SUBMITTED}, S.CANCELLED),
}


async def in_state(rows: Rows, state: TaskState, job_id: str | None = None) -> TaskRecord:
    """A task in that state, brought there by the updates that the engine uses."""
    if job_id is None:
        job_id = (await rows.job()).job_id
    task = await rows.task(job_id, state=S.PLANNED if state is S.PLANNED else S.PROMPTED, images_requested=2)
    paths: dict[TaskState, list[str]] = {
        S.PLANNED: [],
        S.PROMPTED: [],
        S.SUBMITTING: ["submitting"],
        S.SUBMITTED: ["submitting", "submitted"],
        S.READY: ["submitting", "submitted", "ready"],
        S.DOWNLOADED: ["submitting", "submitted", "ready", "downloaded"],
        S.DONE: ["submitting", "submitted", "ready", "downloaded", "done"],
        S.UNKNOWN: ["submitting", "unknown"],
        S.FAILED: ["submitting", "failed"],
        S.CANCELLED: ["cancelled"],
    }
    for name in paths[state]:
        act, arguments, _, _ = ACTS[name]
        assert await rows.do(act, task.task_id, *arguments)
    return await rows.task_now(task.task_id)


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("state", TaskState)
async def test_every_update_happens_from_its_states_and_no_other(
    rows: Rows, name: str, state: TaskState
) -> None:
    act, arguments, from_states, to_state = ACTS[name]
    task = await in_state(rows, state)
    assert await rows.do(act, task.task_id, *arguments) is (state in from_states)
    after = await rows.task_now(task.task_id)
    if state in from_states:
        assert (after.state, after.updated_at) == (to_state, LATER)
    else:
        assert after == task


async def test_a_healthy_task(rows: Rows) -> None:
    task = await rows.task((await rows.job()).job_id, state=S.PROMPTED, images_requested=2, estimate_micros=7)
    assert (task.outputs, task.submissions, task.estimate_micros) == ([], 0, 7)
    await rows.do(tasks.mark_submitting, task.task_id, NOW)
    await rows.do(tasks.mark_submitted, task.task_id, "remote", NOW)
    await rows.do(tasks.mark_ready, task.task_id, [{"url": "a"}, {"url": "b"}], 12, NOW)
    ready = await rows.task_now(task.task_id)
    assert (ready.provider_task_id, ready.cost_micros, ready.submissions) == ("remote", 12, 1)
    assert ready.submitted_at == NOW
    assert ready.outputs == [{"url": "a"}, {"url": "b"}]
    await rows.do(tasks.mark_ready, task.task_id, [{"url": "c"}], None, LATER, provider_task_id="other")
    refreshed = await rows.task_now(task.task_id)
    assert (refreshed.cost_micros, refreshed.provider_task_id) == (12, "other")
    await rows.do(tasks.mark_downloaded, task.task_id, 2, LATER)
    assert (await rows.task_now(task.task_id)).images_received == 2


async def test_an_error_is_kept_and_forgotten_when_it_goes_on(rows: Rows) -> None:
    task = await in_state(rows, S.UNKNOWN)
    assert (task.error_stage, task.error_code, task.error_message) == (
        Stage.GENERATE,
        "answer_lost",
        "The answer was lost.",
    )
    await rows.do(tasks.mark_submitted, task.task_id, "found", LATER)
    assert (await rows.task_now(task.task_id)).error_code is None


async def test_an_unsent_task_may_be_sent_again_and_counts_both(rows: Rows) -> None:
    task = await in_state(rows, S.SUBMITTING)
    await rows.do(tasks.mark_unsent, task.task_id, LATER)
    assert (await rows.task_now(task.task_id)).submitted_at is None
    await rows.do(tasks.mark_submitting, task.task_id, LATER)
    assert (await rows.task_now(task.task_id)).submissions == 2


async def test_a_failed_task_keeps_its_id_to_be_checked_again(rows: Rows) -> None:
    task = await in_state(rows, S.SUBMITTED)
    assert not await rows.do(tasks.check_again, task.task_id, LATER)
    await rows.do(tasks.mark_failed, task.task_id, FAILURE, LATER)
    assert await rows.do(tasks.check_again, task.task_id, LATER)
    again = await rows.task_now(task.task_id)
    assert (again.state, again.provider_task_id, again.error_code) == (S.SUBMITTED, "r", None)
    nameless = await in_state(rows, S.FAILED)
    assert not await rows.do(tasks.check_again, nameless.task_id, LATER)


@pytest.mark.parametrize("state", TaskState)
async def test_reopen(rows: Rows, state: TaskState) -> None:
    task = await in_state(rows, state)
    may = state in (S.FAILED, S.CANCELLED, S.UNKNOWN)
    assert await rows.do(tasks.reopen, task.task_id, "new key", LATER) is may
    after = await rows.task_now(task.task_id)
    if may:
        assert (after.state, after.request_key, after.provider_task_id) == (S.PLANNED, "new key", None)
        assert (after.error_code, after.submitted_at) == (None, None)


async def test_reopen_with_a_prompt_is_prompted(rows: Rows) -> None:
    task = await in_state(rows, S.FAILED)
    await rows.do(generations.set_prompt, task.generation_id, "p", NOW)
    await rows.do(tasks.reopen, task.task_id, "new key", LATER)
    assert (await rows.task_now(task.task_id)).state is S.PROMPTED


@pytest.mark.parametrize(
    "finish",
    ["approve", "reject", "fail", "trash"],
)
async def test_done_only_when_no_image_is_at_work(rows: Rows, finish: str) -> None:
    task = await in_state(rows, S.DOWNLOADED)
    image = await rows.image(task=task)
    assert not await rows.do(tasks.mark_done_if_finished, task.task_id, LATER)
    match finish:
        case "approve":
            await rows.do(
                images.approve, image.image_id, output_file="/o", approval=Approval.MANUAL, reason="m", at=NOW
            )
        case "reject":
            await rows.do(images.reject, image.image_id, "blurred", NOW)
        case "fail":
            await rows.do(images.fail, image.image_id, Stage.TRIM, code="empty", reason="r", at=NOW)
        case "trash":
            await rows.do(images.trash, image.image_id, NOW)
    assert await rows.do(tasks.mark_done_if_finished, task.task_id, LATER)


async def test_insert_many(rows: Rows) -> None:
    job = await rows.job()
    generation = await rows.generation(job.job_id)

    def new(index: int, state: TaskState = S.PLANNED) -> NewTask:
        return NewTask(generation.generation_id, job.job_id, index, "piapi", "m", f"k{index}", 1, state=state)

    ids = await rows.do(tasks.insert_many, [new(1), new(0, S.PROMPTED)], NOW)
    assert [(await rows.task_now(one)).task_index for one in ids] == [1, 0]
    assert [one.task_index for one in await rows.ask(tasks.for_generation, generation.generation_id)] == [
        0,
        1,
    ]
    with pytest.raises(ValueError, match="planned or prompted"):
        await rows.do(tasks.insert_many, [new(2, S.READY)], NOW)
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(tasks.insert_many, [new(1)], NOW)


async def test_lists(rows: Rows) -> None:
    job, other = (await rows.job()).job_id, (await rows.job()).job_id
    made = {state: await in_state(rows, state, job) for state in TaskState}
    foreign = {state: await in_state(rows, state, other) for state in (S.UNKNOWN, S.SUBMITTING)}

    open_states = [S.READY, S.SUBMITTED, S.PROMPTED]
    first = await rows.ask(tasks.for_job, job, open_states, limit=2)
    rest = await rows.ask(tasks.for_job, job, open_states, first[-1].task_id, 2)
    assert [task.state for task in [*first, *rest]] == [S.PROMPTED, S.SUBMITTED, S.READY]
    assert await rows.ask(tasks.recover_submitting, job) == [made[S.SUBMITTING]]
    assert await rows.ask(tasks.recover_submitting) == [made[S.SUBMITTING], foreign[S.SUBMITTING]]
    of_job = sorted((made[S.UNKNOWN], made[S.FAILED]), key=lambda task: task.task_id)
    assert await rows.ask(tasks.undecided, job) == of_job
    assert await rows.ask(tasks.undecided) == [*of_job, foreign[S.UNKNOWN]]
    assert await rows.ask(tasks.undecided, after_task_id=of_job[-1].task_id) == [foreign[S.UNKNOWN]]
    assert await rows.ask(tasks.count_undecided) == 3
    assert await rows.do(tasks.note_decided, made[S.FAILED].task_id, LATER)
    assert not await rows.do(tasks.note_decided, made[S.UNKNOWN].task_id, LATER)
    assert await rows.ask(tasks.undecided, job) == [made[S.UNKNOWN]]
    assert await rows.ask(tasks.count_by_state, job) == dict.fromkeys(TaskState, 1)
    assert (await rows.ask(tasks.count_by_state, other))[S.DONE] == 0
    both = [made[S.READY].generation_id, made[S.DONE].generation_id]
    assert [task.state for task in await rows.ask(tasks.for_generations, both)] == [S.READY, S.DONE]


async def test_undecided_tasks_of_deleted_jobs_show_only_in_their_job(rows: Rows) -> None:
    task = await in_state(rows, S.UNKNOWN)
    await rows.do(jobs.mark_deleted, task.job_id, NOW)
    assert await rows.ask(tasks.undecided) == []
    assert await rows.ask(tasks.undecided, task.job_id) == [task]


async def test_provider_ids(rows: Rows) -> None:
    job_id = (await rows.job()).job_id
    early = await rows.submitted(job_id)
    late = await rows.task(job_id, state=S.PROMPTED)
    await rows.do(tasks.mark_submitting, late.task_id, LATER)
    await rows.do(tasks.mark_submitted, late.task_id, "late", LATER)
    await rows.submitted(job_id, provider="runware")
    await in_state(rows, S.SUBMITTING, job_id)
    assert await rows.ask(tasks.provider_ids, "piapi", NOW) == [early.provider_task_id, "late"]
    assert await rows.ask(tasks.provider_ids, "piapi", LATER) == ["late"]
