"""`gimf demo`: a job against a simulator that lives as long as the demo."""

import os
import shlex
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.api import JobRequest, WorkApi
from engine.demo import LABEL, demo_environment, demo_settings, simulator_process
from engine.paths import HOME_VARIABLE
from engine.settings import Settings, dump_settings
from engine.views import JobStatus, JobView
from tui.cli.demo_engine import make_way, simulator_command
from tui.cli.interrupts import catching_signals
from tui.cli.output import Output
from tui.cli.parsing import has_terminal
from tui.cli.session import Session, open_session, resolve_paths
from tui.cli.statuses import ExitStatus, exit_status_of
from tui.cli.work import work
from tui.format import money, plural

DEFAULT_COUNT = 12


async def demo(options: Namespace, output: Output) -> int:
    """The job object. Status 0 when the job completed: rejections by the check belong to the show."""
    settings = demo_settings(options.count)
    output.note(
        f"Demo: {plural(options.count, 'image')} from a simulator on this machine. "
        "No key is used, nothing leaves this machine, nothing is paid."
    )
    options = _at_home(options)
    if has_terminal() and not output.is_json and not options.keep:
        return await _in_app(options, settings, output)
    await make_way(resolve_paths(options, os.environ))
    async with simulator_process(simulator_command()) as urls:
        session = open_session(options, output, demo_environment(os.environ, urls))

        async def begin(engine: WorkApi) -> Sequence[JobView]:
            return [await engine.start_job(JobRequest(settings=dump_settings(settings), label=LABEL))]

        outcome = await work(session, output, begin)
        (job,) = outcome.jobs
        output.result(job, _closing_lines(job, session))
        if options.keep and outcome.exit_status < 128:
            await _keep(urls, session, output)
    return ExitStatus.OK if job.status is JobStatus.COMPLETED else outcome.exit_status


async def _in_app(options: Namespace, settings: Settings, output: Output) -> int:
    from tui.cli.demo_app import show_demo

    session = open_session(options, output, demo_environment(os.environ, {}))
    return_code, job = await show_demo(options, session, settings, output)
    output.result(job, _closing_lines(job, session))
    return return_code or (ExitStatus.OK if job.status is JobStatus.COMPLETED else exit_status_of(job))


def _at_home(options: Namespace) -> Namespace:
    """In a folder of its own beside the real data, unless a home was chosen: demo jobs are no real ones."""
    if options.home is not None or os.environ.get(HOME_VARIABLE):
        return options
    home = resolve_paths(options, os.environ).demo_dir
    return Namespace(**{**vars(options), "home": str(home)})


def demo_command(session: Session) -> str:
    """What the user types to see this demo again."""
    plain = resolve_paths(_at_home(Namespace(home=None)), os.environ)
    is_plain = plain.data_dir == session.paths.data_dir
    return "gimf demo" if is_plain else f"gimf --home {shlex.quote(str(_home(session)))} demo"


def _closing_lines(job: JobView, session: Session) -> list[str]:
    is_at_work = job.status in (JobStatus.QUEUED, JobStatus.RUNNING)
    return [
        *([f"The job goes on: `{demo_command(session)}` shows it."] if is_at_work else []),
        f"{plural(job.images.approved, 'picture')} in {job.output_dir}",
        f"With real services this would have cost about {money(job.spend_usd)}; the demo cost nothing.",
        f"More: gimf --home {_home(session)} jobs show {job.number}; ... images list; ... logs {job.number}",
    ]


def _home(session: Session) -> Path:
    return session.paths.data_dir.parent


async def _keep(urls: Mapping[str, str], session: Session, output: Output) -> None:
    """Leave the simulator running until a signal comes."""
    output.note("The simulator keeps running until Ctrl+C. To use it from another terminal:")
    for name, value in demo_environment({}, urls).items():
        output.note(f"  export {name}={value}")
    output.note(f"  gimf --home {_home(session)} run")
    async with catching_signals(ends_on_hangup=True) as interrupts:
        await interrupts.wait()
