"""Textual's Pilot, which waits after each key until the process is idle, or for a second: with an engine at work in
the same process that is always the second, twice a key. What has to come about is waited for by name.

What must not come about cannot be waited for, and an idle process does not show that nothing will: what a key sets
going asks the engine first, in a thread or on the disk. So whatever began since the key is waited for as well, though
not for ever: a question to the user ends only with the answer.
"""

import asyncio
from time import monotonic, process_time

import textual.app
import textual.pilot
from textual._context import active_app
from textual.worker import Worker

_TURN_S = 0.01
_IDLE_SHARE = 0.05
"""As Textual's: of a turn's time."""
_LONGEST_S = 0.1
_LONGEST_WORK_S = 0.4
_OF_NO_KEY = "header"
"""The worker that asks for the header's facts when the engine has told something."""
_STILL_TURNS = 3
"""So many idle turns one after the other say that what began waits for the user."""


async def wait_for_idle(min_sleep: float = _TURN_S, max_sleep: float = _LONGEST_S) -> None:
    """Textual's, in shorter turns, and given up earlier where nothing began meanwhile."""
    began, before, still = monotonic(), _work(), 0
    while True:
        cpu = process_time()
        await asyncio.sleep(_TURN_S)
        waited = monotonic() - began
        is_idle = process_time() - cpu < _TURN_S * _IDLE_SHARE
        still = still + 1 if is_idle else 0
        if not (waited >= max_sleep or (waited > min_sleep and is_idle)):
            continue
        if still >= _STILL_TURNS or waited >= _LONGEST_WORK_S or _work() <= before:
            return


def _work() -> set[Worker[object]]:
    """What the app has begun and not ended."""
    app = active_app.get(None)
    return (
        set()
        if app is None
        else {one for one in app.workers if one.name != _OF_NO_KEY and not one.is_finished}
    )


def hurry() -> None:
    """From here on every Pilot waits like this."""
    for module in (textual.app, textual.pilot):
        if not hasattr(module, "wait_for_idle"):
            raise AssertionError(f"{module.__name__} waits by another name")
        setattr(module, "wait_for_idle", wait_for_idle)  # noqa: B010 - mypy: the modules do not export it
