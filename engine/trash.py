"""Where the delivered files of trashed images lie, and how files leave the output folder and come back.

Never overwrites, and a step that is repeated after a kill finds what it did before. Knows no database.
"""

import re
from contextlib import suppress
from pathlib import Path

from engine.files import atomic_write, copy_new, same_content, sync_folder

_FROM = ".from"
"""Beside a file in the trash that was not where those of its job lie: the folder that it was in."""


class Trash:
    """One folder an image, so that every file keeps its name. All methods block: call them in a thread."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def holds(self, file: str | None) -> bool:
        """Whether a file's place is in the trash."""
        return file is not None and Path(file).is_relative_to(self._root)

    @property
    def prefix(self) -> str:
        """What the path of every file in the trash begins with."""
        return f"{self._root}/"

    def put(self, image_id: int, file: Path, usual: Path) -> Path | None:
        """Move a file in; its new place, or None where it is gone. `usual` is where files of its job lie: another
        folder, such as that of a picture that was imported, is remembered. Raises PauseRequired and OSError."""
        folder = self._folder(image_id)
        if file.exists():
            if file.parent != usual:
                folder.mkdir(parents=True, exist_ok=True)
                atomic_write(folder / _FROM, str(file.parent).encode())
            return move_new(file, folder, file.name)
        place = folder / file.name
        return place if place.exists() else None

    def folder_of(self, image_id: int, usual: Path) -> Path:
        """Where the file of an image was."""
        try:
            return Path((self._folder(image_id) / _FROM).read_bytes().decode())
        except (FileNotFoundError, NotADirectoryError):
            return usual

    def copy_back(self, image_id: int, file: Path, folder: Path) -> Path:
        """Give a file its place in the output folder again; it leaves the trash with `drop`. A mark tells of it until
        the caller says, by `arrived`, that the place is written down."""
        self._coming_back.mkdir(exist_ok=True)
        (self._coming_back / str(image_id)).touch()
        try:
            return copy_new(file, folder, file.name)
        except BaseException:
            self.arrived(image_id)
            raise

    def arrived(self, image_id: int) -> None:
        """The row of the image names its place outside, or nothing of it is there."""
        (self._coming_back / str(image_id)).unlink(missing_ok=True)
        with suppress(OSError):  # others are on their way
            self._coming_back.rmdir()

    def half_back(self) -> list[int]:
        """Images that a kill left with a mark."""
        if not self._coming_back.is_dir():
            return []
        return sorted(int(mark.name) for mark in self._coming_back.iterdir() if mark.name.isdecimal())

    def take_copy_away(self, file: Path, folder: Path) -> None:
        """Remove what `copy_back` had put there; the file in the trash stays. Only the same bytes under a name that
        it gives."""
        if not (file.exists() and folder.is_dir()):
            return
        given = re.compile(rf"{re.escape(file.stem)}(-\d+)?{re.escape(file.suffix)}")
        for path in folder.iterdir():
            if given.fullmatch(path.name) and path.is_file() and same_content(file, path):
                path.unlink()
                sync_folder(folder)

    def drop(self, image_id: int) -> None:
        """Remove what the trash has of an image that is not trashed any more."""
        folder = self._folder(image_id)
        if folder.is_dir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    @property
    def _coming_back(self) -> Path:
        return self._root / "coming back"

    def _folder(self, image_id: int) -> Path:
        return self._root / str(image_id)


def move_new(file: Path, folder: Path, name: str) -> Path:
    """Move a file without overwriting anything, to another disk too; its new place."""
    place = copy_new(file, folder, name)
    file.unlink()
    sync_folder(file.parent)
    return place
