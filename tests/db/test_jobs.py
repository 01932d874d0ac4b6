import sqlite3

import pytest

from db import job_queue, jobs
from db.records import NewJob, RecordedError
from db.status import RESUMABLE_JOBS, JobKind, JobStatus, Stage
from tests.db.rows import LATER, NOW, Rows

FAILURE = RecordedError(Stage.PREFLIGHT, "folder", "The output folder is gone.", "Make it again.")


async def in_status(rows: Rows, status: JobStatus) -> str:
    """A job in that status, brought there by the updates that the engine uses."""
    job_id = (await rows.job()).job_id
    if status is JobStatus.QUEUED:
        return job_id
    assert await rows.do(jobs.mark_started, job_id, NOW)
    match status:
        case JobStatus.PAUSED:
            assert await rows.do(jobs.set_pause, job_id, code="credit", message="m", hint="h", at=NOW)
        case JobStatus.INTERRUPTED:
            assert await rows.do(jobs.set_status, job_id, status, NOW, [JobStatus.RUNNING])
        case JobStatus.COMPLETED | JobStatus.FAILED | JobStatus.STOPPED:
            assert await rows.do(jobs.mark_finished, job_id, status, NOW)
    assert (await rows.job_now(job_id)).status is status
    return job_id


async def test_insert_queues_at_the_end_with_its_snapshot(rows: Rows) -> None:
    first = await rows.job(settings={"a": {"b": 1}}, inputs={"template": "Bär"}, planned_images=4)
    second = await rows.job()
    assert (first.status, first.created_at, first.planned_images) == (JobStatus.QUEUED, NOW, 4)
    assert first.started_at is None
    assert second.job_number == first.job_number + 1
    assert first.queue_position is not None
    assert second.queue_position is not None
    assert first.queue_position < second.queue_position
    snapshot = await rows.ask(jobs.snapshot, first.job_id)
    assert snapshot is not None
    assert (snapshot.settings, snapshot.inputs) == ({"a": {"b": 1}}, {"template": "Bär"})
    assert await rows.ask(jobs.snapshot, "missing") is None


async def test_a_taken_id_can_be_replaced_in_the_same_transaction(rows: Rows) -> None:
    taken = await rows.job()
    async with rows.database.transaction() as connection:
        with pytest.raises(sqlite3.IntegrityError):
            await jobs.insert(connection, NewJob(taken.job_id, JobKind.RETRY, "x", {}, {}, "/"), NOW)
        await jobs.insert(connection, NewJob("another", JobKind.RETRY, "x", {}, {}, "/"), NOW)
    assert (await rows.job_now("another")).kind is JobKind.RETRY
    assert await rows.value("SELECT count(*) FROM jobs") == 2


async def test_resolve(rows: Rows) -> None:
    cat = await rows.job(job_id="abc123", label="cats")
    dog = await rows.job(job_id="abd456", label="dogs")
    twin = await rows.job(job_id="xyz789", label="cats")
    numeric = await rows.job(job_id="1zzz", label="ab")

    async def ids(text: str) -> list[str]:
        return [job.job_id for job in await rows.ask(jobs.resolve, text)]

    assert await ids("abc123") == [cat.job_id]
    assert await ids(" abd ") == [dog.job_id]
    assert await ids("#2") == [dog.job_id]
    assert await ids("2") == [dog.job_id]
    assert await ids("1") == [cat.job_id]
    assert await ids("1z") == [numeric.job_id]
    assert await ids("dogs") == [dog.job_id]
    assert await ids("cats") == [twin.job_id, cat.job_id]
    assert await ids("ab") == [numeric.job_id]
    assert await ids("a") == [dog.job_id, cat.job_id]
    for nothing in ("", "#", "#99", "9" * 30, "%", "abc1234", "\u00b2"):
        assert await ids(nothing) == []


async def test_resolve_leaves_out_deleted_jobs_unless_asked(rows: Rows) -> None:
    job = await rows.job(job_id="abc123")
    await rows.do(jobs.mark_deleted, job.job_id, NOW)
    assert await rows.ask(jobs.resolve, "abc") == []
    assert len(await rows.ask(jobs.resolve, "abc", include_deleted=True)) == 1


async def test_resolve_is_limited(rows: Rows) -> None:
    for _ in range(jobs.RESOLVE_LIMIT + 1):
        await rows.job(label="same")
    assert len(await rows.ask(jobs.resolve, "same")) == jobs.RESOLVE_LIMIT


@pytest.mark.parametrize("status", JobStatus)
async def test_mark_started_from_queued_and_whatever_can_be_resumed(rows: Rows, status: JobStatus) -> None:
    job_id = await in_status(rows, status)
    may_start = status is JobStatus.QUEUED or status in RESUMABLE_JOBS
    assert await rows.do(jobs.mark_started, job_id, LATER) is may_start
    job = await rows.job_now(job_id)
    if may_start:
        assert (job.status, job.queue_position, job.finished_at) == (JobStatus.RUNNING, None, None)
        assert (job.pause_code, job.paused_at, job.error_code) == (None, None, None)
        assert job.started_at == (LATER if status is JobStatus.QUEUED else NOW)
    else:
        assert job.status is status


async def test_no_second_job_starts(rows: Rows) -> None:
    await in_status(rows, JobStatus.RUNNING)
    waiting = await rows.job()
    assert not await rows.do(jobs.mark_started, waiting.job_id, NOW)
    assert (await rows.job_now(waiting.job_id)).status is JobStatus.QUEUED


async def test_a_deleted_job_does_not_start(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(jobs.mark_deleted, job.job_id, NOW)
    assert not await rows.do(jobs.mark_started, job.job_id, NOW)


async def test_mark_finished_keeps_or_drops_the_error(rows: Rows) -> None:
    job_id = await in_status(rows, JobStatus.RUNNING)
    assert await rows.do(jobs.mark_finished, job_id, JobStatus.FAILED, LATER, FAILURE)
    job = await rows.job_now(job_id)
    assert (job.status, job.finished_at) == (JobStatus.FAILED, LATER)
    assert (job.error_stage, job.error_code) == (Stage.PREFLIGHT, "folder")
    assert (job.error_message, job.error_hint) == ("The output folder is gone.", "Make it again.")
    assert not await rows.do(jobs.mark_finished, job_id, JobStatus.COMPLETED, LATER)
    assert await rows.do(jobs.mark_started, job_id, LATER)
    assert await rows.do(jobs.mark_finished, job_id, JobStatus.COMPLETED, LATER)
    assert (await rows.job_now(job_id)).error_code is None


async def test_mark_finished_takes_only_ends(rows: Rows) -> None:
    job = await rows.job()
    with pytest.raises(ValueError, match="not an end"):
        await rows.do(jobs.mark_finished, job.job_id, JobStatus.PAUSED, NOW)


async def test_set_status_only_from_the_given_ones(rows: Rows) -> None:
    job_id = await in_status(rows, JobStatus.RUNNING)
    assert not await rows.do(jobs.set_status, job_id, JobStatus.STOPPED, LATER, [JobStatus.QUEUED])
    assert await rows.do(
        jobs.set_status, job_id, JobStatus.INTERRUPTED, LATER, [JobStatus.RUNNING, JobStatus.PAUSED]
    )
    assert (await rows.job_now(job_id)).finished_at is None
    assert await rows.do(jobs.set_status, job_id, JobStatus.STOPPED, LATER, [JobStatus.INTERRUPTED])
    assert (await rows.job_now(job_id)).finished_at == LATER
    with pytest.raises(ValueError, match="enqueue"):
        await rows.do(jobs.set_status, job_id, JobStatus.QUEUED, LATER, list(JobStatus))


async def test_set_status_takes_a_queued_job_out_of_the_queue(rows: Rows) -> None:
    job = await rows.job()
    assert await rows.do(jobs.set_status, job.job_id, JobStatus.STOPPED, NOW, [JobStatus.QUEUED])
    assert (await rows.job_now(job.job_id)).queue_position is None


async def test_pause_says_why_and_since_when(rows: Rows) -> None:
    job_id = await in_status(rows, JobStatus.RUNNING)
    assert await rows.do(jobs.set_pause, job_id, code="credit", message="No credit.", hint="Top up.", at=NOW)
    assert await rows.do(jobs.set_pause, job_id, code="key", message="Bad key.", hint="Set it.", at=LATER)
    job = await rows.job_now(job_id)
    assert (job.status, job.paused_at, job.pause_code) == (JobStatus.PAUSED, NOW, "key")
    assert (job.pause_message, job.pause_hint) == ("Bad key.", "Set it.")


@pytest.mark.parametrize(
    "status", [JobStatus.QUEUED, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED]
)
async def test_only_a_job_at_work_pauses(rows: Rows, status: JobStatus) -> None:
    job_id = await in_status(rows, status)
    assert not await rows.do(jobs.set_pause, job_id, code="c", message="m", hint="h", at=NOW)
    assert not await rows.do(jobs.clear_pause, job_id, JobStatus.RUNNING)


async def test_clear_pause_goes_on(rows: Rows) -> None:
    job_id = await in_status(rows, JobStatus.PAUSED)
    assert await rows.do(jobs.clear_pause, job_id, JobStatus.RUNNING)
    job = await rows.job_now(job_id)
    assert (job.status, job.pause_code, job.paused_at) == (JobStatus.RUNNING, None, None)


async def test_clear_pause_waits_for_the_running_job_at_the_front_of_the_queue(rows: Rows) -> None:
    paused = await in_status(rows, JobStatus.PAUSED)
    await in_status(rows, JobStatus.RUNNING)
    await rows.job()
    assert not await rows.do(jobs.clear_pause, paused, JobStatus.RUNNING)
    assert await rows.do(jobs.clear_pause, paused, JobStatus.QUEUED)
    turn = await rows.ask(job_queue.next_queued)
    assert turn is not None
    assert turn.job_id == paused
    with pytest.raises(ValueError, match="goes on as running or queued"):
        await rows.do(jobs.clear_pause, paused, JobStatus.STOPPED)


async def test_small_updates(rows: Rows) -> None:
    job = await rows.job()
    assert await rows.do(jobs.add_active_ms, job.job_id, 1_500)
    assert await rows.do(jobs.add_active_ms, job.job_id, 500)
    assert await rows.do(jobs.set_planned, job.job_id, 12, 3_400)
    assert await rows.do(jobs.set_budget, job.job_id, 9_000)
    assert await rows.do(jobs.rename, job.job_id, "new name")
    now = await rows.job_now(job.job_id)
    assert (now.active_ms, now.planned_images, now.estimate_micros) == (2_000, 12, 3_400)
    assert (now.budget_micros, now.label) == (9_000, "new name")
    assert not await rows.do(jobs.rename, "missing", "x")


async def test_the_plan_of_an_ended_job_stays(rows: Rows) -> None:
    job_id = await in_status(rows, JobStatus.STOPPED)
    assert not await rows.do(jobs.set_planned, job_id, 1, 1)


async def test_a_deleted_job_leaves_the_queue_and_comes_back_stopped(rows: Rows) -> None:
    job = await rows.job()
    assert await rows.do(jobs.mark_deleted, job.job_id, LATER)
    assert not await rows.do(jobs.mark_deleted, job.job_id, LATER)
    deleted = await rows.job_now(job.job_id)
    assert (deleted.status, deleted.deleted_at, deleted.finished_at) == (JobStatus.STOPPED, LATER, LATER)
    assert await rows.ask(job_queue.queue) == []
    assert await rows.ask(jobs.by_status, JobStatus.STOPPED) == []
    assert await rows.do(jobs.unmark_deleted, job.job_id)
    assert not await rows.do(jobs.unmark_deleted, job.job_id)
    assert [one.job_id for one in await rows.ask(jobs.by_status, JobStatus.STOPPED)] == [job.job_id]


async def test_purge_removes_everything_but_the_ledger(rows: Rows) -> None:
    kept = await rows.image()
    image = await rows.image()
    async with rows.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO log_entries (job_id, at, level, message) VALUES (?, '', 'info', 'm')",
            (image.job_id,),
        )
        await connection.execute(
            "INSERT INTO ledger (at, job_id, call, service, model, account, amount_micros)"
            " VALUES ('', ?, 'task:1', 's', 'm', 'actual', 5)",
            (image.job_id,),
        )
    assert not await rows.do(jobs.purge, image.job_id)
    await rows.do(jobs.mark_deleted, image.job_id, NOW)
    assert await rows.do(jobs.purge, image.job_id)
    for table, left in {
        "jobs": 1,
        "job_snapshots": 1,
        "generations": 1,
        "tasks": 1,
        "images": 1,
        "log_entries": 0,
    }.items():
        assert await rows.value(f"SELECT count(*) FROM {table}") == left, table
    assert await rows.value("SELECT count(*) FROM ledger WHERE job_id IS NULL") == 1
    assert (await rows.job_now(kept.job_id)).images == 1
    assert await rows.database.check_integrity() == []


@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.PAUSED])
async def test_a_job_at_work_is_not_purged(rows: Rows, status: JobStatus) -> None:
    job_id = await in_status(rows, status)
    await rows.do(jobs.mark_deleted, job_id, NOW)
    assert not await rows.do(jobs.purge, job_id)


async def test_purging_a_parent_keeps_its_children(rows: Rows) -> None:
    parent = await rows.job()
    child = await rows.job(parent_job_id=parent.job_id)
    await rows.do(jobs.mark_deleted, parent.job_id, NOW)
    await rows.do(jobs.purge, parent.job_id)
    assert (await rows.job_now(child.job_id)).parent_job_id is None


async def test_numbers_are_never_used_again(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(jobs.mark_deleted, job.job_id, NOW)
    await rows.do(jobs.purge, job.job_id)
    assert (await rows.job()).job_number == job.job_number + 1
