"""Brings the engine's events to the screens: merged, at most ten times a second. Knows no screen."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence

from engine.bus import Subscription
from engine.events import EngineLost, Event, ImageChanged, LogRecorded, Resynced, TaskChanged

INTERVAL_S = 0.1

Deliver = Callable[[Sequence[Event]], None]


async def bring_events(
    subscription: Subscription, deliver: Deliver, *, interval_s: float = INTERVAL_S
) -> None:
    """Hand batches to `deliver` until the subscription is closed or the engine was lost.

    An event that comes alone is not kept waiting; between two batches at least `interval_s` pass. When nothing
    happens nothing is done.
    """
    while batch := await subscription.next_batch():
        deliver(merged(batch))
        if any(isinstance(event, EngineLost) for event in batch):
            return
        await asyncio.sleep(interval_s)


def merged(events: Iterable[Event]) -> list[Event]:
    """Of several events that say the state of the same thing only the last, in its place; after a `Resynced` nothing
    of before it counts."""
    kept: dict[Hashable, Event] = {}
    for number, event in enumerate(events):
        if isinstance(event, Resynced):
            kept = {key: one for key, one in kept.items() if isinstance(one, LogRecorded)}
        key = _key(event, number)
        kept.pop(key, None)
        kept[key] = event
    return list(kept.values())


def _key(event: Event, number: int) -> Hashable:
    match event:
        case ImageChanged():
            return ("image", event.image_id)
        case TaskChanged():
            return ("task", event.job_id, event.generation_id)
        case _:
            return event.merge_key or number
