import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from engine.simulator.actions import Service
from engine.simulator.options import SimulatorOptions
from engine.simulator.tasks import SimTask, TaskState
from engine.simulator.world import StoppingError, World

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> Iterator[World]:
    world = World(SimulatorOptions(latency_seconds=0.02, image_side_cap=100), clock=clock, now=lambda: NOON)
    yield world
    world.close()


def added(world: World) -> SimTask:
    task = SimTask(
        task_id="t",
        service=Service.OPENAI,
        request={},
        prompt="",
        pictures=(),
        amount_micros=0,
        created=world.clock(),
        created_at=world.now(),
    )
    world.add_task(task)
    return task


async def test_waiting_for_a_task_ends_with_the_task_not_with_time_passing_elsewhere(
    world: World, clock: Clock
) -> None:
    task = added(world)
    waiting = asyncio.ensure_future(world.wait_for(task))
    await world.pause(0.1)
    assert not waiting.done()
    clock.seconds += 0.02
    await waiting
    assert task.state is TaskState.FINISHED
    ended = world.time_of(task, task.ended)
    assert ended
    assert (ended - NOON).total_seconds() == pytest.approx(0.02)


async def test_stopping_ends_every_wait(world: World) -> None:
    task = added(world)
    waiting = asyncio.ensure_future(world.wait_for(task))
    pausing = asyncio.ensure_future(world.pause(600))
    await asyncio.sleep(0)
    world.stopping.set()
    for wait in (waiting, pausing, world.pause(0)):
        with pytest.raises(StoppingError):
            await wait


def test_the_cap_keeps_the_shape_of_a_picture(world: World) -> None:
    picture = world.picture("a fox", 1, 0, 1024, 512)
    assert (picture.width, picture.height) == (100, 50)
    picture = world.picture("a fox", 1, 0, 80, 40)
    assert (picture.width, picture.height) == (80, 40)


def test_turns_count_by_kind_and_text(world: World) -> None:
    assert [world.turn("chat", text) for text in ("a", "b", "a", "a")] == [0, 0, 1, 2]
    assert world.turn("seed", "a") == 0
    assert world.fresh_seed("x") != world.fresh_seed("x")


def test_an_account_without_a_limit_never_runs_out(world: World) -> None:
    assert world.take_credit(Service.PIAPI, 10**12)
    world.set_credit(Service.PIAPI, 5)
    assert not world.take_credit(Service.PIAPI, 6)
    assert world.take_credit(Service.PIAPI, 5)
    world.return_credit(Service.PIAPI, 3)
    assert world.credit == {Service.PIAPI: 3}
    world.return_credit(Service.OPENAI, 3)
    assert world.credit == {Service.PIAPI: 3}
