from datetime import UTC, datetime

import pytest

from engine.simulator.actions import Service
from engine.simulator.tasks import Lane, LaneFullError, SimTask, TaskState


def task(name: str = "a") -> SimTask:
    return SimTask(
        task_id=name,
        service=Service.PIAPI,
        request={},
        prompt="",
        pictures=(),
        amount_micros=0,
        created=0.0,
        created_at=datetime.now(UTC),
    )


def test_waiting_tasks_start_when_a_place_becomes_free_not_when_somebody_looks() -> None:
    lane = Lane(capacity=1, seconds=10, is_rejecting=False)
    tasks = [task(str(n)) for n in range(3)]
    for item in tasks:
        lane.admit(item, 0)
    assert [item.state for item in tasks] == [TaskState.RUNNING, TaskState.WAITING, TaskState.WAITING]
    lane.advance(25)
    assert [(item.started, item.ended) for item in tasks] == [(0, 10), (10, 20), (20, None)]
    assert lane.seconds_to_next(25) == 5
    assert (lane.max_running, lane.max_open) == (1, 3)


def test_without_a_limit_all_start_at_once() -> None:
    lane = Lane(capacity=None, seconds=1, is_rejecting=True)
    for n in range(50):
        lane.admit(task(str(n)), 0)
    assert (lane.running, lane.waiting) == (50, 0)
    lane.advance(1)
    assert (lane.running, lane.seconds_to_next(1)) == (0, 0)


def test_a_rejecting_lane_leaves_the_task_untouched() -> None:
    lane = Lane(capacity=1, seconds=1, is_rejecting=True)
    lane.admit(task("a"), 0)
    with pytest.raises(LaneFullError, match="1 are allowed"):
        lane.admit(task("b"), 0)
    assert lane.max_open == 1
    lane.admit(task("c"), 1)


def test_only_a_waiting_task_can_be_taken_back() -> None:
    lane = Lane(capacity=1, seconds=10, is_rejecting=False)
    first, second, third = task("1"), task("2"), task("3")
    for item in (first, second, third):
        lane.admit(item, 0)
    assert lane.cancel(second, 1)
    assert not lane.cancel(first, 1)
    assert not lane.cancel(second, 1)
    lane.advance(10)
    assert (second.state, third.state) == (TaskState.CANCELLED, TaskState.RUNNING)
    assert not lane.cancel(third, 10)


def test_links_are_renewed_only_when_they_have_expired() -> None:
    item = task()
    item.renew_links(0, 60)
    item.renew_links(60, 60)
    assert item.link_version == 1
    assert item.is_link_expired(1, 61, 60)
    item.renew_links(61, 60)
    assert item.link_version == 2
    assert item.is_link_expired(1, 61, 60)
    item.expire_links()
    assert item.is_link_expired(2, 61, None)
    item.renew_links(62, None)
    assert not item.is_link_expired(3, 10_000, None)
