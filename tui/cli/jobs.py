"""`gimf jobs`: list, show, rerun, stop, delete, restore."""

from argparse import Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from engine.api import JobQuery, WorkApi
from engine.places import Places
from engine.settings import describe_fields, format_value
from engine.views import JobDetailView, JobStatus, JobView
from tui.cli.asking import confirm
from tui.cli.background import worker_pid
from tui.cli.output import Output
from tui.cli.pages import all_rows
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.cli.work import work
from tui.format import bytes_text, duration, local_time, money, plural

_SHOWN = 50


async def list_jobs(options: Namespace, output: Output) -> int:
    """An array of job objects, all that fit unless there is a limit; a table of 50 for people."""
    limit = options.limit or (None if output.is_json else _SHOWN)
    query = JobQuery(
        statuses=tuple(JobStatus(word) for word in options.status),
        text=options.text,
        sort=options.sort,
        only_deleted=options.deleted,
    )
    session = open_session(options, output)
    jobs: list[JobView] = []
    has_more = False
    if session.has_database:
        async with session.queries() as queries:
            jobs, has_more = await all_rows(
                lambda cursor, page: queries.jobs(replace(query, cursor=cursor, limit=page)), limit
            )
    output.result(jobs, _job_table(jobs))
    if has_more and not options.limit:
        output.note(f"Only the first {_SHOWN} are shown; --limit shows more.")
    return ExitStatus.OK


async def show_job(options: Namespace, output: Output) -> int:
    """The job object with its settings as run and its generations."""
    session = open_session(options, output)
    async with session.queries() as queries:
        detail = await queries.job_detail(await queries.resolve_job(options.job))
        space = await queries.job_space(detail.job_id, Places(session.paths, session.preferences))
        detail = detail.model_copy(update={"space": space})
        parent = [] if detail.parent_job_id is None else [detail.parent_job_id]
        family = [await queries.job(job_id) for job_id in (*parent, *detail.child_job_ids)]
    output.result(detail, _detail_lines(detail, {job.job_id: job for job in family}))
    return ExitStatus.OK


async def rerun_jobs(options: Namespace, output: Output) -> int:
    """An array of the new job objects, in the order in which they were named."""
    session = open_session(options, output)

    async def begin(engine: WorkApi) -> Sequence[JobView]:
        return await engine.rerun_jobs(await _resolve(engine, options.jobs), is_as_run=options.as_run)

    if options.no_wait:
        async with session.engine(is_working=False) as engine:
            queued = await begin(engine)
        pid = worker_pid(engine, options, session.paths)
        output.result(queued, [*_job_table(queued), f"Process {pid} works through the queue."])
        return ExitStatus.OK
    outcome = await work(session, output, begin)
    if output.is_json:
        output.document(outcome.jobs)
    return outcome.exit_status


async def stop_jobs(options: Namespace, output: Output) -> int:
    """An array of the job objects as they are now."""
    async with open_session(options, output).engine(is_working=False) as engine:
        job_ids = await _resolve(engine, options.jobs)
        for job_id in job_ids:
            await engine.stop_job(job_id, is_forced=options.force)
        jobs = [await engine.job(job_id) for job_id in job_ids]
    output.result(jobs, _job_table(jobs))
    return ExitStatus.OK


async def delete_jobs(options: Namespace, output: Output) -> int:
    """`{"deleted": n}`; asks first where a person is there to answer."""
    session = open_session(options, output)
    places, question = Places(session.paths, session.preferences), ""
    async with session.engine(is_working=False) as engine:
        jobs = [await engine.job(job_id) for job_id in await _resolve(engine, options.jobs)]
        made = sum(job.images.approved + job.images.qc_failed + job.images.failed for job in jobs)
        if not options.yes:
            space = sum([(await engine.job_space(job.job_id, places)).total for job in jobs])
            what = f"{plural(len(jobs), 'job')}, {plural(made, 'image')}, {bytes_text(space)}"
            question = f"Delete {what}? They go to the trash; `gimf jobs restore` takes it back."
        if not confirm(question, output, is_agreed=options.yes):
            output.result({"deleted": 0}, ["Nothing was deleted."])
            return ExitStatus.OK
        deleted = await engine.delete_jobs([job.job_id for job in jobs])
    output.result({"deleted": deleted}, [f"Deleted {plural(deleted, 'job')}."])
    return ExitStatus.OK


async def restore_jobs(options: Namespace, output: Output) -> int:
    """`{"restored": n}`: those that were deleted are what they were."""
    async with open_session(options, output).engine(is_working=False) as engine:
        restored = await engine.restore_jobs(await _resolve(engine, options.jobs))
    output.result({"restored": restored}, [f"Restored {plural(restored, 'job')}."])
    return ExitStatus.OK


async def _resolve(engine: WorkApi, texts: Sequence[str]) -> list[str]:
    resolved = [await engine.resolve_job(text) for text in texts]
    return list(dict.fromkeys(resolved))


def _job_table(jobs: Sequence[JobView]) -> list[str]:
    if not jobs:
        return ["No jobs."]
    headers = (
        "#",
        "id",
        "status",
        "label",
        "created",
        "duration",
        "approved",
        "rejected",
        "failed",
        "of",
        "spent",
    )
    rows = [
        (
            str(job.number),
            job.job_id,
            str(job.status),
            job.label,
            local_time(job.created_at),
            duration(job.duration_s),
            f"{job.images.approved:,}",
            f"{job.images.qc_failed:,}",
            f"{job.images.failed:,}",
            f"{job.images.planned:,}",
            money(job.spend_usd),
        )
        for job in jobs
    ]
    return table(headers, rows, right=("#", "duration", "approved", "rejected", "failed", "of", "spent"))


def _detail_lines(job: JobDetailView, family: Mapping[str, JobView]) -> Iterator[str]:
    yield from _job_table([job])
    yield ""
    yield f"started   {local_time(job.started_at)}"
    yield f"finished  {local_time(job.finished_at)}"
    yield f"pictures  {job.output_dir}"
    for word, job_ids in (("made from", (job.parent_job_id,)), ("made into", job.child_job_ids)):
        names = [f"#{one.number} {one.label}" for job_id in job_ids if (one := family.get(job_id or ""))]
        if names:
            yield f"{word:<9} {', '.join(names)}"
    if job.space is not None:
        yield (
            f"space     {bytes_text(job.space.total)}: finished {bytes_text(job.space.output)}, originals "
            f"{bytes_text(job.space.work)}, previews {bytes_text(job.space.previews)}"
        )
    for word, problem in (("error", job.error), ("paused", job.pause)):
        if problem is not None:
            yield f"{word:<9} {problem.message} {problem.hint}".rstrip()
    yield ""
    yield "settings as run:"
    for field in describe_fields():
        group, _, name = field.path.partition(".")
        value = job.settings.get(group, {}).get(name, field.default)
        yield f"  {field.path} = {format_value(value, field)}"
    yield ""
    headers = ("generation", "keyword", "size", "tasks", "prompt")
    yield from table(
        headers,
        [
            (
                str(generation.index + 1),
                generation.keyword,
                f"{generation.width}x{generation.height}",
                ", ".join(f"{task.state} {task.task_id or ''}".rstrip() for task in generation.tasks),
                generation.prompt or "-",
            )
            for generation in job.generations
        ],
        right=("generation",),
    )
