"""The demo in the full-screen program: an engine with a simulator, in a folder of its own."""

import os
from argparse import Namespace

from engine.api import JobRequest
from engine.demo import LABEL, demo_environment
from engine.errors import ConflictError
from engine.greeting import end_engine
from engine.settings import Settings, dump_settings
from engine.views import JobView
from tui.attach import EngineProcess
from tui.cli.demo import demo_command
from tui.cli.demo_engine import DEMO_ENGINE, make_way, simulator_urls
from tui.cli.open_app import run_app
from tui.cli.output import Output
from tui.cli.session import Session, open_session
from tui.services import AppServices


async def show_demo(
    options: Namespace, session: Session, settings: Settings, output: Output
) -> tuple[int, JobView]:
    """Show the app on the demo job that is at work, or on a new one, until the user leaves: the app's return code, and
    the job as it is then.

    As with real jobs, the engine goes on when the line drops, and while a job is at work; the next demo shows it.
    """
    await make_way(session.paths)
    process = EngineProcess(session.paths, os.environ, str(session.paths.data_dir.parent), is_demo=True)
    async with process.attach() as client:
        if client.engine_name != DEMO_ENGINE:
            raise ConflictError(
                f"Another engine was started in {session.paths.data_dir} just now.", hint="Try again."
            )
        jobs = await client.queue()
        job = jobs[0] if jobs else await client.start_job(JobRequest(dump_settings(settings), label=LABEL))
        urls = simulator_urls(session.paths)
    session = open_session(options, output, demo_environment(os.environ, urls))
    services = AppServices(
        attach=process.attach,
        paths=session.paths,
        preferences=session.preferences,
        keys=session.keys,
        command=demo_command(session),
        notices=session.notices,
    )
    return_code, _ = await run_app(services)
    async with session.queries() as queries:
        if return_code < 128 and not await queries.queue():
            await end_engine(session.paths)
        return return_code, await queries.job(job.job_id)
