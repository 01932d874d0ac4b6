import asyncio
import contextlib
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from db.connection import Database
from db.errors import DatabaseBusyError, DatabaseCorruptError, DatabaseError, DatabaseFullError

COUNT = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n"


def workers() -> list[str]:
    """The threads of open aiosqlite connections."""
    return [thread.name for thread in threading.enumerate() if "connection_worker" in thread.name]


async def count(database: Database) -> int:
    async with database.reading() as connection:
        return next(iter(await connection.execute_fetchall("SELECT count(*) FROM configurations")))[0]


async def add(connection: object, name: str) -> None:
    await connection.execute(  # type: ignore[attr-defined]
        "INSERT INTO configurations (name, settings, created_at, updated_at) VALUES (?, '{}', '', '')",
        (name,),
    )


async def test_open_creates_folder_and_file_for_the_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "gimf.db"
    database = await Database.open(path)
    async with database.transaction() as connection:
        await add(connection, "one")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    await database.close()
    assert modes == {"gimf.db": 0o600, "gimf.db-wal": 0o600, "gimf.db-shm": 0o600}
    assert [file.name for file in path.parent.iterdir()] == ["gimf.db"]


async def test_settings_of_the_connections(database: Database) -> None:
    async with database.transaction() as connection:
        journal = next(iter(await connection.execute_fetchall("PRAGMA journal_mode")))[0]
        foreign_keys = next(iter(await connection.execute_fetchall("PRAGMA foreign_keys")))[0]
    assert (journal, foreign_keys) == ("wal", 1)
    async with database.reading() as reader, database.aggregating() as aggregator:
        for connection in (reader, aggregator):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await add(connection, "never")


async def test_a_write_on_a_reader_is_an_error_that_names_the_file(database: Database) -> None:
    with pytest.raises(DatabaseError, match=r"gimf\.db cannot be opened for this"):
        async with database.reading() as connection:
            await add(connection, "never")


async def test_commit_at_the_end_of_the_block(database: Database) -> None:
    async with database.transaction() as connection:
        await add(connection, "one")
        assert await count(database) == 0
    assert await count(database) == 1


async def test_rollback_on_an_exception(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await add(connection, "one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with database.transaction() as connection:
        await add(connection, "two")
    assert await count(database) == 1


async def test_an_integrity_error_reaches_the_caller_as_it_is(database: Database) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        async with database.transaction() as connection:
            await add(connection, "  ")


async def test_durable_transactions_sync_fully(database: Database) -> None:
    levels = []
    for durable in (False, True, True, False):
        async with database.transaction(durable=durable) as connection:
            levels.append(next(iter(await connection.execute_fetchall("PRAGMA synchronous")))[0])
    assert levels == [1, 2, 2, 1]


async def test_one_writer_at_a_time(database: Database) -> None:
    inside = 0
    most = 0

    async def write(name: str) -> None:
        nonlocal inside, most
        async with database.transaction() as connection:
            inside += 1
            most = max(most, inside)
            await add(connection, name)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(write(str(number)) for number in range(20)))
    assert (most, await count(database)) == (1, 20)


async def test_a_transaction_inside_a_transaction_is_refused_not_a_deadlock(database: Database) -> None:
    async with database.transaction():
        with pytest.raises(RuntimeError, match="same task"):
            async with database.transaction():
                pass
        with pytest.raises(RuntimeError, match="outside"):
            await database.close()


@pytest.mark.parametrize("statement", ["SELECT 1", f"SELECT count(*) FROM ({COUNT} LIMIT 300000)"])
async def test_cancelling_inside_a_transaction_rolls_back(database: Database, statement: str) -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with database.transaction() as connection:
            await add(connection, "half")
            started.set()
            while True:
                await connection.execute_fetchall(statement)

    task = asyncio.create_task(work())
    await started.wait()
    for _ in range(2):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with contextlib.closing(sqlite3.connect(database.path, timeout=0, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # the lock is free already
    async with database.transaction() as connection:
        await add(connection, "whole")
    assert await count(database) == 1


async def test_cancelling_at_any_step_leaves_all_or_nothing(database: Database) -> None:
    """Cancel twice, after ever more turns of the event loop: in BEGIN, the block, COMMIT, ROLLBACK."""

    async def work(step: int) -> None:
        async with database.transaction(durable=step % 2 == 0) as connection:
            await add(connection, f"{step} a")
            await add(connection, f"{step} b")

    finished = False
    step = 0
    while not finished:
        task = asyncio.create_task(work(step))
        for _ in range(step):
            await asyncio.sleep(0)
        finished = task.done()
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        assert await count(database) % 2 == 0
        async with database.transaction():
            pass
        step += 7
    assert await count(database) > 0


async def test_cancelling_a_waiting_writer_lets_the_next_one_in(database: Database) -> None:
    async with database.transaction() as connection:
        waiting = asyncio.create_task(database.transaction().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await add(connection, "first")
    async with database.transaction() as connection:
        await add(connection, "second")
    assert await count(database) == 2


@pytest.mark.fault(15)
async def test_a_lock_of_another_process_is_a_clear_error_and_passes(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "gimf.db", busy_timeout=0.2)
    other = sqlite3.connect(tmp_path / "gimf.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusyError, match="locked by another program; close"):
            async with database.transaction():
                pass
        assert await count(database) == 0
        other.execute("COMMIT")
        async with database.transaction() as connection:
            await add(connection, "one")
        assert await count(database) == 1
    finally:
        other.close()
        await database.close()


@pytest.mark.fault(15)
async def test_a_writer_waits_for_the_lock_and_can_be_cancelled_meanwhile(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "gimf.db", busy_timeout=3_600)
    other = sqlite3.connect(tmp_path / "gimf.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")

        async def write(name: str) -> None:
            async with database.transaction() as connection:
                await add(connection, name)

        task = asyncio.create_task(write("cancelled"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        task = asyncio.create_task(write("patient"))
        await asyncio.sleep(0)
        other.execute("COMMIT")
        await task
        assert await count(database) == 1
    finally:
        other.close()
        await database.close()


@pytest.mark.fault(14)
async def test_a_full_disk_keeps_nothing_of_the_transaction(database: Database) -> None:
    async with database.transaction() as connection:
        pages = next(iter(await connection.execute_fetchall("PRAGMA page_count")))[0]
        await connection.execute(f"PRAGMA max_page_count = {pages}")

    async def fill() -> None:
        async with database.transaction() as connection:
            for number in range(100):
                await add(connection, f"{number}" * 1_000)

    with pytest.raises(DatabaseFullError, match="free some disk space"):
        await fill()
    assert await count(database) == 0
    async with database.transaction() as connection:
        await connection.execute(f"PRAGMA max_page_count = {pages + 100}")
        await add(connection, "room again")
    assert await count(database) == 1


@pytest.mark.fault(28)
@pytest.mark.parametrize("content", [b"no database at all " * 100, b"SQLite format 3\0" + b"\xff" * 5_000])
@pytest.mark.parametrize("read_only", [False, True])
async def test_what_is_no_database_is_refused_and_left_alone(
    tmp_path: Path, content: bytes, read_only: bool
) -> None:
    path = tmp_path / "gimf.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseCorruptError, match="left as it is"):
        await Database.open(path, read_only=read_only)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["gimf.db"]
    assert workers() == []


@pytest.mark.fault(28)
async def test_damaged_pages_are_found(tmp_path: Path) -> None:
    path = tmp_path / "gimf.db"
    database = await Database.open(path)
    assert await database.check_integrity() == []
    async with database.transaction() as connection:
        for number in range(2_000):
            await add(connection, f"configuration {number}")
    await database.close()
    content = bytearray(path.read_bytes())
    content[-40_000:-4_096] = b"\xa5" * (40_000 - 4_096)
    path.write_bytes(content)
    database = await Database.open(path)
    try:
        assert await database.check_integrity() != []
    finally:
        await database.close()


async def test_check_integrity_names_orphans(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO jobs (job_id, kind, label, status, output_dir, created_at)"
            " VALUES ('a', 'generate', 'a', 'completed', '/', '')"
        )
        await connection.execute(
            "INSERT INTO job_snapshots (job_id, settings, inputs) VALUES ('a', '{}', '{}')"
        )
    raw = sqlite3.connect(database.path)
    raw.execute("DELETE FROM jobs")
    raw.commit()
    raw.close()
    (problem,) = await database.check_integrity()
    assert "job_snapshots refers to a row of jobs that is not there" in problem


async def test_read_only_creates_nothing_and_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gimf.db"
    with pytest.raises(DatabaseError, match="does not exist"):
        await Database.open(path, read_only=True)
    assert list(tmp_path.iterdir()) == []
    await (await Database.open(path)).close()
    database = await Database.open(path, read_only=True)
    try:
        assert await count(database) == 0
        with pytest.raises(DatabaseError, match="open for reading only"):
            async with database.transaction():
                pass
    finally:
        await database.close()


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatabaseError, match="choose a data folder"):
        await Database.open(tmp_path / "file" / "gimf.db")


async def test_close_twice_and_use_after_close(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "gimf.db")
    await database.close()
    await database.close()
    with pytest.raises(DatabaseError, match="is closed"):
        async with database.transaction():
            pass
    with pytest.raises(DatabaseError, match="is closed"):
        async with database.reading():
            pass


async def test_close_waits_for_the_transaction_at_work(tmp_path: Path) -> None:
    path = tmp_path / "gimf.db"
    database = await Database.open(path)
    async with database.transaction() as connection:
        closing = asyncio.create_task(database.close())
        await asyncio.sleep(0)
        await add(connection, "kept")
    await closing
    database = await Database.open(path)
    assert await count(database) == 1
    await database.close()


async def test_cancelling_an_aggregate_stops_its_query(database: Database) -> None:
    running = asyncio.Event()

    loop = asyncio.get_running_loop()

    def started() -> None:
        loop.call_soon_threadsafe(running.set)

    async def aggregate() -> None:
        async with database.aggregating() as connection:
            await connection.create_function("started", 0, started)
            await connection.execute_fetchall(f"SELECT count(*) FROM ({COUNT} WHERE started() IS NULL)")

    task = asyncio.create_task(aggregate())
    await running.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with database.aggregating() as connection:
        assert next(iter(await connection.execute_fetchall("SELECT 7")))[0] == 7


async def test_backup_is_whole_and_never_overwrites(database: Database, tmp_path: Path) -> None:
    async with database.transaction() as connection:
        await add(connection, "one")
    target = tmp_path / "copy.db"
    await database.backup(target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = await Database.open(target)
    assert await count(copy) == 1
    await copy.close()
    with pytest.raises(FileExistsError):
        await database.backup(target)


@pytest.mark.timeout(20)
async def test_cancelling_open_leaves_no_thread(tmp_path: Path) -> None:
    for turns in range(12):
        task = asyncio.create_task(Database.open(tmp_path / f"{turns}.db"))
        while not workers():
            await asyncio.sleep(0)
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await task).close()
        while workers():  # a closed connection's thread is on its last step; one left open never ends
            await asyncio.sleep(0)


def test_a_process_ends_after_a_failed_open(tmp_path: Path) -> None:
    (tmp_path / "gimf.db").write_bytes(b"no database" * 1_000)
    code = (
        "import asyncio, pathlib, sys\n"
        "from db.connection import Database\n"
        "asyncio.run(Database.open(pathlib.Path(sys.argv[1])))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "gimf.db")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "DatabaseCorruptError" in done.stderr


async def test_a_snapshot_stays_as_it_was_at_its_first_statement(database: Database) -> None:
    statement = "SELECT count(*) FROM configurations"
    async with database.snapshot() as connection:
        before = next(iter(await connection.execute_fetchall(statement)))[0]
        async with database.transaction() as writer:
            await add(writer, "one")
        assert await count(database) == before + 1
        assert next(iter(await connection.execute_fetchall(statement)))[0] == before
    async with database.aggregating() as connection:
        assert next(iter(await connection.execute_fetchall(statement)))[0] == before + 1


async def test_a_cancelled_close_closes_all_the_same(tmp_path: Path) -> None:
    """A window whose line breaks while it lets go of its engine: threads of open connections would keep the process."""
    before = threading.active_count()
    database = await Database.open(tmp_path / "gimf.db")
    async with database.aggregating():
        closing = asyncio.create_task(database.close())
        for _ in range(5):
            await asyncio.sleep(0)
        closing.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await closing
    async with asyncio.timeout(10):
        while threading.active_count() > before + 1:  # asyncio keeps a thread of its own for to_thread
            await asyncio.sleep(0.01)
    with pytest.raises(DatabaseError):
        async with database.reading():
            pass
