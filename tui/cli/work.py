"""Sees jobs through to their end: progress, signals, the summary and the exit status."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from engine.api import ImageQuery, WorkApi
from engine.client import EngineClient
from engine.errors import EngineUnreachableError
from engine.views import ImageStatus, JobStatus, JobView, TaskState
from tui.cli.interrupts import Interrupted, Interrupts, catching_signals
from tui.cli.output import Output
from tui.cli.progress import reporting
from tui.cli.session import Session
from tui.cli.statuses import ExitStatus, exit_status_of, worst_of
from tui.cli.summary import job_lines

_PAGE = 500
_POLL_S = 0.2
_AT_WORK = (JobStatus.QUEUED, JobStatus.RUNNING)
_TO_REVIEW = (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED)

Begin = Callable[[WorkApi], Awaitable[Sequence[JobView]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The jobs as they stand at the end, and what the process ends with."""

    jobs: tuple[JobView, ...]
    exit_status: int


async def work(session: Session, output: Output, begin: Begin) -> Outcome:
    """Let `begin` queue or resume jobs, wait until each has finished or waits for the user.

    The jobs run in the engine that runs already, else in one of this process. SIGINT and SIGTERM end the own one in
    order, and its jobs can then be resumed; another one goes on. When another one ends meanwhile, this process goes on
    with the jobs. A summary goes to stderr for each job.
    """
    ends_on_hangup = session.preferences.on_hangup == "stop"
    begun: list[JobView] = []
    async with catching_signals(ends_on_hangup=ends_on_hangup) as interrupts:
        while True:
            try:
                async with session.engine() as engine:
                    return await _work_in(engine, session, output, interrupts, begin, begun)
            except EngineUnreachableError:
                if not begun:  # whether the command was carried out is not known
                    raise
                output.note("The engine has ended; this process goes on with the work.")


async def _work_in(
    engine: WorkApi,
    session: Session,
    output: Output,
    interrupts: Interrupts,
    begin: Begin,
    begun: list[JobView],
) -> Outcome:
    """`begun` gets the jobs, unless an earlier engine has them begun already."""
    is_own = not isinstance(engine, EngineClient)
    signal_status = None
    async with reporting(engine, output) as reporter:
        if not begun:
            # A signal that comes meanwhile is heeded right after: no job is begun that nobody knows of.
            begun += await begin(engine)
        for job in begun:
            reporter.name(job)
        try:
            await interrupts.guard(engine, _see_through(engine, begun, is_own=is_own), output, is_own=is_own)
        except Interrupted as interrupted:
            signal_status = interrupted.exit_status
    jobs = tuple([await engine.job(job.job_id) for job in begun])
    if signal_status is not None and not is_own:
        output.note("Interrupted. The engine goes on with the work; `gimf jobs stop` ends a job.")
        return Outcome(jobs, signal_status)
    for job in jobs:
        for line in job_lines(job, await _reasons(engine, job), session.paths.log_file):
            output.note(line)
    if signal_status is not None:
        output.note("Interrupted. `gimf run --resume` goes on where it was.")
        return Outcome(jobs, signal_status)
    return Outcome(jobs, worst_of(_exit_status(job, output) for job in jobs))


def _exit_status(job: JobView, output: Output) -> ExitStatus:
    if job.status not in _AT_WORK:
        return exit_status_of(job)
    output.note(f"#{job.number} {job.label} waits behind a paused job: `gimf run --resume` goes on.")
    return ExitStatus.PAUSED


async def _see_through(engine: WorkApi, begun: Sequence[JobView], *, is_own: bool) -> None:
    for job in begun:
        state = await engine.wait_for_job(job.job_id)
        while not is_own and await _is_ending(engine, state):
            await asyncio.sleep(_POLL_S)  # until the engine is gone, which the next question says
            state = await engine.wait_for_job(job.job_id)
        if state.status in _AT_WORK or state.status is JobStatus.PAUSED:
            return  # a paused job holds the queue: what waits behind it would wait for ever


async def _is_ending(engine: WorkApi, state: JobView) -> bool:
    """Whether the wait for a job ended only because the engine does."""
    if state.status in _AT_WORK:
        return not any(job.status is JobStatus.PAUSED for job in await engine.queue())
    return state.status is JobStatus.INTERRUPTED


async def _reasons(engine: WorkApi, job: JobView) -> Counter[str]:
    """Why images were rejected, failed or never came, with how many of them."""
    reasons: Counter[str] = Counter()
    if job.images.qc_failed or job.images.failed:
        page = await engine.images(ImageQuery(job_id=job.job_id, statuses=_TO_REVIEW, limit=_PAGE))
        reasons.update(
            f"{image.stage or image.status}: {image.reason or 'no reason given'}" for image in page.rows
        )
    if job.images.failed or job.images.unknown:
        detail = await engine.job_detail(job.job_id)
        for task in (task for generation in detail.generations for task in generation.tasks):
            if task.error is not None and task.state in (TaskState.FAILED, TaskState.UNKNOWN):
                reasons[f"{task.error.stage or task.state}: {task.error.message}"] += task.images_requested
    return reasons
