"""The engine: owns the data folder, the database, the queue and every client, and carries out the commands.

It answers queries through engine.queries and runs jobs through engine.queue; it computes nothing itself.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite

from db import configurations as configuration_rows
from db import generations as generation_rows
from db import images as image_rows
from db import job_queue
from db import jobs as job_rows
from db import tasks as task_rows
from db.connection import Database
from db.records import JobRecord, NewGeneration, NewJob, NewTask, utc_text
from db.status import JobKind, JobStatus
from engine.api import ImageQuery, JobQuery, JobRequest, LogQuery
from engine.bus import EventBus, Subscription
from engine.calls import Caller
from engine.clock import Clock, SystemClock
from engine.context import JobContext, JobFolders
from engine.costs import PriceBook
from engine.crash import crash_point
from engine.errors import ConflictError, NotFoundError, PauseRequired, Problem, SettingsError
from engine.events import ConfigurationsChanged, JobChanged, JobCreated, JobStatusChanged, QueueChanged
from engine.files import cleanup_partials
from engine.inputs import JobInputs
from engine.lock import FolderLock
from engine.logs import LogBook
from engine.paths import Paths
from engine.pipeline import Gate
from engine.plan import JobPlan, make_plan
from engine.preferences import Preferences, load_preferences
from engine.preflight import preflight
from engine.providers.http import HttpGateway
from engine.queries import DEFAULT_CONFIGURATION, Queries
from engine.queue import JobQueue, RunningJob
from engine.recovery import recover
from engine.review import Review
from engine.secrets import KeyName, KeyStore
from engine.services import Services
from engine.settings import Settings, dump_settings, merge_settings
from engine.spending import Spending
from engine.spool import Spool
from engine.text import clean_text
from engine.views import (
    ConfigurationView,
    DecisionView,
    ImageView,
    JobDetailView,
    JobView,
    ListIndex,
    LogView,
    Page,
    PlanView,
    ProgressView,
    TotalsView,
)

logger = logging.getLogger(__name__)

ID_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, lower case: no letter that is mistaken for another."""
ID_LENGTH = 8
LABEL_LIMIT = 200
FINISHED = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.STOPPED})
UNFINISHED = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.INTERRUPTED)


class Engine:
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
        self._paths = paths
        self._preferences = preferences
        self._keys = keys
        self._database = database
        self._services = services
        self._prices = prices
        self._clock = clock
        self._bus = bus
        self._log_book = log_book
        self._pool = pool
        self._environ = environ
        self._queries = Queries(database)
        self._queue = JobQueue(database, bus, clock, self._queries, self._make_context)
        self._review = Review(database, bus, clock, log_book, self._make_context, paths.trash_dir)

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
            await engine._begin(is_working=is_working)
            try:
                yield engine
            finally:
                await engine.shut_down(at_once=False)

    async def _begin(self, *, is_working: bool) -> None:
        interrupted = await recover(self._database, self._log_book, self._clock)
        await self._review.settle()
        if not is_working:
            return
        if self._preferences.resume_on_start:
            async with self._database.transaction() as connection:
                for job in reversed(interrupted):
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
        return (await self._plan(request)).view()

    async def start_job(self, request: JobRequest) -> JobView:
        """See EngineApi."""
        plan = await self._plan(request)
        if not plan.can_start:
            raise SettingsError([problem for problem in plan.problems if not problem.is_warning])
        return await self._create(plan, request)

    async def rerun_jobs(self, job_ids: Sequence[str], *, is_as_run: bool) -> list[JobView]:
        """See EngineApi. Plans all before it queues the first; raises SettingsError for one that cannot start."""
        planned: list[tuple[JobPlan, JobRequest]] = []
        for job_id in job_ids:
            original = await self._queries.job(job_id)
            settings = dump_settings(await self._queries.job_settings(job_id))
            if not is_as_run and original.configuration is not None:
                settings = await self._current_settings(original.configuration, otherwise=settings)
            request = JobRequest(
                settings=settings,
                label=_rerun_label(original),
                configuration=original.configuration,
                parent_job_id=job_id,
            )
            plan = await self._plan(request)
            if not plan.can_start:
                raise SettingsError(
                    [
                        Problem(f"{original.label} {problem.field}", problem.message, hint=problem.hint)
                        for problem in plan.problems
                        if not problem.is_warning
                    ]
                )
            planned.append((plan, request))
        return [await self._create(plan, request) for plan, request in planned]

    async def pause_job(self, job_id: str) -> None:
        """See EngineApi."""
        await self._queue.settled()
        running = self._at_work(job_id, "paused")
        await self._queue.pause(
            running, PauseRequired("Paused by you.", hint="Resume when you like.", code="user")
        )

    async def resume_job(self, job_id: str, *, budget_usd: float | None = None) -> None:
        """See EngineApi."""
        await self._queue.settled()
        job = await self._record(job_id)
        if budget_usd is not None:
            async with self._database.transaction() as connection:
                await job_rows.set_budget(connection, job_id, round(budget_usd * 1_000_000))
        running = self._queue.running
        if running is not None and running.job.job_id == job_id:
            if running.context.gate.is_stopping:
                raise ConflictError(f"{job.label} is stopping.", hint="Resume it when it has stopped.")
            await self._queue.resume(running)
            return
        async with self._database.transaction() as connection:
            if not await job_queue.enqueue(connection, job_id):
                raise ConflictError(f"{job.label} is {job.status}: there is nothing to resume.")
            await job_queue.move_in_queue(connection, job_id, 0)
        self._bus.publish(JobStatusChanged(job_id, JobStatus.QUEUED))
        self._queue_changed()

    async def stop_job(self, job_id: str, *, is_forced: bool = False) -> None:
        """See EngineApi."""
        await self._queue.settled()
        running = self._queue.running
        if running is not None and running.job.job_id == job_id:
            await self._queue.stop(running, is_forced=is_forced)
            return
        job = await self._record(job_id)
        if job.status is JobStatus.QUEUED:
            await self.remove_from_queue(job_id)
            return
        if job.status not in (JobStatus.PAUSED, JobStatus.INTERRUPTED):
            raise ConflictError(f"{job.label} is {job.status}: there is nothing to stop.")
        await self._end_waiting(job_id, [job.status])

    async def remove_from_queue(self, job_id: str) -> None:
        """See EngineApi."""
        await self._queue.settled()
        job = await self._record(job_id)
        if job.status is not JobStatus.QUEUED:
            raise ConflictError(f"{job.label} is {job.status}, it does not wait in the queue.")
        await self._end_waiting(job_id, [JobStatus.QUEUED])

    async def move_in_queue(self, job_id: str, position: int) -> None:
        """See EngineApi."""
        async with self._database.transaction() as connection:
            is_moved = await job_queue.move_in_queue(connection, job_id, position - 1)
        if not is_moved:
            raise ConflictError("The job does not wait in the queue.")
        self._queue_changed()

    async def rename_job(self, job_id: str, label: str) -> None:
        """See EngineApi."""
        async with self._database.transaction() as connection:
            if not await job_rows.rename(connection, job_id, _checked_label(label)):
                raise NotFoundError(f"There is no job {job_id}.")
        self._bus.publish(JobChanged(job_id))

    async def delete_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        await self._queue.settled()
        for job_id in job_ids:
            job = await self._record(job_id)
            if job.status in (JobStatus.RUNNING, JobStatus.PAUSED) and self._is_at_work(job_id):
                raise ConflictError(f"{job.label} is at work.", hint="Stop it first.")
        return await self._set_deleted(job_ids, is_deleted=True)

    async def restore_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        return await self._set_deleted(job_ids, is_deleted=False)

    # ---- tells: decisions about images

    async def approve_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.approve(image_ids)

    async def unapprove_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.unapprove(image_ids)

    async def trash_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.trash(image_ids)

    async def restore_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.restore(image_ids)

    # ---- tells: configurations

    async def save_configuration(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """See EngineApi."""
        merged, _ = merge_settings(settings)
        async with self._database.transaction() as connection:
            await configuration_rows.save(
                connection, _checked_label(name), dump_settings(merged), self._now()
            )
            if is_default:
                await configuration_rows.set_default(connection, _checked_label(name))
            await _settle_default(connection)
        self._bus.publish(ConfigurationsChanged())
        return await self.configuration(_checked_label(name))

    async def delete_configuration(self, name: str) -> None:
        """See EngineApi."""
        async with self._database.transaction() as connection:
            if not await configuration_rows.delete(connection, name):
                raise NotFoundError(
                    f"There is no configuration “{name}”.", hint="`gimf config list` shows them all."
                )
            await _settle_default(connection)
        self._bus.publish(ConfigurationsChanged())

    async def rename_configuration(self, name: str, new_name: str) -> None:
        """See EngineApi."""
        try:
            async with self._database.transaction() as connection:
                if not await configuration_rows.rename(
                    connection, name, _checked_label(new_name), self._now()
                ):
                    raise NotFoundError(f"There is no configuration “{name}”.")
                await _settle_default(connection)
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"There is a configuration “{new_name}” already.") from error
        self._bus.publish(ConfigurationsChanged())

    # ---- tells: the program

    async def reload_preferences(self) -> None:
        """See EngineApi."""
        self._preferences, _ = await asyncio.to_thread(
            load_preferences, self._paths.config_file, self._environ
        )
        self._services.use(self._preferences)
        await _teach_masker(self._keys)

    # ---- asks

    async def resolve_job(self, text: str) -> str:
        """See EngineApi."""
        return await self._queries.resolve_job(text)

    async def jobs(self, query: JobQuery) -> Page[JobView]:
        """See EngineApi."""
        return await self._queries.jobs(query)

    async def job_index(self, query: JobQuery) -> ListIndex:
        """See EngineApi."""
        return await self._queries.job_index(query)

    async def job_ids(self, query: JobQuery) -> list[str]:
        """See EngineApi."""
        return await self._queries.job_ids(query)

    async def job(self, job_id: str) -> JobView:
        """See EngineApi."""
        return await self._queries.job(job_id)

    async def job_detail(self, job_id: str) -> JobDetailView:
        """See EngineApi."""
        return await self._queries.job_detail(job_id)

    async def job_settings(self, job_id: str) -> Settings:
        """See EngineApi."""
        return await self._queries.job_settings(job_id)

    async def queue(self) -> list[JobView]:
        """See EngineApi."""
        return await self._queries.queue()

    async def progress(self, job_id: str) -> ProgressView:
        """See EngineApi."""
        running = self._queue.running
        if running is not None and running.job.job_id == job_id:
            return await self._queries.progress(
                job_id, running.pace, self._clock.monotonic(), is_still=running.is_still
            )
        return await self._queries.progress(job_id)

    async def images(self, query: ImageQuery) -> Page[ImageView]:
        """See EngineApi."""
        return await self._queries.images(query)

    async def image_index(self, query: ImageQuery) -> ListIndex:
        """See EngineApi."""
        return await self._queries.image_index(query)

    async def image_ids(self, query: ImageQuery) -> list[int]:
        """See EngineApi."""
        return await self._queries.image_ids(query)

    async def image(self, image_id: int) -> ImageView:
        """See EngineApi."""
        return await self._queries.image(image_id)

    async def images_by_id(self, image_ids: Sequence[int]) -> list[ImageView]:
        """See EngineApi."""
        return await self._queries.images_by_id(image_ids)

    async def logs(self, query: LogQuery) -> list[LogView]:
        """See EngineApi."""
        await self._log_book.flush()
        return await self._queries.logs(query)

    async def totals(self) -> TotalsView:
        """See EngineApi."""
        return await self._queries.totals()

    async def configurations(self) -> list[ConfigurationView]:
        """See EngineApi."""
        return await self._queries.configurations()

    async def configuration(self, name: str | None) -> ConfigurationView:
        """See EngineApi."""
        return await self._queries.configuration(name)

    # ---- for whoever runs the engine in its own process

    async def is_idle(self) -> bool:
        """Whether no job is at work, none waits, and no decision is being carried out."""
        return (
            self._queue.is_idle
            and self._review.is_idle
            and not any(job.status is JobStatus.QUEUED for job in await self._queries.queue())
        )

    async def flush_logs(self) -> None:
        """Wait until everything recorded so far can be read."""
        await self._log_book.flush()

    async def unfinished_jobs(self) -> list[JobView]:
        """Queued, running, paused and interrupted jobs, oldest first."""
        page = await self._queries.jobs(JobQuery(statuses=UNFINISHED, sort="oldest", limit=10_000))
        return list(page.rows)

    async def wait_for_job(self, job_id: str) -> JobView:
        """Return when the job has finished, or when a pause holds the queue and nothing is on its way any more."""
        with contextlib.closing(self.subscribe()) as subscription:
            while True:
                view = await self._queries.job(job_id)
                running = self._queue.running
                if view.status in FINISHED:
                    is_over = not self._is_at_work(job_id)
                elif running is not None:
                    gate = running.context.gate
                    is_over = running.is_still and not gate.is_open and not gate.is_stopping
                else:
                    is_over = view.status in (JobStatus.PAUSED, JobStatus.INTERRUPTED)
                if is_over:
                    await self._log_book.flush()
                    return await self._queries.job(job_id)
                if not await subscription.next_batch():
                    return view  # the engine is shutting down

    async def shut_down(self, *, at_once: bool) -> None:
        """Send nothing new. Answers to paid requests that are on their way are awaited, unless `at_once`; every
        unfinished job stays resumable. May be called again, also while a first call waits."""
        await self._review.close(at_once=at_once)
        await self._queue.shut_down(at_once=at_once)
        self._bus.close()

    # ---- inside

    async def _plan(self, request: JobRequest) -> JobPlan:
        settings, warnings = merge_settings(request.settings)
        output_dir = settings.files.output_folder(self._preferences.output_folder(self._paths))
        plan = await asyncio.to_thread(
            make_plan, settings, self._prices, output_dir=output_dir, today=self._clock.now().date()
        )
        keys_there = {name for name in KeyName if await asyncio.to_thread(self._keys.get, name)}
        problems = preflight(plan, has_key=keys_there.__contains__, work_dir=self._work_dir(settings))
        return plan.with_problems((*warnings, *problems, *_label_problems(request.label)))

    async def _current_settings(self, name: str, *, otherwise: dict[str, Any]) -> dict[str, Any]:
        """A configuration as it is now; `otherwise` where it was deleted. `default` need not be stored."""
        try:
            return (await self._queries.configuration(name)).settings
        except NotFoundError:
            default = await self._queries.configuration(None)
            return default.settings if default.name == name else otherwise

    def _work_dir(self, settings: Settings) -> Path:
        return settings.files.work_folder(self._preferences.work_folder(self._paths))

    async def _create(self, plan: JobPlan, request: JobRequest) -> JobView:
        """The job with every generation and task of it, in one transaction."""
        at = self._now()
        label = _checked_label(request.label or f"job_{self._clock.now().astimezone():%Y%m%d_%H%M%S}")
        async with self._database.transaction(durable=True) as connection:
            while True:
                job_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
                new_job = NewJob(
                    job_id=job_id,
                    kind=JobKind.GENERATE,
                    label=label,
                    settings=dump_settings(plan.settings),
                    inputs=plan.inputs.model_dump(mode="json"),
                    output_dir=str(plan.output_dir),
                    configuration_name=request.configuration,
                    parent_job_id=request.parent_job_id,
                    planned_images=plan.planned_images,
                    estimate_micros=plan.estimate.total_micros,
                    budget_micros=plan.settings.generation.budget_micros,
                )
                try:
                    await job_rows.insert(connection, new_job, at)
                    break
                except sqlite3.IntegrityError:
                    logger.info("the job id %s is taken", job_id)
            planned = [plan.generation(index) for index in range(len(plan.rows))]
            generation_ids = await generation_rows.insert_many(
                connection,
                [
                    NewGeneration(
                        job_id=job_id,
                        generation_index=index,
                        keyword=one.keyword,
                        keyword_row=one.keyword_row,
                        aspect_ratio=one.size.aspect_ratio,
                        width=one.size.width,
                        height=one.size.height,
                        seed=one.seed,
                    )
                    for index, one in enumerate(planned)
                ],
                at,
            )
            await task_rows.insert_many(
                connection,
                [
                    NewTask(
                        generation_id=generation_id,
                        job_id=job_id,
                        task_index=task_index,
                        provider=plan.settings.generation.provider,
                        model=plan.settings.generation.model,
                        request_key=str(uuid.uuid4()),
                        images_requested=images,
                        estimate_micros=self._prices.image_cost_micros(
                            plan.settings.generation.provider,
                            plan.settings.generation.model,
                            images,
                            one.size.width,
                            one.size.height,
                        )
                        or 0,
                    )
                    for generation_id, one in zip(generation_ids, planned, strict=True)
                    for task_index, images in enumerate(plan.images_per_task)
                ],
                at,
            )
        log = self._log_book.for_job(job_id)
        log.info(
            f"Job {label} created: {len(plan.rows)} prompts, {plan.planned_images} images with "
            f"{plan.settings.generation.model}, keywords from {plan.inputs.keyword_source}."
        )
        for problem in plan.problems:
            log.warning(f"{problem.field}: {problem.message}", hint=problem.hint)
        self._bus.publish(JobCreated(job_id))
        self._queue_changed()
        return await self._queries.job(job_id)

    async def _make_context(self, job: JobRecord) -> JobContext:
        async with self._database.reading() as connection:
            snapshot = await job_rows.snapshot(connection, job.job_id)
        assert snapshot is not None, "every job has its snapshot"
        settings, _ = merge_settings(snapshot.settings)
        folders = JobFolders(
            work=self._work_dir(settings) / job.job_id,
            output=Path(job.output_dir),
            previews=self._paths.previews_dir,
        )
        await asyncio.to_thread(_prepare, folders, job.job_id)
        log = self._log_book.for_job(job.job_id, is_debug=settings.advanced.debug)
        gate = Gate()
        return JobContext(
            job=job,
            settings=settings,
            inputs=JobInputs.model_validate(snapshot.inputs),
            database=self._database,
            bus=self._bus,
            log=log,
            clock=self._clock,
            services=self._services,
            prices=self._prices,
            spending=Spending(job.job_id, self._clock),
            caller=Caller(
                clock=self._clock,
                log=log,
                gate=gate,
                first_wait_s=settings.generation.backoff_seconds,
                patience_s=settings.generation.timeout_minutes * 60,
            ),
            gate=gate,
            folders=folders,
            pool=self._pool,
        )

    async def _record(self, job_id: str) -> JobRecord:
        async with self._database.reading() as connection:
            record = await job_rows.get(connection, job_id)
        if record is None:
            raise NotFoundError(f"There is no job {job_id}.", hint="`gimf jobs list` shows them all.")
        return record

    def _is_at_work(self, job_id: str) -> bool:
        return self._queue.running is not None and self._queue.running.job.job_id == job_id

    def _at_work(self, job_id: str, verb: str) -> RunningJob:
        running = self._queue.running
        if running is None or running.job.job_id != job_id:
            raise ConflictError(
                f"Only the job at work can be {verb}.", hint="`gimf jobs list` shows which one it is."
            )
        return running

    async def _end_waiting(self, job_id: str, from_statuses: list[JobStatus]) -> None:
        async with self._database.transaction() as connection:
            is_ended = await job_rows.set_status(
                connection, job_id, JobStatus.STOPPED, self._now(), from_statuses
            )
        if not is_ended:
            raise ConflictError("The job has just changed its status.", hint="Look at it, then try again.")
        self._log_book.for_job(job_id).info("Stopped before it was done; it can be resumed.")
        self._bus.publish(JobStatusChanged(job_id, JobStatus.STOPPED))
        self._queue_changed()

    async def _set_deleted(self, job_ids: Sequence[str], *, is_deleted: bool) -> int:
        """Hide or show jobs; their images go to the trash, or come back as what they were."""
        changed = 0
        for job_id in job_ids:
            async with self._database.transaction() as connection:
                if is_deleted:
                    is_changed = await job_rows.mark_deleted(connection, job_id, self._now())
                else:
                    is_changed = await job_rows.unmark_deleted(connection, job_id)
                if is_changed:
                    changed += 1
                    act = image_rows.trash_job if is_deleted else image_rows.restore_job
                    await act(connection, job_id, self._now())
            self._bus.publish(JobChanged(job_id))
        self._queue_changed()
        return changed

    def _queue_changed(self) -> None:
        self._bus.publish(QueueChanged())
        self._queue.wake()

    def _now(self) -> str:
        return utc_text(self._clock.now())


def _label_problems(text: str | None) -> tuple[Problem, ...]:
    """What is wrong with the name of a job that is planned; no name is right, it gets one."""
    try:
        _checked_label(text or "unnamed")
    except SettingsError as error:
        return error.problems
    return ()


async def _settle_default(connection: aiosqlite.Connection) -> None:
    """Where no configuration is the default one, the stored one of the default's name is: it stands in its place."""
    if await configuration_rows.get_default(connection) is None:
        await configuration_rows.set_default(connection, DEFAULT_CONFIGURATION)


async def _teach_masker(keys: KeyStore) -> None:
    """So that it knows every key before a line is logged."""
    for name in KeyName:
        await asyncio.to_thread(keys.get, name)


def _rerun_label(original: JobView) -> str:
    suffix = f" (rerun {original.job_id[:6]})"
    return original.label[: LABEL_LIMIT - len(suffix)] + suffix


def _checked_label(text: str) -> str:
    label = clean_text(text).strip()
    if not label or len(label) > LABEL_LIMIT:
        raise SettingsError(
            [Problem("label", f"A name has 1 to {LABEL_LIMIT} characters.", hint="Choose another one.")]
        )
    return label


def _prepare(folders: JobFolders, job_id: str) -> None:
    """Make the folders and remove what a killed engine left unfinished in them."""
    for folder in (folders.work, folders.output):
        folder.mkdir(parents=True, exist_ok=True)
    for folder in (folders.work, Spool(folders.work).folder, folders.output, folders.previews / job_id):
        cleanup_partials(folder)
