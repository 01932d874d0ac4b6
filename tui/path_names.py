"""Completes and judges paths that a person types, `~` kept as typed. Blocks on the file system: call it in a thread."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from engine.text import clean_text

MOST_ENTRIES = 20_000
"""Of a larger folder only the first are looked at."""


@dataclass(frozen=True, slots=True)
class Completion:
    """What can follow the text that was typed."""

    text: str
    """The text, with what all candidates have in common added."""
    candidates: tuple[str, ...] = ()
    """Names that go on from the typed one, folders with a slash; sorted."""


@dataclass(frozen=True, slots=True)
class PathState:
    """What lies at a path, in words."""

    is_good: bool
    words: str


def complete(text: str, *, only_folders: bool = False, suffixes: Collection[str] = ()) -> Completion:
    """Names in the folder that the text ends in. `suffixes` (with dots, lower case) choose among files.

    Hidden names are offered only after a dot. Names that a setting could not hold are left out. A folder that cannot be
    read has no names.
    """
    if text == "~":
        return Completion("~/")
    folder, slash, start = text.rpartition("/")
    place = _expanded(folder + slash) if slash else Path.cwd()
    names = [] if place is None else _names(place, only_folders=only_folders, suffixes=suffixes)
    found = sorted(
        name for name in names if name.startswith(start) and (start.startswith(".") or name[0] != ".")
    )
    if not found:
        return Completion(text)
    return Completion(folder + slash + _common_start(found), tuple(found))


def judge(text: str, *, is_folder: bool) -> PathState:
    """Whether a file can be read there, or a folder used or made there."""
    path = _expanded(text)
    if path is None:
        return PathState(False, "that home folder is not known")
    try:
        return _folder_state(path) if is_folder else _file_state(path)
    except OSError as error:
        return PathState(False, f"cannot be reached: {error.strerror}")


def _file_state(path: Path) -> PathState:
    if path.is_dir():
        return PathState(False, "a folder, not a file")
    if not path.exists():
        return PathState(False, "no such file")
    return PathState(True, "found") if os.access(path, os.R_OK) else PathState(False, "may not be read")


def _folder_state(path: Path) -> PathState:
    existing = path
    while not existing.exists() and existing != existing.parent:
        existing = existing.parent
    if not existing.is_dir():
        return PathState(False, "a file, not a folder" if existing == path else f"{existing} is a file")
    if not os.access(existing, os.W_OK | os.X_OK):
        return PathState(False, "may not be written to" if existing == path else f"{existing} is closed")
    return PathState(True, "found" if existing == path else "will be made")


def _names(place: Path, *, only_folders: bool, suffixes: Collection[str]) -> list[str]:
    found: list[str] = []
    try:
        with os.scandir(place) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST_ENTRIES:
                    break
                if entry.name != clean_text(entry.name):
                    continue
                if entry.is_dir():
                    found.append(entry.name + "/")
                elif not only_folders and (not suffixes or Path(entry.name).suffix.lower() in suffixes):
                    found.append(entry.name)
    except OSError:
        pass  # a folder that cannot be listed completes nothing; whether that matters `judge` says
    return found


def _common_start(names: list[str]) -> str:
    """Of sorted names: what the first and the last begin with, all between them do too."""
    first, last = names[0], names[-1]
    return next((first[:at] for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), first)


def _expanded(text: str) -> Path | None:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError:
        return None
