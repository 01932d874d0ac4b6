"""Blocking work for a coroutine that may be cancelled: the cancellation waits until the thread has stopped."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Threads:
    """One export's work in threads, a piece at a time."""

    def __init__(self) -> None:
        self._is_cancelled = threading.Event()

    def is_cancelled(self) -> bool:
        """Long pieces ask this between two steps, and return early."""
        return self._is_cancelled.is_set()

    async def do[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`. Nothing of it runs any more when this returns or raises."""
        work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            self._is_cancelled.set()
            await _end_of(work)
            if not work.cancelled():
                work.exception()  # heard: the cancellation is what counts
            raise

    async def finish[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `do`, for the step with which the file is there: a cancellation comes too late for it."""
        work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
        await _end_of(work)
        return work.result()

    async def clean_up(self, function: Callable[[], object]) -> None:
        """Run it to its end, also where the export is being cancelled once more."""
        work = asyncio.ensure_future(asyncio.to_thread(function))
        try:
            await asyncio.shield(work)
        finally:
            await _end_of(work)


async def _end_of(work: asyncio.Future[Any]) -> None:
    """Whoever is cancelled meanwhile is cancelled already, or will notice at the next step."""
    while not work.done():
        with suppress(asyncio.CancelledError):
            await asyncio.wait([work])
