"""Looks at everything that a job needs and says what is not there. Changes nothing, pays nothing.

Each check stands alone: one that fails does not keep the others from being made.
"""

import os
import platform
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from db import imports
from db.connection import Database
from db.errors import DatabaseError
from engine.care.backups import backups_in
from engine.errors import EngineHeldError, InputError, SettingsError
from engine.key_check import check_key, describe_key
from engine.lock import FolderLock, is_network_filesystem
from engine.paths import Paths
from engine.preferences import BASE_URL_VARIABLES, Preferences, load_preferences
from engine.secrets import KeyName, KeySource, KeyStore
from engine.settings import Settings
from engine.views import View

OLDEST_PYTHON = (3, 12)
SCARCE_BYTES = 1_000_000_000
"""About 250 pictures of a megapixel with their working copies."""

FRESH_S = 3 * 86_400.0
"""How much older than the database its newest copy may be."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_PROVIDER_KEYS = {"piapi": KeyName.PIAPI, "openai": KeyName.OPENAI, "runware": KeyName.RUNWARE}


class CheckView(View):
    """One check: what was looked at, whether a job can do with it, what was found, what to do."""

    check: str
    ok: bool
    detail: str
    hint: str = ""


async def examine(
    paths: Paths, keys: KeyStore, environ: Mapping[str, str], settings: Settings, *, is_online: bool
) -> AsyncIterator[CheckView]:
    """All checks, one after another.

    `settings` are those of the default configuration. `is_online` also asks each service about its key, in
    one free call each.
    """
    yield _python()
    yield _data_folder(paths)
    yield _lock(paths)
    yield await _database(paths)
    yield _backups(paths)
    if (imported := await _imports(paths)) is not None:
        yield imported
    preferences = Preferences()
    try:
        preferences, warnings = load_preferences(paths.config_file, environ)
    except SettingsError as error:
        yield CheckView(
            check="configuration file", ok=False, detail=error.message, hint=f"Mend {paths.config_file}."
        )
    else:
        detail = "; ".join(f"{warning.field}: {warning.message}" for warning in warnings)
        state = str(paths.config_file) if paths.config_file.exists() else "none, the defaults hold"
        yield CheckView(
            check="configuration file",
            ok=not warnings,
            detail=detail or state,
            hint=warnings[0].hint if warnings else "",
        )
    output_dir = settings.files.output_folder(preferences.output_folder(paths))
    yield _output_folder(output_dir)
    for check, folder in (("disk of the data", paths.data_dir), ("disk of the pictures", output_dir)):
        yield _disk(check, folder)
    yield _file_system(paths.data_dir)
    for name in KeyName:
        yield _base_url(name, preferences, environ)
    for name in KeyName:
        yield await _key(name, keys, preferences, _is_needed(name, settings), is_online=is_online)


def _python() -> CheckView:
    return CheckView(
        check="python",
        ok=sys.version_info >= OLDEST_PYTHON,
        detail=f"{platform.python_version()}, {sys.executable}",
        hint="" if sys.version_info >= OLDEST_PYTHON else "Install Python 3.12 or newer.",
    )


def _data_folder(paths: Paths) -> CheckView:
    check = _folder("data folder", paths.data_dir, "Choose another with --home or GIMF_HOME.")
    if check.ok and paths.data_dir.exists():
        facts = paths.data_dir.stat()
        if facts.st_uid != os.getuid():
            detail, hint = (
                f"{paths.data_dir} belongs to another user",
                "Work as that user, or choose another.",
            )
            return CheckView(check=check.check, ok=False, detail=detail, hint=hint)
        if facts.st_mode & 0o077:
            detail = f"others may look into {paths.data_dir} (mode {stat.S_IMODE(facts.st_mode):04o})"
            return CheckView(check=check.check, ok=False, detail=detail, hint=f"chmod 700 {paths.data_dir}")
    return check


def _output_folder(folder: Path) -> CheckView:
    return _folder("output folder", folder, "Set files.output_dir to a folder that you may write to.")


def _folder(check: str, folder: Path, hint: str) -> CheckView:
    """Whether it can be written to, or can be made."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), Path("/"))
    if not existing.is_dir():
        return CheckView(check=check, ok=False, detail=f"{existing} is a file, not a folder", hint=hint)
    if not os.access(existing, os.W_OK | os.X_OK):
        return CheckView(check=check, ok=False, detail=f"{existing} may not be written to", hint=hint)
    state = "" if existing == folder else " (will be made)"
    return CheckView(check=check, ok=True, detail=f"{folder}{state}")


def _lock(paths: Paths) -> CheckView:
    """Who works in the folder. Takes the lock for a moment, so it asks only where there is one."""
    if not paths.lock_file.exists():
        return CheckView(check="lock", ok=True, detail="no engine has worked here yet")
    try:
        with FolderLock(paths.lock_file):
            return CheckView(check="lock", ok=True, detail="free")
    except EngineHeldError as error:
        return CheckView(check="lock", ok=True, detail=error.message)
    except InputError as error:
        return CheckView(check="lock", ok=False, detail=error.message, hint=error.hint)


async def _database(paths: Paths) -> CheckView:
    if not paths.database_file.exists():
        return CheckView(check="database", ok=True, detail="none yet; the first job makes it")
    hint = "`gimf restore` lists copies of it and puts one back; the damaged file is kept."
    try:
        database = await Database.open(paths.database_file, read_only=True)
        try:
            problems = await database.check_integrity()
        finally:
            await database.close()
    except DatabaseError as error:
        return CheckView(check="database", ok=False, detail=str(error), hint=hint)
    size = paths.database_file.stat().st_size / 1e6
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        return CheckView(check="database", ok=False, detail="; ".join(problems[:3]) + more, hint=hint)
    return CheckView(check="database", ok=True, detail=f"whole, {size:,.1f} MB, {paths.database_file}")


def _backups(paths: Paths) -> CheckView:
    """Whether the newest copy is not much older than the last change of the database."""
    check = "backups of the database"
    try:
        backups = backups_in(paths.backups_dir)
    except OSError as error:
        return CheckView(check=check, ok=False, detail=f"{paths.backups_dir}: {error.strerror}")
    if not backups:
        return CheckView(
            check=check, ok=True, detail="none yet; the engine makes one a day while it is at work"
        )
    newest, size = backups[0], sum(backup.bytes for backup in backups) / 1e6
    detail = f"{len(backups)}, the newest of {newest.made_at:%Y-%m-%d %H:%M} UTC, {size:,.1f} MB in all"
    log = paths.database_file.with_name(paths.database_file.name + "-wal")
    changes = [path.stat().st_mtime for path in (paths.database_file, log) if path.exists()]
    is_fresh = not changes or max(changes) - newest.made_at.timestamp() < FRESH_S
    hint = (
        ""
        if is_fresh
        else f"The engine makes one soon after its start; see {paths.log_file} where it does not."
    )
    return CheckView(check=check, ok=is_fresh, detail=detail, hint=hint)


async def _imports(paths: Paths) -> CheckView | None:
    """What came from the Electron program; None where nothing did, or where the database cannot be read."""
    if not paths.database_file.exists():
        return None
    try:
        database = await Database.open(paths.database_file, read_only=True)
        try:
            async with database.reading() as connection:
                counts = await imports.count_by_kind(connection)
        finally:
            await database.close()
    except DatabaseError:  # it has a check of its own
        return None
    if not counts:
        return None
    kinds = ("configuration", "job", "image")
    detail = ", ".join(f"{counts.get(f'electron:{kind}', 0):,} {kind}s" for kind in kinds)
    return CheckView(check="imported", ok=True, detail=f"from the Electron program: {detail}")


def _disk(check: str, folder: Path) -> CheckView:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free
    return CheckView(
        check=check,
        ok=free >= SCARCE_BYTES,
        detail=f"{free / 1e9:,.1f} GB free for {folder}",
        hint="" if free >= SCARCE_BYTES else "Make room: a job pauses when the disk is full.",
    )


def _file_system(folder: Path) -> CheckView:
    if is_network_filesystem(folder):
        return CheckView(
            check="file system",
            ok=False,
            detail=f"{folder} is on a network file system, where SQLite and locks cannot be trusted",
            hint="Choose a local folder with --home or GIMF_HOME; pictures may stay where they are.",
        )
    return CheckView(check="file system", ok=True, detail="local")


def _base_url(name: KeyName, preferences: Preferences, environ: Mapping[str, str]) -> CheckView:
    """A key sent over http to another machine can be read on the way."""
    url: str = getattr(preferences.base_urls, name.value)
    variable = BASE_URL_VARIABLES[name.value]
    parts = urlsplit(url)
    is_safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
    return CheckView(
        check=f"base URL of {name.value}",
        ok=is_safe,
        detail=url + (f" (from {variable})" if environ.get(variable) else ""),
        hint="" if is_safe else "Use https: over http the key can be read on its way.",
    )


def _is_needed(name: KeyName, settings: Settings) -> bool:
    """Whether a job of the default configuration uses the key; a language model writes every prompt."""
    if name is KeyName.REMOVE_BG:
        return settings.processing.remove_background
    return name is KeyName.OPENAI or name is _PROVIDER_KEYS[settings.generation.provider]


async def _key(
    name: KeyName, keys: KeyStore, preferences: Preferences, is_needed: bool, *, is_online: bool
) -> CheckView:
    check = f"key of {name.value}"
    set_it = f"Run `gimf keys set {name.value}`, or set {name.variable} in the environment."
    try:
        view = describe_key(keys, name)
        if view.source == KeySource.NONE:
            detail = (
                "none, and the default configuration needs it" if is_needed else "none, and none is needed"
            )
            return CheckView(check=check, ok=not is_needed, detail=detail, hint=set_it if is_needed else "")
        if is_online:
            view = await check_key(keys, name, preferences.base_urls)
    except InputError as error:
        return CheckView(check=check, ok=False, detail=error.message, hint=error.hint)
    detail = f"from the {view.source}"
    if not is_online:
        return CheckView(check=check, ok=True, detail=detail)
    hint = (
        set_it if view.is_accepted is False else "" if view.is_accepted else "Try again when the line is up."
    )
    return CheckView(check=check, ok=bool(view.is_accepted), detail=f"{detail}; {view.detail}", hint=hint)
