"""`gimf run`: a new job, a plan, or what an earlier start left unfinished."""

import math
from argparse import Namespace
from collections.abc import Sequence

from engine.api import JobRequest, WorkApi
from engine.errors import Problem, SettingsError
from engine.views import JobStatus, JobView, PlanView
from tui.cli.background import worker_pid
from tui.cli.choose import choose_settings
from tui.cli.output import Output, to_json
from tui.cli.parsing import UsageError
from tui.cli.session import Session, open_session
from tui.cli.statuses import ExitStatus
from tui.cli.summary import plan_lines
from tui.cli.work import work

_WAITING_FOR_USER = (JobStatus.PAUSED, JobStatus.INTERRUPTED)


async def run(options: Namespace, output: Output) -> int:
    """The job object with `--json`; the plan with `--dry-run`; `resumed_jobs` beside it with `--resume`."""
    if options.resume and (options.configuration or options.overrides or options.label):
        raise UsageError(
            "gimf run: --resume goes on with jobs as they are; it takes no --configuration, --set or --label",
            hint="Start a new job without --resume.",
        )
    if options.budget is not None and (not options.resume or not 0 <= options.budget < math.inf):
        raise UsageError(
            "gimf run: --budget takes an amount of dollars, and goes with --resume",
            hint="A new job gets its budget with --set generation.budget_usd=AMOUNT.",
        )
    session = open_session(options, output)
    if options.resume:
        return await _resume(session, output, options.budget)
    if options.dry_run:
        return await _plan(options, session, output)
    if options.no_wait:
        return await _start_in_background(options, session, output)

    # A job that cannot start must not wake older ones, so it is planned before the engine begins to work.
    async with session.engine(is_working=False) as engine:
        request = await _request(options, engine, output)
        _refuse_blocked(await engine.plan_job(request))

    async def begin(engine: WorkApi) -> Sequence[JobView]:
        return [await engine.start_job(request)]

    outcome = await work(session, output, begin)
    if output.is_json:
        output.document(outcome.jobs[0])
    return outcome.exit_status


async def _request(options: Namespace, engine: WorkApi, output: Output) -> JobRequest:
    choice = await choose_settings(engine, options.configuration, options.overrides, output)
    return choice.request(options.label)


def _refuse_blocked(plan: PlanView) -> None:
    if not plan.can_start:
        raise SettingsError(
            [Problem(one.field, one.message, one.hint) for one in plan.problems if not one.is_warning],
            hint="Nothing was sent.",
        )


async def _plan(options: Namespace, session: Session, output: Output) -> int:
    async with session.engine(is_working=False) as engine:
        plan = await engine.plan_job(await _request(options, engine, output))
    output.warnings(plan.problems)
    output.result(plan, plan_lines(plan))
    return ExitStatus.OK if plan.can_start else ExitStatus.WRONG_INPUT


async def _start_in_background(options: Namespace, session: Session, output: Output) -> int:
    async with session.engine(is_working=False) as engine:
        job = await engine.start_job(await _request(options, engine, output))
    pid = worker_pid(engine, options, session.paths)
    output.result(job, [f"Job #{job.number} {job.label} is queued; process {pid} works through the queue."])
    return ExitStatus.OK


async def _resume(session: Session, output: Output, budget_usd: float | None) -> int:
    async def begin(engine: WorkApi) -> Sequence[JobView]:
        unfinished = await engine.unfinished_jobs()
        for job in reversed(unfinished):  # each goes to the front of the queue, so the oldest goes last
            if job.status in _WAITING_FOR_USER:
                is_short_of_money = job.pause is not None and job.pause.code == "budget"
                await engine.resume_job(job.job_id, budget_usd=budget_usd if is_short_of_money else None)
        if not unfinished:
            output.note("Nothing is unfinished.")
        return unfinished

    outcome = await work(session, output, begin)
    if output.is_json:
        first = to_json(outcome.jobs[0]) if outcome.jobs else {}
        output.document({**first, "resumed_jobs": to_json(outcome.jobs)})
    return outcome.exit_status
