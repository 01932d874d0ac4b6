"""Hands keys to the app one at a time, so that what is typed ahead goes where it was meant.

Textual gives every key at once to the widget that has the focus at that moment. Over a slow line several keys arrive
together: with `/dogs` the `d` would reach the list, and delete, before `/` has opened the search.
"""

import asyncio
from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message

PATIENCE_S = 0.5
"""A widget that is taken away together with a key never says that it is done with it."""


class KeyHandled(Message):
    """Follows a key through the same widgets, so it reaches the app when they and the app have dealt with the key."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class KeysInOrder(App[int]):
    """A key waits until the one before it has had its effect, a change of focus or screen among them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._typed_ahead: deque[events.Key] = deque()
        self._keys_taken = 0
        self._patience: asyncio.TimerHandle | None = None

    async def on_event(self, event: events.Event) -> None:
        if not isinstance(event, events.Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._patience is not None:
            self._typed_ahead.append(event)
        else:
            await self._take_key(event)

    async def _take_key(self, event: events.Key) -> None:
        self._keys_taken += 1
        done = KeyHandled(self._keys_taken)
        loop = asyncio.get_running_loop()
        self._patience = loop.call_later(PATIENCE_S, self.post_message, KeyHandled(self._keys_taken))
        await super().on_event(event)
        (self.focused or self.screen).post_message(done)

    def on_key_handled(self, message: KeyHandled) -> None:
        message.stop()
        if message.number == self._keys_taken and self._patience is not None:
            # Not at once: what the key has put into the app's queue, such as a new focus, comes first.
            self._patience.cancel()
            self.call_later(self._take_next, message.number)

    async def _take_next(self, number: int) -> None:
        if number != self._keys_taken or self._patience is None:
            return
        self._patience = None
        if self._typed_ahead:
            await self._take_key(self._typed_ahead.popleft())
