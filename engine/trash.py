"""Where the delivered files of trashed images lie, and how files leave the output folder and come back.

Never overwrites, and a step that is repeated after a kill finds what it did before. Knows no database.
"""

from pathlib import Path

from engine.files import copy_new, sync_folder


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

    def put(self, image_id: int, file: Path) -> Path | None:
        """Move a file in; its new place, or None where it is gone. Raises PauseRequired and OSError."""
        if file.exists():
            return move_new(file, self._folder(image_id), file.name)
        place = self._folder(image_id) / file.name
        return place if place.exists() else None

    def copy_back(self, file: Path, folder: Path) -> Path:
        """Give a file its place in the output folder again; it leaves the trash with `drop`."""
        return copy_new(file, folder, file.name)

    def drop(self, image_id: int) -> None:
        """Remove what the trash has of an image that is not trashed any more."""
        folder = self._folder(image_id)
        if folder.is_dir():
            for file in folder.iterdir():
                file.unlink()
            folder.rmdir()

    def _folder(self, image_id: int) -> Path:
        return self._root / str(image_id)


def move_new(file: Path, folder: Path, name: str) -> Path:
    """Move a file without overwriting anything, to another disk too; its new place."""
    place = copy_new(file, folder, name)
    file.unlink()
    sync_folder(file.parent)
    return place
