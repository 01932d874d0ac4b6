import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from engine.errors import PauseRequired
from engine.pipeline import Gate, GateClosed, Pipeline, Stage, Stopped
from tests.support.engine import until

Work = Callable[[int], Awaitable[None]]


class Line:
    """A pipeline with what its callbacks were told. Ended at the end of the test."""

    def __init__(self, *stages: Stage[int]) -> None:
        self.gate = Gate()
        self.reasons: list[PauseRequired] = []
        self.times_still = 0
        self.pipeline = Pipeline(stages, self.gate, on_pause=self._pause, on_still=self._still)
        self.run: asyncio.Task[None] | None = None

    async def _pause(self, reason: PauseRequired) -> None:
        self.reasons.append(reason)
        self.gate.close()

    def _still(self) -> None:
        self.times_still += 1

    def feed(self, stage: Stage[int], *items: int) -> asyncio.Task[None]:
        async def put_all() -> None:
            for item in items:
                await stage.put(item)

        self.run = asyncio.create_task(self.pipeline.run(put_all))
        return self.run


@pytest.fixture
async def line() -> AsyncIterator[Callable[..., Line]]:
    made: list[Line] = []

    def make(*stages: Stage[int]) -> Line:
        made.append(Line(*stages))
        return made[-1]

    yield make
    for one in made:
        if one.run is not None:
            one.run.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await one.run


MakeLine = Callable[..., Line]


def collector(into: list[int], *, before: Callable[[int], Awaitable[None]] | None = None) -> Work:
    async def work(item: int) -> None:
        if before is not None:
            await before(item)
        into.append(item)

    return work


def passing(to: Stage[int]) -> Work:
    async def work(item: int) -> None:
        await to.put(item)

    return work


async def turns(number: int = 30) -> None:
    """Let everybody who can go on go on."""
    for _ in range(number):
        await asyncio.sleep(0)


class TestGate:
    async def test_it_is_open_closed_and_open_again(self) -> None:
        gate = Gate()
        gate.check()
        gate.close()
        assert not gate.is_open
        with pytest.raises(GateClosed):
            gate.check()
        waiting = asyncio.create_task(gate.wait())
        await turns()
        assert not waiting.done()
        gate.reopen()
        await waiting
        gate.check()

    async def test_a_stop_lets_everybody_go_with_stopped(self) -> None:
        gate = Gate()
        gate.close()
        waiting = asyncio.create_task(gate.wait())
        await turns()
        gate.stop()
        with pytest.raises(Stopped):
            await waiting
        with pytest.raises(Stopped):
            await gate.wait()
        with pytest.raises(Stopped):
            gate.check()
        assert not gate.is_open
        gate.reopen()
        assert not gate.is_open


async def test_every_item_passes_every_stage_once(line: MakeLine) -> None:
    done: list[int] = []
    last = Stage("last", 2, 4, collector(done))
    middle = Stage("middle", 3, 2, passing(last))
    first = Stage("first", 1, 2, passing(middle))
    await line(first, middle, last).feed(first, *range(200))
    assert sorted(done) == list(range(200))


async def test_no_stage_works_on_more_than_its_limit(line: MakeLine) -> None:
    at_once: dict[str, int] = {"now": 0, "most": 0}

    async def work(item: int) -> None:
        at_once["now"] += 1
        at_once["most"] = max(at_once["most"], at_once["now"])
        await turns(item % 5)
        at_once["now"] -= 1

    stage = Stage("only", 3, 6, work)
    await line(stage).feed(stage, *range(40))
    assert at_once == {"now": 0, "most": 3}


async def test_a_full_stage_holds_up_those_before_it(line: MakeLine) -> None:
    opened = asyncio.Event()

    async def wait(_: int) -> None:
        await opened.wait()

    done: list[int] = []
    fed: list[int] = []
    last = Stage("last", 1, 2, collector(done, before=wait))
    first = Stage("first", 1, 2, passing(last))
    one = line(first, last)

    async def feed() -> None:
        for item in range(100):
            await first.put(item)
            fed.append(item)

    one.run = asyncio.create_task(one.pipeline.run(feed))
    await turns(200)
    # One at work and two queued in the last stage, one handing on and two queued in the first.
    assert len(fed) == 6
    assert last.queue.qsize() == 2
    assert first.handing == 1
    opened.set()
    await one.run
    assert done == list(range(100))


async def test_it_ends_only_when_the_last_stage_is_done(line: MakeLine) -> None:
    opened = asyncio.Event()
    done: list[int] = []

    async def wait(_: int) -> None:
        await opened.wait()

    last = Stage("last", 1, 2, collector(done, before=wait))
    first = Stage("first", 2, 2, passing(last))
    run = line(first, last).feed(first, 1, 2)
    await turns()
    assert not run.done()
    opened.set()
    await run
    assert sorted(done) == [1, 2]


async def test_drained_waits_for_a_stage_and_those_before_it_but_not_for_later_ones(line: MakeLine) -> None:
    opened = asyncio.Event()

    async def wait(_: int) -> None:
        await opened.wait()

    done: list[int] = []
    last = Stage("last", 1, 9, collector(done, before=wait))
    middle = Stage("middle", 1, 9, passing(last))
    first = Stage("first", 1, 9, passing(middle))
    one = line(first, middle, last)
    seen: list[int] = []

    async def feed() -> None:
        for item in (1, 2, 3):
            await first.put(item)
        await one.pipeline.drained(middle)
        seen.append(last.queue.qsize() + last.busy)
        await middle.put(4)  # what is found out at the end still passes

    one.run = asyncio.create_task(one.pipeline.run(feed))
    await until(lambda: bool(seen))
    assert seen == [3]
    opened.set()
    await one.run
    assert done == [1, 2, 3, 4]


async def test_a_pause_parks_the_item_and_tries_it_again_when_the_gate_opens(line: MakeLine) -> None:
    has_credit = False
    done: list[int] = []
    tries: list[int] = []

    async def work(item: int) -> None:
        tries.append(item)
        if not has_credit and item == 2:
            raise PauseRequired("no credit", code="credit")
        done.append(item)

    stage = Stage("only", 2, 4, work)
    one = line(stage)
    run = one.feed(stage, 1, 2, 3)
    await until(lambda: bool(one.reasons))
    await turns()
    assert [reason.code for reason in one.reasons] == ["credit"]
    assert stage.parked == 1
    assert not run.done()
    has_credit = True
    one.gate.reopen()
    await run
    assert sorted(done) == [1, 2, 3]
    assert tries.count(2) == 2
    assert stage.parked == stage.busy == 0


async def test_it_pauses_as_often_as_it_must_and_loses_nothing(line: MakeLine) -> None:
    credit = {"left": 0}
    done: list[int] = []

    async def work(item: int) -> None:
        if credit["left"] == 0:
            raise PauseRequired("no credit", code="credit")
        credit["left"] -= 1
        done.append(item)

    stage = Stage("only", 4, 4, work)
    one = line(stage)
    run = one.feed(stage, *range(10))
    while not run.done():
        await until(lambda: stage.parked > 0 or run.done())
        await turns()
        credit["left"] = 3
        one.gate.reopen()
        await turns(100)
    assert sorted(done) == list(range(10))
    assert len(one.reasons) >= 3


async def test_a_closed_gate_parks_without_a_reason(line: MakeLine) -> None:
    done: list[int] = []
    stage: Stage[int]
    one: Line

    async def work(item: int) -> None:
        one.gate.check()
        done.append(item)

    stage = Stage("only", 2, 4, work)
    one = line(stage)
    one.gate.close()
    run = one.feed(stage, 1, 2, 3)
    await until(lambda: stage.parked == 2)
    assert one.reasons == []
    one.gate.reopen()
    await run
    assert sorted(done) == [1, 2, 3]


async def test_a_gated_stage_begins_nothing_behind_a_closed_gate(line: MakeLine) -> None:
    done: list[int] = []
    stage = Stage("only", 2, 4, collector(done), is_gated=True)
    one = line(stage)
    one.gate.close()
    run = one.feed(stage, 1, 2, 3)
    await turns()
    assert done == []
    one.gate.reopen()
    await run
    assert sorted(done) == [1, 2, 3]


async def test_a_stop_drops_what_would_cost_money_and_works_through_the_rest(line: MakeLine) -> None:
    done: list[int] = []
    opened = asyncio.Event()

    async def wait(_: int) -> None:
        await opened.wait()

    works = Stage("works", 1, 9, collector(done, before=wait))
    pays = Stage("pays", 1, 2, passing(works), is_gated=True)
    one = line(pays, works)
    run = one.feed(pays, *range(20))
    await until(lambda: works.queue.qsize() >= 3)
    one.gate.stop()
    opened.set()
    await run
    assert 4 <= len(done) < 20
    assert done == sorted(done)
    assert pays.queue.empty()


@pytest.mark.parametrize("error", [Stopped, GateClosed, PauseRequired])
async def test_a_stop_drops_what_is_parked(line: MakeLine, error: type[Exception]) -> None:
    done: list[int] = []

    async def work(item: int) -> None:
        if item % 2:
            raise PauseRequired("no", code="credit") if error is PauseRequired else error
        done.append(item)

    stage = Stage("only", 2, 9, work)
    one = line(stage)
    if error is GateClosed:
        one.gate.close()
    run = one.feed(stage, *range(6))
    await turns()
    one.gate.stop()
    await run
    assert set(done) <= {0, 2, 4}
    assert stage.parked == stage.busy == 0


async def test_a_feed_that_meets_the_stop_ends_like_one_that_was_through(line: MakeLine) -> None:
    done: list[int] = []
    stage = Stage("only", 1, 9, collector(done))
    one = line(stage)

    async def feed() -> None:
        await stage.put(1)
        one.gate.stop()
        await one.gate.wait()
        await stage.put(2)

    await one.pipeline.run(feed)
    assert done == [1]


class TestStillness:
    async def test_told_once_everything_that_moved_has_come_to_rest(self, line: MakeLine) -> None:
        opened = asyncio.Event()

        async def wait(_: int) -> None:
            await opened.wait()

        done: list[int] = []
        stage = Stage("only", 2, 4, collector(done, before=wait))
        one = line(stage)
        one.run = asyncio.create_task(one.pipeline.run(lambda: self.two_items_and_the_gate(one, stage)))
        await turns()
        assert not one.pipeline.is_still
        one.gate.close()
        assert one.times_still == 0
        opened.set()
        await until(lambda: one.times_still > 0)
        assert sorted(done) == [1, 2]
        assert one.pipeline.is_still

    @staticmethod
    async def two_items_and_the_gate(one: Line, stage: Stage[int]) -> None:
        await stage.put(1)
        await stage.put(2)
        await one.gate.wait()

    async def test_not_told_while_the_gate_is_open(self, line: MakeLine) -> None:
        stage = Stage("only", 1, 4, collector([]))
        one = line(stage)
        await one.feed(stage, 1, 2, 3)
        assert one.times_still == 0

    async def test_workers_that_wait_for_room_before_parked_ones_do_not_move(self, line: MakeLine) -> None:
        """The disk is full: the last stage is parked and full, so everybody before it waits for it."""
        is_full = True
        done: list[int] = []

        async def save(item: int) -> None:
            if is_full:
                raise PauseRequired("no room", code="disk")
            done.append(item)

        last = Stage("last", 2, 2, save)
        middle = Stage("middle", 2, 2, passing(last))
        first = Stage("first", 2, 2, passing(middle))
        one = line(first, middle, last)
        run = one.feed(first, *range(50))
        await until(lambda: last.parked == middle.handing == first.handing == 2 and first.queue.full())
        await turns()
        assert one.pipeline.is_still
        assert one.times_still > 0
        is_full = False
        one.gate.reopen()
        await run
        assert sorted(done) == list(range(50))

    async def test_a_worker_that_is_free_to_take_an_item_will_move(self, line: MakeLine) -> None:
        held = asyncio.Event()

        async def work(item: int) -> None:
            if item == 1:
                raise PauseRequired("no", code="credit")
            await held.wait()

        stage = Stage("only", 2, 4, work)
        one = line(stage)
        run = one.feed(stage, 1, 2)
        await until(lambda: stage.parked == 1 and stage.busy == 2)
        assert not one.pipeline.is_still
        held.set()
        await until(lambda: one.pipeline.is_still)
        assert one.times_still > 0
        one.gate.stop()
        await run


class TestEnds:
    async def test_cancelling_leaves_no_task(self, line: MakeLine) -> None:
        before = asyncio.all_tasks()

        async def forever(_: int) -> None:
            await asyncio.Event().wait()

        stage = Stage("only", 3, 4, forever)
        run = line(stage).feed(stage, *range(20))
        await turns()
        assert len(asyncio.all_tasks()) > len(before)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert asyncio.all_tasks() == before

    async def test_an_error_of_a_worker_comes_out_as_itself_and_ends_all_workers(
        self, line: MakeLine
    ) -> None:
        before = asyncio.all_tasks()
        waiting: list[int] = []

        async def work(item: int) -> None:
            if item == 3:
                raise LookupError("torn")
            waiting.append(item)
            await asyncio.Event().wait()

        stage = Stage("only", 4, 4, work)
        run = line(stage).feed(stage, 1, 2, 3)
        with pytest.raises(LookupError, match="torn"):
            await run
        assert waiting == [1, 2]
        assert asyncio.all_tasks() == before

    async def test_an_error_of_the_feed_comes_out_too(self, line: MakeLine) -> None:
        stage = Stage("only", 1, 4, collector([]))
        one = line(stage)

        async def feed() -> None:
            raise OSError("gone")

        with pytest.raises(OSError, match="gone"):
            await one.pipeline.run(feed)

    async def test_the_workers_are_gone_after_a_good_end(self, line: MakeLine) -> None:
        before = asyncio.all_tasks()
        stage: Stage[Any] = Stage("only", 5, 4, collector([]))
        await line(stage).feed(stage, *range(9))
        assert asyncio.all_tasks() - {asyncio.current_task()} == before - {asyncio.current_task()}
