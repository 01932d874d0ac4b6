"""The engine: owns the data folder, the database, the queue and every client, and hands each command to its part.

Queries are inherited from engine.queries; jobs run in engine.queue; it computes nothing itself.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from db import imports, job_queue
from db.connection import Database
from db.status import JobStatus
from engine.api import JobQuery, JobRequest, LogQuery
from engine.bus import EventBus, Subscription
from engine.care.backups import BackupSchedule
from engine.care.cleaner import Cleaner
from engine.care.views import CleanView
from engine.clock import Clock, SystemClock
from engine.configuring import ConfigurationCommands
from engine.context_maker import ContextMaker
from engine.costs import PriceBook
from engine.crash import crash_point
from engine.deciding import Deciding
from engine.deleting import Deleting
from engine.editing import Editing
from engine.electron.importer import ElectronImport
from engine.electron.source import remove_leftovers
from engine.electron.views import ImportView
from engine.errors import Problem
from engine.export.advice import Advice
from engine.export.commands import ExportCommands
from engine.export.exporter import Exporter
from engine.export.source import Source
from engine.image_commands import ImageCommands
from engine.job_commands import JobCommands
from engine.job_maker import JobMaker
from engine.job_tools import JobTools
from engine.lock import FolderLock, is_network_filesystem
from engine.logs import LogBook
from engine.paths import Paths
from engine.places import Places
from engine.preferences import Preferences, load_preferences
from engine.providers.http import HttpGateway
from engine.queries import Queries
from engine.queue import JobQueue
from engine.recovery import recover
from engine.regenerating import Regenerating
from engine.retrying import Retrying
from engine.review import Review
from engine.secrets import KeyName, KeyStore
from engine.services import Services
from engine.sizes import Size
from engine.trashing import Trashing
from engine.views import (
    ConfigurationView,
    JobView,
    LogView,
    PlanView,
    ProgressView,
)

FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})
UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.INTERRUPTED)


class Engine(ImageCommands, ExportCommands, Queries):
    """Implements engine.api.EngineApi. One a data folder; get it from `open`."""

    def __init__(
        self,
        *,
        paths: Paths,
        preferences: Preferences,
        keys: KeyStore,
        database: Database,
        services: Services,
        prices: PriceBook,
        clock: Clock,
        bus: EventBus,
        log_book: LogBook,
        pool: ThreadPoolExecutor,
        environ: Mapping[str, str],
    ) -> None:
        super().__init__(database)
        self._paths = paths
        self._preferences = preferences
        self._keys = keys
        self._services = services
        self._clock = clock
        self._bus = bus
        self._log_book = log_book
        self._environ = environ
        contexts = ContextMaker(database, bus, log_book, clock, services, prices, pool, self._places)
        self._queue = JobQueue(database, bus, clock, self, contexts.make)
        tools = JobTools(
            database, self, keys, prices, self._places, clock, log_book, bus, self._target_warnings
        )
        self._job_commands = JobCommands(database, self._queue, clock, log_book, bus)
        self._configurations = ConfigurationCommands(database, self, clock, bus)
        self._electron = ElectronImport(database, log_book, bus, clock, self._places)
        trashing = Trashing(database, clock, log_book, paths.trash_dir)
        self._review = Review(database, bus, clock, log_book, contexts.make, trashing)
        self._deleting = Deleting(database, self._queue, self._review, trashing, clock, log_book, bus)
        self._retrying = Retrying(tools, self._review)
        self._regenerating = Regenerating(tools)
        self._deciding = Deciding(database, self._queue, clock, log_book, bus)

        self._cleaner = Cleaner(database, log_book, bus, clock, self._places, self._is_at_work)
        source = Source(database, self)
        self._advice = Advice(source, paths.agencies_file)
        self._maker = JobMaker(tools)
        self._exporter = Exporter(
            database,
            self,
            source,
            self._advice,
            bus,
            clock,
            scratch=paths.scratch_dir,
            default_folder=lambda: self._preferences.export_folder(paths),
            hide=keys.masker.hide,
        )
        self._editing = Editing(database, self._review, bus, clock, log_book, self._advice.agencies)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        paths: Paths,
        preferences: Preferences,
        keys: KeyStore,
        *,
        clock: Clock | None = None,
        environ: Mapping[str, str] = os.environ,
        is_working: bool = True,
    ) -> AsyncIterator["Engine"]:
        """Take the folder, open and migrate the database, put right what a killed engine left, begin with the queue
        (unless `is_working` is False: then it carries out commands and runs no job).

        Raises EngineHeldError, InputError, and db.errors.DatabaseError; leaves nothing open then.
        """
        clock = clock or SystemClock()
        async with contextlib.AsyncExitStack() as stack:
            paths.ensure()
            stack.enter_context(FolderLock(paths.lock_file))
            prices = PriceBook.load(paths.prices_file)
            await _teach_masker(keys)
            database = await Database.open(paths.database_file, crash_point=crash_point)
            stack.push_async_callback(database.close)
            http = await HttpGateway.open()
            services = Services(preferences, keys.get, http)
            stack.push_async_callback(services.close)
            bus = EventBus()
            stack.callback(bus.close)
            log_book = LogBook(database, bus, clock, keys.masker)
            log_book.start()
            stack.push_async_callback(log_book.close)
            pool = ThreadPoolExecutor(os.cpu_count() or 2, thread_name_prefix="pixels")
            stack.callback(pool.shutdown, cancel_futures=True)
            engine = cls(
                paths=paths,
                preferences=preferences,
                keys=keys,
                database=database,
                services=services,
                prices=prices,
                clock=clock,
                bus=bus,
                log_book=log_book,
                pool=pool,
                environ=environ,
            )
            backups = BackupSchedule(paths.database_file, paths.backups_dir, clock, log_book)
            stack.push_async_callback(backups.close)
            await engine._begin(is_working=is_working)
            if is_working:
                backups.start()
            try:
                yield engine
            finally:
                await engine.shut_down(at_once=False)

    def mask(self, text: str) -> str:
        """The text without any key, for errors that nobody foresaw."""
        return self._keys.masker.mask(text)

    async def _begin(self, *, is_working: bool) -> None:
        if await asyncio.to_thread(is_network_filesystem, self._paths.data_dir):
            self._log_book.for_job(None).warning(
                f"{self._paths.data_dir} is on a network file system, where the database and its lock cannot be "
                "trusted. Choose a local folder with --home; pictures may stay where they are."
            )
        interrupted = await recover(self._database, self._log_book, self._clock)
        await self._review.settle()
        await asyncio.to_thread(remove_leftovers, self._paths.data_dir)
        await self._editing.settle()
        await self._exporter.settle()
        if not is_working:
            return
        if self._preferences.resume_on_start:
            async with self._database.transaction() as connection:
                foreign = await imports.imported_jobs(connection, [job.job_id for job in interrupted])
                for job in reversed(interrupted):
                    if job.job_id in foreign:
                        continue  # it ended elsewhere, long ago: nobody expects it to go on by itself
                    await job_queue.enqueue(connection, job.job_id)
                    await job_queue.move_in_queue(connection, job.job_id, 0)
        self._queue.start()

    # ---- hears

    def subscribe(self, capacity: int = 2_000) -> Subscription:
        """See EngineApi."""
        return self._bus.subscribe(capacity)

    # ---- tells: jobs

    async def plan_job(self, request: JobRequest) -> PlanView:
        """See EngineApi."""
        return (await self._maker.plan(request)).view()

    async def start_job(self, request: JobRequest) -> JobView:
        """See EngineApi."""
        job = await self._maker.start(request)
        self._job_commands.queue_changed()
        return await self.job(job.job_id)

    async def rerun_jobs(self, job_ids: Sequence[str], *, is_as_run: bool) -> list[JobView]:
        """See EngineApi."""
        jobs = await self._maker.rerun(job_ids, is_as_run=is_as_run)
        self._job_commands.queue_changed()
        return jobs

    async def pause_job(self, job_id: str) -> None:
        """See EngineApi."""
        await self._job_commands.pause(job_id)

    async def resume_job(self, job_id: str, *, budget_usd: float | None = None) -> None:
        """See EngineApi."""
        await self._job_commands.resume(job_id, budget_usd=budget_usd)

    async def stop_job(self, job_id: str, *, is_forced: bool = False) -> None:
        """See EngineApi."""
        await self._job_commands.stop(job_id, is_forced=is_forced)

    async def remove_from_queue(self, job_id: str) -> None:
        """See EngineApi."""
        await self._job_commands.remove(job_id)

    async def move_in_queue(self, job_id: str, position: int) -> None:
        """See EngineApi."""
        await self._job_commands.move(job_id, position)

    async def rename_job(self, job_id: str, label: str) -> None:
        """See EngineApi."""
        await self._job_commands.rename(job_id, label)

    async def delete_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        return await self._deleting.delete(job_ids)

    async def restore_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        return await self._deleting.restore(job_ids)

    # ---- tells: configurations

    async def save_configuration(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """See EngineApi."""
        return await self._configurations.save(name, settings, is_default=is_default)

    async def delete_configuration(self, name: str) -> None:
        """See EngineApi."""
        await self._configurations.delete(name)

    async def rename_configuration(self, name: str, new_name: str) -> None:
        """See EngineApi."""
        await self._configurations.rename(name, new_name)

    # ---- tells: the program

    async def reload_preferences(self) -> None:
        """See EngineApi."""
        self._preferences, _ = await asyncio.to_thread(
            load_preferences, self._paths.config_file, self._environ
        )
        self._services.use(self._preferences)
        await _teach_masker(self._keys)

    async def import_electron(
        self, path: str, *, folder: str | None = None, is_copying: bool = False, is_dry_run: bool = False
    ) -> ImportView:
        """See EngineApi."""
        return await self._electron.run(path, folder=folder, is_copying=is_copying, is_dry_run=is_dry_run)

    async def clean(
        self, *, older_than_days: float = 30, includes_caches: bool = False, is_dry_run: bool = False
    ) -> CleanView:
        """See EngineApi."""
        return await self._cleaner.clean(
            older_than_days=older_than_days, includes_caches=includes_caches, is_dry_run=is_dry_run
        )

    # ---- asks, beyond what the rows tell

    async def progress(self, job_id: str) -> ProgressView:
        """See EngineApi."""
        running = self._queue.running
        if running is None or running.job.job_id != job_id:
            # Nobody works on it, so there is nothing whose end a pause would still wait for.
            return await self.progress_at(job_id, None, 0.0, is_still=True)
        return await self.progress_at(
            job_id, running.pace, self._clock.monotonic(), is_still=running.is_still
        )

    async def logs(self, query: LogQuery) -> list[LogView]:
        """See EngineApi."""
        await self._log_book.flush()
        return await super().logs(query)

    # ---- for whoever runs the engine in its own process

    async def is_idle(self) -> bool:
        """Whether no job is at work, none waits, and no decision or export is being carried out."""
        return (
            self._queue.is_idle
            and self._review.is_idle
            and self._exporter.is_idle
            and not any(job.status is JobStatus.QUEUED for job in await self.queue())
        )

    async def flush_logs(self) -> None:
        """Wait until everything recorded so far can be read."""
        await self._log_book.flush()

    async def unfinished_jobs(self) -> list[JobView]:
        """Queued, running, paused and interrupted jobs, oldest first; not those that broke off in another program."""
        page = await self.jobs(JobQuery(statuses=UNFINISHED, sort="oldest", limit=10_000))
        interrupted = [job.job_id for job in page.rows if job.status is JobStatus.INTERRUPTED]
        async with self._database.reading() as connection:
            foreign = await imports.imported_jobs(connection, interrupted)
        return [job for job in page.rows if job.job_id not in foreign]

    async def wait_for_job(self, job_id: str) -> JobView:
        """Return when the job has finished, or when a pause holds the queue and nothing is on its way any more."""
        with contextlib.closing(self.subscribe()) as subscription:
            while True:
                view = await self.job(job_id)
                running = self._queue.running
                if view.status in FINISHED:
                    is_over = running is None or running.job.job_id != job_id
                elif running is not None:
                    gate = running.context.gate
                    is_over = running.is_still and not gate.is_open and not gate.is_stopping
                else:
                    is_over = view.status in (JobStatus.PAUSED, JobStatus.INTERRUPTED)
                if is_over:
                    await self._log_book.flush()
                    return await self.job(job_id)
                if not await subscription.next_batch():
                    return view  # the engine is shutting down

    async def shut_down(self, *, at_once: bool) -> None:
        """Send nothing new. Answers to paid requests that are on their way are awaited, unless `at_once`; every
        unfinished job stays resumable. May be called again, also while a first call waits."""
        await self._exporter.close()
        await self._review.close(at_once=at_once)
        await self._queue.shut_down(at_once=at_once)
        self._bus.close()

    def _is_at_work(self) -> bool:
        return not (self._queue.is_idle and self._review.is_idle)

    async def _target_warnings(self, sizes: Sequence[Size]) -> list[Problem]:
        return await self._advice.target_warnings(self._preferences.target_agency, sizes)

    def _places(self) -> Places:
        return Places(self._paths, self._preferences)


async def _teach_masker(keys: KeyStore) -> None:
    """So that it knows every key before a line is logged."""
    for name in KeyName:
        await asyncio.to_thread(keys.get, name)
