import pytest

from db import job_pages, jobs
from db.job_pages import JobFilter, JobSort
from db.status import JobKind, JobStatus
from tests.db.rows import LATER, NOW, Rows


async def walk(rows: Rows, where: JobFilter, sort: JobSort, limit: int) -> list[str]:
    """The ids of all pages, one after the other."""
    found: list[str] = []
    cursor = None
    while True:
        page, cursor = await rows.ask(job_pages.page, where, sort=sort, cursor=cursor, limit=limit)
        assert len(page) <= limit
        found += [job.job_id for job in page]
        if cursor is None:
            return found


@pytest.fixture
async def six(rows: Rows) -> list[str]:
    """Six jobs with equal and different labels, durations and numbers of images."""
    ids = []
    for label, seconds, images in (
        ("b", 5, 0),
        ("A", 5, 1),
        ("c", 0, 2),
        ("B", 9, 0),
        ("é", 1, 0),
        ("a", 5, 1),
    ):
        job = await rows.job(label=label)
        await rows.do(jobs.add_active_ms, job.job_id, seconds * 1_000)
        for _ in range(images):
            await rows.image(job.job_id)
        ids.append(job.job_id)
    return ids


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 50])
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        (JobSort.NEWEST, [5, 4, 3, 2, 1, 0]),
        (JobSort.OLDEST, [0, 1, 2, 3, 4, 5]),
        (JobSort.NAME, [1, 5, 0, 3, 2, 4]),
        (JobSort.DURATION, [3, 5, 1, 0, 4, 2]),
        (JobSort.IMAGES, [2, 5, 1, 4, 3, 0]),
    ],
)
async def test_pages_of_any_size_show_every_job_once(
    rows: Rows, six: list[str], sort: JobSort, order: list[int], limit: int
) -> None:
    assert await walk(rows, JobFilter(), sort, limit) == [six[index] for index in order]


async def test_filters(rows: Rows) -> None:
    early = await rows.job(label="Cats 50%")
    late = await rows.job(label="dogs", at=LATER, kind=JobKind.RETRY, parent_job_id=early.job_id)
    gone = await rows.job(label="gone")
    await rows.do(jobs.mark_started, early.job_id, NOW)
    await rows.do(jobs.mark_deleted, gone.job_id, NOW)

    async def ids(where: JobFilter) -> list[str]:
        return await walk(rows, where, JobSort.OLDEST, 10)

    assert await ids(JobFilter()) == [early.job_id, late.job_id]
    assert await ids(JobFilter(include_deleted=True)) == [early.job_id, late.job_id, gone.job_id]
    assert await ids(JobFilter(statuses=[JobStatus.RUNNING])) == [early.job_id]
    assert await ids(JobFilter(statuses=[JobStatus.RUNNING, JobStatus.QUEUED])) == [early.job_id, late.job_id]
    assert await ids(JobFilter(text="cats")) == [early.job_id]
    assert await ids(JobFilter(text="0%")) == [early.job_id]
    assert await ids(JobFilter(text=late.job_id[2:])) == [late.job_id]
    assert await ids(JobFilter(kind=JobKind.RETRY)) == [late.job_id]
    assert await ids(JobFilter(parent_job_id=early.job_id)) == [late.job_id]
    assert await ids(JobFilter(parent_job_id=late.job_id)) == []
    assert await ids(JobFilter(created_from=LATER)) == [late.job_id]
    assert await ids(JobFilter(created_to=LATER)) == [early.job_id]
    assert await ids(JobFilter(created_from=NOW, created_to=LATER, text="dogs")) == []


async def test_a_cursor_of_another_sort_is_refused_or_harmless(rows: Rows, six: list[str]) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await rows.ask(job_pages.page, JobFilter(), cursor="[1]")


async def test_exactly_full_pages_have_no_next(rows: Rows, six: list[str]) -> None:
    _, cursor = await rows.ask(job_pages.page, JobFilter(), limit=6)
    assert cursor is None


@pytest.mark.parametrize("sort", JobSort)
async def test_every_sort_walks_an_index(rows: Rows, sort: JobSort) -> None:
    key, direction = job_pages._SORT_KEYS[sort]
    statement = f"SELECT job_id FROM jobs ORDER BY {key} {direction}, job_number {direction} LIMIT 50"
    async with rows.database.reading() as connection:
        plan = [row[3] for row in await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {statement}")]
    assert not [step for step in plan if "TEMP B-TREE" in step]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6, 7])
@pytest.mark.parametrize("is_reversed", [False, True])
@pytest.mark.parametrize("sort", list(JobSort))
async def test_an_index_leads_to_every_page(
    rows: Rows, six: list[str], sort: JobSort, is_reversed: bool, limit: int
) -> None:
    order = {"sort": sort, "is_reversed": is_reversed}
    index = await rows.ask(job_pages.index, JobFilter(), limit=limit, **order)
    assert index.count == len(six)
    pages = [
        await rows.ask(job_pages.page, JobFilter(), cursor=cursor, limit=limit, **order)
        for cursor in (None, *index.cursors)
    ]
    found = [job.job_id for page, _ in pages for job in page]
    assert found == await rows.ask(job_pages.ids, JobFilter(), **order)
    assert sorted(found) == sorted(six)
    assert all(len(page) == limit for page, _ in pages[:-1])


async def test_reversed_is_the_other_way_round(rows: Rows, six: list[str]) -> None:
    for sort in JobSort:
        up = await rows.ask(job_pages.ids, JobFilter(), sort=sort)
        assert await rows.ask(job_pages.ids, JobFilter(), sort=sort, is_reversed=True) == up[::-1]


async def test_an_index_counts_what_the_filter_lets_through(rows: Rows, six: list[str]) -> None:
    index = await rows.ask(job_pages.index, JobFilter(text="b"), limit=1)
    labels = [job.label for job in (await rows.ask(job_pages.page, JobFilter(text="b"), limit=10))[0]]
    assert index.count == len(labels) > 0
    assert (await rows.ask(job_pages.index, JobFilter(text="nothing"), limit=1)).count == 0
