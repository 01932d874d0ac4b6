"""Events on their way to the screens: merged, in batches, at most ten times a second."""

import asyncio
from collections.abc import Sequence

from engine.bus import EventBus
from engine.events import (
    EngineLost,
    Event,
    ImageChanged,
    JobCreated,
    JobFinished,
    LogRecorded,
    QueueChanged,
    Resynced,
    TaskChanged,
)
from engine.views import LogLevel, LogView
from tests.support.engine import until
from tui.bridge import bring_events, merged


def entry(number: int) -> LogRecorded:
    return LogRecorded(
        LogView(
            entry_id=number,
            job_id="a",
            at="2026-11-22T12:00:00.000Z",
            level=LogLevel.INFO,
            stage=None,
            image_number=None,
            message=f"line {number}",
            cause=None,
            hint=None,
        )
    )


def test_only_the_last_state_of_a_thing_is_brought() -> None:
    events: list[Event] = [
        ImageChanged("a", 1, "pending"),
        TaskChanged("a", 1, "submitted"),
        ImageChanged("a", 2, "pending"),
        ImageChanged("a", 1, "approved"),
        TaskChanged("a", 1, "completed"),
        QueueChanged(),
        QueueChanged(),
    ]
    assert merged(events) == [
        ImageChanged("a", 2, "pending"),
        ImageChanged("a", 1, "approved"),
        TaskChanged("a", 1, "completed"),
        QueueChanged(),
    ]


def test_every_log_line_and_every_end_counts() -> None:
    events = [entry(1), entry(2), JobFinished("a", "completed"), JobFinished("b", "failed"), JobCreated("c")]
    assert merged(events) == events


def test_after_a_resync_only_log_lines_of_before_are_kept() -> None:
    events: list[Event] = [ImageChanged("a", 1, "pending"), entry(1), Resynced(), JobCreated("b")]
    assert merged(events) == [entry(1), Resynced(), JobCreated("b")]


async def test_an_event_comes_at_once_and_a_burst_in_one_batch() -> None:
    bus = EventBus()
    batches: list[Sequence[Event]] = []
    async with bus.subscribe() as subscription:
        task = asyncio.create_task(bring_events(subscription, batches.append, interval_s=0.05))
        bus.publish(JobCreated("first"))
        await until(lambda: len(batches) == 1)
        for number in range(500):
            bus.publish(ImageChanged("a", number % 50, "pending"))
        await until(lambda: len(batches) == 2)
        assert [len(batch) for batch in batches] == [1, 50]
        bus.close()
        await task


async def test_a_lost_engine_ends_it() -> None:
    bus = EventBus()
    batches: list[Sequence[Event]] = []
    async with bus.subscribe() as subscription:
        bus.publish(EngineLost())
        await asyncio.wait_for(bring_events(subscription, batches.append), 5)
    assert batches == [[EngineLost()]]
