"""`gimf demo`: a job against a simulator that lives as long as the demo."""

import os
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.api import JobRequest, WorkApi
from engine.demo import LABEL, SIMULATOR_OPTIONS, demo_environment, demo_settings, simulator_process
from engine.paths import HOME_VARIABLE
from engine.settings import Settings, dump_settings
from engine.views import JobStatus, JobView
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
    command = [
        sys.executable,
        "-m",
        "tui.cli",
        "simulator",
        "--parent-pid",
        str(os.getpid()),
        *SIMULATOR_OPTIONS,
    ]
    output.note(
        f"Demo: {plural(options.count, 'image')} from a simulator on this machine. "
        "No key is used, nothing leaves this machine, nothing is paid."
    )
    async with simulator_process(command) as urls:
        session = _demo_session(options, urls, output)
        if has_terminal() and not output.is_json and not options.keep:
            return await _in_app(session, settings, urls, output)

        async def begin(engine: WorkApi) -> Sequence[JobView]:
            return [await engine.start_job(JobRequest(settings=dump_settings(settings), label=LABEL))]

        outcome = await work(session, output, begin)
        (job,) = outcome.jobs
        output.result(job, _closing_lines(job, session))
        if options.keep and outcome.exit_status < 128:
            await _keep(urls, session, output)
    return ExitStatus.OK if job.status is JobStatus.COMPLETED else outcome.exit_status


async def _in_app(session: Session, settings: Settings, urls: Mapping[str, str], output: Output) -> int:
    from tui.cli.demo_app import show_demo

    return_code, job = await show_demo(session, settings, urls)
    output.result(job, _closing_lines(job, session))
    return return_code or (ExitStatus.OK if job.status is JobStatus.COMPLETED else exit_status_of(job))


def _demo_session(options: Namespace, urls: Mapping[str, str], output: Output) -> Session:
    """In a folder of its own beside the real data, unless a home was chosen: demo jobs are no real ones."""
    environ = demo_environment(os.environ, urls)
    if options.home is None and not os.environ.get(HOME_VARIABLE):
        home = resolve_paths(options, os.environ).demo_dir
        options = Namespace(**{**vars(options), "home": str(home)})
    return open_session(options, output, environ)


def _closing_lines(job: JobView, session: Session) -> list[str]:
    return [
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
