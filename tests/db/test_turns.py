"""The two lanes at the writing connection."""

import asyncio

import pytest

from db.turns import Turns


class Visitors:
    """Tasks that each take a turn and note when they had it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.order: list[str] = []

    async def visit(self, name: str, *, is_urgent: bool = False) -> None:
        async with self.turns.turn(is_urgent=is_urgent):
            self.order.append(name)
            await asyncio.sleep(0)

    async def queue_up(self, *names: str) -> list[asyncio.Task[None]]:
        """Start a task for each name, in this order; those in capitals are urgent."""
        tasks = []
        for name in names:
            tasks.append(asyncio.create_task(self.visit(name, is_urgent=name.isupper())))
            await asyncio.sleep(0)
        return tasks


async def test_the_urgent_go_first_and_each_lane_keeps_its_order() -> None:
    visitors = Visitors()
    async with visitors.turns.turn():
        tasks = await visitors.queue_up("a", "b", "C", "c", "D")
        assert visitors.order == []
    await asyncio.gather(*tasks)
    assert visitors.order == ["C", "D", "a", "b", "c"]


async def test_one_at_a_time() -> None:
    turns = Turns()
    inside = most = 0

    async def visit(is_urgent: bool) -> None:
        nonlocal inside, most
        async with turns.turn(is_urgent=is_urgent):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(visit(number % 3 == 0) for number in range(30)))
    assert (inside, most) == (0, 1)


async def test_who_is_cancelled_while_waiting_gives_its_place_up() -> None:
    visitors = Visitors()
    async with visitors.turns.turn():
        tasks = await visitors.queue_up("a", "B", "c")
        for task in tasks[:2]:
            task.cancel()
        await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[:2]] == [asyncio.CancelledError] * 2
    assert visitors.order == ["c"]


async def test_who_is_cancelled_just_when_called_passes_the_turn_on() -> None:
    visitors = Visitors()
    async with visitors.turns.turn():
        called, after = await visitors.queue_up("a", "b")
    called.cancel()  # its turn has come, but it was not awake yet
    with pytest.raises(asyncio.CancelledError):
        await called
    await after
    assert visitors.order == ["b"]
    async with asyncio.timeout(5), visitors.turns.turn():
        pass


async def test_an_error_in_a_turn_lets_the_next_one_in() -> None:
    visitors = Visitors()

    async def fail() -> None:
        async with visitors.turns.turn():
            await asyncio.sleep(0)
            raise ZeroDivisionError

    failing = asyncio.create_task(fail())
    await asyncio.sleep(0)
    (waiting,) = await visitors.queue_up("a")
    with pytest.raises(ZeroDivisionError):
        await failing
    await waiting
    assert visitors.order == ["a"]


async def test_who_is_cancelled_just_before_the_turn_is_passed_on_is_passed_over() -> None:
    visitors = Visitors()
    async with visitors.turns.turn():
        cancelled, after = await visitors.queue_up("a", "b")
        cancelled.cancel()  # it has no time to wake up before the turn is passed on
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await after
    assert visitors.order == ["b"]
    async with asyncio.timeout(5), visitors.turns.turn():
        pass
