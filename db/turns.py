"""Whose turn it is at the one writing connection. Knows no database."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class Turns:
    """A lock with two lanes: the urgent go first, and within a lane whoever came first.

    The urgent must be few and soon done: nothing else keeps the others from waiting for ever.
    """

    def __init__(self) -> None:
        self._is_taken = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @contextlib.asynccontextmanager
    async def turn(self, *, is_urgent: bool = False) -> AsyncIterator[None]:
        """Wait for the turn and keep it for the block. A cancelled waiter gives its place up."""
        await self._take(self._urgent if is_urgent else self._others)
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, lane: deque[asyncio.Future[None]]) -> None:
        if not self._is_taken:
            self._is_taken = True
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.append(called)
        try:
            await called
        except asyncio.CancelledError:
            # A cancelled place stays in its lane until the turn comes by, which may have been before this task woke up.
            if not called.cancelled():  # called and cancelled in the same round of the event loop
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        for lane in (self._urgent, self._others):
            while lane:
                called = lane.popleft()
                if not called.done():
                    called.set_result(None)
                    return
        self._is_taken = False
