"""The part of a log that is held in memory: entries in order, cut into lines. Knows no widget and asks nobody."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.status import LogLevel
from tui.log_text import Line, LineShape, log_lines

if TYPE_CHECKING:
    from engine.views import LogView as LogEntry

KEPT_ENTRIES = 5_000
_SEVERITY = {level: place for place, level in enumerate(LogLevel)}


@dataclass(frozen=True, slots=True)
class LogScope:
    """Which entries are shown."""

    job_id: str | None = None
    """None: those of every job and of the engine itself."""
    min_level: LogLevel = LogLevel.INFO
    stage: str | None = None

    def has(self, entry: LogEntry) -> bool:
        """Whether the entry belongs to it."""
        return (
            (self.job_id is None or entry.job_id == self.job_id)
            and _SEVERITY[entry.level] >= _SEVERITY[self.min_level]
            and (self.stage is None or entry.stage == self.stage)
        )


class LogWindow:
    """Entries by their place, 0 the oldest that is held; lines by their number, 0 the first of that entry."""

    def __init__(self, shape: LineShape, *, kept: int = KEPT_ENTRIES) -> None:
        self._shape = shape
        self._kept = kept
        self.entries: list[LogEntry] = []
        self.lines: list[Line] = []
        self._starts: list[int] = []
        """The first line of each entry, counted from a fixed point, so that nothing is renumbered."""

    def reset(self, entries: Iterable[LogEntry]) -> None:
        """Hold these and nothing else."""
        self.entries, self.lines, self._starts = [], [], []
        self._append(entries)

    def shape(self, shape: LineShape) -> None:
        """Cut the lines anew."""
        if shape != self._shape:
            self._shape = shape
            self.reset(self.entries)

    @property
    def is_full(self) -> bool:
        """Whether more at one end push out what is at the other."""
        return len(self.entries) >= self._kept

    @property
    def first_id(self) -> int | None:
        return self.entries[0].entry_id if self.entries else None

    @property
    def last_id(self) -> int | None:
        return self.entries[-1].entry_id if self.entries else None

    def add_newer(self, entries: Iterable[LogEntry]) -> int:
        """Append those that are newer than what is held; the number of lines that this pushed out in front."""
        for entry in entries:
            if (last := self.last_id) is None or entry.entry_id > last:
                self._append((entry,))
        surplus = len(self.entries) - self._kept
        if surplus <= 0:
            return 0
        gone = self._starts[surplus] - self._starts[0]
        del self.entries[:surplus], self._starts[:surplus], self.lines[:gone]
        return gone

    def add_older(self, entries: Sequence[LogEntry]) -> int:
        """Put these in front; the number of lines that this added there. What is too much goes at the end."""
        first = self._starts[0] if self._starts else 0
        lines: list[Line] = []
        starts: list[int] = []
        for entry in entries:
            starts.append(len(lines))
            lines += log_lines(entry, self._shape)
        self._starts = [first - len(lines) + start for start in starts] + self._starts
        self.entries = [*entries, *self.entries]
        self.lines = lines + self.lines
        if len(self.entries) > self._kept:
            del self.lines[self._starts[self._kept] - self._starts[0] :]
            del self.entries[self._kept :], self._starts[self._kept :]
        return len(lines)

    def entry_at(self, line: int) -> int:
        """The place of the entry that the line belongs to; -1 in an empty window."""
        return bisect_right(self._starts, line + self._starts[0]) - 1 if self._starts else -1

    def line_of(self, place: int) -> int:
        """The first line of an entry."""
        return self._starts[place] - self._starts[0]

    def lines_of(self, place: int) -> int:
        """How many lines an entry has."""
        end = self.line_of(place + 1) if place + 1 < len(self.entries) else len(self.lines)
        return end - self.line_of(place)

    def place_of(self, entry_id: int) -> int | None:
        """The place of an entry; None where it is not held."""
        place = bisect_left(self.entries, entry_id, key=lambda entry: entry.entry_id)
        is_there = place < len(self.entries) and self.entries[place].entry_id == entry_id
        return place if is_there else None

    def _append(self, entries: Iterable[LogEntry]) -> None:
        for entry in list(entries):
            self._starts.append((self._starts[0] if self._starts else 0) + len(self.lines))
            self.entries.append(entry)
            self.lines += log_lines(entry, self._shape)
