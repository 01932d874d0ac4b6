"""Where an export goes, and the file beside that place in which it grows: whole under its name, or not there at all."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from engine.errors import InputError
from engine.export.threads import Threads
from engine.files import partial_path, place_without_overwrite, storage_errors, sync_folder


@dataclass(frozen=True, slots=True)
class Target:
    folder: Path
    stem: str
    extension: str
    is_overwriting: bool
    is_chosen: bool
    """The user chose the folder; it is not the default one."""

    @property
    def path(self) -> Path:
        """The place that was asked for; the file may get a number."""
        return self.folder / f"{self.stem}.{self.extension}"


def choose_target(
    to: str | None, *, default_folder: Path, stem: str, extension: str, is_overwriting: bool
) -> Target:
    """The place that `to` means: a file with this extension, a folder that is there, or None for the default folder,
    which is made where it is missing. `stem` is the name where none was chosen.

    Raises InputError for a relative path, another extension, and a folder that is missing; OSError.
    """
    if to is None:
        default_folder.mkdir(parents=True, exist_ok=True)
        return Target(default_folder, stem, extension, is_overwriting=False, is_chosen=False)
    if "\0" in to or not os.path.isabs(to):
        raise InputError(f"{to!r} is no absolute path.")
    place = Path(to)
    if place.is_dir() or to.endswith("/"):
        folder, name = place, stem
    elif place.suffix.lower() != f".{extension}":
        raise InputError(
            f"{place.name} does not end in .{extension}.",
            hint=f"Call it {place.stem or 'export'}.{extension}.",
        )
    else:
        folder, name, extension = place.parent, place.stem, place.suffix[1:]
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}.", hint="Make it first, or choose another place.")
    return Target(folder, name, extension, is_overwriting=is_overwriting, is_chosen=True)


class Draft:
    """An unfinished file beside its target. Blocking; ends with `place` or `discard`. Raises PauseRequired for a full
    disk and a folder that cannot be written to."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._file: BinaryIO | None = None
        self.temporary = partial_path(target.folder)

    def open(self) -> None:
        """Begin it. Raises PauseRequired where the folder cannot be written to."""
        with storage_errors(self._target.folder):
            self._file = self.temporary.open("xb")

    @property
    def file(self) -> BinaryIO:
        """What is written to, once it is open."""
        assert self._file is not None, "the draft is open"
        return self._file

    def finish(self) -> None:
        """Everything is written: make sure that it is on the disk."""
        with storage_errors(self._target.folder):
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()

    def place(self, suffix: str = "") -> Path:
        """Give the finished file its name, or the next free one; `suffix` goes to the end of the stem."""
        target, stem = self._target, f"{self._target.stem}{suffix}"
        with storage_errors(target.folder):
            if not target.is_overwriting:
                return place_without_overwrite(self.temporary, target.folder, stem, target.extension)
            path = target.folder / f"{stem}.{target.extension}"
            self.temporary.replace(path)
            sync_folder(target.folder)
            return path

    def discard(self) -> None:
        """Leave nothing of it."""
        with suppress(OSError):  # a full disk fails once more where the rest of a buffer is written
            if self._file is not None:
                self._file.close()
        self.temporary.unlink(missing_ok=True)


@asynccontextmanager
async def drafting(target: Target, threads: Threads) -> AsyncIterator[Draft]:
    """An open draft. Nothing is left of it where the block does not place it."""
    draft = Draft(target)
    try:
        await threads.do(draft.open)
        yield draft
    finally:
        await threads.clean_up(draft.discard)
