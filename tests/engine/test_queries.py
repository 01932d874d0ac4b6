from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db import generations, images, jobs, ledger, logs, tasks
from db.connection import Database
from db.records import NewGeneration, NewLedgerEntry, NewLogEntry, RecordedError, utc_text
from db.status import ImageStatus, JobKind, JobStatus, LedgerAccount, LogLevel, Stage, TaskState
from engine.api import ImageQuery, JobQuery, LogQuery
from engine.errors import ConflictError, NotFoundError
from engine.paths import Paths
from engine.progress import Pace
from engine.queries import Queries, open_queries
from engine.views import ImageCounts
from tests.db.rows import LOST, NOW, Rows


@pytest.fixture
async def rows(tmp_path: Path) -> AsyncIterator[Rows]:
    database = await Database.open(tmp_path / "data" / "factory.db")
    yield Rows(database)
    await database.close()


@pytest.fixture
def queries(rows: Rows) -> Queries:
    return Queries(rows.database)


async def every_kind_of_image(rows: Rows, job_id: str) -> None:
    """Two of each status, and tasks of every state that count without an image."""
    for _ in range(2):
        await rows.image(job_id)
        await rows.approved(job_id)
        rejected = await rows.image(job_id)
        await rows.do(images.reject, rejected.image_id, "A logo.", NOW)
        failed = await rows.image(job_id)
        await rows.do(images.fail, failed.image_id, Stage.SAVE, code="file", reason="No.", at=NOW)
        waiting = await rows.image(job_id)
        await rows.do(images.fail, waiting.image_id, Stage.SAVE, code="file", reason="No.", at=NOW)
        await rows.retry(waiting.image_id)
        at_work = await rows.image(job_id)
        await rows.do(images.reject, at_work.image_id, "A logo.", NOW)
        await rows.retry(at_work.image_id)
        await rows.begin_retry(at_work.image_id, None)
        again = await rows.image(job_id)
        await rows.do(images.reject, again.image_id, "A logo.", NOW)
        await rows.retry(again.image_id)
        await rows.begin_retry(again.image_id, None)
        await rows.do(images.fail, again.image_id, Stage.SAVE, code="file", reason="No.", at=NOW)
        trashed = await rows.approved(job_id)
        await rows.do(images.trash, trashed.image_id, NOW)
    failed_task = await rows.submitted(job_id, images_requested=3)
    await rows.do(tasks.mark_failed, failed_task.task_id, LOST, NOW)
    unknown = await rows.task(job_id, state=TaskState.PROMPTED, images_requested=4)
    await rows.do(tasks.mark_submitting, unknown.task_id, NOW)
    await rows.do(tasks.mark_unknown, unknown.task_id, LOST, NOW)
    short = await rows.submitted(job_id, images_requested=4)
    await rows.do(tasks.mark_ready, short.task_id, [{"url": "a"}], 10, NOW)
    await rows.do(tasks.mark_downloaded, short.task_id, 1, NOW)


async def recount(rows: Rows, job_id: str) -> ImageCounts:
    """From the rows themselves, without the counters that the database keeps."""

    async def of(*statuses: ImageStatus) -> int:
        names = ", ".join(f"'{status}'" for status in statuses)
        return int(
            await rows.value(f"SELECT count(*) FROM images WHERE job_id = ? AND status IN ({names})", job_id)
        )

    async def asked(states: str, amount: str) -> int:
        statement = f"SELECT coalesce(sum({amount}), 0) FROM tasks WHERE job_id = ? AND state IN ({states})"
        return int(await rows.value(statement, job_id))

    return ImageCounts(
        planned=(await rows.job_now(job_id)).planned_images,
        approved=await of(ImageStatus.APPROVED),
        qc_failed=await of(ImageStatus.QC_FAILED),
        failed=await of(ImageStatus.FAILED, ImageStatus.RETRY_FAILED)
        + await asked("'failed', 'cancelled'", "images_requested")
        + await asked("'downloaded', 'done'", "images_requested - images_received"),
        pending=await of(ImageStatus.PENDING, ImageStatus.RETRY_PENDING, ImageStatus.PROCESSING),
        unknown=await asked("'unknown'", "images_requested"),
        trashed=await of(ImageStatus.TRASHED),
    )


async def test_counts_are_what_a_recount_finds(rows: Rows, queries: Queries) -> None:
    job = await rows.job(planned_images=50)
    other = await rows.job(planned_images=1)
    await every_kind_of_image(rows, job.job_id)
    view = await queries.job(job.job_id)
    assert view.images == await recount(rows, job.job_id)
    assert view.images == ImageCounts(
        planned=50, approved=2, qc_failed=2, failed=4 + 3 + 3, pending=6, unknown=4, trashed=2
    )
    assert (await queries.job(other.job_id)).images == await recount(rows, other.job_id)
    assert (await queries.jobs(JobQuery())).rows[-1] == view


async def test_progress_counts_tasks_first_and_images_then(rows: Rows, queries: Queries) -> None:
    job = await rows.job(planned_images=9)
    await rows.task(job.job_id)
    await rows.task(job.job_id, state=TaskState.PROMPTED)
    await rows.submitted(job.job_id)
    submitting = await rows.task(job.job_id, state=TaskState.PROMPTED)
    await rows.do(tasks.mark_submitting, submitting.task_id, NOW)
    for step in range(4):
        task = await rows.submitted(job.job_id)
        await rows.do(tasks.mark_ready, task.task_id, [{"url": "a"}], 10, NOW)
        image = await rows.image(task=task)
        await rows.do(tasks.mark_downloaded, task.task_id, 1, NOW)
        if step > 0:
            await rows.do(images.pass_check, image.image_id, "fine", NOW)
        if step > 1:
            await rows.do(
                images.set_processed, image.image_id, processed_file=None, width=8, height=8, at=NOW
            )
        if step == 3:
            await rows.do(images.reject, image.image_id, "A logo.", NOW)
    progress = await queries.progress(job.job_id)
    assert (progress.prompted, progress.submitted, progress.in_flight) == (7, 6, 2)
    assert (progress.downloaded, progress.checked, progress.done) == (4, 3, 1)
    assert (progress.images_per_minute, progress.eta_s, progress.is_quiescent) == (None, None, False)
    assert progress.fraction == pytest.approx(1 / 9)


async def test_the_pace_of_the_engine_gives_rate_and_eta(rows: Rows, queries: Queries) -> None:
    job = await rows.job(planned_images=6)
    pace = Pace()
    await queries.progress_at(job.job_id, pace, 100.0)
    for _ in range(2):
        await rows.approved(job.job_id)
    progress = await queries.progress_at(job.job_id, pace, 160.0, is_still=True)
    assert progress.images_per_minute == pytest.approx(2.0)
    assert progress.eta_s == pytest.approx(120.0)
    assert progress.is_quiescent


async def test_the_place_in_the_queue_is_the_same_everywhere(rows: Rows, queries: Queries) -> None:
    waiting = [await rows.job() for _ in range(3)]
    await rows.do(jobs.mark_started, waiting[0].job_id, NOW)
    expected = [None, 1, 2]
    ids = [job.job_id for job in waiting]
    assert [(await queries.job(job_id)).queue_position for job_id in ids] == expected
    assert [(await queries.job_detail(job_id)).queue_position for job_id in ids] == expected
    assert [job.queue_position for job in (await queries.jobs(JobQuery(sort="oldest"))).rows] == expected
    assert [(job.job_id, job.queue_position) for job in await queries.queue()] == list(
        zip(ids, expected, strict=True)
    )


async def test_where_the_money_of_a_job_stands(rows: Rows, queries: Queries) -> None:
    job = await rows.job(estimate_micros=90_000)
    bookings = {LedgerAccount.ACTUAL: 12_500, LedgerAccount.COMMITTED: 3_000, LedgerAccount.UNKNOWN: 2_000}
    entries = [
        NewLedgerEntry(NOW, "task:1", "piapi", "flux", account, micros, job_id=job.job_id)
        for account, micros in bookings.items()
    ]
    await rows.do(ledger.add_many, entries)
    view = await queries.job(job.job_id)
    assert view.spend_usd == pytest.approx(0.0175)
    assert view.spend.model_dump() == pytest.approx(
        {"actual": 0.0125, "committed": 0.003, "unknown": 0.002, "estimate": 0.09}
    )
    assert (await queries.totals()).spend_usd == pytest.approx(0.0175)


async def test_totals_are_what_a_recount_finds(rows: Rows, queries: Queries) -> None:
    finished, running, queued = [await rows.job(planned_images=20) for _ in range(3)]
    await rows.do(jobs.mark_started, finished.job_id, NOW)
    await every_kind_of_image(rows, finished.job_id)
    await rows.do(jobs.mark_finished, finished.job_id, JobStatus.COMPLETED, NOW)
    await rows.do(jobs.add_active_ms, finished.job_id, 90_000)
    await rows.do(jobs.mark_started, running.job_id, NOW)
    await rows.do(jobs.add_active_ms, running.job_id, 30_000)
    total = await queries.totals()
    retries = (await queries.jobs(JobQuery(kind=JobKind.RETRY))).rows
    assert (total.jobs, total.jobs_completed, total.jobs_running) == (3 + len(retries), 1, 1)
    assert total.jobs_queued == 1 + len(retries)
    assert (total.images, total.approved, total.failed) == (16, 2, 6)
    assert total.success_rate == pytest.approx(2 / 10)
    assert total.average_duration_s == pytest.approx(60.0)
    await rows.do(jobs.mark_deleted, queued.job_id, NOW)
    assert (await queries.totals()).jobs_queued == len(retries)


async def test_today_is_what_was_paid_since_midnight_here(rows: Rows, queries: Queries) -> None:
    now = utc_text(datetime.now(UTC))
    long_ago = "2001-01-01T00:00:00.000Z"
    entries = [
        NewLedgerEntry(at, "task:1", "piapi", "flux", LedgerAccount.ACTUAL, micros)
        for at, micros in ((long_ago, 70_000), (now, 5_000))
    ]
    await rows.do(ledger.add_many, entries)
    total = await queries.totals()
    assert total.spend_today_usd == pytest.approx(0.005)
    assert total.spend_usd == pytest.approx(0.075)


async def test_a_job_with_all_its_generations_and_tasks(rows: Rows, queries: Queries) -> None:
    job = await rows.job(settings={"generation": {"generations": 2}})
    first = await rows.generation(job.job_id, generation_index=0, prompt="a cat")
    second = await rows.generation(
        job.job_id, generation_index=1, width=64, height=32, aspect_ratio="2:1", seed=9
    )
    task = await rows.submitted(job.job_id, generation_id=first.generation_id, images_requested=2)
    await rows.do(tasks.mark_ready, task.task_id, [{"url": "a"}], 1_500, NOW)
    await rows.do(tasks.mark_downloaded, task.task_id, 2, NOW)
    failed = await rows.submitted(job.job_id, generation_id=first.generation_id)
    error = RecordedError(Stage.GENERATE, "timeout", "Too late.", "Check again.")
    await rows.do(tasks.mark_failed, failed.task_id, error, NOW)
    detail = await queries.job_detail(job.job_id)
    assert detail.settings == {"generation": {"generations": 2}}
    assert [one.index for one in detail.generations] == [0, 1]
    assert detail.generations[0].prompt == "a cat"
    assert (detail.generations[1].width, detail.generations[1].seed) == (64, 9)
    assert detail.generations[1].generation_id == second.generation_id
    assert detail.generations[1].tasks == ()
    done, broken = detail.generations[0].tasks
    assert (done.task_id, done.images, done.images_requested, done.cost_usd) == (
        f"remote-{task.task_id}",
        2,
        2,
        0.0015,
    )
    assert (done.error, done.submissions) == (None, 1)
    assert broken.error is not None
    assert (broken.error.stage, broken.error.code, broken.cost_usd) == ("generate", "timeout", None)
    assert broken.task_id == f"remote-{failed.task_id}"


async def test_many_generations_come_whole(rows: Rows, queries: Queries) -> None:
    job = await rows.job()
    async with rows.database.transaction() as connection:
        new = [
            NewGeneration(job.job_id, index, "cat", {"keyword": "cat"}, "1:1", 64, 64)
            for index in range(1_203)
        ]
        await generations.insert_many(connection, new, NOW)
    detail = await queries.job_detail(job.job_id)
    assert [one.index for one in detail.generations] == list(range(1_203))


async def test_an_image_says_where_its_file_is_now(rows: Rows, queries: Queries) -> None:
    image = await rows.image(cost_micros=2_500)
    view = await queries.image(image.image_id)
    assert (view.file, view.status, view.cost_usd) == (image.original_file, ImageStatus.PENDING, 0.0025)
    await rows.do(
        images.set_processed, image.image_id, processed_file="processed.jpg", width=8, height=8, at=NOW
    )
    assert (await queries.image(image.image_id)).file == "processed.jpg"
    approved = await rows.approved()
    view = await queries.image(approved.image_id)
    assert view.file == approved.output_file
    assert view.original_file == approved.original_file


async def test_images_by_filter_and_page(rows: Rows, queries: Queries) -> None:
    job, other = await rows.job(), await rows.job()
    found = [await rows.approved(job.job_id, keyword=f"cat {number}") for number in range(5)]
    await rows.approved(other.job_id)
    rejected = await rows.image(job.job_id)
    await rows.do(images.reject, rejected.image_id, "A logo on the cup.", NOW)
    first = await queries.images(ImageQuery(job_id=job.job_id, sort="number", limit=3))
    second = await queries.images(
        ImageQuery(job_id=job.job_id, sort="number", limit=3, cursor=first.next_cursor)
    )
    assert [image.image_id for image in (*first.rows, *second.rows)] == [image.image_id for image in found]
    assert second.next_cursor is None
    everything = await queries.images(ImageQuery(job_id=job.job_id, statuses=()))
    assert len(everything.rows) == 6
    logo = await queries.images(ImageQuery(statuses=(ImageStatus.QC_FAILED,), reason="logo"))
    assert [image.image_id for image in logo.rows] == [rejected.image_id]
    assert len((await queries.images(ImageQuery())).rows) == 6


async def test_jobs_by_filter(rows: Rows, queries: Queries) -> None:
    harbour, port = await rows.job(label="Harbour at dawn"), await rows.job(label="Port")
    await rows.do(jobs.mark_deleted, port.job_id, NOW)
    assert [job.label for job in (await queries.jobs(JobQuery(text="harbour"))).rows] == ["Harbour at dawn"]
    assert [job.label for job in (await queries.jobs(JobQuery())).rows] == ["Harbour at dawn"]
    both = await queries.jobs(JobQuery(includes_deleted=True, sort="name"))
    assert [job.label for job in both.rows] == ["Harbour at dawn", "Port"]
    stopped = await queries.jobs(JobQuery(statuses=(JobStatus.STOPPED,), includes_deleted=True))
    assert [job.job_id for job in stopped.rows] == [port.job_id]
    assert [job.job_id for job in (await queries.jobs(JobQuery(statuses=(JobStatus.QUEUED,)))).rows] == [
        harbour.job_id
    ]


async def test_log_entries_oldest_first_and_where_to_go_on(rows: Rows, queries: Queries) -> None:
    job = await rows.job()
    levels = [LogLevel.DEBUG, LogLevel.INFO, LogLevel.WARNING, LogLevel.ERROR] * 3
    entries = [
        NewLogEntry(NOW, level, f"entry {number}", job_id=job.job_id, stage="save" if number % 2 else None)
        for number, level in enumerate(levels)
    ]
    await rows.do(logs.insert_many, entries)
    plain = await queries.logs(LogQuery(job_id=job.job_id))
    assert [entry.message for entry in plain] == [f"entry {n}" for n in range(12) if n % 4]
    newest = await queries.logs(LogQuery(min_level=LogLevel.DEBUG, limit=3))
    assert [entry.message for entry in newest] == ["entry 9", "entry 10", "entry 11"]
    before = await queries.logs(
        LogQuery(min_level=LogLevel.DEBUG, limit=2, before_entry_id=newest[0].entry_id)
    )
    assert [entry.message for entry in before] == ["entry 7", "entry 8"]
    after = await queries.logs(LogQuery(min_level=LogLevel.DEBUG, limit=2, after_entry_id=before[0].entry_id))
    assert [entry.message for entry in after] == ["entry 8", "entry 9"]
    errors = await queries.logs(LogQuery(min_level=LogLevel.ERROR, stage="save", text="ENTRY 1"))
    assert [entry.message for entry in errors] == ["entry 11"]


@pytest.mark.parametrize("ask", ["job", "job_detail", "job_settings", "progress", "resolve_job"])
async def test_a_job_that_is_not_there(queries: Queries, ask: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        await getattr(queries, ask)("nothere1")
    assert "nothere1" in caught.value.message


async def test_an_image_or_configuration_that_is_not_there(queries: Queries) -> None:
    with pytest.raises(NotFoundError):
        await queries.image(7)
    with pytest.raises(NotFoundError):
        await queries.configuration("stock")


async def test_an_ambiguous_job_names_the_candidates(rows: Rows, queries: Queries) -> None:
    first, second = await rows.job(label="A"), await rows.job(label="A")
    with pytest.raises(ConflictError) as caught:
        await queries.resolve_job("A")
    assert all(job.job_id in caught.value.message for job in (first, second))
    assert await queries.resolve_job(f"#{first.job_number}") == first.job_id


async def test_read_only_beside_whoever_writes(rows: Rows, tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path, {})
    job = await rows.job()
    async with open_queries(paths) as queries:
        assert (await queries.job(job.job_id)).job_id == job.job_id
        later = await rows.job()
        assert (await queries.job(later.job_id)).job_id == later.job_id


async def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError) as caught:
        async with open_queries(Paths.resolve(tmp_path / "new", {})):
            pytest.fail("there is nothing to read")
    assert caught.value.code == "no_database"
    assert list(tmp_path.iterdir()) == []
