"""Builds the context of a job that is about to be worked on: its snapshot, its folders, its gate."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

from db import jobs as job_rows
from db.connection import Database
from db.records import JobRecord
from engine.bus import EventBus
from engine.calls import Caller
from engine.clock import Clock
from engine.context import JobContext, JobFolders
from engine.costs import PriceBook
from engine.files import cleanup_partials
from engine.inputs import read_inputs
from engine.logs import LogBook
from engine.pipeline import Gate
from engine.places import Places
from engine.services import Services
from engine.settings import merge_settings
from engine.spending import Spending
from engine.spool import Spool


@dataclass(frozen=True, slots=True)
class ContextMaker:
    """Everything of the engine that a job may use."""

    database: Database
    bus: EventBus
    log_book: LogBook
    clock: Clock
    services: Services
    prices: PriceBook
    pool: Executor
    places: Callable[[], Places]

    async def make(self, job: JobRecord) -> JobContext:
        """Make its folders and everything that its stages use. Raises OSError, InputError, and SettingsError for a
        snapshot that cannot be read."""
        async with self.database.reading() as connection:
            snapshot = await job_rows.snapshot(connection, job.job_id)
        assert snapshot is not None, "every job has its snapshot"
        settings, _ = merge_settings(snapshot.settings)
        places = self.places()
        folders = JobFolders(
            work=places.work(settings) / job.job_id,
            output=Path(job.output_dir),
            previews=places.paths.previews_dir,
        )
        await asyncio.to_thread(_prepare, folders, job.job_id)
        log = self.log_book.for_job(job.job_id, is_debug=settings.advanced.debug)
        gate = Gate()
        return JobContext(
            job=job,
            settings=settings,
            inputs=read_inputs(snapshot.inputs),
            database=self.database,
            bus=self.bus,
            log=log,
            clock=self.clock,
            services=self.services,
            prices=self.prices,
            spending=Spending(job.job_id, self.clock),
            caller=Caller(
                clock=self.clock,
                log=log,
                gate=gate,
                first_wait_s=settings.generation.backoff_seconds,
                patience_s=settings.generation.timeout_minutes * 60,
            ),
            gate=gate,
            folders=folders,
            pool=self.pool,
        )


def _prepare(folders: JobFolders, job_id: str) -> None:
    """Make the folders and remove what a killed engine left unfinished in them."""
    for folder in (folders.work, folders.output):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (folders.work, Spool(folders.work).folder, folders.output, folders.previews / job_id):
        cleanup_partials(folder)
