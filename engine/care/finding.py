"""Finds files and measures them; removes those that it is told. Knows folders and names, no rows. Blocks."""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.files import PARTIAL_SUFFIX, is_being_written
from engine.ids import ID_ALPHABET, ID_LENGTH

_JOB_FOLDER = re.compile(f"[{ID_ALPHABET}]{{{ID_LENGTH}}}")
_PREVIEW = re.compile(r"(\d+)_(?:256|512)\.jpg")


@dataclass(frozen=True, slots=True)
class FoundFile:
    """`modified` is the time of its last change, in seconds since the epoch."""

    path: Path
    bytes: int
    modified: float


def files_below(folder: Path) -> Iterator[FoundFile]:
    """Every file below a folder; links are files themselves and are not followed."""
    pending = [folder]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError:  # gone, no folder, or not ours to read
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
                continue
            with contextlib.suppress(FileNotFoundError):
                facts = entry.stat(follow_symlinks=False)
                yield FoundFile(Path(entry.path), facts.st_size, facts.st_mtime)


def all_below(*folders: Path) -> list[FoundFile]:
    """Every file below any of the folders."""
    return [file for folder in folders for file in files_below(folder)]


def job_folders(root: Path) -> list[Path]:
    """The folders right in `root` that are named like a job."""
    return [path for path in _entries(root) if path.is_dir() and _JOB_FOLDER.fullmatch(path.name)]


def image_folders(root: Path) -> dict[int, Path]:
    """The folders right in the trash, by the id of the image whose they are."""
    return {int(path.name): path for path in _entries(root) if path.is_dir() and path.name.isdecimal()}


def partials_in(folder: Path, *, is_deep: bool) -> Iterator[FoundFile]:
    """Unfinished files of ours whose process is gone."""
    found = files_below(folder) if is_deep else _files_in(folder)
    return (file for file in found if is_partial(file.path) and not is_being_written(file.path.name))


def is_partial(path: Path) -> bool:
    """Whether it is a file of ours that was never finished, or is being written."""
    return path.name.endswith(PARTIAL_SUFFIX)


def number_of_preview(path: Path) -> int | None:
    """The image's number within its job; None for another file."""
    match = _PREVIEW.fullmatch(path.name)
    return None if match is None else int(match[1])


def size_of(files: Iterable[FoundFile]) -> int:
    """Bytes of all of them."""
    return sum(file.bytes for file in files)


def found(path: Path) -> FoundFile | None:
    """One file; None where there is none."""
    try:
        facts = path.lstat()
    except OSError:
        return None
    return FoundFile(path, facts.st_size, facts.st_mtime)


def remove(files: Iterable[FoundFile], roots: Sequence[Path]) -> tuple[list[FoundFile], list[str]]:
    """Delete files, and folders below one of `roots` that are empty then. What was removed, and a sentence for each
    that could not be."""
    removed: list[FoundFile] = []
    problems: list[str] = []
    for file in files:
        try:
            file.path.unlink()
            removed.append(file)
        except FileNotFoundError:
            pass
        except OSError as error:
            problems.append(f"{file.path} stays: {error.strerror}")
        _remove_empty(file.path.parent, roots)
    return removed, problems


def _remove_empty(folder: Path, roots: Sequence[Path]) -> None:
    while any(root in folder.parents for root in roots):
        try:
            folder.rmdir()
        except OSError:  # there is something in it still
            return
        folder = folder.parent


def _entries(root: Path) -> list[Path]:
    try:
        return sorted(Path(entry.path) for entry in os.scandir(root) if not entry.is_symlink())
    except OSError:
        return []


def _files_in(folder: Path) -> Iterator[FoundFile]:
    return (one for path in _entries(folder) if not path.is_dir() and (one := found(path)) is not None)
