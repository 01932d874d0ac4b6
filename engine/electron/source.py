"""The Electron program's database as a file: recognised, opened for reading only, read row by row whatever its age.

Nothing beside it is made or changed: where it was not closed in order, a private copy is read instead.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db.migrate import APPLICATION_ID
from engine.electron import values
from engine.errors import InputError

_MAGIC = b"SQLite format 3\0"
_NEEDED = {
    "job_configurations": ("name", "settings"),
    "job_executions": ("id", "status"),
    "generated_images": ("id", "qc_status"),
}
_SCRATCH = ".import-"
_COMPANIONS = ("-wal", "-journal")
"""What lies beside a database whose last changes are not in it yet."""


@dataclass(frozen=True, slots=True)
class OldConfiguration:
    old_id: str
    name: str
    settings: dict[str, Any]
    is_readable: bool
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class OldJob:
    """`total`, `successful` and `failed` are what the program had counted."""

    old_id: str
    configuration_id: str
    started_at: datetime | None
    completed_at: datetime | None
    status: object
    total: int | None
    successful: int | None
    failed: int | None
    error_message: str | None
    label: str | None
    snapshot: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OldImage:
    old_id: str
    mapping_id: str | None
    execution_id: str
    prompt: str | None
    seed: int | None
    qc_status: object
    qc_reason: object
    final_path: str | None
    temp_path: str | None
    metadata: dict[str, Any]
    created_at: datetime | None


class OldDatabase:
    """Rows of the three tables; a table or a column that is not there has none. All methods block."""

    def __init__(self, connection: sqlite3.Connection, path: Path, tables: frozenset[str]) -> None:
        self._connection = connection
        self.path = path
        self._tables = tables
        self._before = _facts(path)

    def configurations(self) -> list[OldConfiguration]:
        """By age."""
        found = []
        for row in self._rows("job_configurations", "ORDER BY rowid"):
            name = values.text(row.get("name"), limit=200)
            if name is None:
                continue
            settings = values.document(row.get("settings"))
            found.append(
                OldConfiguration(
                    old_id=_id(row.get("id")),
                    name=" ".join(name.split()),
                    settings=settings,
                    is_readable=bool(settings) or not values.is_json_text(row.get("settings")),
                    created_at=values.moment(row.get("created_at")),
                )
            )
        return found

    def jobs(self) -> list[OldJob]:
        """In the order in which they were stored."""
        return [
            OldJob(
                old_id=_id(row.get("id")),
                configuration_id=_id(row.get("configuration_id")),
                started_at=values.moment(row.get("started_at")),
                completed_at=values.moment(row.get("completed_at")),
                status=row.get("status"),
                total=values.whole(row.get("total_images"), most=1_000_000),
                successful=values.whole(row.get("successful_images"), most=1_000_000),
                failed=values.whole(row.get("failed_images"), most=1_000_000),
                error_message=values.text(row.get("error_message"), limit=4_000),
                label=values.text(row.get("label"), limit=1_000),
                snapshot=values.document(row.get("configuration_snapshot")),
            )
            for row in self._rows("job_executions", "ORDER BY rowid")
        ]

    def image_rows(self) -> dict[str, list[int]]:
        """Execution id -> where its images are; the empty id has those that name no execution."""
        found: dict[str, list[int]] = {}
        if "generated_images" not in self._tables:
            return found
        owner = "execution_id" if "execution_id" in self._columns("generated_images") else "NULL"
        statement = f"SELECT rowid AS place, {owner} AS owner FROM generated_images ORDER BY rowid"  # noqa: S608 - ours
        for row in self._select(statement):
            found.setdefault(_id(row["owner"]), []).append(row["place"])
        return found

    def images(self, places: Sequence[int]) -> list[OldImage]:
        """The images there, in that order."""
        found = []
        for place in places:
            for row in self._rows("generated_images", "WHERE rowid = ?", (place,)):
                mapping_id = values.text(row.get("image_mapping_id"), limit=200)
                found.append(
                    OldImage(
                        old_id=_id(row.get("id")),
                        mapping_id=mapping_id,
                        execution_id=_id(row.get("execution_id")),
                        prompt=values.text(row.get("generation_prompt")),
                        seed=values.whole(row.get("seed")),
                        qc_status=row.get("qc_status"),
                        qc_reason=row.get("qc_reason"),
                        final_path=values.file_path(row.get("final_image_path")),
                        temp_path=values.file_path(row.get("temp_image_path")),
                        metadata=values.document(row.get("metadata")),
                        created_at=values.moment(row.get("created_at")),
                    )
                )
        return found

    def _rows(self, table: str, tail: str, parameters: Sequence[object] = ()) -> Iterator[dict[str, Any]]:
        if table not in self._tables:
            return
        for row in self._select(f"SELECT * FROM {table} {tail}", parameters):  # noqa: S608 - names of ours
            yield {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates over its values

    def _columns(self, table: str) -> set[str]:
        return {row["name"] for row in self._select(f"PRAGMA table_info({table})")}

    def _select(self, statement: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            return self._connection.execute(statement, tuple(parameters)).fetchall()
        except (sqlite3.Error, UnicodeError) as error:  # a damaged name of a column is no text
            raise _unreadable(self.path, error) from error

    def require_unchanged(self) -> None:
        """Raises InputError where somebody wrote to the file since it was opened."""
        if _facts(self.path) != self._before:
            raise InputError(
                f"{self.path} was changed while it was read.",
                hint="Close the Electron program, then import again.",
            )

    def check(self) -> None:
        """Raises InputError where it is not the Electron program's database."""
        for table in self._tables:
            missing = [column for column in _NEEDED[table] if column not in self._columns(table)]
            if missing:
                raise _foreign(self.path, f"its table {table} has no column {missing[0]}")
        if not self._tables:
            raise _foreign(self.path, f"it has no table {' or '.join(_NEEDED)}")


@contextlib.contextmanager
def open_old(path: Path, scratch: Path) -> Iterator[OldDatabase]:
    """The database at `path`. `scratch` is a private folder in which a copy may lie for a while.

    Raises InputError where there is no such file, or where it is another program's.
    """
    _facts(path)
    with contextlib.ExitStack() as stack:
        place, mode = path.absolute(), "mode=ro&immutable=1"
        if any(_size(path, suffix) for suffix in _COMPANIONS):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=scratch)))
            place, mode = _copied(path, folder), "mode=rw"
        connection = stack.enter_context(_connected(place, mode, path))
        database = OldDatabase(connection, path, _tables(connection, path))
        database.check()
        yield database


def remove_leftovers(scratch: Path) -> None:
    """Copies that a killed import left: the keys of the old program stand in them. Not while one is at work."""
    for folder in scratch.glob(f"{_SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)


def _facts(path: Path) -> tuple[int, int, int]:
    """Size and time, of a file that begins as a database does."""
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "does not exist"
            raise InputError(f"{path} {what}.", hint="Name the Electron program's gen-image-factory.db.")
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise InputError(
                    f"{path} is no SQLite database.", hint="Name the Electron program's gen-image-factory.db."
                )
        facts = path.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # a NUL in the name
        raise InputError("That is no path.") from error
    return facts.st_ino, facts.st_size, facts.st_mtime_ns


def _size(path: Path, suffix: str) -> int:
    beside = path.with_name(path.name + suffix)
    return beside.stat().st_size if beside.is_file() else 0


def _copied(path: Path, folder: Path) -> Path:
    try:
        for suffix in ("", *_COMPANIONS):
            if not suffix or _size(path, suffix):
                shutil.copyfile(path.with_name(path.name + suffix), folder / f"old.db{suffix}")
    except OSError as error:
        raise InputError(f"{path} cannot be copied to be read: {error.strerror}.") from error
    return folder / "old.db"


@contextlib.contextmanager
def _connected(place: Path, mode: str, path: Path) -> Iterator[sqlite3.Connection]:
    try:
        connection = sqlite3.connect(f"{place.as_uri()}?{mode}", uri=True, check_same_thread=False)
    except sqlite3.Error as error:
        raise _unreadable(path, error) from error
    with contextlib.closing(connection):
        connection.row_factory = sqlite3.Row
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        yield connection


def _tables(connection: sqlite3.Connection, path: Path) -> frozenset[str]:
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        (application_id,) = connection.execute("PRAGMA application_id").fetchone()
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    except (sqlite3.Error, UnicodeError) as error:  # a damaged name of a column is no text
        raise _unreadable(path, error) from error
    if application_id == APPLICATION_ID:
        raise _foreign(path, "it is a database of this very program")
    return frozenset(row["name"] for row in rows) & frozenset(_NEEDED)


def _id(value: object) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return "" if value is None else str(value).strip()[:200]


def _unreadable(path: Path, error: sqlite3.Error | UnicodeError) -> InputError:
    return InputError(
        f"{path} cannot be read as a database: {error}.", hint="Is it whole? Try an older copy of it."
    )


def _foreign(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} is not the Electron program's database: {why}.", hint="Name its gen-image-factory.db."
    )
