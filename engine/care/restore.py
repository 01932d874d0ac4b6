"""Puts a copy of the database in its place; the one that was there is kept beside it. Only while no engine is at work.

What was sent after the copy was made is not in it. So nothing in it goes on by itself: unfinished jobs become stopped.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from db.errors import DatabaseError
from db.migrate import check_version, integrity_problems
from db.records import utc_text
from engine.care.backups import BackupFile, backups_in
from engine.errors import InputError, NotFoundError
from engine.explain import explain
from engine.files import free_bytes, partial_path, sync_folder
from engine.lock import FolderLock
from engine.paths import Paths
from engine.views import View

LATEST = "latest"
_COMPANIONS = ("-wal", "-shm")

_STOP_UNFINISHED = """UPDATE jobs SET status = 'stopped', queue_position = NULL, finished_at = :at,
    paused_at = NULL, pause_code = NULL, pause_message = NULL, pause_hint = NULL,
    error_stage = NULL, error_code = 'restored', error_message = :message, error_hint = :hint
WHERE status IN ('queued', 'running', 'paused', 'interrupted')"""
_HINT = "Look at the services what was paid since then before you resume it: it may be paid again."


class BackupView(View):
    """A copy of the database; `name` is what `gimf restore` takes."""

    name: str
    path: str
    made_at: str
    bytes: int


class RestoreView(View):
    """What was put back. `kept` is the database that was there before, null where there was none."""

    restored: str
    made_at: str
    kept: str | None
    stopped_jobs: int
    """Jobs that were unfinished in the copy: they wait for you to resume them."""


def list_backups(paths: Paths) -> list[BackupView]:
    """Daily copies, and those from before a change of the schema; newest first. Blocks."""
    return [
        BackupView(
            name=backup.path.name,
            path=str(backup.path),
            made_at=utc_text(backup.made_at),
            bytes=backup.bytes,
        )
        for backup in _all_backups(paths)
    ]


def find_backup(paths: Paths, text: str) -> BackupView:
    """By its name, by a path, or `latest`: the newest daily copy, never one that a restore has set aside. Raises
    NotFoundError. Blocks."""
    views = list_backups(paths)
    if text == LATEST and (daily := backups_in(paths.backups_dir)):
        text = daily[0].path.name
    for view in views:
        if text == view.name:
            return view
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise NotFoundError(f"There is no backup {text}.", hint="`gimf restore` lists them.")
    facts = path.stat()
    made_at = datetime.fromtimestamp(facts.st_mtime, UTC)
    return BackupView(name=path.name, path=str(path), made_at=utc_text(made_at), bytes=facts.st_size)


def restore(paths: Paths, backup: BackupView, now: datetime) -> RestoreView:
    """Put it in the place of the database, at once and whole. Blocks.

    Raises EngineHeldError while an engine has the folder, InputError for a copy that is damaged, of another program or
    of a newer version, and OSError. Then everything is as it was.
    """
    paths.ensure()
    source = Path(backup.path)
    with FolderLock(paths.lock_file):
        part = partial_path(paths.data_dir)
        try:
            _copy(source, part)
            _require_good(part, backup.name)
            stopped = _stop_unfinished(part, backup.made_at, now)
            kept = _set_aside(paths.database_file, now)
            for suffix in _COMPANIONS:  # the log of the old file would be read into the new one
                _beside(paths.database_file, suffix).unlink(missing_ok=True)
            part.replace(paths.database_file)
            sync_folder(paths.data_dir)
        finally:
            for suffix in ("", *_COMPANIONS):
                _beside(part, suffix).unlink(missing_ok=True)
    return RestoreView(
        restored=backup.name,
        made_at=backup.made_at,
        kept=None if kept is None else str(kept),
        stopped_jobs=stopped,
    )


def _all_backups(paths: Paths) -> list[BackupFile]:
    daily = backups_in(paths.backups_dir)
    older = []
    for pattern in ("*.bak", "*.replaced"):
        for path in paths.data_dir.glob(paths.database_file.name + pattern):
            facts = path.stat()
            older.append(BackupFile(path, datetime.fromtimestamp(facts.st_mtime, UTC), facts.st_size))
    return sorted([*daily, *older], key=lambda backup: backup.made_at, reverse=True)


def _require_good(part: Path, name: str) -> None:
    """The copy of the copy is what is looked at: nothing is made beside the user's own."""
    try:
        version = check_version(part, busy_timeout=1.0)
        problems = integrity_problems(part) if version else ["it is empty"]
    except (DatabaseError, sqlite3.Error) as error:
        known = explain(error)
        why = str(error).replace(str(part), "it")
        raise InputError(
            f"{name} cannot be put back: {why}", hint=known.hint if known is not None else ""
        ) from error
    if problems:
        raise InputError(f"{name} cannot be put back: {'; '.join(problems[:3])}.", hint="Choose another one.")


def _copy(source: Path, part: Path) -> None:
    needed = source.stat().st_size
    if free_bytes(part.parent) < needed:
        raise InputError(f"There is no room for it: {needed / 1e6:,.0f} MB needed.", hint="Make room first.")
    log = _beside(source, "-wal")
    pairs = [(source, part), *([(log, _beside(part, "-wal"))] if log.is_file() else [])]
    for origin, target in pairs:
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with origin.open("rb") as reading, target.open("wb") as writing:
            shutil.copyfileobj(reading, writing, 1 << 20)
            writing.flush()
            os.fsync(writing.fileno())


def _stop_unfinished(part: Path, made_at: str, now: datetime) -> int:
    message = f"The database was put back from a copy of {made_at}: what was sent since then is not in it."
    with _opened(part) as connection, connection:
        found = connection.execute(_STOP_UNFINISHED, {"at": utc_text(now), "message": message, "hint": _HINT})
        return found.rowcount


def _set_aside(database: Path, now: datetime) -> Path | None:
    """A second name, or a copy, of what is there, with the commits that are in its log only."""
    if not database.exists():
        return None
    with contextlib.suppress(sqlite3.Error), _opened(database) as connection:  # it may be what is damaged
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    kept = database.with_name(f"{database.name}.{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}.replaced")
    shutil.copy2(database, kept)
    log = _beside(database, "-wal")
    if log.exists() and log.stat().st_size:
        shutil.copy2(log, _beside(kept, "-wal"))
    return kept


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=1.0)) as connection:
        yield connection


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)
