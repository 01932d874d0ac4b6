import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db import jobs, logs
from db.connection import Database
from db.records import LogRecord, NewJob, NewLogEntry
from db.status import JobKind, LogLevel, Stage
from engine.bus import EventBus, Subscription
from engine.errors import StageError
from engine.events import LogRecorded
from engine.logs import BATCH, KEPT_WHILE_BLOCKED, MESSAGE_LIMIT, LogBook
from engine.masking import MASK, Masker
from tests.support.clock import FakeClock
from tests.support.engine import until

JOB = "job00001"
KEY = "sk-verysecret-0123456789"


class Desk:
    """A log book with a database in a real file and one who listens."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        self.database = database
        self.bus = EventBus()
        self.heard: Subscription = self.bus.subscribe(100_000)
        self.book = LogBook(database, self.bus, clock, Masker([KEY]))

    async def rows(self) -> list[LogRecord]:
        async with self.database.reading() as connection:
            return await logs.page(connection, logs.LogFilter(), limit=100_000)

    async def fill_the_disk(self) -> None:
        """No page more than there is now, which is what a full disk means to SQLite."""
        async with self.database.transaction() as connection:
            await connection.execute("PRAGMA max_page_count = 1")

    async def make_room(self) -> None:
        async with self.database.transaction() as connection:
            await connection.execute("PRAGMA max_page_count = 1000000")


@pytest.fixture
async def desk(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Desk]:
    database = await Database.open(tmp_path / "factory.db")
    async with database.transaction() as connection:
        await jobs.insert(
            connection, NewJob(JOB, JobKind.GENERATE, "A", {}, {}, "out"), "2026-11-22T12:00:00.000Z"
        )
    made = Desk(database, clock)
    yield made
    await made.book.close()
    await database.close()


async def test_entries_are_stored_with_everything_they_say(desk: Desk) -> None:
    desk.book.start()
    job_log = desk.book.for_job(JOB)
    job_log.debug("looked", Stage.GENERATE, image=1)
    job_log.info("began")
    job_log.warning("slow", Stage.DOWNLOAD, image=2, cause="rate_limited", hint="Wait.")
    job_log.error("broke", Stage.SAVE, image=3, cause="file", hint="Retry it.")
    job_log.failure(
        StageError(Stage.TRIM, "empty", code="empty_box", hint="Look at it."), Stage.TRIM, image=4
    )
    desk.book.for_job(None).info("about the engine itself")
    await desk.book.flush()
    assert [
        (row.job_id, row.level, row.stage, row.image_number, row.message, row.cause, row.hint)
        for row in await desk.rows()
    ] == [
        (JOB, LogLevel.DEBUG, "generate", 1, "looked", None, None),
        (JOB, LogLevel.INFO, None, None, "began", None, None),
        (JOB, LogLevel.WARNING, "download", 2, "slow", "rate_limited", "Wait."),
        (JOB, LogLevel.ERROR, "save", 3, "broke", "file", "Retry it."),
        (JOB, LogLevel.ERROR, "trim", 4, "empty", "empty_box", "Look at it."),
        (None, LogLevel.INFO, None, None, "about the engine itself", None, None),
    ]
    assert {row.at for row in await desk.rows()} == {"2026-11-22T12:00:00.000Z"}


async def test_debug_entries_are_kept_only_where_they_are_asked_for(desk: Desk) -> None:
    desk.book.start()
    desk.book.for_job(JOB, is_debug=False).debug("looked")
    desk.book.for_job(JOB, is_debug=False).info("began")
    await desk.book.flush()
    assert [row.message for row in await desk.rows()] == ["began"]


async def test_events_carry_the_ids_of_the_rows_and_come_after_them(desk: Desk) -> None:
    desk.book.start()
    log = desk.book.for_job(JOB)
    for number in range(BATCH + 7):
        log.info(f"entry {number}")
    await desk.book.flush()
    events = [event for event in desk.heard.drain() if isinstance(event, LogRecorded)]
    rows = await desk.rows()
    assert len(events) == len(rows) == BATCH + 7
    assert [(event.entry.entry_id, event.entry.message) for event in events] == [
        (row.entry_id, row.message) for row in rows
    ]
    assert [event.entry.message for event in events] == [f"entry {number}" for number in range(BATCH + 7)]


async def test_recording_waits_for_nothing_and_many_entries_are_one_commit(desk: Desk) -> None:
    async with desk.database.transaction():  # somebody else has the writer
        log = desk.book.for_job(JOB)
        for number in range(BATCH):
            log.info(f"entry {number}")
        desk.book.start()
        await asyncio.sleep(0)
        assert await desk.rows() == []
        assert desk.heard.drain() == []
    await desk.book.flush()
    assert len(await desk.rows()) == BATCH


async def test_keys_and_control_characters_never_get_in(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.book.start()
    caplog.set_level(logging.DEBUG, logger="engine.logs")
    desk.book.for_job(JOB).error(
        f"refused {KEY} \x1b]52;c;AAAA\x07 \x9b31m \u202etxt.exe line\r\nnext \ud800 [@click=app.quit]x[/]",
        Stage.GENERATE,
        cause=f"Authorization: Bearer {KEY}",
        hint=f"curl -H 'X-API-Key: {KEY}'\x1b[2J",
    )
    await desk.book.flush()
    (row,) = await desk.rows()
    (event,) = (event for event in desk.heard.drain() if isinstance(event, LogRecorded))
    texts = [
        row.message,
        row.cause or "",
        row.hint or "",
        event.entry.message,
        event.entry.cause or "",
        caplog.text,
    ]
    assert all(KEY not in text for text in texts)
    assert MASK in row.message
    for text in texts[:-1]:
        assert all(character.isprintable() for character in text)
    assert "\x1b" not in caplog.text
    assert "[@click=app.quit]x[/]" in row.message  # markup is plain text; whoever shows it shows it as such
    assert "line next" in row.message


async def test_a_long_message_is_cut(desk: Desk) -> None:
    desk.book.start()
    desk.book.for_job(JOB).info("x" * (MESSAGE_LIMIT * 3))
    await desk.book.flush()
    (row,) = await desk.rows()
    assert len(row.message) == MESSAGE_LIMIT
    assert row.message.endswith("…")


async def test_closing_writes_what_is_waiting_and_nothing_twice(desk: Desk) -> None:
    desk.book.start()
    log = desk.book.for_job(JOB)
    for number in range(3 * BATCH):
        log.info(f"entry {number}")
        if number % 100 == 0:
            await asyncio.sleep(0)
    await desk.book.close()
    assert [row.message for row in await desk.rows()] == [f"entry {number}" for number in range(3 * BATCH)]
    await desk.book.close()


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_closing_in_the_middle_of_a_commit_writes_nothing_twice(desk: Desk, turns: int) -> None:
    desk.book.start()
    desk.book.for_job(JOB).info("once")
    for _ in range(turns):
        await asyncio.sleep(0.0002)
    await desk.book.close()
    assert [row.message for row in await desk.rows()] == ["once"]
    assert len(desk.heard.drain()) == 1


async def test_a_book_that_was_never_started_closes(tmp_path: Path, clock: FakeClock) -> None:
    database = await Database.open(tmp_path / "factory.db")
    await LogBook(database, EventBus(), clock, Masker()).close()
    await database.close()


@pytest.mark.fault(14)
async def test_a_full_disk_holds_entries_back_until_there_is_room(desk: Desk) -> None:
    await desk.fill_the_disk()
    desk.book.start()
    log = desk.book.for_job(JOB)
    long = "x" * 3_000
    for number in range(20):
        log.info(f"entry {number} {long}")
    await desk.book.flush()  # does not hang: they are held
    assert await desk.rows() == []
    assert desk.heard.drain() == []
    await desk.make_room()
    await until(lambda: len(desk.heard._events) == 20)
    assert [row.message.split()[1] for row in await desk.rows()] == [str(number) for number in range(20)]


async def test_what_does_not_fit_into_memory_is_dropped_and_counted_once(desk: Desk) -> None:
    log = desk.book.for_job(JOB)
    for number in range(KEPT_WHILE_BLOCKED + 25):
        log.info(f"entry {number}")
    desk.book.start()
    await desk.book.flush()
    rows = await desk.rows()
    told = [row for row in rows if row.level is LogLevel.WARNING]
    assert [row.message for row in told] == [
        "25 log entries were dropped while the database could not be written."
    ]
    assert told[0].job_id is None
    kept = [row.message for row in rows if row.level is LogLevel.INFO]
    assert kept == [f"entry {number}" for number in range(25, KEPT_WHILE_BLOCKED + 25)]


async def test_an_entry_that_no_row_can_hold_takes_no_other_with_it(desk: Desk) -> None:
    """A job that was removed for good while something of it was still being written about."""
    desk.book.start()
    desk.book.for_job(JOB).info("before")
    desk.book.record(NewLogEntry("2026-11-22T12:00:00.000Z", LogLevel.INFO, "of nobody", job_id="gone"))
    desk.book.for_job(JOB).info("after")
    await asyncio.wait_for(desk.book.flush(), 10)
    assert [row.message for row in await desk.rows() if row.job_id == JOB] == ["before", "after"]
