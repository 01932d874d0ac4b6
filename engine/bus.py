"""Tells every subscriber what happened, without ever waiting for one of them."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from types import TracebackType

from engine.events import Event, Resynced


class Subscription:
    """One subscriber's bounded queue: `async for event in subscription`, or `drain()` for all that has come.

    Events with a merge key replace their predecessor. When the queue is full it is emptied and holds one `Resynced`.
    """

    def __init__(self, bus: "EventBus", capacity: int) -> None:
        self._bus = bus
        self._capacity = capacity
        self._events: OrderedDict[str | int, Event] = OrderedDict()
        self._count = 0
        self._arrived = asyncio.Event()
        self._is_closed = False

    def put(self, event: Event) -> None:
        """Called by the bus only; never waits."""
        key: str | int
        if event.merge_key is None:
            self._count += 1
            key = self._count
        else:
            key = event.merge_key
            self._events.pop(key, None)
        if len(self._events) >= self._capacity:
            self._events.clear()
            self._events["resynced"] = Resynced()
        else:
            self._events[key] = event
        self._arrived.set()

    def drain(self) -> list[Event]:
        """Everything that has come and was not taken yet, oldest first; may be empty."""
        events = list(self._events.values())
        self._events.clear()
        self._arrived.clear()
        return events

    async def next_batch(self) -> list[Event]:
        """Wait until something has come, then take all of it; empty only when the subscription was closed."""
        while not self._events and not self._is_closed:
            self._arrived.clear()
            await self._arrived.wait()
        return self.drain()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while batch := await self.next_batch():
            for event in batch:
                yield event

    def close(self) -> None:
        """Hear no more; who waits is let go."""
        self._is_closed = True
        self._bus.forget(self)
        self._arrived.set()

    async def __aenter__(self) -> "Subscription":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class EventBus:
    """`publish` never waits and never raises into a job. Used from one event loop."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        self._is_closed = False

    def subscribe(self, capacity: int = 2_000) -> Subscription:
        """Hear everything from now on, until the subscription or the bus is closed."""
        subscription = Subscription(self, capacity)
        if self._is_closed:
            subscription.close()
        else:
            self._subscriptions.append(subscription)
        return subscription

    def publish(self, event: Event) -> None:
        """Put the event in every subscriber's queue."""
        for subscription in self._subscriptions:
            subscription.put(event)

    def forget(self, subscription: Subscription) -> None:
        """Drop a closed subscription."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def close(self) -> None:
        """Let every subscriber go, also those to come."""
        self._is_closed = True
        for subscription in list(self._subscriptions):
            subscription.close()
