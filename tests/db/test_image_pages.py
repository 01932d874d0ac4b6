import itertools
from typing import Any

import pytest

from db import image_pages, images
from db.image_pages import ImageFilter, ImageOrder, ReasonCount
from db.records import ImageRecord
from db.status import ImageStatus, Stage
from tests.db.rows import LATER, NOW, Rows

S = ImageStatus


async def walk(
    rows: Rows, where: ImageFilter, order: ImageOrder = ImageOrder.NEWEST, limit: int = 3
) -> list[int]:
    """The ids of all pages, one after the other."""
    found: list[int] = []
    cursor = None
    while True:
        page, cursor = await rows.ask(image_pages.page, where, order=order, cursor=cursor, limit=limit)
        assert len(page) <= limit
        found += [image.image_id for image in page]
        if cursor is None:
            return found


@pytest.fixture
async def many(rows: Rows) -> list[ImageRecord]:
    """24 images of two jobs, mixed, in four statuses, at two times, with and without the word fox."""
    tasks = [await rows.task((await rows.job()).job_id) for _ in range(2)]
    made = []
    for number in range(24):
        image = await rows.image(
            task=tasks[number % 2],
            at=LATER if number % 5 == 0 else NOW,
            image_number=100 - number,
            prompt="a red fox" if number % 3 else "a blue dog",
        )
        match number % 4:
            case 0:
                await rows.do(images.reject, image.image_id, f"Watermark {number % 8}", NOW)
            case 1:
                await rows.do(
                    images.fail, image.image_id, Stage.TRIM, code="empty", reason="Nothing 100%", at=NOW
                )
            case 2:
                await rows.do(images.trash, image.image_id, NOW)
        made.append(await rows.image_now(image.image_id))
    return made


FILTERS: dict[str, dict[str, Any]] = {
    "job": {"job_id": "job00001"},
    "statuses": {"statuses": [S.QC_FAILED, S.FAILED]},
    "status": {"statuses": [S.PENDING]},
    "stage": {"stage": Stage.TRIM},
    "reason": {"reason": "watermark"},
    "from": {"created_from": LATER},
    "to": {"created_to": LATER},
    "search": {"search": "fox"},
}


def matches(image: ImageRecord, options: dict[str, Any]) -> bool:
    """What the filter means, said without SQL."""
    return all(
        (
            image.job_id == options.get("job_id", image.job_id),
            image.status in options.get("statuses", list(S)),
            image.stage == options.get("stage", image.stage),
            options.get("reason", "") in (image.reason or "").lower(),
            image.created_at >= options.get("created_from", ""),
            image.created_at < options.get("created_to", "z"),
            options.get("search", "") in image.prompt,
        )
    )


@pytest.mark.parametrize(
    "names", [names for size in range(4) for names in itertools.combinations(FILTERS, size)], ids=" ".join
)
async def test_any_filters_in_any_order_show_what_they_mean(
    rows: Rows, many: list[ImageRecord], names: tuple[str, ...]
) -> None:
    options: dict[str, Any] = {}
    for name in names:
        options |= FILTERS[name]
    if "job_id" in options:
        options["job_id"] = many[0].job_id
    expected = [image.image_id for image in many if matches(image, options)]
    where = ImageFilter(**options)
    assert await walk(rows, where, ImageOrder.OLDEST, 50) == expected
    assert await walk(rows, where, ImageOrder.NEWEST, 3) == expected[::-1]
    assert await walk(rows, where, ImageOrder.OLDEST, 2) == expected
    if "job_id" in options:
        # image_number falls while image_id grows
        assert await walk(rows, where, ImageOrder.JOB, 3) == expected[::-1]


@pytest.mark.fault(19)
async def test_dates_hold_when_the_clock_was_set_back(rows: Rows) -> None:
    made = [(await rows.image(at=at)).image_id for at in (LATER, NOW, LATER, NOW)]
    assert await walk(rows, ImageFilter(created_from=LATER)) == [made[2], made[0]]
    assert await walk(rows, ImageFilter(created_to=LATER)) == [made[3], made[1]]
    assert await walk(rows, ImageFilter(created_from="2030")) == []


async def test_the_order_of_a_job_needs_the_job(rows: Rows) -> None:
    with pytest.raises(ValueError, match="names the job"):
        await rows.ask(image_pages.page, ImageFilter(), order=ImageOrder.JOB)


async def test_a_foreign_cursor_is_refused(rows: Rows) -> None:
    with pytest.raises(ValueError, match="cursor"):
        await rows.ask(image_pages.page, ImageFilter(), cursor="nonsense")


async def test_a_blank_search_filters_nothing_and_one_without_words_finds_nothing(rows: Rows) -> None:
    image = await rows.image()
    assert await walk(rows, ImageFilter(search="  ")) == [image.image_id]
    assert await walk(rows, ImageFilter(search="--- \"'")) == []


async def test_reasons_are_taken_as_text(rows: Rows, many: list[ImageRecord]) -> None:
    assert len(await walk(rows, ImageFilter(reason="100%"))) == 6
    assert await walk(rows, ImageFilter(reason="%g%")) == []


async def test_count_by_reason(rows: Rows, many: list[ImageRecord]) -> None:
    assert await rows.ask(image_pages.count_by_reason) == [
        ReasonCount(S.FAILED, Stage.TRIM, "Nothing 100%", 6),
        ReasonCount(S.QC_FAILED, Stage.QUALITY_CHECK, "Watermark 0", 3),
        ReasonCount(S.QC_FAILED, Stage.QUALITY_CHECK, "Watermark 4", 3),
    ]
    of_job = await rows.ask(image_pages.count_by_reason, many[1].job_id)
    assert of_job == [ReasonCount(S.FAILED, Stage.TRIM, "Nothing 100%", 6)]
    assert await rows.ask(image_pages.count_by_reason, "missing") == []


@pytest.mark.parametrize("order", [ImageOrder.NEWEST, ImageOrder.OLDEST])
@pytest.mark.parametrize("options", [{}, {"statuses": [S.FAILED]}, {"job_id": "job00001"}], ids=str)
async def test_lists_never_read_the_whole_table(
    rows: Rows, order: ImageOrder, options: dict[str, Any]
) -> None:
    asked: list[str] = []
    async with rows.database.reading() as connection:
        await connection.set_trace_callback(asked.append)
        await image_pages.page(connection, ImageFilter(**options), order=order, cursor="[5]")
        await connection.set_trace_callback(None)
        (statement,) = asked
        plan = [row[3] for row in await connection.execute_fetchall(f"EXPLAIN QUERY PLAN {statement}")]
    assert plan
    assert not [step for step in plan if step == "SCAN images"]
    assert [step for step in plan if step.startswith("SEARCH images USING")]


@pytest.mark.parametrize("name", [*FILTERS, "nothing"])
async def test_the_ids_agree_with_the_pages(rows: Rows, many: list[ImageRecord], name: str) -> None:
    where = ImageFilter(**FILTERS.get(name, {"search": "-- !"}))
    for order in [ImageOrder.NEWEST, ImageOrder.OLDEST, *([ImageOrder.JOB] if where.job_id else [])]:
        assert await rows.ask(image_pages.ids, where, order=order) == await walk(rows, where, order)
