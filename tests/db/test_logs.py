import pytest

from db import logs
from db.logs import LogFilter
from db.records import LogRecord, NewLogEntry
from db.status import LogLevel
from tests.db.rows import NOW, Rows


@pytest.fixture
async def job_id(rows: Rows) -> str:
    """A job with ten entries, five of the engine between them."""
    job_id = (await rows.job()).job_id
    levels = list(LogLevel)
    entries = []
    for number in range(15):
        is_engine = number % 3 == 2
        entries.append(
            NewLogEntry(
                NOW,
                levels[number % 4],
                f"step {number} 50%",
                None if is_engine else job_id,
                stage="queue" if number < 8 else "download",
                cause="Timeout" if number == 3 else None,
            )
        )
    await rows.do(logs.insert_many, entries[:9])
    await rows.do(logs.insert_many, entries[9:])
    return job_id


def numbers(entries: list[LogRecord]) -> list[int]:
    return [int(entry.message.split()[1]) for entry in entries]


async def test_insert_many_answers_the_ids_in_order(rows: Rows) -> None:
    entries = [
        NewLogEntry(NOW, LogLevel.ERROR, "what", stage="save", image_number=7, cause="why", hint="do"),
        NewLogEntry(NOW, LogLevel.DEBUG, "plain"),
    ]
    ids = await rows.do(logs.insert_many, entries)
    assert list(ids) == [1, 2]
    stored = await rows.ask(logs.page, LogFilter())
    assert stored == [
        LogRecord(1, None, NOW, LogLevel.ERROR, "save", 7, "what", "why", "do"),
        LogRecord(2, None, NOW, LogLevel.DEBUG, None, None, "plain", None, None),
    ]
    assert list(await rows.do(logs.insert_many, entries)) == [3, 4]
    assert list(await rows.do(logs.insert_many, [])) == []


async def test_filters(rows: Rows, job_id: str) -> None:
    async def found(**options: object) -> list[int]:
        return numbers(await rows.ask(logs.page, LogFilter(**options)))  # type: ignore[arg-type]

    assert await found() == list(range(15))
    assert await found(job_id=job_id) == [0, 1, 3, 4, 6, 7, 9, 10, 12, 13]
    assert await found(min_level=LogLevel.INFO) == [number for number in range(15) if number % 4]
    assert await found(min_level=LogLevel.ERROR) == [3, 7, 11]
    assert await found(stage="queue", job_id=job_id, min_level=LogLevel.WARNING) == [3, 6, 7]
    assert await found(text="TIMEOUT") == [3]
    assert await found(text="step 1 50%") == [1]
    assert await found(text="0%%") == []


async def test_pages_both_ways(rows: Rows, job_id: str) -> None:
    where = LogFilter(job_id=job_id)
    first = await rows.ask(logs.page, where, limit=4)
    rest = await rows.ask(logs.page, where, after=first[-1].entry_id, limit=20)
    assert numbers(first) + numbers(rest) == [0, 1, 3, 4, 6, 7, 9, 10, 12, 13]
    newest = await rows.ask(logs.page, where, limit=3, newest_first=True)
    older = await rows.ask(logs.page, where, before=newest[-1].entry_id, limit=3, newest_first=True)
    assert numbers(newest) + numbers(older) == [13, 12, 10, 9, 7, 6]
    between = await rows.ask(logs.page, where, after=first[0].entry_id, before=first[3].entry_id)
    assert numbers(between) == [1, 3]


async def test_tail_is_in_the_order_written(rows: Rows, job_id: str) -> None:
    assert numbers(await rows.ask(logs.tail, LogFilter(job_id=job_id), limit=3)) == [10, 12, 13]
