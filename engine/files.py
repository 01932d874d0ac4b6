"""Files that are either whole or not there: atomic writes, names that never overwrite, folders that must
hold.

A full disk and a vanished folder become PauseRequired here, and nowhere else.
"""

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.errors import InputError, PauseRequired

PARTIAL_SUFFIX = ".gimf.part"
"""Ends the name of every unfinished file of ours, and of nobody else's."""

_DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FOLDER_GONE = frozenset(
    {errno.ENOENT, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO}
    | {errno.ENODEV, errno.ENXIO, errno.ESTALE, errno.EHOSTDOWN, errno.ELOOP}
)
_NO_FOLDER_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EBADF})
_NO_HARD_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})


def free_bytes(path: Path) -> int:
    """Bytes that this user may still write on the disk of `path`, or of its nearest folder that exists."""
    for folder in (path, *path.absolute().parents):
        if os.path.exists(folder):  # Path.exists raises where a parent may not be entered
            return shutil.disk_usage(folder).free
    return 0


@contextmanager
def storage_errors(folder: Path, needed: int | None = None) -> Iterator[None]:
    """Turn errors of the disk and of `folder` into PauseRequired `disk` or `folder`; others pass.

    `needed` is the number of bytes of the file at hand, None where it is not known.
    """
    try:
        yield
    except OSError as error:
        about = [Path(name) for name in (error.filename, error.filename2) if isinstance(name, str)]
        if about and not any(path.is_relative_to(folder) for path in about):
            raise  # a file elsewhere, read while writing here
        if error.errno in _DISK_FULL:
            want = f"{_megabytes(needed)} needed, " if needed is not None else ""
            raise PauseRequired(
                f"no room on the disk of {folder}: {want}{_megabytes(free_bytes(folder))} free",
                hint="Make room, then resume; the work goes on where it stopped.",
                code="disk",
            ) from error
        if error.errno in _FOLDER_GONE:
            why = error.strerror or str(error)
            raise PauseRequired(
                f"cannot write to the folder {folder}: {why}",
                hint="Mount or create the folder, or allow writing to it, then resume.",
                code="folder",
            ) from error
        raise


def atomic_write(path: Path, content: bytes | Callable[[BinaryIO], None]) -> None:
    """Put the content at `path`, replacing what is there, so that a reader sees the old file or the new one.

    Written beside its place, synced, renamed, and the folder synced. `content` may be a function that
    writes to the open file. Raises PauseRequired `disk` or `folder`; nothing is left behind then.
    """
    with storage_errors(path.parent, len(content) if isinstance(content, bytes) else None):
        temporary = _write_temporary(path.parent, content)
        try:
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_new(
    folder: Path,
    stem: str,
    extension: str,
    content: bytes | Callable[[BinaryIO], None],
    *,
    adopt_identical: bool = False,
) -> Path:
    """Write a file that was not there before and return its path; see `place_without_overwrite`."""
    with storage_errors(folder, len(content) if isinstance(content, bytes) else None):
        temporary = _write_temporary(folder, content)
        try:
            return place_without_overwrite(
                temporary, folder, stem, extension, adopt_identical=adopt_identical
            )
        finally:
            temporary.unlink(missing_ok=True)


def place_without_overwrite(
    temporary: Path, folder: Path, stem: str, extension: str, *, adopt_identical: bool = False
) -> Path:
    """Move a finished file of the same disk to `stem.extension`, or `stem-2.extension`, `stem-3.extension`
    ...

    The first free name is taken in one step, so two writers never get the same. With `adopt_identical`, a
    file of exactly the same bytes under one of these names counts as this one: a step that is repeated
    after a crash then finds what it wrote, instead of writing it again. Raises PauseRequired `disk` or
    `folder`.
    """
    number = 1
    with storage_errors(folder, temporary.stat().st_size):
        while True:
            name = f"{stem}.{extension}" if number == 1 else f"{stem}-{number}.{extension}"
            target = folder / name
            if _claim(temporary, target):
                break
            if adopt_identical and same_content(temporary, target):
                temporary.unlink()
                break
            number += 1
        sync_folder(folder)
    return target


def copy_new(source: Path, folder: Path, name: str) -> Path:
    """Put the same file into another folder, which is made where it is missing, under its name or the next free one
    (see `place_without_overwrite`; the same bytes already there count as this file). The source stays.

    On one disk it is a second name of the file and costs nothing. Raises PauseRequired `disk` or `folder` for
    `folder`, and OSError where the source cannot be read.
    """
    size = source.stat().st_size
    with storage_errors(folder, size):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:  # a file has the folder's name
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from error
        temporary = partial_path(folder)
        try:
            try:
                os.link(source, temporary, follow_symlinks=False)
            except OSError as error:
                if error.errno not in _NO_HARD_LINKS | {errno.EXDEV}:
                    raise
                with temporary.open("xb") as copy, source.open("rb") as original:
                    shutil.copyfileobj(original, copy, 1 << 20)
                    copy.flush()
                    os.fsync(copy.fileno())
            place = Path(name)
            return place_without_overwrite(
                temporary, folder, place.stem, place.suffix.lstrip("."), adopt_identical=True
            )
        finally:
            temporary.unlink(missing_ok=True)


def partial_path(folder: Path) -> Path:
    """A name for an unfinished file in `folder`, which `cleanup_partials` recognises. Nothing is created."""
    return folder / f".{os.getpid()}-{secrets.token_hex(8)}{PARTIAL_SUFFIX}"


def cleanup_partials(folder: Path) -> int:
    """Delete what a killed process left unfinished in `folder` (not below it); returns how many files.

    What a living process is writing stays: an output folder may serve several engines. A folder that is not
    there holds none.
    """
    removed = 0
    try:
        entries = list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    for entry in entries:
        if (
            entry.name.endswith(PARTIAL_SUFFIX)
            and entry.is_file(follow_symlinks=False)
            and not is_being_written(entry.name)
        ):
            Path(entry.path).unlink(missing_ok=True)
            removed += 1
    return removed


def is_being_written(name: str) -> bool:
    """Whether the process that a partial file's name tells of is alive; a name without one tells of none."""
    writer = name.removeprefix(".").partition("-")[0]
    if not (writer.isascii() and writer.isdigit()):
        return False
    try:
        os.kill(int(writer), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def inside_folder(path: Path, root: Path) -> Path:
    """The real path behind `path`, every symlink followed. Raises InputError `outside_folder` if it leaves
    `root`."""
    try:
        real, real_root = path.resolve(), root.resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL in the name
        raise InputError(f"{str(path)!r} is no usable path: {error}", code="outside_folder") from error
    if not real.is_relative_to(real_root):
        raise InputError(
            f"{path} leads out of {root}, to {real}",
            hint="Remove the symbolic link, or choose the folder that it points to.",
            code="outside_folder",
        )
    return real


def sha256_of(path: Path) -> str:
    """The hexadecimal SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folder(folder: Path) -> None:
    """Make renames in `folder` survive a power cut, where its file system can do that."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)


def _write_temporary(folder: Path, content: bytes | Callable[[BinaryIO], None]) -> Path:
    temporary = partial_path(folder)
    try:
        with temporary.open("xb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _claim(temporary: Path, target: Path) -> bool:
    """Give the file the name `target` unless that is taken; afterwards `temporary` is gone."""
    try:
        os.link(temporary, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # No hard links here (FAT, some network mounts): an empty file reserves the name, the rename fills it.
        try:
            os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except FileExistsError:
            return False
        temporary.replace(target)
        return True
    temporary.unlink()
    return True


def same_content(left: Path, right: Path) -> bool:
    """Whether `right` is a plain file with exactly the bytes of `left`."""
    if not right.is_file() or right.is_symlink() or left.stat().st_size != right.stat().st_size:
        return False
    return sha256_of(left) == sha256_of(right)


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.1f} MB"
