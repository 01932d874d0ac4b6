"""A clock that tests can turn: it goes from one awakening to the next and lets nobody wait really."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

STEP_S = 0.001
"""Real time between two awakenings, in which requests and commits that are under way get on."""


class FakeClock:
    """Implements engine.clock.Clock. Sleeps that overlap pass together, as real ones do; nobody waits really.

    A running engine has a ticker of 0.25 s, so with it a minute passes in a quarter of a second or more, also
    while requests are on their way: give a job that must not time out minutes to do so.
    """

    def __init__(self, now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)) -> None:
        self._began_at = now
        self._seconds = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._is_moving = False
        self.slept: list[float] = []
        """Every wait that was asked for, in order."""

    def monotonic(self) -> float:
        return 1_000.0 + self._seconds

    def now(self) -> datetime:
        return self._began_at + timedelta(seconds=self._seconds)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        awakening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._seconds + max(0.0, seconds), self._count, awakening))
        self._move_soon()
        await awakening

    def advance(self, seconds: float) -> None:
        """Let time pass at once, as where a machine was suspended; who slept until then wakes up."""
        self._seconds += seconds
        self._move_soon()

    def set_time_of_day(self, moment: datetime) -> None:
        """Turn the time of day, as an administrator does; waits do not notice."""
        self._began_at = moment - timedelta(seconds=self._seconds)

    def _move_soon(self) -> None:
        if self._sleepers and not self._is_moving:
            self._is_moving = True
            asyncio.get_running_loop().call_later(STEP_S, self._move)

    def _move(self) -> None:
        self._is_moving = False
        while self._sleepers and self._sleepers[0][2].done():  # cancelled meanwhile
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            return
        self._seconds = max(self._seconds, self._sleepers[0][0])
        while self._sleepers and self._sleepers[0][0] <= self._seconds:
            awakening = heapq.heappop(self._sleepers)[2]
            if not awakening.done():
                awakening.set_result(None)
        self._move_soon()


class StillClock:
    """Implements engine.clock.Clock. It is always the same moment, and nobody's wait ends."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def monotonic(self) -> float:
        return 1_000.0

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await asyncio.Event().wait()
