"""The state behind the services: tasks, money, links, requests. Knows no wire format and no HTTP."""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Any

from engine.simulator.actions import Service
from engine.simulator.dice import number_of
from engine.simulator.drawing import Picture
from engine.simulator.faults import Rule, Script
from engine.simulator.ledger import Ledger
from engine.simulator.options import OverConcurrency, SimulatorOptions
from engine.simulator.recording import RequestRecord
from engine.simulator.studio import Studio
from engine.simulator.tasks import Lane, SimTask, TaskState

_KEEP_TURNS = 100_000


class StoppingError(Exception):
    """The server is being stopped; whoever waits gives up."""


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


class World:
    """One per server. `clock` gives monotonic seconds, `now` the time of day in UTC. Close it."""

    def __init__(
        self,
        options: SimulatorOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.options = options
        self.clock = clock
        self.now = now
        self.studio = Studio(text_share=options.text_share, cache=options.image_cache)
        self.ledger = Ledger(keep=options.keep_payments, state_file=options.state_file, now=now)
        self.stopping = asyncio.Event()
        self._clear()

    def _clear(self) -> None:
        options = self.options
        self.script = Script(options.script)
        self.requests: deque[RequestRecord] = deque(maxlen=options.keep_requests)
        self.credit: dict[Service, int] = dict(options.credit_micros)
        self.request_counts: Counter[str] = Counter()
        self.in_flight: Counter[str] = Counter()
        self.max_in_flight: Counter[str] = Counter()
        self._request_number = 0
        self._tasks: OrderedDict[str, SimTask] = OrderedDict()
        self._turns: OrderedDict[int, int] = OrderedDict()
        self._lanes = {
            service: Lane(
                capacity=options.concurrency,
                seconds=options.latency_seconds,
                is_rejecting=options.over_concurrency == OverConcurrency.REJECT,
            )
            for service in Service
        }

    def reset(self) -> None:
        """Back to the start: no tasks, no requests, no payments, the options' own script and credit."""
        self.ledger.clear()
        self._clear()

    def close(self) -> None:
        """Let everyone who waits go; end threads and files."""
        self.stopping.set()
        self.studio.close()
        self.ledger.close()

    # Tasks

    def add_task(self, task: SimTask) -> None:
        """Admit a task and remember it. Raises LaneFullError, and then nothing has changed."""
        self._lanes[task.service].admit(task, self.clock())
        self._tasks[task.task_id] = task
        while len(self._tasks) > self.options.keep_tasks:
            self._tasks.popitem(last=False)

    def task(self, service: Service, task_id: str) -> SimTask | None:
        """A task as it stands now."""
        self._lanes[service].advance(self.clock())
        task = self._tasks.get(task_id)
        return task if task and task.service is service else None

    def tasks(self, service: Service) -> list[SimTask]:
        """All remembered tasks of a service, newest first."""
        self._lanes[service].advance(self.clock())
        return [task for task in reversed(self._tasks.values()) if task.service is service]

    def cancel_task(self, task: SimTask) -> bool:
        """Take back a waiting task and its payment."""
        if not self._lanes[task.service].cancel(task, self.clock()):
            return False
        self.give_back(task)
        return True

    def fail_task(self, task: SimTask, reason: str) -> None:
        """The task ends without a picture, and costs nothing."""
        if task.state is not TaskState.FAILED:
            task.state, task.failure, task.ended = TaskState.FAILED, reason, self.clock()
            self.give_back(task)

    def give_back(self, task: SimTask) -> None:
        """Refund what the task cost."""
        self.return_credit(task.service, self.ledger.refund(task.task_id))

    async def wait_for(self, task: SimTask) -> None:
        """Return when the task is no longer open. Raises StoppingError."""
        lane = self._lanes[task.service]
        lane.advance(self.clock())
        while task.is_open:
            await self.pause(lane.seconds_to_next(self.clock()))
            lane.advance(self.clock())

    def time_of(self, task: SimTask, moment: float | None) -> datetime | None:
        """A moment of the task's life as time of day."""
        return None if moment is None else task.created_at + timedelta(seconds=moment - task.created)

    # Money

    def take_credit(self, service: Service, amount_micros: int) -> bool:
        """Take the sum from the account; False, and nothing taken, where it does not hold that much."""
        held = self.credit.get(service)
        if held is None:
            return True
        if held < amount_micros:
            return False
        self.credit[service] = held - amount_micros
        return True

    def return_credit(self, service: Service, amount_micros: int) -> None:
        """Put the sum back into the account."""
        if service in self.credit:
            self.credit[service] += amount_micros

    def set_credit(self, service: Service, amount_micros: int | None) -> None:
        """What the account holds from now on; None: it never runs out."""
        self.credit.pop(service, None)
        if amount_micros is not None:
            self.credit[service] = amount_micros

    # Pictures and their links

    def picture(
        self, prompt: str, seed: int, index: int, width: int, height: int, *, extension: str = "png"
    ) -> Picture:
        """A picture of the size asked for, scaled down to the cap where there is one."""
        cap = self.options.image_side_cap
        if cap is not None and max(width, height) > cap:
            scale = cap / max(width, height)
            width, height = max(8, round(width * scale)), max(8, round(height * scale))
        return Picture(prompt, seed, index, width, height, extension)

    def fresh_seed(self, prompt: str) -> int:
        """A seed for a request that names none: another one each time the same prompt comes."""
        return number_of("seed", self.options.seed, prompt, self.turn("seed", prompt)) % 2**31

    def turn(self, kind: str, text: str) -> int:
        """How often this was asked before (of the last 100,000 different ones)."""
        key = number_of(kind, text)
        count = self._turns.pop(key, -1) + 1
        self._turns[key] = count
        while len(self._turns) > _KEEP_TURNS:
            self._turns.popitem(last=False)
        return count

    def link_names(self, task: SimTask) -> list[str]:
        """The last part of each picture's link; new ones where the last ones have expired."""
        task.renew_links(self.clock(), self.options.link_seconds)
        return [
            f"{task.task_id}_{slot}_{task.link_version}.{picture.extension}"
            for slot, picture in enumerate(task.pictures)
        ]

    def linked_picture(self, file_name: str) -> tuple[SimTask, Picture, bool] | None:
        """What a link stands for: its task, the picture, and whether the link still works."""
        task_id, slot, version = [*PurePosixPath(file_name).stem.split("_"), "", ""][:3]
        task = self._tasks.get(task_id)
        if task is None or not slot.isdecimal() or not version.isdecimal() or int(slot) >= len(task.pictures):
            return None
        is_expired = task.is_link_expired(int(version), self.clock(), self.options.link_seconds)
        return task, task.pictures[int(slot)], not is_expired

    # Requests

    def replace_script(self, rules: tuple[Rule, ...]) -> None:
        """Let these rules be in force instead of those that are."""
        self.script = Script(rules)

    def next_request_number(self) -> int:
        """Numbers count from 1 since the start or the last reset."""
        self._request_number += 1
        return self._request_number

    async def pause(self, seconds: float) -> None:
        """Wait. Raises StoppingError as soon as the server is being stopped."""
        if self.stopping.is_set():
            raise StoppingError
        if seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return
        raise StoppingError

    def stats(self) -> dict[str, Any]:
        """Counts of requests and payments, and how much was going on at once."""
        for lane in self._lanes.values():
            lane.advance(self.clock())
        states = Counter(f"{task.service}.{task.state}" for task in self._tasks.values())
        return {
            "requests": dict(self.request_counts),
            "max_requests_at_once": dict(self.max_in_flight),
            "payments": self.ledger.counts(),
            "credit_micros": {str(service): amount for service, amount in self.credit.items()},
            "tasks": dict(states),
            "lanes": {
                str(service): {
                    "running": lane.running,
                    "waiting": lane.waiting,
                    "max_running": lane.max_running,
                    "max_open": lane.max_open,
                }
                for service, lane in self._lanes.items()
                if lane.max_open
            },
        }
