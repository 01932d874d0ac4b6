"""Notices an engine that is attached to and says nothing: its process is stopped, or its machine has no time for it.

Asks only where nothing was heard for a while, and one question at a time, so that none pile up for it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from engine.errors import FactoryError

QUIET_S = 5.0
"""How long nothing may be heard before a question is asked."""
PATIENCE_S = 5.0
"""How long its answer may take."""


class Heartbeat:
    """`ask` is answered by every engine that runs; `told` gets True when it has become silent, False when it speaks
    again."""

    def __init__(self, ask: Callable[[], Awaitable[object]], told: Callable[[bool], None]) -> None:
        self._ask = ask
        self._told = told
        self._has_heard = False
        self.is_silent = False

    def heard(self) -> None:
        """Something came from the engine."""
        self._has_heard = True
        if self.is_silent:
            self.is_silent = False
            self._told(False)

    async def run(self) -> None:
        """Watch until cancelled, or until the line is gone."""
        while True:
            self._has_heard = False
            await asyncio.sleep(QUIET_S)
            if self._has_heard:
                continue
            question = asyncio.create_task(self._question(), name="engine heartbeat")
            try:
                # Twice the half: where this process was stopped, time is over before what came meanwhile is read.
                for _ in range(2):
                    await asyncio.wait([question], timeout=PATIENCE_S / 2)
                if not question.done():
                    self.is_silent = True
                    self._told(True)
                is_there = await question
            finally:
                question.cancel()
            if not is_there:
                return

    async def _question(self) -> bool:
        with contextlib.suppress(FactoryError):
            await self._ask()
            return True
        return False
