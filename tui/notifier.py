"""Makes a job known outside of the window: terminal title, progress in the task bar (OSC 9;4), the bell at its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.status import JobStatus
from engine.text import clean_text
from tui.status import FrameStatus

if TYPE_CHECKING:
    from engine.preferences import Notifications

_NAME = "gimf"
_TITLE_LIMIT = 60
_NO_PROGRESS, _NORMAL, _PAUSED = 0, 1, 4
"""States of OSC 9;4 as ConEmu, Windows Terminal, Ghostty and WezTerm have them."""


class Notifier:
    """Writes only what has changed. `write` gets escape sequences for the terminal."""

    def __init__(self, write: Callable[[str], None], wishes: Callable[[], Notifications]) -> None:
        self._write = write
        self._wishes = wishes
        self._title = ""
        self._progress = (_NO_PROGRESS, 0)
        self._is_closed = False

    def follow(self, status: FrameStatus) -> None:
        """Show the job at work, or that there is none."""
        if self._is_closed:
            return
        wishes = self._wishes()
        self._set_title(_title(status) if wishes.title else _NAME if self._title else "")
        self._set_progress(_progress(status) if wishes.progress else (_NO_PROGRESS, 0))

    def ring(self) -> None:
        """A job has ended."""
        if self._wishes().bell:
            self._write("\a")

    def pause(self) -> None:
        """Leave nothing behind while the terminal is another program's; `repeat` brings it back."""
        if self._progress != (_NO_PROGRESS, 0):
            self._write(_progress_sequence((_NO_PROGRESS, 0)))
        if self._title:
            self._write(_title_sequence(""))

    def repeat(self) -> None:
        """Write what is to be seen once more: the terminal was another program's."""
        if self._title:
            self._write(_title_sequence(self._title))
        if self._progress != (_NO_PROGRESS, 0):
            self._write(_progress_sequence(self._progress))

    def close(self) -> None:
        """Leave nothing behind, and write no more."""
        self._is_closed = True
        self._set_progress((_NO_PROGRESS, 0))
        if self._title:
            self._set_title("")

    def _set_title(self, title: str) -> None:
        if title != self._title:
            self._title = title
            self._write(_title_sequence(title))

    def _set_progress(self, progress: tuple[int, int]) -> None:
        if progress != self._progress:
            self._progress = progress
            self._write(_progress_sequence(progress))


def _title_sequence(title: str) -> str:
    return f"\x1b]2;{title}\x1b\\"


def _progress_sequence(progress: tuple[int, int]) -> str:
    return f"\x1b]9;4;{progress[0]};{progress[1]}\x1b\\"


def _percent(status: FrameStatus) -> int:
    return 0 if status.progress is None else int(status.progress.fraction * 100)


def _title(status: FrameStatus) -> str:
    if status.job is None:
        return _NAME
    word = "" if status.job.status is JobStatus.RUNNING else f" {status.job.status}"
    return f"{_percent(status)}%{word} {clean_text(status.job.label, limit=_TITLE_LIMIT)} - {_NAME}"


def _progress(status: FrameStatus) -> tuple[int, int]:
    if status.job is None:
        return (_NO_PROGRESS, 0)
    return (_NORMAL if status.job.status is JobStatus.RUNNING else _PAUSED, _percent(status))
