"""One soak: jobs, faults, a person and kill -9 at random; then everything is resumed and decided, and compared."""

import asyncio
import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from engine.api import JobQuery, JobRequest, TaskChoice
from engine.client import EngineClient
from engine.errors import ConflictError, EngineUnreachableError, FactoryError, NotFoundError
from engine.greeting import end_engine
from engine.views import JobStatus, UndecidedView
from tests.acceptance.support import rows
from tests.soak import proofs
from tests.soak.bystanders import Bystander
from tests.soak.chaos import Person, faults, job_settings
from tests.soak.services import SoakHome, soak_home
from tui.attach import EngineProcess

_SAMPLE_S = 0.5
_STALL_S = 120.0
_ROUNDS = 12
_QUIET_S = 3.0
_BYSTANDER_DIES = 0.3
_LONG_LIVES = 0.1
_WARM_S = 10.0
"""From then on a process has what it always needs; what is more with time is a leak."""
_HELD = (JobStatus.PAUSED, JobStatus.INTERRUPTED, JobStatus.STOPPED)


@dataclass(frozen=True, slots=True)
class Plan:
    images: int
    minutes: float | None
    seed: int
    fault_share: float
    job_images: int
    kill_seconds: float
    folder: Path


@dataclass(slots=True)
class Figures:
    """What a soak did and found. Every promise is kept when all of `broken` are empty."""

    planned: int = 0
    images: int = 0
    approved: int = 0
    faults: int = 0
    kills: int = 0
    client_kills: int = 0
    seconds: float = 0.0
    deeds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    """Orders that were paid for and that no look-up found again; the end treated them as lost."""
    peak_mb: dict[str, float] = field(default_factory=dict)
    memory: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """Seconds since the start and MB, of processes that are warm."""
    open_files: dict[str, int] = field(default_factory=dict)
    broken: dict[str, list[str]] = field(default_factory=dict)
    """By promise: what breaks it."""


class Soak:
    """Use `run`."""

    def __init__(self, plan: Plan, home: SoakHome) -> None:
        self._plan = plan
        self._home = home
        self._rng = Random(plan.seed)
        self._person = Person(Random(plan.seed + 1))
        self._stack = AsyncExitStack()
        self._client: EngineClient | None = None
        self._bystander: Bystander | None = None
        self._began = time.monotonic()
        self._seen_first: dict[int, float] = {}
        self._asked_about: set[int] = set()
        self._given_up: set[int] = set()
        self._stories: list[str] = []
        self.figures = Figures()

    async def run(self) -> Figures:
        """The whole soak; whatever it finds is in the figures."""
        helpers = [
            asyncio.create_task(self._home.keep_mirroring()),
            asyncio.create_task(self._sample()),
        ]
        try:
            await self._attach()
            await self._live()
            await self._home.set_script([])
            await self._come_to_rest()
            await self._part_from_bystander()
            await self._client_now.shut_down(at_once=False)
            await self._detach()
            await self._until_ended()
        finally:
            await self._part_from_bystander()
            for helper in helpers:
                helper.cancel()
            await asyncio.wait(helpers)
        for helper in helpers:
            if not helper.cancelled() and (error := helper.exception()):
                raise error
        await self._home.take_stock()
        self._prove()
        self.figures.seconds = time.monotonic() - self._began
        return self.figures

    # ---- the wild part

    async def _live(self) -> None:
        plan, figures = self._plan, self.figures
        ends_at = None if plan.minutes is None else time.monotonic() + plan.minutes * 60
        while ends_at is None or time.monotonic() < ends_at:
            if not await self._asked(self._keep_busy) and figures.planned >= plan.images:
                return
            await self._home.set_script(faults(self._rng, plan.fault_share))
            if self._bystander is None:
                self._bystander = Bystander(self._home, self._rng)
            await self._act_for(self._lifetime())
            if self._rng.random() < _BYSTANDER_DIES:
                await self._part_from_bystander()  # a front end dies, its engine has to go on
                await self._act_for(self._rng.uniform(0.2, 1.0))
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._client_now.engine_pid, signal.SIGKILL)
                figures.kills += 1
            await self._detach()
            await self._attach()

    def _lifetime(self) -> float:
        """Seconds until the next kill: mostly short, now and then so long that memory could pile up."""
        seconds = self._rng.uniform(0.2, 2 * self._plan.kill_seconds)
        return seconds * 8 if self._rng.random() < _LONG_LIVES else seconds

    async def _part_from_bystander(self) -> None:
        if self._bystander is None:
            return
        if complaint := self._bystander.complaint():
            self._stories.append(complaint)
        await self._bystander.kill()
        self.figures.client_kills += self._bystander.is_killed
        self._bystander = None

    async def _keep_busy(self, client: EngineClient) -> int:
        """Start a job where the queue runs low, as long as images are left to plan; 0 where nothing is left to
        do."""
        open_jobs = await client.unfinished_jobs()
        to_do = sum(job.images.planned - job.images.finished for job in open_jobs)
        if to_do < self._plan.job_images and self.figures.planned < self._plan.images:
            settings = job_settings(self._rng, self._plan.job_images)
            job = await client.start_job(JobRequest(settings, label="soak"))
            to_do += job.images.planned
            self.figures.planned += job.images.planned
            print(f"{self.figures.planned} images planned, {self.figures.kills} kills", flush=True)
        return to_do + len(open_jobs)

    async def _act_for(self, seconds: float) -> None:
        """A person at work; after a pause for a fault it resumes."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            deed = await self._asked(self._person.act)
            self.figures.deeds[deed or "refused"] += 1
            await self._asked(self._resume_all)
            await self._asked(self._keep_busy)
            if self._bystander is not None:
                self._bystander.look_around()
            await asyncio.sleep(min(left, self._rng.uniform(0.05, 1.0)))

    async def _resume_all(self, client: EngineClient, statuses: tuple[JobStatus, ...] = _HELD) -> int:
        """Resume whatever stands still; how many jobs that are."""
        jobs = (await client.jobs(JobQuery(statuses=statuses, limit=500))).rows
        resumed = 0
        for job in jobs:
            try:
                await client.resume_job(job.job_id)
                resumed += 1
            except ConflictError as error:
                self.figures.refused[error.code] += 1
        return resumed

    async def _asked[T](self, ask: Callable[[EngineClient], Awaitable[T]]) -> T | None:
        """What the engine answers; None where it says no. A no is part of life; the engine's own confusion is not."""
        try:
            return await ask(self._client_now)
        except (ConflictError, NotFoundError) as error:
            self.figures.refused[error.code] += 1
        except EngineUnreachableError as error:
            self._stories.append(f"the engine went away by itself: {error.message}")
        except FactoryError as error:
            if type(error) is FactoryError:
                self._stories.append(f"{error.message} {error.hint}")
            self.figures.refused[error.code] += 1
        return None

    # ---- the engine

    @property
    def _client_now(self) -> EngineClient:
        assert self._client is not None, "it is attached"
        return self._client

    async def _attach(self) -> None:
        process = EngineProcess(
            self._home.paths, {**os.environ, **self._home.environ}, str(self._home.root), idle_s=0
        )
        async with asyncio.timeout(_STALL_S):
            self._client = await self._stack.enter_async_context(process.attach())

    async def _detach(self) -> None:
        await self._stack.aclose()
        self._client = None

    async def _until_ended(self) -> None:
        """Also an engine that a window was just starting when it was killed."""
        quiet_since = time.monotonic()
        async with asyncio.timeout(_STALL_S):
            while time.monotonic() - quiet_since < _QUIET_S:
                if self._home.paths.socket_file.exists():
                    quiet_since = time.monotonic()
                    await end_engine(self._home.paths)
                await asyncio.sleep(0.05)

    async def _sample(self) -> None:
        while True:
            pids = {"soak": os.getpid(), "simulator": self._home.simulator_pid}
            if self._client is not None:
                pids["engine"] = self._client.engine_pid
            if self._bystander is not None:
                pids[self._bystander.name] = self._bystander.pid
            for name, pid in pids.items():
                self._note(name, pid)
            await asyncio.sleep(_SAMPLE_S)

    def _note(self, name: str, pid: int) -> None:
        folder = Path(f"/proc/{pid}")
        try:
            status = (folder / "status").read_text()
            count = len(list((folder / "fd").iterdir()))
        except OSError:
            return  # just killed, or a system without /proc: the report says "not measured"
        if "VmHWM:" not in status:
            return
        peak, files = self.figures.peak_mb, self.figures.open_files
        peak[name] = max(peak.get(name, 0.0), _megabytes(status, "VmHWM"))
        files[name] = max(files.get(name, 0), count)
        now = time.monotonic()
        if now - self._seen_first.setdefault(pid, now) >= _WARM_S:
            sample = (now - self._began, _megabytes(status, "VmRSS"))
            self.figures.memory.setdefault(name, []).append(sample)

    # ---- the end

    async def _come_to_rest(self) -> None:
        """Without faults: resume everything, decide every open order, until nothing is left to do."""
        client = self._client_now
        for round_ in range(_ROUNDS):
            await self._resume_all(client, (JobStatus.FAILED,))  # once a round: it may fail for good
            while True:
                await self._resume_all(client)
                open_jobs = await client.unfinished_jobs()
                if not open_jobs:
                    break
                async with asyncio.timeout(_STALL_S + 2 * open_jobs[0].images.planned):
                    await client.wait_for_job(open_jobs[0].job_id)
            await self._home.take_stock()
            undecided = await client.undecided_tasks(limit=100_000)
            print(f"round {round_ + 1}: {len(undecided)} orders to decide", flush=True)
            if not undecided:
                return
            for task in undecided:
                await self._decide(client, task)
        self._stories.append(f"{len(undecided)} orders cannot be decided")

    async def _decide(self, client: EngineClient, task: UndecidedView) -> None:
        """As the simulator's ledger says: what was paid is asked for once, what was not is sent again, and what was
        paid and is not found again is given up. A job that an earlier decision set going is left to the next round."""
        is_paid = any(payment["prompt"] == task.prompt for payment in proofs.orders(self._home))
        if is_paid and "ask" in task.choices and task.task not in self._asked_about:
            choice = TaskChoice.ASK
        elif is_paid:
            choice = TaskChoice.LOST
        else:
            choice = TaskChoice.SUBMIT
        if (await client.decide_tasks([task.task], choice)).done:
            marks = {TaskChoice.ASK: self._asked_about, TaskChoice.LOST: self._given_up}
            marks.get(choice, set()).add(task.task)

    def _prove(self) -> None:
        home, figures = self._home, self.figures
        stray, missing = proofs.orphans(home)
        figures.broken = {
            "lost": proofs.lost(home, self._given_up),
            "doubled": proofs.doubled(home, self._person.sent_again),
            "unchecked approved": proofs.unchecked(home),
            "files without a row": stray,
            "rows without a file": missing,
            "books": proofs.books(home),
            "at rest": proofs.at_rest(home),
            "stories": self._stories,
        }
        figures.given_up = len(self._given_up)
        figures.faults = home.faults_sent
        (count,) = rows(
            home, "SELECT count(*) AS n, coalesce(sum(status = 'approved'), 0) AS approved FROM images"
        )
        figures.images, figures.approved = count["n"], count["approved"]


def _megabytes(status: str, field: str) -> float:
    return int(status.partition(f"{field}:")[2].split()[0]) * 1024 / 1e6


async def soak(plan: Plan) -> Figures:
    """Run a soak in a folder of its own."""
    async with soak_home(plan.folder, plan.seed) as home:
        return await Soak(plan, home).run()
