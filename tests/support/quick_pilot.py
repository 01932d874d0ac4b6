"""Textual's Pilot, which waits after each key until the process is idle, or for a second: with an engine at work in
the same process that is always the second, twice a key. What has to be waited for is waited for by name."""

import asyncio
from time import monotonic, process_time

import textual.app
import textual.pilot

_TURN_S = 0.01
_IDLE_SHARE = 0.05
"""As Textual's: of a turn's time."""
_LONGEST_S = 0.1


async def wait_for_idle(min_sleep: float = _TURN_S, max_sleep: float = _LONGEST_S) -> None:
    """Textual's, in shorter turns, and given up earlier."""
    began = monotonic()
    while True:
        cpu = process_time()
        await asyncio.sleep(_TURN_S)
        waited = monotonic() - began
        is_idle = process_time() - cpu < _TURN_S * _IDLE_SHARE
        if waited >= max_sleep or (waited > min_sleep and is_idle):
            return


def hurry() -> None:
    """From here on every Pilot waits like this."""
    for module in (textual.app, textual.pilot):
        if not hasattr(module, "wait_for_idle"):
            raise AssertionError(f"{module.__name__} waits by another name")
        setattr(module, "wait_for_idle", wait_for_idle)  # noqa: B010 - mypy: the modules do not export it
