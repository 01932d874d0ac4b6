"""Stages with bounded queues between them: the shape of the work on a job, without knowing what the work is.

A stage takes an item, does its work, commits, and hands on. A pause or a stop closes the gate; what is already paid
for goes on behind it. An item whose work needs the user first (PauseRequired) is parked with its worker and tried
again when the gate opens: nothing is put back, so nothing can be lost.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field

from engine.errors import PauseRequired

_working_stage: ContextVar["Stage[int] | None"] = ContextVar("_working_stage", default=None)
"""The stage whose worker runs the current task, so that handing on to a full stage is known to be no movement."""


class Stopped(Exception):  # noqa: N818 - no error: the way out of a worker
    """The job is stopping: leave the item as its row says and take no new one that costs money."""


class GateClosed(Exception):  # noqa: N818 - no error: the item waits with its worker
    """This item needs the gate, and the gate is closed."""


class Gate:
    """Open while the job may spend. Closed by a pause, for good by a stop."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.is_stopping = False

    @property
    def is_open(self) -> bool:
        """Whether new paid work may begin."""
        return self._open.is_set() and not self.is_stopping

    def close(self) -> None:
        """Pause."""
        self._open.clear()

    def reopen(self) -> None:
        """Resume."""
        self._open.set()

    def stop(self) -> None:
        """Let everybody who waits, and who comes, go with Stopped."""
        self.is_stopping = True
        self._open.set()

    async def wait(self) -> None:
        """Return when open; raises Stopped when the job is stopping."""
        await self._open.wait()
        if self.is_stopping:
            raise Stopped

    def check(self) -> None:
        """For work that must not begin behind a closed gate: raises GateClosed, or Stopped when the job is stopping."""
        if self.is_stopping:
            raise Stopped
        if not self._open.is_set():
            raise GateClosed


@dataclass(eq=False)
class Stage[T]:
    """One step of the work with its limit. `work` commits its result and hands the item on with `put` of another stage.

    `is_gated` stages start paid work: they take no item while the gate is closed, and drop theirs when the job stops.
    """

    name: str
    workers: int
    capacity: int
    work: Callable[[T], Awaitable[None]]
    is_gated: bool = False
    busy: int = field(default=0, init=False)
    parked: int = field(default=0, init=False)
    """Workers that hold an item until the gate opens."""
    handing: int = field(default=0, init=False)
    """Workers that wait for room in the next stage."""
    on_change: Callable[[], None] = field(default=lambda: None, init=False)

    def __post_init__(self) -> None:
        self.queue: asyncio.Queue[T] = asyncio.Queue(self.capacity)

    async def put(self, item: T) -> None:
        """Hand an item in; waits while the stage is full."""
        giver = _working_stage.get()
        if giver is None or not self.queue.full():
            await self.queue.put(item)
            return
        giver.handing += 1
        giver.on_change()
        try:
            await self.queue.put(item)
        finally:
            giver.handing -= 1

    @property
    def is_still(self) -> bool:
        """Nothing moves here: no worker works, and none is free for what is queued, or may begin with it."""
        if self.busy > self.parked + self.handing:
            return False
        return self.queue.empty() or self.is_gated or self.busy >= self.workers


class Pipeline:
    """Runs stages until everything that was fed has passed them.

    `on_pause(error)` is told of every PauseRequired and closes the gate; `on_still()` whenever, with the gate closed,
    nothing moves any more.
    """

    def __init__(
        self,
        stages: Sequence[Stage[int]],
        gate: Gate,
        *,
        on_pause: Callable[[PauseRequired], Awaitable[None]],
        on_still: Callable[[], None],
    ) -> None:
        self.stages = tuple(stages)
        self.gate = gate
        self._on_pause = on_pause
        self._on_still = on_still
        for stage in self.stages:
            stage.on_change = self._check_still

    async def run(self, feed: Callable[[], Awaitable[None]]) -> None:
        """Feed, then wait until every stage has worked through what came. Cancelling ends all workers at once.

        Raises what a worker or the feeder raised that is not the item's own business (an ExceptionGroup of one is
        unwrapped).
        """
        try:
            async with asyncio.TaskGroup() as group:
                workers = [
                    group.create_task(self._worker(stage))
                    for stage in self.stages
                    for _ in range(stage.workers)
                ]
                with contextlib.suppress(Stopped):
                    await feed()
                for (
                    stage
                ) in self.stages:  # in order: a stage whose predecessors are drained gets no more items
                    await stage.queue.join()
                for worker in workers:
                    worker.cancel()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures

    async def drained(self, stage: Stage[int]) -> None:
        """Wait until everything put into `stage` and the stages before it so far was worked through."""
        for candidate in self.stages:
            await candidate.queue.join()
            if candidate is stage:
                return

    @property
    def is_still(self) -> bool:
        """Whether nothing moves in any stage."""
        return all(stage.is_still for stage in self.stages)

    async def _worker(self, stage: Stage[int]) -> None:
        _working_stage.set(stage)
        while True:
            item = await stage.queue.get()
            try:
                with contextlib.suppress(Stopped):
                    await self._work(stage, item)
            finally:
                stage.queue.task_done()
                self._check_still()

    async def _work(self, stage: Stage[int], item: int) -> None:
        if stage.is_gated:
            await self.gate.wait()
        stage.busy += 1
        try:
            while True:
                try:
                    return await stage.work(item)
                except GateClosed:
                    pass
                except PauseRequired as reason:
                    if self.gate.is_stopping:
                        raise Stopped from reason
                    await self._on_pause(reason)
                stage.parked += 1
                self._check_still()
                try:
                    await self.gate.wait()
                finally:
                    stage.parked -= 1
        finally:
            stage.busy -= 1

    def _check_still(self) -> None:
        if not self.gate.is_open and self.is_still:
            self._on_still()
