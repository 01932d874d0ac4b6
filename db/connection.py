"""Three connections to one file: a writer that one transaction at a time may use, a reader for lists, a
reader for slow sums. Holds no SQL of any table."""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import aiosqlite

from db.errors import DatabaseBusyError, DatabaseError, translated
from db.migrate import MIGRATIONS, check_version, copy_database, migrate, migration_files, read_only_uri
from db.turns import Turns

# How long the writer's thread waits for another process's lock at a stretch: a cancelled transaction waits
# no longer.
_LOCK_WAIT_SECONDS = 0.1
_LOCK_PAUSE_SECONDS = 0.05
_READER_PRAGMAS = ("PRAGMA temp_store = MEMORY", "PRAGMA cache_size = -16000")
_WRITER_PRAGMAS = ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = NORMAL")


class Database:
    """An open database. Get one from `open`, and `close` it, or the process never ends."""

    def __init__(self, path: Path, busy_timeout: float) -> None:
        self.path = path
        self._busy_timeout = busy_timeout
        self._writer: aiosqlite.Connection | None = None
        self._reader: aiosqlite.Connection | None = None
        self._aggregator: aiosqlite.Connection | None = None
        self._is_closed = False
        self._turns = Turns()
        self._aggregate_lock = asyncio.Lock()
        self._owner: asyncio.Task[Any] | None = None
        self._synchronous: str | None = "NORMAL"

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        busy_timeout: float = 10.0,
        migrations: Path = MIGRATIONS,
        crash_point: Callable[[str], None] | None = None,
    ) -> Self:
        """Open a file, after creating it (mode 0600, folder included) and migrating it; `read_only` does
        neither.

        `busy_timeout` is how many seconds to wait for the lock of another process. Raises DatabaseError and
        its subclasses, also for a read-only file with an older schema.
        """
        database = cls(path, busy_timeout)
        try:
            with _translating(path):
                if read_only:
                    await _to_end(asyncio.to_thread(database._check_readable, migrations))
                else:
                    prepare = asyncio.to_thread(database._prepare, migrations, crash_point)
                    await _to_end(prepare)
                    await _to_end(database._open_writer())
                await _to_end(database._open_readers())
        except BaseException:
            await database.close()
            raise
        return database

    def _prepare(self, migrations: Path, crash_point: Callable[[str], None] | None) -> None:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except OSError as error:
            raise DatabaseError(
                f"{self.path} cannot be created ({error.strerror}); "
                "choose a data folder that you may write to"
            ) from error
        migrate(self.path, busy_timeout=self._busy_timeout, folder=migrations, crash_point=crash_point)

    def _check_readable(self, migrations: Path) -> None:
        if not self.path.exists():
            raise DatabaseError(f"{self.path} does not exist; start the program once to create it")
        version = check_version(self.path, busy_timeout=self._busy_timeout, folder=migrations)
        if version < len(migration_files(migrations)):
            raise DatabaseError(
                f"{self.path} has the older schema {version}; start the program once to migrate it"
            )

    async def _open_writer(self) -> None:
        # The connection is kept before anything else may fail, so that close() finds it.
        self._writer = await aiosqlite.connect(self.path, isolation_level=None, timeout=_LOCK_WAIT_SECONDS)
        for pragma in _WRITER_PRAGMAS:
            await self._writer.execute(pragma)

    async def _open_readers(self) -> None:
        uri = read_only_uri(self.path)
        options: dict[str, Any] = {"uri": True, "isolation_level": None, "timeout": self._busy_timeout}
        self._reader = await aiosqlite.connect(uri, **options)
        self._aggregator = await aiosqlite.connect(uri, **options)
        for pragma in _READER_PRAGMAS:
            await self._reader.execute(pragma)
            await self._aggregator.execute(pragma)

    @contextlib.asynccontextmanager
    async def transaction(self, *, durable: bool = False) -> AsyncIterator[aiosqlite.Connection]:
        """The writer, inside BEGIN IMMEDIATE: committed at the end of the block, rolled back if it raises or
        is cancelled. Others wait their turn. `durable` fsyncs at the commit, which money needs (else the end
        of a commit may be lost with the power, never with the process), and goes before those that are not:
        a task keeps its place at the provider until its commit is made.

        Raises DatabaseBusyError after the busy timeout, and RuntimeError inside another transaction of the
        same task.
        """
        if self._owner is asyncio.current_task():
            raise RuntimeError("a transaction inside a transaction of the same task would wait for itself")
        async with self._turns.turn(is_urgent=durable):
            writer = self._usable(self._writer)
            self._owner = asyncio.current_task()
            try:
                with _translating(self.path):
                    try:
                        await self._begin(writer, "FULL" if durable else "NORMAL")
                        yield writer
                        await writer.execute("COMMIT")
                    except BaseException:
                        # The connection's thread works in order: this comes after whatever was cancelled,
                        # BEGIN and COMMIT included, and does nothing where no transaction is open any more.
                        await _to_end(writer.rollback())
                        raise
            finally:
                self._owner = None

    async def _begin(self, writer: aiosqlite.Connection, synchronous: str) -> None:
        if self._synchronous != synchronous:
            self._synchronous = None
            await writer.execute(f"PRAGMA synchronous = {synchronous}")
            self._synchronous = synchronous
        clock = asyncio.get_running_loop()
        deadline = clock.time() + self._busy_timeout
        while True:
            try:
                await writer.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if (
                    not isinstance(translated(error, self.path), DatabaseBusyError)
                    or clock.time() >= deadline
                ):
                    raise
            else:
                return
            await asyncio.sleep(_LOCK_PAUSE_SECONDS)

    @contextlib.asynccontextmanager
    async def reading(self) -> AsyncIterator[aiosqlite.Connection]:
        """The read-only connection for lists and single rows; every statement sees the newest commit."""
        with _translating(self.path):
            yield self._usable(self._reader)

    @contextlib.asynccontextmanager
    async def aggregating(self) -> AsyncIterator[aiosqlite.Connection]:
        """The read-only connection for slow queries, one user at a time; cancelling the task stops its
        query."""
        async with self._aggregate_lock:
            aggregator = self._usable(self._aggregator)
            with _translating(self.path):
                try:
                    yield aggregator
                except asyncio.CancelledError:
                    await aggregator.interrupt()
                    raise

    @contextlib.asynccontextmanager
    async def snapshot(self) -> AsyncIterator[aiosqlite.Connection]:
        """As `aggregating`, but all statements of the block see the database as it was at the first of them."""
        async with self.aggregating() as connection:
            try:
                await connection.execute("BEGIN")
                yield connection
            finally:
                await _to_end(connection.rollback())

    async def backup(self, to: Path) -> None:
        """Copy the database as of now to a new file. Raises FileExistsError where it exists."""
        with _translating(self.path):
            await _to_end(asyncio.to_thread(copy_database, self.path, to, busy_timeout=self._busy_timeout))

    async def check_integrity(self) -> list[str]:
        """What SQLite finds wrong with the file, as sentences; empty if it is whole. Reads all of it."""
        async with self.aggregating() as connection:
            try:
                damage = [row[0] for row in await connection.execute_fetchall("PRAGMA integrity_check")]
                orphans = await connection.execute_fetchall("PRAGMA foreign_key_check")
            except sqlite3.DatabaseError as error:
                return [str(error)]
        problems = [text for text in damage if text != "ok"]
        return problems + [
            f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in orphans
        ]

    async def close(self) -> None:
        """Wait for the transaction at work and close, also where this is cancelled meanwhile: a connection that stays
        open has a thread that keeps the process. Safe to call again."""
        if self._owner is not None and self._owner is asyncio.current_task():
            raise RuntimeError("close the database outside of its transaction")
        await _to_end(self._close())

    async def _close(self) -> None:
        async with self._turns.turn(), self._aggregate_lock:
            self._is_closed = True
            # The writer is last: the last one to close a file in WAL mode tidies it up, and only it has the
            # right to.
            connections = (self._reader, self._aggregator, self._writer)
            self._reader = self._aggregator = self._writer = None
            await _close_all([connection for connection in connections if connection is not None])

    def _usable(self, connection: aiosqlite.Connection | None) -> aiosqlite.Connection:
        if connection is None:
            state = "closed" if self._is_closed else "open for reading only"
            raise DatabaseError(f"{self.path} is {state}")
        return connection


@contextlib.contextmanager
def _translating(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        meaning = translated(error, path)
        if meaning is None:
            raise
        raise meaning from error


async def _close_all(connections: list[aiosqlite.Connection]) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for connection in reversed(connections):
            stack.push_async_callback(connection.close)


async def _to_end[T](work: Coroutine[Any, Any, T]) -> T:
    """Finish `work` even if this task is cancelled meanwhile, as often as it may be, and only then be
    cancelled."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    failure = task.exception()
    raise cancelled from failure
