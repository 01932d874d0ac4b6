"""Image tasks that take time, and the lanes in which they wait. Computed from the clock: no timers."""

import heapq
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.simulator.actions import Service
from engine.simulator.drawing import Picture


class TaskState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class LaneFullError(Exception):
    """No place is free, and waiting is not offered."""


@dataclass(slots=True)
class SimTask:
    """One task. `created`, `started` and `ended` are seconds of the world's monotonic clock."""

    task_id: str
    service: Service
    request: dict[str, Any]
    """The request as it was sent, for answers that repeat it."""
    prompt: str
    pictures: tuple[Picture, ...]
    amount_micros: int
    created: float
    created_at: datetime
    state: TaskState = TaskState.WAITING
    started: float | None = None
    ended: float | None = None
    failure: str = ""
    link_version: int = 0
    linked: float | None = None
    """When the links of the current version were given out."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What only the service's own module understands."""

    @property
    def is_open(self) -> bool:
        """Whether it is still to be worked on."""
        return self.state in (TaskState.WAITING, TaskState.RUNNING)

    def renew_links(self, now: float, lifetime: float | None) -> None:
        """Give out new links where there are none yet or the last ones have expired."""
        if self.linked is None or self.is_link_expired(self.link_version, now, lifetime):
            self.link_version += 1
            self.linked = now

    def expire_links(self) -> None:
        """Make every link given out so far a dead one."""
        self.linked = None

    def is_link_expired(self, version: int, now: float, lifetime: float | None) -> bool:
        """Whether the links of this version no longer work."""
        if version != self.link_version or self.linked is None:
            return True
        return lifetime is not None and now - self.linked > lifetime


class Lane:
    """One service's places: `capacity` tasks run for `seconds` each, the others wait in order."""

    def __init__(self, *, capacity: int | None, seconds: float, is_rejecting: bool) -> None:
        self._capacity = capacity
        self._seconds = seconds
        self._is_rejecting = is_rejecting
        self._running: list[tuple[float, int, SimTask]] = []
        self._waiting: deque[SimTask] = deque()
        self._admitted = 0
        self.max_running = 0
        self.max_open = 0

    @property
    def running(self) -> int:
        """Tasks at work as of the last `advance`."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """Tasks without a place as of the last `advance`."""
        return len(self._waiting)

    def admit(self, task: SimTask, now: float) -> None:
        """Start the task, or let it wait. Raises LaneFullError."""
        self.advance(now)
        if self._is_full and self._is_rejecting:
            raise LaneFullError(f"{len(self._running)} tasks are running, {self._capacity} are allowed")
        self._waiting.append(task)
        self._start_next(now)
        self.max_open = max(self.max_open, len(self._running) + len(self._waiting))

    def advance(self, now: float) -> None:
        """Finish what is due by `now`, each at its own time, and start what waited for its place."""
        while self._running and self._running[0][0] <= now:
            ended, _, task = heapq.heappop(self._running)
            task.state, task.ended = TaskState.FINISHED, ended
            self._start_next(ended)

    def cancel(self, task: SimTask, now: float) -> bool:
        """Take a waiting task back; one that runs, or has run, stays."""
        self.advance(now)
        if task.state is not TaskState.WAITING:
            return False
        self._waiting.remove(task)
        task.state, task.ended = TaskState.CANCELLED, now
        return True

    def seconds_to_next(self, now: float) -> float:
        """How long until the next task finishes; 0 where none runs."""
        return max(0.0, self._running[0][0] - now) if self._running else 0.0

    @property
    def _is_full(self) -> bool:
        return self._capacity is not None and len(self._running) >= self._capacity

    def _start_next(self, now: float) -> None:
        while self._waiting and not self._is_full:
            task = self._waiting.popleft()
            task.state, task.started = TaskState.RUNNING, now
            self._admitted += 1
            heapq.heappush(self._running, (now + self._seconds, self._admitted, task))
            self.max_running = max(self.max_running, len(self._running))
