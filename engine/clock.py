"""Time as the engine sees it, so that tests can turn it: waits are monotonic, stored times are UTC."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What every waiting part of the engine takes instead of calling `time` and `asyncio.sleep` itself."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward; differences count, not values."""
        ...

    def now(self) -> datetime:
        """The time of day in UTC, for what is stored and shown."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait; cancellable."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds that only ever go forward."""
        return time.monotonic()

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait on the running loop."""
        await asyncio.sleep(seconds)
