import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from db import job_queue, jobs
from db.status import JobStatus
from tests.db.rows import NOW, Rows


async def order(rows: Rows) -> list[str]:
    return [job.job_id for job in await rows.ask(job_queue.queue)]


async def test_first_in_first_out(rows: Rows) -> None:
    ids = [(await rows.job()).job_id for _ in range(3)]
    assert await order(rows) == ids
    turn = await rows.ask(job_queue.next_queued)
    assert turn is not None
    assert turn.job_id == ids[0]
    await rows.do(jobs.mark_started, ids[0], NOW)
    assert await order(rows) == ids[1:]


async def test_an_empty_queue(rows: Rows) -> None:
    assert await rows.ask(job_queue.next_queued) is None
    assert await order(rows) == []


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (JobStatus.STOPPED, True),
        (JobStatus.FAILED, True),
        (JobStatus.INTERRUPTED, True),
        (JobStatus.COMPLETED, False),
        (JobStatus.RUNNING, False),
    ],
)
async def test_enqueue_at_the_end(rows: Rows, status: JobStatus, may: bool) -> None:
    job_id = (await rows.job()).job_id
    waiting = (await rows.job()).job_id
    await rows.do(jobs.mark_started, job_id, NOW)
    if status is not JobStatus.RUNNING:
        await rows.do(jobs.set_status, job_id, status, NOW, [JobStatus.RUNNING])
    assert await rows.do(job_queue.enqueue, job_id) is may
    assert await order(rows) == ([waiting, job_id] if may else [waiting])
    assert (await rows.job_now(job_id)).finished_at == (NOW if status is JobStatus.COMPLETED else None)


async def test_a_deleted_job_is_not_queued(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(jobs.mark_deleted, job.job_id, NOW)
    assert not await rows.do(job_queue.enqueue, job.job_id)


async def test_a_job_that_is_not_queued_is_not_moved(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(jobs.mark_started, job.job_id, NOW)
    assert not await rows.do(job_queue.move_in_queue, job.job_id, 0)


@settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=st.lists(st.tuples(st.integers(0, 4), st.integers(-2, 8)), max_size=8))
async def test_moves_do_what_they_do_to_a_list(rows: Rows, moves: list[tuple[int, int]]) -> None:
    for job_id in await order(rows):
        await rows.do(jobs.mark_deleted, job_id, NOW)
    expected = [(await rows.job()).job_id for _ in range(5)]
    ids = list(expected)
    for which, to_index in moves:
        assert await rows.do(job_queue.move_in_queue, ids[which], to_index)
        expected.remove(ids[which])
        expected.insert(max(to_index, 0), ids[which])
        assert await order(rows) == expected
