"""The demo in the full-screen program: its own engine, its own folder, a simulator of this process as services."""

import os
from collections.abc import Mapping

from engine.api import JobRequest
from engine.demo import LABEL, demo_environment
from engine.settings import Settings, dump_settings
from engine.views import JobView
from tui.attach import EngineProcess, end_engine
from tui.cli.open_app import run_app
from tui.cli.session import Session
from tui.services import AppServices


async def show_demo(session: Session, settings: Settings, urls: Mapping[str, str]) -> tuple[int, JobView]:
    """Start a demo job and show the app on it until the user leaves: the app's return code, and the job at the end.

    The engine ends with the window, for its services do.
    """
    # One left behind by a demo that was killed would still talk to that demo's simulator.
    await end_engine(session.paths, at_once=True)
    process = EngineProcess(
        session.paths,
        demo_environment(os.environ, urls),
        str(session.paths.data_dir.parent),
        ends_with_us=True,
    )
    try:
        async with process.attach() as client:
            job = await client.start_job(JobRequest(settings=dump_settings(settings), label=LABEL))
        services = AppServices(
            attach=process.attach,
            paths=session.paths,
            preferences=session.preferences,
            keys=session.keys,
            ends_with_window=True,
        )
        return_code, _ = await run_app(services)
    finally:
        await end_engine(session.paths, at_once=True)
    async with session.queries() as queries:
        return return_code, await queries.job(job.job_id)
