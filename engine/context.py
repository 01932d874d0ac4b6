"""What every stage of a running job may use. Built once by the runner; it never changes."""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from db import images as image_rows
from db.connection import Database
from db.records import ImageRecord, JobRecord, utc_text
from engine.bus import EventBus
from engine.calls import Caller
from engine.clock import Clock
from engine.costs import PriceBook
from engine.events import ImageChanged, TaskChanged
from engine.inputs import JobInputs
from engine.logs import JobLog
from engine.pipeline import Gate
from engine.rules import StageRules
from engine.services import Services
from engine.settings import Settings
from engine.spending import Spending


@dataclass(frozen=True, slots=True)
class JobFolders:
    """Where a job's files lie; all absolute."""

    work: Path
    """Originals, processed pictures, what was cut off in mid-way; one folder a job."""
    output: Path
    previews: Path


@dataclass(frozen=True, slots=True)
class JobContext:
    job: JobRecord
    settings: Settings
    inputs: JobInputs
    database: Database
    bus: EventBus
    log: JobLog
    clock: Clock
    services: Services
    prices: PriceBook
    spending: Spending
    caller: Caller
    gate: Gate
    folders: JobFolders
    pool: Executor
    """Threads for work on pixels."""
    rules: StageRules = field(default_factory=StageRules)
    paid_calls: set[asyncio.Task[Any]] = field(default_factory=set)
    """Paid requests that are on their way, with the commit of their answer; they outlive the worker that sent them."""
    unkept: dict[str, Callable[[], Awaitable[Any]]] = field(default_factory=dict)
    """What came of paid requests and could not be written down yet, by the call's name; see engine.paid."""
    spare_numbers: set[int] = field(default_factory=set)
    """Image numbers beyond the planned ones that are taken by pictures without a row yet."""

    def now(self) -> str:
        """The time as it is stored."""
        return utc_text(self.clock.now())

    async def compute[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run work on pixels off the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, partial(function, *args, **kwargs))

    async def see_through[T](self, paid_call: asyncio.Task[T]) -> T:
        """Wait for a paid request; cancelling the waiting worker does not cancel the request."""
        self.paid_calls.add(paid_call)
        paid_call.add_done_callback(self.paid_calls.discard)
        return await asyncio.shield(paid_call)

    async def image(self, image_id: int) -> ImageRecord:
        """The row as it is now."""
        async with self.database.reading() as connection:
            record = await image_rows.get(connection, image_id)
        assert record is not None, f"image {image_id} is in the pipeline, so it has a row"
        return record

    def task_changed(self, generation_id: int, state: str) -> None:
        """Tell that a paid call reached another state."""
        self.bus.publish(TaskChanged(self.job.job_id, generation_id, state))

    def image_changed(self, image_id: int, status: str) -> None:
        """Tell that an image came, or got another status."""
        self.bus.publish(ImageChanged(self.job.job_id, image_id, status))
