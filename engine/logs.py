"""The log of the jobs: masked, cleaned, stored in batches, then told. Writing never makes a job wait."""

import asyncio
import logging
import sqlite3
from collections import deque
from dataclasses import dataclass
from typing import Protocol

from db import logs as log_rows
from db.connection import Database
from db.errors import DatabaseError
from db.records import NewLogEntry, utc_text
from db.status import LogLevel, Stage
from engine.bus import EventBus
from engine.clock import Clock
from engine.errors import FactoryError
from engine.events import LogRecorded
from engine.text import clean_text
from engine.views import LogView

logger = logging.getLogger(__name__)

KEPT_WHILE_BLOCKED = 10_000
"""Entries held in memory while the disk is full; older ones are dropped then, and counted."""
BATCH = 500
MESSAGE_LIMIT = 4_000
_STDLIB_LEVELS = {
    LogLevel.DEBUG: logging.DEBUG,
    LogLevel.INFO: logging.INFO,
    LogLevel.WARNING: logging.WARNING,
    LogLevel.ERROR: logging.ERROR,
}


class Mask(Protocol):
    """Anything that takes keys out of a text."""

    def mask(self, text: str) -> str:
        """The text without any key."""
        ...


class LogBook:
    """Takes entries from anywhere in the engine and writes them behind."""

    def __init__(self, database: Database, bus: EventBus, clock: Clock, masker: Mask) -> None:
        self._database = database
        self._bus = bus
        self._clock = clock
        self._masker = masker
        self._waiting: deque[NewLogEntry] = deque()
        self._dropped = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._writer = asyncio.create_task(self._write_forever(), name="log writer")

    async def close(self) -> None:
        """Write what is waiting, then end."""
        if self._writer is None:
            return
        await self.flush()  # cancelled in the middle of a commit it would not know what was stored
        self._writer.cancel()
        await asyncio.wait([self._writer])
        try:
            await self._write_all()
        except DatabaseError as error:
            logger.error("%d log entries could not be stored: %s", len(self._waiting), error)

    async def flush(self) -> None:
        """Wait until everything recorded so far is stored (or held because the disk is full)."""
        await self._idle.wait()

    def record(self, entry: NewLogEntry) -> None:
        """Take an entry; returns at once."""
        if len(self._waiting) >= KEPT_WHILE_BLOCKED:
            self._waiting.popleft()
            self._dropped += 1
        self._waiting.append(entry)
        logger.log(
            _STDLIB_LEVELS[entry.level],
            "[%s] %s: %s",
            entry.job_id or "engine",
            entry.stage or "-",
            entry.message,
        )
        self._idle.clear()
        self._wake.set()

    def for_job(self, job_id: str | None, *, is_debug: bool = True) -> "JobLog":
        """The log of one job; `is_debug` False drops debug entries."""
        return JobLog(self, job_id, is_debug=is_debug)

    def clean(self, text: str) -> str:
        """Without keys, without control characters, of bounded length."""
        return clean_text(self._masker.mask(text), limit=MESSAGE_LIMIT)

    def now(self) -> str:
        """The time that an entry recorded now carries."""
        return utc_text(self._clock.now())

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write_all()
            except DatabaseError as error:
                logger.error("log entries wait for the database: %s", error)
                self._idle.set()
                await self._clock.sleep(5)
                self._wake.set()

    async def _write_all(self) -> None:
        size = BATCH
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(size, len(self._waiting)))]
            try:
                async with self._database.transaction() as connection:
                    entry_ids = await log_rows.insert_many(connection, batch)
            except sqlite3.IntegrityError as error:  # of a job that is gone: found out one by one
                if len(batch) == 1:
                    logger.error("a log entry of job %s could not be stored: %s", batch[0].job_id, error)
                else:
                    self._waiting.extendleft(reversed(batch))
                size = 1
                continue
            except BaseException:
                self._waiting.extendleft(reversed(batch))
                raise
            self._report_dropped()
            for entry_id, entry in zip(entry_ids, batch, strict=True):
                self._bus.publish(LogRecorded(_view(entry_id, entry)))
        self._idle.set()

    def _report_dropped(self) -> None:
        if self._dropped:
            count, self._dropped = self._dropped, 0
            self.for_job(None).warning(
                f"{count} log entries were dropped while the database could not be written."
            )


def _view(entry_id: int, entry: NewLogEntry) -> LogView:
    return LogView(
        entry_id=entry_id,
        job_id=entry.job_id,
        at=entry.at,
        level=entry.level,
        stage=entry.stage,
        image_number=entry.image_number,
        message=entry.message,
        cause=entry.cause,
        hint=entry.hint,
    )


@dataclass(frozen=True, slots=True)
class JobLog:
    """Writes entries of one job (or of the engine itself: job_id None)."""

    book: LogBook
    job_id: str | None
    is_debug: bool
    prefix: str = ""
    """Stands before every message: whose image it is about, where that is not the job's own."""

    def debug(self, message: str, stage: Stage | None = None, *, image: int | None = None) -> None:
        """For the one who looks for a fault; kept only where the job's settings ask for it."""
        if self.is_debug:
            self._record(LogLevel.DEBUG, message, stage, image)

    def info(self, message: str, stage: Stage | None = None, *, image: int | None = None) -> None:
        """A step of the work."""
        self._record(LogLevel.INFO, message, stage, image)

    def warning(
        self,
        message: str,
        stage: Stage | None = None,
        *,
        image: int | None = None,
        cause: str = "",
        hint: str = "",
    ) -> None:
        """Something the user should know; the work goes on."""
        self._record(LogLevel.WARNING, message, stage, image, cause, hint)

    def error(
        self,
        message: str,
        stage: Stage | None = None,
        *,
        image: int | None = None,
        cause: str = "",
        hint: str = "",
    ) -> None:
        """Something failed."""
        self._record(LogLevel.ERROR, message, stage, image, cause, hint)

    def failure(self, error: FactoryError, stage: Stage | None = None, *, image: int | None = None) -> None:
        """An error of ours, with its code as the cause."""
        self._record(LogLevel.ERROR, error.message, stage, image, error.code, error.hint)

    def _record(
        self,
        level: LogLevel,
        message: str,
        stage: Stage | None,
        image: int | None,
        cause: str = "",
        hint: str = "",
    ) -> None:
        book = self.book
        book.record(
            NewLogEntry(
                job_id=self.job_id,
                at=book.now(),
                level=level,
                stage=stage,
                image_number=image,
                message=book.clean(self.prefix + message),
                cause=book.clean(cause) or None,
                hint=book.clean(hint) or None,
            )
        )
