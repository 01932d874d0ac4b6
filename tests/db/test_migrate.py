import shutil
import sqlite3
import stat
from pathlib import Path

import pytest

from db import configurations
from db.connection import Database
from db.errors import DatabaseError, SchemaTooNewError
from db.migrate import MIGRATIONS, migrate, migration_files
from tests.db.rows import NOW

SECOND = """ALTER TABLE configurations ADD COLUMN note TEXT; -- a; comment
CREATE INDEX notes ON configurations (note);
"""


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Our migrations and one more."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    (folder / f"{len(migration_files()) + 1:03d}_second.sql").write_text(SECOND)
    return folder


@pytest.fixture
async def used(tmp_path: Path) -> Path:
    """A database of the current schema with one configuration in it."""
    path = tmp_path / "data" / "gimf.db"
    database = await Database.open(path)
    async with database.transaction() as connection:
        await configurations.save(connection, "mine", {"a": 1}, NOW)
    await database.close()
    return path


def read(path: Path, statement: str) -> object:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(statement).fetchone()[0]
    finally:
        connection.close()


async def test_a_new_file_gets_no_backup(used: Path) -> None:
    assert read(used, "PRAGMA user_version") == len(migration_files())
    assert [file.name for file in used.parent.iterdir()] == ["gimf.db"]


@pytest.mark.fault(28)
async def test_an_older_file_is_backed_up_then_migrated(used: Path, newer: Path) -> None:
    old = len(migration_files())
    database = await Database.open(used, migrations=newer)
    await database.close()
    (backup,) = used.parent.glob("gimf.db.*")
    assert backup.name.startswith(f"gimf.db.v{old}.")
    assert backup.name.endswith("Z.bak")
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert read(backup, "PRAGMA user_version") == old
    assert read(backup, "SELECT name FROM configurations") == "mine"
    assert read(used, "PRAGMA user_version") == old + 1
    assert read(used, "SELECT name FROM configurations WHERE note IS NULL") == "mine"


async def test_opening_again_changes_nothing(used: Path, newer: Path) -> None:
    for _ in range(2):
        await (await Database.open(used, migrations=newer)).close()
    assert len(list(used.parent.glob("*.bak"))) == 1


@pytest.mark.fault(28)
async def test_a_newer_file_is_refused_untouched(used: Path, newer: Path) -> None:
    await (await Database.open(used, migrations=newer)).close()
    before = used.read_bytes()
    for read_only in (False, True):
        with pytest.raises(SchemaTooNewError, match="install that one"):
            await Database.open(used, read_only=read_only)
    assert used.read_bytes() == before


async def test_an_older_file_is_not_read_without_migration(used: Path, newer: Path) -> None:
    with pytest.raises(DatabaseError, match="older schema"):
        await Database.open(used, read_only=True, migrations=newer)


async def test_a_database_of_another_program_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "gimf.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseError, match="another program"):
        await Database.open(path)
    assert path.read_bytes() == before


@pytest.mark.fault(28)
def test_a_failing_migration_leaves_the_old_schema(used: Path, newer: Path) -> None:
    old = len(migration_files())
    broken = next(newer.glob("*_second.sql"))
    broken.write_text(SECOND + "INSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(used, busy_timeout=1, folder=newer)
    assert read(used, "PRAGMA user_version") == old
    assert read(used, "SELECT count(*) FROM pragma_table_info('configurations') WHERE name = 'note'") == 0


async def test_the_crash_point_lies_between_the_statements_and_the_commit(used: Path, newer: Path) -> None:
    old = len(migration_files())

    class Crash(BaseException):
        pass

    def crash(name: str) -> None:
        assert name == "mid_migration"
        assert read(used, "PRAGMA user_version") == old
        raise Crash

    with pytest.raises(Crash):
        await Database.open(used, migrations=newer, crash_point=crash)
    assert read(used, "PRAGMA user_version") == old
    await (await Database.open(used, migrations=newer)).close()
    assert read(used, "PRAGMA user_version") == old + 1


def test_a_missing_number_is_an_error(newer: Path) -> None:
    next(newer.glob("001_*.sql")).unlink()
    with pytest.raises(DatabaseError, match="install the program again"):
        migration_files(newer)


def test_a_number_that_two_migrations_have_is_an_error(newer: Path) -> None:
    (newer / "001_another.sql").write_text("SELECT 1;")
    with pytest.raises(DatabaseError, match="have one number"):
        migration_files(newer)
