"""`gimf images retry`, `regenerate`, `decide`: what puts images and orders to work again."""

import math
from argparse import Namespace
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.api import RetryRequest, TaskChoice, WorkApi
from engine.errors import Problem, SettingsError
from engine.settings import Settings, dump_settings, override_settings
from engine.views import JobView, RetryPlanView, StartedView, TaskDecisionView, UndecidedView
from tui.cli.asking import confirm
from tui.cli.background import worker_pid
from tui.cli.images import chosen_images
from tui.cli.output import Output, to_json
from tui.cli.parsing import UsageError
from tui.cli.session import Session, open_session
from tui.cli.statuses import ExitStatus, worst_of
from tui.cli.tables import table
from tui.cli.work import work
from tui.format import local_time, money, plural

_PAGE = 500


async def retry_images(options: Namespace, output: Output) -> int:
    """`{"jobs", "done", "refused"}`; the exit status is the retry's, at least 3 where an image was refused."""
    if options.budget is not None and not 0 <= options.budget < math.inf:
        raise UsageError("gimf images retry: --budget takes an amount of dollars")
    session = open_session(options, output)
    async with session.engine(is_working=False) as engine:
        request = RetryRequest(
            image_ids=tuple(await chosen_images(options, engine)),
            processing=_processing(options.overrides),
            on_failure=_rules(options.rules),
            checks_again=options.checks_again,
            writes_metadata_again=options.metadata,
            label=options.label,
            budget_usd=options.budget,
        )
        _refuse_blocked(await engine.plan_retry(request), output)

    async def start(engine: WorkApi) -> StartedView:
        return await engine.retry_images(request)

    return await _start(options, session, output, start)


async def regenerate_images(options: Namespace, output: Output) -> int:
    """As `retry_images`; says the price first."""
    session = open_session(options, output)
    async with session.engine(is_working=False) as engine:
        image_ids = await chosen_images(options, engine)
        plan = await engine.plan_regeneration(image_ids)
    _refuse_blocked(plan, output)
    question = f"Order {plural(plan.images, 'new image')} for about {money(plan.estimate_usd)}?"
    if plan.images and not confirm(question, output, is_agreed=options.yes):
        output.result(StartedView(jobs=(), done=(), refused=()), ["Nothing was ordered."])
        return ExitStatus.OK

    async def start(engine: WorkApi) -> StartedView:
        return await engine.regenerate_images(image_ids)

    return await _start(options, session, output, start)


async def decide_tasks(options: Namespace, output: Output) -> int:
    """A list of orders; with a choice `{"done", "refused", "job_ids", "jobs"}`."""
    session = open_session(options, output)
    if options.choice is None:
        return await _list_undecided(options, session, output)
    choice = TaskChoice(options.choice)
    async with session.engine(is_working=False) as engine:
        undecided = await _undecided(options, engine)
    task_ids = list(options.tasks) or [one.task for one in undecided if choice.value in one.choices]
    price = sum(one.price_usd for one in undecided if one.task in task_ids)
    question = (
        f"Order {plural(len(task_ids), 'task')} again for about {money(price)}? "
        "Where the first order had arrived, it is paid for twice."
    )
    if choice is TaskChoice.SUBMIT and task_ids and not confirm(question, output, is_agreed=options.yes):
        task_ids = []
    decisions: list[TaskDecisionView] = []

    async def begin(engine: WorkApi) -> Sequence[JobView]:
        decisions.append(await engine.decide_tasks(task_ids, choice))
        return [await engine.job(job_id) for job_id in decisions[0].job_ids]

    jobs, status = await _see_through(options, session, output, begin)
    (decision,) = decisions
    lines = [f"Decided about {plural(len(decision.done), 'order')}."]
    lines += [f"Task {one.task}: {one.message} {one.hint}".rstrip() for one in decision.refused]
    output.result({**to_json(decision), "jobs": to_json(jobs)}, lines)
    return _at_least(status, has_refused=bool(decision.refused), has_done=bool(decision.done))


async def _start(
    options: Namespace,
    session: Session,
    output: Output,
    start: Callable[[WorkApi], Awaitable[StartedView]],
) -> int:
    started: list[StartedView] = []

    async def begin(engine: WorkApi) -> Sequence[JobView]:
        started.append(await start(engine))
        return started[0].jobs

    jobs, status = await _see_through(options, session, output, begin)
    (view,) = started
    now = view.model_copy(update={"jobs": tuple(jobs)})
    lines = [f"Job #{job.number} {job.label}: {job.status}." for job in jobs]
    lines += [f"Image {one.image_id}: {one.message} {one.hint}".rstrip() for one in view.refused]
    output.result(now, lines or ["There is nothing to do."])
    return _at_least(status, has_refused=bool(view.refused), has_done=bool(view.done))


async def _see_through(
    options: Namespace,
    session: Session,
    output: Output,
    begin: Callable[[WorkApi], Awaitable[Sequence[JobView]]],
) -> tuple[Sequence[JobView], ExitStatus | int]:
    """Begin the work and wait for its end, or leave it to a process of its own."""
    if not options.no_wait:
        outcome = await work(session, output, begin)
        return outcome.jobs, outcome.exit_status
    async with session.engine(is_working=False) as engine:
        jobs = await begin(engine)
    if jobs:
        pid = worker_pid(engine, options, session.paths)
        output.note(f"Process {pid} works through the queue.")
    return jobs, ExitStatus.OK


def _at_least(status: ExitStatus | int, *, has_refused: bool, has_done: bool) -> int:
    if not has_refused or status not in tuple(ExitStatus):
        return status
    own = ExitStatus.IMAGES_FAILED if has_done else ExitStatus.FAILED
    return worst_of((ExitStatus(status), own))


async def _list_undecided(options: Namespace, session: Session, output: Output) -> int:
    undecided: list[UndecidedView] = []
    if session.has_database:
        async with session.queries() as queries:
            undecided = await _undecided(options, queries)
    rows = [
        (
            str(one.task),
            str(one.state),
            f"#{one.job_number} {one.job_label}",
            local_time(one.submitted_at),
            money(one.price_usd),
            ", ".join(one.choices),
            one.error.message if one.error else "",
            one.prompt or one.keyword,
        )
        for one in undecided
    ]
    headers = ("task", "state", "job", "sent", "price", "choices", "what is known", "prompt")
    output.result(
        undecided, table(headers, rows, right=("task", "price")) if rows else ["Nothing needs a decision."]
    )
    return ExitStatus.OK


async def _undecided(options: Namespace, asked: Any) -> list[UndecidedView]:
    """All of them, or those of `--job`; with numbers only these."""
    job_id = await asked.resolve_job(options.job) if options.job else None
    found: list[UndecidedView] = []
    while True:
        page = await asked.undecided_tasks(job_id=job_id, after=found[-1].task if found else 0, limit=_PAGE)
        found += page
        if len(page) < _PAGE:
            break
    return [one for one in found if not options.tasks or one.task in options.tasks]


def _refuse_blocked(plan: RetryPlanView, output: Output) -> None:
    problems = [Problem(one.field, one.message, one.hint) for one in plan.problems if not one.is_warning]
    if problems:
        raise SettingsError(problems, hint="Nothing was sent.")
    output.warnings(plan.problems)


def _processing(overrides: Sequence[str]) -> dict[str, Any] | None:
    """The fields of `--set processing.FIELD=VALUE`; None where there are none. Raises SettingsError."""
    if not overrides:
        return None
    paths = [override.partition("=")[0].strip() for override in overrides]
    foreign = [path for path in paths if "." in path and not path.startswith("processing.")]
    if foreign:
        raise SettingsError(
            [
                Problem(
                    f"--set {path}",
                    "a retry changes nothing but the processing",
                    "Settings of other groups are those of each image's own job.",
                )
                for path in foreign
            ]
        )
    values = dump_settings(override_settings(Settings(), overrides))["processing"]
    return {name: values[name] for name in (path.partition(".")[2] for path in paths)}


def _rules(texts: Sequence[str]) -> dict[str, str]:
    rules = {}
    for text in texts:
        stage, equals, rule = (part.strip() for part in text.partition("="))
        if not equals:
            raise UsageError(
                f"gimf images retry: --on-failure {text!r} has no =",
                hint="Write STAGE=fail or STAGE=continue.",
            )
        rules[stage] = rule
    return rules
