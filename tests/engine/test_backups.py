"""Copies of the database: made when due, whole, no more than seven; put back, nothing goes on by itself."""

import shutil
import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from db import jobs
from db.connection import Database
from db.migrate import copy_database, integrity_problems
from db.status import JobStatus
from engine import doctor
from engine.bus import EventBus
from engine.care import backups as backups_module
from engine.care.backups import BackupError, BackupSchedule, backups_in, is_due, make_backup
from engine.care.restore import RestoreView, find_backup, list_backups, restore
from engine.doctor import CheckView, examine
from engine.errors import EngineHeldError, InputError, NotFoundError
from engine.lock import FolderLock
from engine.logs import LogBook
from engine.masking import Masker
from engine.paths import Paths
from engine.secrets import KeyStore
from engine.settings import Settings
from tests.db.rows import NOW, Rows
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, until

DAY = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    found = Paths.resolve(tmp_path / "home", {})
    found.ensure()
    return found


@pytest.fixture
async def rows(paths: Paths) -> AsyncIterator[Rows]:
    """One running job and one that waits, with the database open."""
    database = await Database.open(paths.database_file)
    rows = Rows(database)
    job = await rows.job()
    await rows.job()
    await rows.do(jobs.mark_started, job.job_id, NOW)
    yield rows
    await database.close()


def never() -> bool:
    return False


def statuses(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT status FROM jobs ORDER BY job_number")]
    finally:
        connection.close()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def damage(path: Path) -> None:
    """Overwrite pages in the middle, with the commits of the log already in the file."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with path.open("r+b") as file:
        file.seek(8_192)
        file.write(b"\xa5" * 20_000)


async def test_a_copy_has_what_is_only_in_the_log_and_is_alone(rows: Rows, paths: Paths) -> None:
    backup = make_backup(paths.database_file, paths.backups_dir, DAY, never)
    assert names(paths.backups_dir) == ["factory-20261125T120000Z.db"]
    assert stat.S_IMODE(backup.path.stat().st_mode) == 0o600
    assert backup.made_at == DAY
    assert statuses(backup.path) == ["running", "queued"]


async def test_seven_are_kept(rows: Rows, paths: Paths) -> None:
    for day in range(9):
        make_backup(paths.database_file, paths.backups_dir, DAY + timedelta(days=day), never)
    kept = backups_in(paths.backups_dir)
    assert [backup.made_at for backup in kept] == [DAY + timedelta(days=day) for day in range(8, 1, -1)]


@pytest.mark.parametrize(
    ("age", "expected"),
    [(timedelta(hours=23), False), (timedelta(days=1), True), (timedelta(hours=-1), True)],
    ids=["today", "yesterday", "from the future"],
)
async def test_when_one_is_due(rows: Rows, paths: Paths, age: timedelta, expected: bool) -> None:
    assert is_due(paths.backups_dir, DAY)
    make_backup(paths.database_file, paths.backups_dir, DAY, never)
    assert is_due(paths.backups_dir, DAY + age) is expected
    make_backup(paths.database_file, paths.backups_dir, DAY + age, never)
    assert not is_due(paths.backups_dir, DAY + age)


async def test_a_damaged_database_displaces_no_copy(paths: Paths, rows: Rows) -> None:
    for day in range(7):
        make_backup(paths.database_file, paths.backups_dir, DAY + timedelta(days=day), never)
    before = names(paths.backups_dir)
    await rows.database.close()
    damage(paths.database_file)
    with pytest.raises(BackupError, match="damaged") as raised:
        make_backup(paths.database_file, paths.backups_dir, DAY + timedelta(days=8), never)
    assert "gimf restore" in raised.value.hint
    assert names(paths.backups_dir) == before


async def test_no_room_is_told_before_anything_is_written(
    rows: Rows, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backups_module, "free_bytes", lambda _: 1_000)
    with pytest.raises(BackupError, match="no room"):
        make_backup(paths.database_file, paths.backups_dir, DAY, never)
    assert names(paths.backups_dir) == []


async def test_a_cancelled_copy_leaves_nothing(rows: Rows, paths: Paths) -> None:
    with pytest.raises(InterruptedError):
        make_backup(paths.database_file, paths.backups_dir, DAY, lambda: True)
    assert names(paths.backups_dir) == []


async def test_a_copy_is_of_one_moment_while_others_write(rows: Rows, paths: Paths, tmp_path: Path) -> None:
    """Every look at whether it is cancelled comes between two parts of the copy: a commit there is not in it."""
    writer = sqlite3.connect(paths.database_file, isolation_level=None)
    commits = 0

    def commit() -> bool:
        nonlocal commits
        commits += 1
        writer.execute("UPDATE jobs SET label = label || 'x' WHERE job_number = 1")
        return False

    try:
        (label,) = writer.execute("SELECT label FROM jobs WHERE job_number = 1").fetchone()
        copy_database(paths.database_file, tmp_path / "copy.db", busy_timeout=1, is_cancelled=commit)
    finally:
        writer.close()
    assert commits > 0
    copied = sqlite3.connect(tmp_path / "copy.db")
    try:
        assert copied.execute("SELECT label FROM jobs WHERE job_number = 1").fetchone() == (label,)
    finally:
        copied.close()
    assert integrity_problems(tmp_path / "copy.db") == []


async def test_the_schedule_makes_one_and_says_once_what_hinders_it(
    rows: Rows, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock(DAY)
    log_book = LogBook(rows.database, EventBus(), clock, Masker())
    schedule = BackupSchedule(paths.database_file, paths.backups_dir, clock, log_book)
    assert await schedule.make_if_due() is not None
    assert await schedule.make_if_due() is None
    assert len(backups_in(paths.backups_dir)) == 1
    clock.advance(90_000)
    monkeypatch.setattr(backups_module, "free_bytes", lambda _: 1_000)
    assert await schedule.make_if_due() is None
    assert await schedule.make_if_due() is None
    assert [entry.message.partition(":")[0] for entry in log_book._waiting] == [
        "No backup of the database was made"
    ]
    await schedule.close()


async def test_the_engine_has_a_schedule(home: EngineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups_module, "FIRST_AFTER_S", 0.0)
    async with home.open():
        await until(lambda: len(backups_in(home.paths.backups_dir)) == 1)
    assert len(names(home.paths.backups_dir)) == 1


# ---- putting one back


async def restored(rows: Rows, paths: Paths) -> RestoreView:
    """A copy is made, a job is added, the copy is put back."""
    make_backup(paths.database_file, paths.backups_dir, DAY, never)
    await rows.job()
    await rows.database.close()
    return restore(paths, find_backup(paths, "latest"), DAY + timedelta(hours=2))


async def test_what_was_there_is_kept_and_nothing_goes_on_by_itself(rows: Rows, paths: Paths) -> None:
    view = await restored(rows, paths)
    assert (view.restored, view.stopped_jobs) == ("factory-20261125T120000Z.db", 2)
    assert statuses(paths.database_file) == ["stopped", "stopped"]
    assert view.kept is not None
    assert statuses(Path(view.kept)) == ["running", "queued", "queued"]
    database = await Database.open(paths.database_file)
    try:
        assert await database.check_integrity() == []
        async with database.reading() as connection:
            (job, _) = await jobs.by_status(connection, JobStatus.STOPPED)
        assert job.error_code == "restored"
        assert "what was sent since then is not in it" in (job.error_message or "")
    finally:
        await database.close()
    assert not list(paths.data_dir.glob("*.part*"))
    assert [backup.name for backup in list_backups(paths)][1:] == ["factory-20261125T120000Z.db"]


async def test_the_one_that_was_kept_can_be_put_back(rows: Rows, paths: Paths) -> None:
    view = await restored(rows, paths)
    assert view.kept is not None
    assert find_backup(paths, "latest").name == view.restored
    restore(paths, find_backup(paths, Path(view.kept).name), DAY + timedelta(hours=3))
    assert statuses(paths.database_file) == ["stopped"] * 3


async def test_commits_that_a_kill_left_in_the_log_are_kept(rows: Rows, paths: Paths, tmp_path: Path) -> None:
    make_backup(paths.database_file, paths.backups_dir, DAY, never)
    await rows.job()
    for suffix in ("", "-wal"):  # the files as a kill leaves them
        shutil.copy(f"{paths.database_file}{suffix}", tmp_path / f"killed{suffix}")
    await rows.database.close()
    for suffix in ("", "-wal"):
        shutil.copy(tmp_path / f"killed{suffix}", f"{paths.database_file}{suffix}")
    view = restore(paths, find_backup(paths, "latest"), DAY)
    assert view.kept is not None
    assert len(statuses(Path(view.kept))) == 3
    assert statuses(paths.database_file) == ["stopped", "stopped"]


async def test_a_damaged_database_is_replaced(rows: Rows, paths: Paths) -> None:
    make_backup(paths.database_file, paths.backups_dir, DAY, never)
    await rows.database.close()
    damage(paths.database_file)
    damaged = paths.database_file.read_bytes()
    view = restore(paths, find_backup(paths, "latest"), DAY)
    assert view.kept is not None
    assert Path(view.kept).read_bytes() == damaged
    assert statuses(paths.database_file) == ["stopped", "stopped"]


async def test_refused_while_an_engine_has_the_folder(rows: Rows, paths: Paths) -> None:
    make_backup(paths.database_file, paths.backups_dir, DAY, never)
    with FolderLock(paths.lock_file), pytest.raises(EngineHeldError):
        restore(paths, find_backup(paths, "latest"), DAY)
    assert statuses(paths.database_file) == ["running", "queued"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        ("PRAGMA user_version = 99", "written by a newer version"),
        ("PRAGMA application_id = 7", "another program"),
        (None, "cannot be put back"),
    ],
)
async def test_what_is_no_good_copy_is_refused(rows: Rows, paths: Paths, spoil: str | None, why: str) -> None:
    backup = make_backup(paths.database_file, paths.backups_dir, DAY, never)
    if spoil is None:
        damage(backup.path)
    else:
        connection = sqlite3.connect(backup.path)
        connection.execute(spoil)
        connection.close()
    await rows.database.close()
    paths.lock_file.touch()
    before = (paths.database_file.read_bytes(), names(paths.data_dir))
    with pytest.raises(InputError, match=why):
        restore(paths, find_backup(paths, "latest"), DAY)
    assert (paths.database_file.read_bytes(), names(paths.data_dir)) == before
    with pytest.raises(NotFoundError):
        find_backup(paths, "factory-19700101T000000Z.db")


# ---- doctor


async def checks_of(paths: Paths) -> dict[str, CheckView]:
    keys = KeyStore(paths.keys_file, {}, load=lambda: None)
    return {check.check: check async for check in examine(paths, keys, {}, Settings(), is_online=False)}


async def test_doctor_tells_of_copies(rows: Rows, paths: Paths) -> None:
    none = (await checks_of(paths))["backups of the database"]
    assert (none.ok, none.detail.partition(";")[0]) == (True, "none yet")
    make_backup(paths.database_file, paths.backups_dir, datetime.now(UTC), never)
    fresh = (await checks_of(paths))["backups of the database"]
    assert fresh.ok
    assert fresh.detail.startswith("1, the newest of ")
    (backup,) = backups_in(paths.backups_dir)
    backup.path.rename(paths.backups_dir / "factory-20200101T000000Z.db")
    old = (await checks_of(paths))["backups of the database"]
    assert not old.ok
    assert "soon after its start" in old.hint


async def test_doctor_tells_of_damage_a_newer_version_and_a_network(
    rows: Rows, paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rows.database.transaction() as connection:
        await connection.execute("PRAGMA user_version = 99")
    await rows.database.close()
    newer = (await checks_of(paths))["database"]
    assert not newer.ok
    assert "written by a newer version" in newer.detail
    damage(paths.database_file)
    damaged = (await checks_of(paths))["database"]
    assert not damaged.ok
    assert "gimf restore" in damaged.hint
    monkeypatch.setattr(doctor, "is_network_filesystem", lambda _: True)
    remote = (await checks_of(paths))["file system"]
    assert not remote.ok
    assert "network file system" in remote.detail
