"""Brings a database file to the current schema: one numbered .sql file a version, each in one transaction.

Runs before anything else opens the file, blocking; Database.open calls it in a thread. It never creates,
truncates or replaces a database file.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from db.errors import DatabaseError, SchemaTooNewError

MIGRATIONS = Path(__file__).parent / "migrations"

COPIED_AT_ONCE = 2_000
"""Pages of a copy between two looks at whether it is cancelled."""
APPLICATION_ID = 0x67696D66
"""`gimf` in ASCII, in the file's header (https://www.sqlite.org/pragma.html#pragma_application_id)."""


def read_only_uri(path: Path) -> str:
    """The SQLite URI that opens a file without any right to change it."""
    return f"{path.absolute().as_uri()}?mode=ro"


def migration_files(folder: Path = MIGRATIONS) -> dict[int, Path]:
    """Version -> file, from names like `001_initial.sql`, in order. Raises DatabaseError where a number is
    missing or there twice."""
    found = sorted(folder.glob("[0-9]*_*.sql"))
    files = {int(file.name.split("_")[0]): file for file in found}
    if len(files) != len(found):
        raise DatabaseError(f"two of the migrations in {folder} have one number; install the program again")
    if list(files) != list(range(1, len(files) + 1)):
        raise DatabaseError(f"{folder} does not hold migrations 1 to {len(files)}; install the program again")
    return files


def check_version(path: Path, *, busy_timeout: float, folder: Path = MIGRATIONS) -> int:
    """The schema version of a file, 0 for an empty one, read without changing it.

    Raises SchemaTooNewError, DatabaseError for a database of another program, and sqlite3.DatabaseError for
    what is no database.
    """
    with _connected(read_only_uri(path), busy_timeout) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        (objects,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (application_id or version or objects):
        raise DatabaseError(f"{path} is a database of another program; choose another data folder")
    newest = len(migration_files(folder))
    if version > newest:
        raise SchemaTooNewError(
            f"{path} has schema {version}, this program knows schemas up to {newest}; "
            "it was written by a newer version: install that one"
        )
    return int(version)


def migrate(
    path: Path,
    *,
    busy_timeout: float,
    folder: Path = MIGRATIONS,
    crash_point: Callable[[str], None] | None = None,
) -> Path | None:
    """Apply what is missing and switch the file to WAL. Returns the backup made first, if there was data to
    save.

    `crash_point("mid_migration")` is called after the statements of each migration, right before its commit.
    Raises what `check_version` raises, and sqlite3.Error.
    """
    version = check_version(path, busy_timeout=busy_timeout, folder=folder)
    files = migration_files(folder)
    if version == len(files):
        return None
    backup = _backup_before(path, version, busy_timeout) if version else None
    with _connected(path.absolute().as_uri(), busy_timeout) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        for number in range(version + 1, len(files) + 1):
            _apply(connection, number, files[number].read_text(encoding="utf-8"), crash_point)
    return backup


def copy_database(
    source: Path, target: Path, *, busy_timeout: float, is_cancelled: Callable[[], bool] | None = None
) -> None:
    """Copy a database that may be in use, as of one moment, to a new file with mode 0600.

    Raises FileExistsError where `target` exists, and InterruptedError when `is_cancelled` says so; a copy that fails
    leaves no file.
    """

    def progress(*_: int) -> None:
        if is_cancelled is not None and is_cancelled():
            raise InterruptedError("the copy was cancelled")

    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with (
            _connected(read_only_uri(source), busy_timeout) as reading,
            _connected(str(target), 0) as writing,
        ):
            # In a transaction of its own the source stays as of now: else every commit would begin the copy anew.
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM sqlite_master").fetchone()
            reading.backup(writing, pages=COPIED_AT_ONCE, progress=progress)
    except BaseException:
        target.unlink()
        raise


def integrity_problems(path: Path, *, is_cancelled: Callable[[], bool] | None = None) -> list[str]:
    """What SQLite finds wrong with a file that nobody writes to, as sentences; empty if it is whole. Reads all of it.

    Raises InterruptedError when `is_cancelled` says so.
    """
    try:
        with _connected(read_only_uri(path), 1.0) as connection:
            if is_cancelled is not None:
                connection.set_progress_handler(is_cancelled, 100_000)
            problems = [row[0] for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
            orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode == sqlite3.SQLITE_INTERRUPT:
            raise InterruptedError("the check was cancelled") from error
        return [str(error)]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return problems + [
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that is not there" for row in orphans
    ]


def _apply(
    connection: sqlite3.Connection, number: int, script: str, crash_point: Callable[[str], None] | None
) -> None:
    # Foreign keys are off here, SQLite's default, as rebuilding a table asks for.
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == number - 1:
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {number}")
            if crash_point is not None:
                crash_point("mid_migration")
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise


def _statements(script: str) -> Iterator[str]:
    # sqlite3's own executescript would commit before it starts; this keeps the script in our transaction.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _backup_before(path: Path, version: int, busy_timeout: float) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    backup = path.with_name(f"{path.name}.v{version}.{stamp}.bak")
    copy_database(path, backup, busy_timeout=busy_timeout)
    return backup


@contextlib.contextmanager
def _connected(database: str, busy_timeout: float) -> Iterator[sqlite3.Connection]:
    is_uri = database.startswith("file:")
    with contextlib.closing(
        sqlite3.connect(database, timeout=busy_timeout, isolation_level=None, uri=is_uri)
    ) as connection:
        yield connection
