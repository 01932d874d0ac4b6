import sqlite3

import pytest

from db import generations, tasks
from db.records import NewGeneration, RecordedError
from db.status import Stage, TaskState
from tests.db.rows import LATER, NOW, Rows

FAILURE = RecordedError(Stage.GENERATE, "policy", "The prompt was refused.", "Change the template.")


def new(job_id: str, index: int) -> NewGeneration:
    return NewGeneration(job_id, index, f"k{index}", {"Motiv": "Bär"}, "16:9", 1344, 768, seed=index)


async def test_insert_many_answers_ids_in_the_order_given(rows: Rows) -> None:
    job, other = await rows.job(), await rows.job()
    ids = await rows.do(
        generations.insert_many,
        [new(job.job_id, 2), new(other.job_id, 0), new(job.job_id, 0), new(job.job_id, 1)],
        NOW,
    )
    records = [await rows.ask(generations.get, one) for one in ids]
    assert [(one.job_id, one.generation_index) for one in records if one] == [
        (job.job_id, 2),
        (other.job_id, 0),
        (job.job_id, 0),
        (job.job_id, 1),
    ]
    assert records[0] is not None
    assert (records[0].keyword_row, records[0].seed, records[0].prompt) == ({"Motiv": "Bär"}, 2, None)
    assert await rows.do(generations.insert_many, [], NOW) == []


async def test_an_index_is_there_once(rows: Rows) -> None:
    job = await rows.job()
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(generations.insert_many, [new(job.job_id, 0), new(job.job_id, 0)], NOW)


async def test_page_for_job(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(generations.insert_many, [new(job.job_id, index) for index in range(5)], NOW)
    await rows.generation((await rows.job()).job_id)
    first = await rows.ask(generations.page_for_job, job.job_id, limit=3)
    rest = await rows.ask(generations.page_for_job, job.job_id, first[-1].generation_index, 3)
    assert [one.generation_index for one in [*first, *rest]] == [0, 1, 2, 3, 4]
    many = await rows.ask(generations.get_many, [rest[0].generation_id, 999, first[0].generation_id])
    assert [one.generation_index for one in many] == [0, 3]


async def test_set_prompt_moves_its_planned_tasks_only(rows: Rows) -> None:
    job = await rows.job()
    generation = await rows.generation(job.job_id)
    planned = [await rows.task(job.job_id, generation.generation_id) for _ in range(2)]
    cancelled = await rows.task(job.job_id, generation.generation_id)
    await rows.do(tasks.mark_cancelled, cancelled.task_id, NOW)
    foreign = await rows.task(job.job_id)
    assert await rows.do(generations.set_prompt, generation.generation_id, "a cat", LATER)
    states = [(await rows.task_now(task.task_id)).state for task in [*planned, cancelled, foreign]]
    assert states == [TaskState.PROMPTED, TaskState.PROMPTED, TaskState.CANCELLED, TaskState.PLANNED]
    assert (await rows.task_now(planned[0].task_id)).updated_at == LATER


async def test_the_first_prompt_stays(rows: Rows) -> None:
    generation = await rows.generation((await rows.job()).job_id)
    assert await rows.do(generations.set_prompt, generation.generation_id, "first", NOW)
    assert not await rows.do(generations.set_prompt, generation.generation_id, "second", NOW)
    record = await rows.ask(generations.get, generation.generation_id)
    assert record is not None
    assert record.prompt == "first"


async def test_a_blank_prompt_is_refused(rows: Rows) -> None:
    generation = await rows.generation((await rows.job()).job_id)
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(generations.set_prompt, generation.generation_id, " ", NOW)


async def test_fail_prompt_fails_planned_tasks_at_stage_prompt(rows: Rows) -> None:
    task = await rows.task((await rows.job()).job_id, images_requested=3)
    assert await rows.do(generations.fail_prompt, task.generation_id, FAILURE, LATER)
    failed = await rows.task_now(task.task_id)
    assert (failed.state, failed.error_stage, failed.error_code) == (TaskState.FAILED, Stage.PROMPT, "policy")
    assert (failed.error_message, failed.error_hint) == ("The prompt was refused.", "Change the template.")
    assert (await rows.job_now(task.job_id)).lost == 3
    assert not await rows.do(generations.fail_prompt, task.generation_id, FAILURE, LATER)


async def test_without_prompt(rows: Rows) -> None:
    job = await rows.job()
    made = [await rows.task(job.job_id) for _ in range(4)]
    await rows.do(generations.set_prompt, made[1].generation_id, "has one", NOW)
    await rows.do(generations.fail_prompt, made[2].generation_id, FAILURE, NOW)
    await rows.generation(job.job_id)
    waiting = await rows.ask(generations.without_prompt, job.job_id)
    assert [one.generation_id for one in waiting] == [made[0].generation_id, made[3].generation_id]
    rest = await rows.ask(generations.without_prompt, job.job_id, waiting[0].generation_index, 10)
    assert [one.generation_id for one in rest] == [made[3].generation_id]
