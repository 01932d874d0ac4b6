"""The asking half of the API: rows turned into views. Needs a database and nothing else, so a command can ask
without an engine."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiosqlite

from db import (
    configurations,
    exports,
    generations,
    image_pages,
    images,
    job_pages,
    job_queue,
    jobs,
    ledger,
    logs,
    retries,
    tasks,
    totals,
)
from db.connection import Database
from db.records import ImageRecord, JobRecord, utc_text
from db.status import ImageStatus, JobKind, JobStatus, Progress, TaskState
from engine.api import ImageQuery, JobQuery, LogQuery
from engine.care.space import images_space, job_space
from engine.decision_queries import DecisionQueries
from engine.errors import ConflictError, NotFoundError
from engine.job_lookup import job_of
from engine.paths import Paths
from engine.places import Places
from engine.progress import Pace
from engine.settings import Settings, dump_settings, merge_settings
from engine.statistics import StatisticsQueries
from engine.viewing import dollars, image_counts, image_view, job_view, log_view, task_view
from engine.views import (
    ConfigurationView,
    GenerationView,
    ImageView,
    JobDetailView,
    JobView,
    ListIndex,
    LogView,
    Page,
    ProgressView,
    SpaceView,
    StandingView,
    TaskView,
    TotalsView,
)

PAGE = 500
_AFTER_PROMPT = tuple(state for state in TaskState if state not in (TaskState.PLANNED, TaskState.CANCELLED))
_AFTER_SUBMISSION = tuple(state for state in _AFTER_PROMPT if state is not TaskState.PROMPTED)

DEFAULT_CONFIGURATION = "default"
"""What the program's own defaults are called, as long as no configuration is the default one."""


class Queries(StatisticsQueries, DecisionQueries):
    """Answers from the rows as they are now."""

    async def resolve_job(self, text: str) -> str:
        """See EngineApi."""
        async with self._database.reading() as connection:
            found = await jobs.resolve(connection, text, include_deleted=True)
        if not found:
            raise NotFoundError(f"There is no job “{text}”.", hint="`gimf jobs list` shows them all.")
        if len(found) > 1:
            names = ", ".join(f"{job.job_id} (#{job.job_number} {job.label})" for job in found)
            raise ConflictError(f"“{text}” may mean {names}.", hint="Use the whole id.", code="ambiguous")
        return found[0].job_id

    async def jobs(self, query: JobQuery) -> Page[JobView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            records, cursor = await job_pages.page(
                connection,
                _job_filter(query),
                sort=job_pages.JobSort(query.sort),
                is_reversed=query.is_reversed,
                cursor=query.cursor,
                limit=query.limit,
            )
            places = await _places(connection, records)
        rows = tuple(job_view(record, places.get(record.job_id)) for record in records)
        return Page[JobView](rows=rows, next_cursor=cursor)

    async def job_index(self, query: JobQuery) -> ListIndex:
        """See EngineApi."""
        async with self._database.aggregating() as connection:
            index = await job_pages.index(
                connection,
                _job_filter(query),
                sort=job_pages.JobSort(query.sort),
                is_reversed=query.is_reversed,
                limit=query.limit,
            )
        return ListIndex(count=index.count, cursors=tuple(index.cursors))

    async def job_ids(self, query: JobQuery) -> list[str]:
        """See EngineApi."""
        sort = job_pages.JobSort(query.sort)
        async with self._database.aggregating() as connection:
            return await job_pages.ids(
                connection, _job_filter(query), sort=sort, is_reversed=query.is_reversed
            )

    async def job(self, job_id: str) -> JobView:
        """See EngineApi."""
        async with self._database.reading() as connection:
            record = await job_of(connection, job_id)
            places = await _places(connection, [record])
        return job_view(record, places.get(job_id))

    async def job_detail(self, job_id: str) -> JobDetailView:
        """See EngineApi."""
        async with self._database.reading() as connection:
            record = await job_of(connection, job_id)
            places = await _places(connection, [record])
            snapshot = await jobs.snapshot(connection, job_id)
            assert snapshot is not None, "every job has its snapshot"
            rows = await _generations(connection, job_id)
            children = await jobs.of_parent(connection, job_id)
        view = job_view(record, places.get(job_id))
        return JobDetailView(
            **view.model_dump(),
            settings=snapshot.settings,
            generations=tuple(rows),
            child_job_ids=tuple(child.job_id for child in children),
            retry=snapshot.inputs.get("retry"),
        )

    async def job_space(self, job_id: str, places: Places) -> SpaceView:
        """See EngineApi."""
        return await job_space(self._database, places, job_id)

    async def images_space(self, image_ids: Sequence[int]) -> int:
        """See EngineApi."""
        return await images_space(self._database, image_ids)

    async def job_settings(self, job_id: str) -> Settings:
        """The settings that a job ran with."""
        async with self._database.reading() as connection:
            snapshot = await jobs.snapshot(connection, job_id)
        if snapshot is None:
            raise NotFoundError(f"There is no job {job_id}.")
        return merge_settings(snapshot.settings)[0]

    async def queue(self) -> list[JobView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            return await _queue(connection)

    async def progress(self, job_id: str) -> ProgressView:
        """See EngineApi; without the pace, which only the engine at work knows."""
        return await self.progress_at(job_id, None, 0.0)

    async def progress_at(
        self, job_id: str, pace: Pace | None, now: float, *, is_still: bool = False
    ) -> ProgressView:
        """How the job stands at `now` on the monotonic clock, going at `pace`."""
        async with self._database.aggregating() as connection:
            job = await job_of(connection, job_id)
            states = await tasks.count_by_state(connection, job_id)
            count_steps = (retries if job.kind is JobKind.RETRY else images).count_by_progress
            steps = await count_steps(connection, job_id)
        counts = image_counts(job)
        remaining = max(0, counts.planned - counts.finished - counts.unknown)
        rate = eta = None
        if pace is not None:
            pace.note(counts.finished, now)
            rate, eta = pace.images_per_minute(now), pace.eta_s(remaining, now)
        beyond_check = sum(number for step, number in steps.items() if step is not Progress.DOWNLOADED)
        return ProgressView(
            job_id=job_id,
            images=counts,
            prompted=sum(states[state] for state in _AFTER_PROMPT),
            submitted=sum(states[state] for state in _AFTER_SUBMISSION),
            downloaded=sum(steps.values()) if job.kind is JobKind.RETRY else job.images,
            checked=beyond_check + job.qc_failed,
            done=counts.finished,
            in_flight=states[TaskState.SUBMITTING] + states[TaskState.SUBMITTED],
            images_per_minute=rate,
            eta_s=eta,
            spend_usd=dollars(job.actual_micros + job.committed_micros + job.unknown_micros),
            is_quiescent=is_still,
        )

    async def images(self, query: ImageQuery) -> Page[ImageView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            where = await _image_filter(connection, query)
            records, cursor = await image_pages.page(
                connection,
                where,
                order=_image_order(query, where),
                cursor=query.cursor,
                limit=query.limit,
            )
            views = await _image_views(connection, records)
        return Page[ImageView](rows=tuple(views), next_cursor=cursor)

    async def image_ids(self, query: ImageQuery) -> list[int]:
        """See EngineApi."""
        async with self._database.aggregating() as connection:
            where = await _image_filter(connection, query)
            return await image_pages.ids(connection, where, order=_image_order(query, where))

    async def image(self, image_id: int) -> ImageView:
        """See EngineApi."""
        async with self._database.reading() as connection:
            found = await _image_views(connection, await images.get_many(connection, [image_id]))
        if not found:
            raise NotFoundError(f"There is no image {image_id}.", hint="`gimf images list` shows them all.")
        return found[0]

    async def images_by_id(self, image_ids: Sequence[int]) -> list[ImageView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            return await _image_views(connection, await images.get_many(connection, image_ids))

    async def logs(self, query: LogQuery) -> list[LogView]:
        """See EngineApi."""
        where = logs.LogFilter(
            job_id=query.job_id, min_level=query.min_level, stage=query.stage, text=query.text
        )
        async with self._database.reading() as connection:
            if query.after_entry_id is not None:
                records = await logs.page(connection, where, after=query.after_entry_id, limit=query.limit)
            else:
                records = await logs.page(
                    connection, where, before=query.before_entry_id, limit=query.limit, newest_first=True
                )
                records.reverse()
        return [log_view(record) for record in records]

    async def totals(self) -> TotalsView:
        """See EngineApi."""
        async with self._database.aggregating() as connection:
            return await _totals(connection)

    async def standing(self) -> StandingView:
        """See EngineApi."""
        async with self._database.snapshot() as connection:
            return StandingView(queue=tuple(await _queue(connection)), totals=await _totals(connection))

    async def last_export_folder(self) -> str | None:
        """See EngineApi."""
        async with self._database.reading() as connection:
            return await exports.last_folder(connection)

    async def configurations(self) -> list[ConfigurationView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            return [
                ConfigurationView(
                    name=record.name,
                    is_default=record.is_default,
                    settings=record.settings,
                    updated_at=record.updated_at,
                )
                for record in await configurations.list_all(connection)
            ]

    async def configuration(self, name: str | None) -> ConfigurationView:
        """See EngineApi; without a stored default the model's own defaults are the default."""
        async with self._database.reading() as connection:
            record = (
                await configurations.get_default(connection)
                if name is None
                else await configurations.get(connection, name)
            )
        if record is None and name is None:
            return ConfigurationView(
                name=DEFAULT_CONFIGURATION, is_default=True, settings=dump_settings(Settings()), updated_at=""
            )
        if record is None:
            raise NotFoundError(
                f"There is no configuration “{name}”.", hint="`gimf config list` shows them all."
            )
        return ConfigurationView(
            name=record.name,
            is_default=record.is_default,
            settings=record.settings,
            updated_at=record.updated_at,
        )


async def _queue(connection: aiosqlite.Connection) -> list[JobView]:
    running = await jobs.by_status(connection, JobStatus.RUNNING)
    paused = await jobs.by_status(connection, JobStatus.PAUSED)
    waiting = await job_queue.queue(connection)
    places = await _places(connection, waiting)
    return [job_view(job, places.get(job.job_id)) for job in (*running, *paused, *waiting)]


async def _totals(connection: aiosqlite.Connection) -> TotalsView:
    now = datetime.now().astimezone()
    # Without its zone and back: on the days on which the clocks change, midnight has another offset than now.
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None).astimezone()
    values = await totals.read_all(connection)
    today = await ledger.spent_since(connection, utc_text(midnight.astimezone(UTC)))
    by_image = {status: values.get(f"images.{status}", 0) for status in ImageStatus}
    by_job = {status: values.get(f"jobs.{status}", 0) for status in JobStatus}
    approved = by_image[ImageStatus.APPROVED]
    failed = (
        by_image[ImageStatus.QC_FAILED] + by_image[ImageStatus.FAILED] + by_image[ImageStatus.RETRY_FAILED]
    )
    finished = approved + failed + by_image[ImageStatus.TRASHED]
    started = values.get("jobs.started", 0)
    spend = sum(values.get(f"spend.{account}", 0) for account in ("actual", "committed", "unknown"))
    return TotalsView(
        jobs=sum(by_job.values()),
        jobs_completed=by_job[JobStatus.COMPLETED],
        jobs_failed=by_job[JobStatus.FAILED],
        jobs_running=by_job[JobStatus.RUNNING] + by_job[JobStatus.PAUSED],
        jobs_queued=by_job[JobStatus.QUEUED],
        images=sum(by_image.values()),
        approved=approved,
        failed=failed,
        success_rate=approved / finished if finished else None,
        average_duration_s=values.get("jobs.active_ms", 0) / 1000 / started if started else None,
        spend_usd=dollars(spend),
        spend_today_usd=dollars(today),
        images_by_status=by_image,
    )


def _job_filter(query: JobQuery) -> job_pages.JobFilter:
    return job_pages.JobFilter(
        statuses=query.statuses,
        text=query.text,
        created_from=query.created_from,
        created_to=query.created_to,
        kind=query.kind,
        parent_job_id=query.parent_job_id,
        include_deleted=query.includes_deleted,
        only_deleted=query.only_deleted,
    )


async def _image_views(connection: aiosqlite.Connection, records: Sequence[ImageRecord]) -> list[ImageView]:
    newer = await images.replacements(connection, [record.image_id for record in records])
    return [image_view(record, newer.get(record.image_id, ())) for record in records]


async def _image_filter(connection: aiosqlite.Connection, query: ImageQuery) -> image_pages.ImageFilter:
    """The images of a retry are those that it works on."""
    job = None if query.job_id is None else await jobs.get(connection, query.job_id)
    is_retry = job is not None and job.kind is JobKind.RETRY
    return image_pages.ImageFilter(
        job_id=None if is_retry else query.job_id,
        retry_job_id=query.job_id if is_retry else None,
        statuses=query.statuses,
        stage=query.stage,
        reason=query.reason,
        created_from=query.created_from,
        created_to=query.created_to,
        search=query.text,
    )


def _image_order(query: ImageQuery, where: image_pages.ImageFilter) -> image_pages.ImageOrder:
    """Images of several jobs share no numbers: those of a retry come in the order in which they were made."""
    if query.sort == "number":
        return image_pages.ImageOrder.OLDEST if where.retry_job_id else image_pages.ImageOrder.JOB
    return image_pages.ImageOrder(query.sort)


@asynccontextmanager
async def open_queries(paths: Paths) -> AsyncIterator[Queries]:
    """Read-only, beside whatever engine holds the folder. Raises NotFoundError where there is no database yet."""
    if not paths.database_file.exists():
        raise NotFoundError(
            f"There is no database in {paths.data_dir} yet.",
            hint="Nothing has been run here; `gimf demo` or `gimf run` makes one.",
            code="no_database",
        )
    database = await Database.open(paths.database_file, read_only=True)
    try:
        yield Queries(database)
    finally:
        await database.close()


async def _places(connection: aiosqlite.Connection, records: Sequence[JobRecord]) -> dict[str, int]:
    """The places in the queue, from 1; empty where none of the records waits in it."""
    if all(record.status is not JobStatus.QUEUED for record in records):
        return {}
    waiting = await job_queue.queue(connection)
    return {job.job_id: place for place, job in enumerate(waiting, start=1)}


async def _generations(connection: aiosqlite.Connection, job_id: str) -> list[GenerationView]:
    views: list[GenerationView] = []
    after = -1
    while True:
        page = await generations.page_for_job(connection, job_id, after, PAGE)
        if not page:
            return views
        after = page[-1].generation_index
        of_generation: dict[int, list[TaskView]] = {}
        for task in await tasks.for_generations(connection, [one.generation_id for one in page]):
            of_generation.setdefault(task.generation_id, []).append(task_view(task))
        views += [
            GenerationView(
                generation_id=one.generation_id,
                index=one.generation_index,
                keyword=one.keyword,
                prompt=one.prompt,
                aspect_ratio=one.aspect_ratio,
                width=one.width,
                height=one.height,
                seed=one.seed,
                tasks=tuple(of_generation.get(one.generation_id, ())),
            )
            for one in page
        ]
