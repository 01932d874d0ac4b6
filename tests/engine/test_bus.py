import asyncio

import pytest

from engine.bus import EventBus, Subscription
from engine.events import ConfigurationsChanged, Event, JobCreated, JobProgressed, QueueChanged, Resynced
from engine.views import ImageCounts, ProgressView


def progress(job_id: str, done: int) -> JobProgressed:
    counts = ImageCounts(planned=9, approved=done, qc_failed=0, failed=0, pending=0, unknown=0, trashed=0)
    return JobProgressed(
        job_id,
        ProgressView(
            job_id=job_id,
            images=counts,
            prompted=0,
            submitted=0,
            downloaded=0,
            checked=0,
            done=done,
            in_flight=0,
            images_per_minute=None,
            eta_s=None,
            spend_usd=0.0,
            is_quiescent=False,
        ),
    )


async def heard(subscription: Subscription) -> list[Event]:
    return [event async for event in subscription]


def test_events_arrive_in_order_at_every_subscriber() -> None:
    bus = EventBus()
    first, second = bus.subscribe(), bus.subscribe()
    events = [JobCreated("a"), JobCreated("b"), JobCreated("a")]
    for event in events:
        bus.publish(event)
    assert first.drain() == events
    assert second.drain() == events
    assert first.drain() == []


def test_an_event_with_a_merge_key_replaces_its_predecessor_and_nothing_else() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    for event in (progress("a", 1), QueueChanged(), progress("b", 1), progress("a", 2), QueueChanged()):
        bus.publish(event)
    assert subscription.drain() == [progress("b", 1), progress("a", 2), QueueChanged()]


def test_what_was_taken_already_is_not_replaced() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    bus.publish(progress("a", 1))
    assert subscription.drain() == [progress("a", 1)]
    bus.publish(progress("a", 2))
    assert subscription.drain() == [progress("a", 2)]


def test_an_overflow_leaves_one_resynced_and_what_came_after_it() -> None:
    bus = EventBus()
    slow, quick = bus.subscribe(capacity=3), bus.subscribe()
    for number in range(4):
        bus.publish(JobCreated(str(number)))
    bus.publish(JobCreated("later"))
    assert slow.drain() == [Resynced(), JobCreated("later")]
    assert len(quick.drain()) == 5


def test_many_overflows_leave_one_resynced() -> None:
    bus = EventBus()
    subscription = bus.subscribe(capacity=3)
    for number in range(100):
        bus.publish(JobCreated(str(number)))
    events = subscription.drain()
    assert len(events) <= 3
    assert [event for event in events if event == Resynced()] == [Resynced()]


def test_merging_never_overflows() -> None:
    bus = EventBus()
    subscription = bus.subscribe(capacity=2)
    for done in range(50):
        bus.publish(progress("a", done))
        bus.publish(QueueChanged())
    assert subscription.drain() == [progress("a", 49), QueueChanged()]


async def test_publishing_never_waits_and_a_waiting_subscriber_is_woken() -> None:
    bus = EventBus()
    subscription = bus.subscribe(capacity=10)
    waiting = asyncio.create_task(subscription.next_batch())
    await asyncio.sleep(0)
    bus.publish(JobCreated("a"))  # a plain call: nothing here could wait
    bus.publish(JobCreated("b"))
    assert await waiting == [JobCreated("a"), JobCreated("b")]


async def test_a_drained_subscription_waits_for_the_next_event() -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    bus.publish(JobCreated("a"))
    subscription.drain()
    waiting = asyncio.create_task(subscription.next_batch())
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    bus.publish(JobCreated("b"))
    assert await waiting == [JobCreated("b")]


@pytest.mark.parametrize("closes_bus", [False, True])
async def test_closing_lets_who_waits_go(closes_bus: bool) -> None:
    bus = EventBus()
    subscription = bus.subscribe()
    listening = asyncio.create_task(heard(subscription))
    await asyncio.sleep(0)
    bus.publish(ConfigurationsChanged())
    if closes_bus:
        bus.close()
    else:
        subscription.close()
    assert await listening == [ConfigurationsChanged()]
    assert await subscription.next_batch() == []


async def test_a_closed_subscription_hears_nothing_more() -> None:
    bus = EventBus()
    async with bus.subscribe() as subscription:
        bus.publish(JobCreated("a"))
    bus.publish(JobCreated("b"))
    assert subscription.drain() == [JobCreated("a")]
    subscription.close()


async def test_who_subscribes_after_the_end_is_let_go_at_once() -> None:
    bus = EventBus()
    bus.close()
    assert await asyncio.wait_for(bus.subscribe().next_batch(), 5) == []
