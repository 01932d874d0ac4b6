"""Sees jobs through to their end: progress, signals, the summary and the exit status."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.api import ImageQuery
from engine.views import ImageStatus, JobStatus, JobView, TaskState
from tui.cli.interrupts import Interrupted, catching_signals
from tui.cli.output import Output
from tui.cli.progress import reporting
from tui.cli.session import Session
from tui.cli.statuses import ExitStatus, exit_status_of, worst_of
from tui.cli.summary import job_lines

if TYPE_CHECKING:
    from engine.service import Engine

_PAGE = 500
_AT_WORK = (JobStatus.QUEUED, JobStatus.RUNNING)
_TO_REVIEW = (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED)

Begin = Callable[["Engine"], Awaitable[Sequence[JobView]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The jobs as they stand at the end, and what the process ends with."""

    jobs: tuple[JobView, ...]
    exit_status: int


async def work(session: Session, output: Output, begin: Begin) -> Outcome:
    """Open the engine, let `begin` queue or resume jobs, wait until each has finished or waits for the user.

    SIGINT and SIGTERM end it in order; the jobs can then be resumed. A summary goes to stderr for each job.
    """
    ends_on_hangup = session.preferences.on_hangup == "stop"
    async with (
        catching_signals(ends_on_hangup=ends_on_hangup) as interrupts,
        session.engine() as engine,
    ):
        async with reporting(engine, output) as reporter:
            # A signal that comes meanwhile is heeded right after: no job is begun that nobody knows of.
            begun = await begin(engine)
            for job in begun:
                reporter.name(job)
            try:
                await interrupts.guard(engine, _see_through(engine, begun), output)
                signal_status = None
            except Interrupted as interrupted:
                signal_status = interrupted.exit_status
        jobs = tuple([await engine.job(job.job_id) for job in begun])
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


async def _see_through(engine: "Engine", begun: Sequence[JobView]) -> None:
    for job in begun:
        state = await engine.wait_for_job(job.job_id)
        if state.status in _AT_WORK or state.status is JobStatus.PAUSED:
            return  # a paused job holds the queue: what waits behind it would wait for ever


async def _reasons(engine: "Engine", job: JobView) -> Counter[str]:
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
