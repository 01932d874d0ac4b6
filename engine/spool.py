"""Pictures that came inside an answer, kept on disk before the database is told: a crash in between loses none."""

import json
from pathlib import Path
from typing import Any

from engine.files import atomic_write


class Spool:
    """`incoming/` of a job's work folder: `<request key>-<n>.bin` each, and a list, written last."""

    def __init__(self, work_folder: Path) -> None:
        self.folder = work_folder / "incoming"
        """Made when something is kept."""

    def write(self, request_key: str, pictures: list[tuple[bytes, int | None]]) -> list[dict[str, Any]]:
        """Keep pictures with their seeds; answers the task's outputs. Raises PauseRequired when there is no room."""
        self.folder.mkdir(parents=True, exist_ok=True)
        outputs: list[dict[str, Any]] = []
        for number, (data, seed) in enumerate(pictures):
            path = self.folder / f"{request_key}-{number}.bin"
            atomic_write(path, data)
            outputs.append({"file": str(path), "seed": seed})
        atomic_write(self._list(request_key), json.dumps(outputs).encode())
        return outputs

    def read(self, request_key: str) -> list[dict[str, Any]] | None:
        """The outputs that were written whole, or None."""
        try:
            outputs: list[dict[str, Any]] = json.loads(self._list(request_key).read_bytes())
        except FileNotFoundError:
            return None
        return outputs

    def clear(self, request_key: str) -> None:
        """Remove what was kept, once every picture of it has an image row."""
        for path in self.folder.glob(f"{request_key}*"):
            path.unlink(missing_ok=True)

    def _list(self, request_key: str) -> Path:
        return self.folder / f"{request_key}.json"
