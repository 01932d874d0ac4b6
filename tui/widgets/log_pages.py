"""Reads a log in pages around what is looked at, and takes what is told live. Holds a window; knows no widget."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.api import LogQuery
from engine.events import Event, LogRecorded
from tui.log_text import LineShape
from tui.widgets.log_window import LogScope, LogWindow

if TYPE_CHECKING:
    from engine.views import LogView as LogEntry

CHUNK = 500
_JUST_TOLD = 1_000
"""Live entries kept apart, so that none is lost between a read and what was told meanwhile."""

type ReadLog = Callable[[LogQuery], Awaitable[Sequence[LogEntry]]]


@dataclass(frozen=True, slots=True)
class Shift:
    """What came in front of the window (or, below zero, went away there), so that a place can move with it."""

    entries: int
    lines: int


class LogPages:
    """Every `read_...` answers None (False) where a later read has made it useless."""

    def __init__(self, read: ReadLog, scope: LogScope) -> None:
        self._read = read
        self._reads = 0
        self._just_told: deque[LogEntry] = deque(maxlen=_JUST_TOLD)
        self.scope = scope
        """Which entries; set it before `read_newest`."""
        self.window = LogWindow(LineShape(80))
        self.is_ready = False
        """Whether anything was read yet."""
        self.has_older = False
        self.has_newer = False
        self.missed = 0
        """Entries that were told while older ones were read, and are not held."""

    async def read_newest(self) -> bool:
        """Hold the newest entries."""
        number = self._begin()
        entries = await self._read(self._query())
        return self._hold(number, entries, has_older=len(entries) >= CHUNK, has_newer=False)

    async def read_first(self) -> bool:
        """Hold the oldest entries."""
        number = self._begin()
        entries = await self._read(self._query(after_entry_id=0))
        return self._hold(number, entries, has_older=False, has_newer=len(entries) >= CHUNK)

    async def read_around(self, entry_id: int) -> bool:
        """Hold the entries before and after that one."""
        number = self._begin()
        half = CHUNK // 2
        before = await self._read(self._query(before_entry_id=entry_id, limit=half))
        after = await self._read(self._query(after_entry_id=entry_id - 1, limit=half))
        return self._hold(
            number, [*before, *after], has_older=len(before) >= half, has_newer=len(after) >= half
        )

    async def read_older(self) -> Shift | None:
        """Put older entries in front; the newest may have to go."""
        number = self._reads
        entries = await self._read(self._query(before_entry_id=self.window.first_id))
        if number != self._reads:
            return None
        held = len(self.window.entries)
        lines = self.window.add_older(entries)
        self.has_older = len(entries) >= CHUNK
        self.has_newer = self.has_newer or len(self.window.entries) < held + len(entries)
        return Shift(len(entries), lines)

    async def read_newer(self) -> Shift | None:
        """Append newer entries; the oldest may have to go."""
        number = self._reads
        entries = await self._read(self._query(after_entry_id=self.window.last_id))
        if number != self._reads:
            return None
        self.has_newer = len(entries) >= CHUNK
        return self._append([*entries, *self._told_since()])

    async def find(self, words: str, start: int, *, is_forward: bool) -> int | None:
        """The id of the nearest entry with the words after (or before) the entry id `start`."""
        place = {"after_entry_id": start} if is_forward else {"before_entry_id": start}
        found = await self._read(self._query(text=words, limit=1, **place))
        return found[0].entry_id if found else None

    def take(self, happened: Iterable[Event], *, is_following: bool) -> bool:
        """Take the log entries among these events; False where none belongs here. While nobody follows, nothing that is
        held is pushed out."""
        told = [one.entry for one in happened if isinstance(one, LogRecorded)]
        self._just_told.extend(told)
        fresh = [entry for entry in told if self.scope.has(entry)]
        if not fresh or not self.is_ready:
            return False
        if self.has_newer or (self.window.is_full and not is_following):
            self.has_newer = True
            self.missed += len(fresh)
        else:
            self._append(fresh)
        return True

    def _begin(self) -> int:
        self._reads += 1
        return self._reads

    def _query(self, **options: Any) -> LogQuery:
        scope = self.scope
        facts = {"job_id": scope.job_id, "min_level": scope.min_level, "stage": scope.stage, "limit": CHUNK}
        return LogQuery(**{**facts, **options})

    def _hold(self, number: int, entries: Sequence[LogEntry], *, has_older: bool, has_newer: bool) -> bool:
        if number != self._reads:
            return False
        self.is_ready = True
        self.has_older, self.has_newer = has_older, has_newer
        self.window.reset(entries)
        self._append(self._told_since())
        return True

    def _told_since(self) -> list[LogEntry]:
        """What was told while the end of the log was read; nothing where the end is not held."""
        return [] if self.has_newer else [entry for entry in self._just_told if self.scope.has(entry)]

    def _append(self, entries: Sequence[LogEntry]) -> Shift:
        before = len(self.window.entries)
        last = self.window.last_id
        new = sum(last is None or entry.entry_id > last for entry in entries)
        lines = self.window.add_newer(entries)
        gone = before + new - len(self.window.entries)
        self.has_older = self.has_older or gone > 0
        if not self.has_newer:
            self.missed = 0
        return Shift(-gone, -lines)
