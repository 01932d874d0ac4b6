"""A copy of the database every day, whole and checked, and no more than seven of them. Puts none back.

The live database is not read for the check: its copy is, so that nobody waits for it. A damaged copy is thrown
away, and older ones stay then.
"""

import asyncio
import contextlib
import logging
import re
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db.errors import DatabaseError, translated
from db.migrate import copy_database, integrity_problems
from engine.clock import Clock
from engine.errors import FactoryError
from engine.files import cleanup_partials, free_bytes, partial_path, sync_folder
from engine.logs import LogBook

logger = logging.getLogger(__name__)

KEPT = 7
EVERY = timedelta(days=1)
FIRST_AFTER_S = 20.0
"""A start has better things to do, and a command that is over soon makes none."""
LOOK_EVERY_S = 900.0
_BUSY_TIMEOUT_S = 10.0
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"factory-(\d{8}T\d{6}Z)\.db")


class BackupError(FactoryError):
    """The copy could not be made, or is not whole."""

    code = "backup"


@dataclass(frozen=True, slots=True)
class BackupFile:
    path: Path
    made_at: datetime
    bytes: int


def backups_in(folder: Path) -> list[BackupFile]:
    """Newest first, by the time in their names. Blocks."""
    found = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in folder.iterdir():
            match = _NAME.fullmatch(path.name)
            if match is None or not path.is_file():
                continue
            with contextlib.suppress(ValueError):  # digits that are no time
                made_at = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
                found.append(BackupFile(path, made_at, path.stat().st_size))
    return sorted(found, key=lambda backup: backup.made_at, reverse=True)


def make_backup(database: Path, folder: Path, now: datetime, is_cancelled: Callable[[], bool]) -> BackupFile:
    """A checked copy under its time; older ones than the newest seven go. Blocks.

    Raises BackupError, DatabaseError, and InterruptedError when `is_cancelled` says so; then nothing is left.
    """
    cleanup_partials(folder)
    needed, free = database.stat().st_size, free_bytes(folder)
    if free < 2 * needed:
        raise BackupError(
            f"There is no room for a copy of the database: {needed / 1e6:,.0f} MB needed twice, {free / 1e6:,.0f} free."
        )
    part = partial_path(folder)
    try:
        copy_database(database, part, busy_timeout=_BUSY_TIMEOUT_S, is_cancelled=is_cancelled)
        problems = integrity_problems(part, is_cancelled=is_cancelled)
        if problems:
            raise BackupError(
                f"The database is damaged: {'; '.join(problems[:3])}.",
                hint="Stop the engine, then `gimf restore` puts an older copy in its place.",
            )
        made_at = now.astimezone(UTC).replace(microsecond=0)
        target = folder / f"factory-{made_at.strftime(_STAMP)}.db"
        needed = part.stat().st_size
        part.replace(target)
        sync_folder(folder)
    except sqlite3.Error as error:
        raise translated(error, database) or error from error
    finally:
        for suffix in ("", "-wal", "-shm"):
            part.with_name(part.name + suffix).unlink(missing_ok=True)
    for old in backups_in(folder)[KEPT:]:
        old.path.unlink(missing_ok=True)
    return BackupFile(target, made_at, needed)


def is_due(folder: Path, now: datetime) -> bool:
    """Whether the newest copy is a day old. Those of a time that has not come yet do not count: the clock was set.
    Blocks."""
    past = [backup.made_at for backup in backups_in(folder) if backup.made_at <= now]
    return not past or now - past[0] >= EVERY


class BackupSchedule:
    """Part of the Engine: looks every quarter of an hour whether a copy is due, and makes it in a thread."""

    def __init__(self, database: Path, folder: Path, clock: Clock, log_book: LogBook) -> None:
        self._database = database
        self._folder = folder
        self._clock = clock
        self._log = log_book.for_job(None)
        self._task: asyncio.Task[None] | None = None
        self._cancelled = threading.Event()
        self._last_problem = ""

    def start(self) -> None:
        """Begin; the first look is after a while."""
        self._task = asyncio.create_task(self._run(), name="backups")

    async def close(self) -> None:
        """End soon; a copy in the making is given up."""
        if self._task is None:
            return
        self._cancelled.set()
        self._task.cancel()
        await asyncio.wait([self._task])

    async def make_if_due(self) -> BackupFile | None:
        """The new copy, if one was due and could be made; what kept it from being made is logged once."""
        now = self._clock.now()
        if not await asyncio.to_thread(is_due, self._folder, now):
            return None
        try:
            backup = await asyncio.to_thread(
                make_backup, self._database, self._folder, now, self._cancelled.is_set
            )
        except InterruptedError:
            return None
        except (FactoryError, DatabaseError, sqlite3.Error, OSError) as error:
            problem = str(error)
            if problem != self._last_problem:
                self._log.error(
                    f"No backup of the database was made: {problem}", hint=getattr(error, "hint", "")
                )
            self._last_problem = problem
            return None
        self._last_problem = ""
        logger.info("backup %s, %d bytes", backup.path.name, backup.bytes)
        return backup

    async def _run(self) -> None:
        # Not the engine's clock: nothing of the work waits for this.
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            # To its end, also where this task is cancelled meanwhile: the thread would go on anyway.
            work = asyncio.ensure_future(self.make_if_due())
            try:
                await asyncio.shield(work)
            except asyncio.CancelledError:
                await asyncio.wait([work])
                raise
            await asyncio.sleep(LOOK_EVERY_S)
