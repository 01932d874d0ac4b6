from db import images, jobs, totals
from db.status import JobStatus
from tests.db.rows import NOW, Rows


async def test_an_empty_database_has_zeros(rows: Rows) -> None:
    assert set((await rows.ask(totals.read_all)).values()) == {0}


async def test_what_the_dashboard_shows(rows: Rows) -> None:
    job_id = (await rows.approved()).job_id
    rejected = await rows.image(job_id)
    await rows.do(images.reject, rejected.image_id, "no", NOW)
    await rows.do(jobs.mark_started, job_id, NOW)
    await rows.do(jobs.add_active_ms, job_id, 4_000)
    await rows.do(jobs.mark_finished, job_id, JobStatus.COMPLETED, NOW)
    await rows.job()
    now = await rows.ask(totals.read_all)
    assert {name: value for name, value in now.items() if value} == {
        "images.approved": 1,
        "images.qc_failed": 1,
        "jobs.completed": 1,
        "jobs.queued": 1,
        "jobs.started": 1,
        "jobs.active_ms": 4_000,
    }


async def test_a_deleted_job_leaves_the_totals_until_it_comes_back(rows: Rows) -> None:
    job = await rows.job()
    await rows.do(jobs.mark_started, job.job_id, NOW)
    await rows.do(jobs.add_active_ms, job.job_id, 1_000)
    before = await rows.ask(totals.read_all)
    await rows.do(jobs.mark_deleted, job.job_id, NOW)
    assert set((await rows.ask(totals.read_all)).values()) == {0}
    await rows.do(jobs.unmark_deleted, job.job_id)
    assert await rows.ask(totals.read_all) == before
