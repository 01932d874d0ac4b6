"""`gimf` alone: the full-screen program, attached to the engine of the data folder."""

import asyncio
import os
from argparse import Namespace
from dataclasses import replace

from tui.attach import EngineProcess, EngineThread, end_engine
from tui.cli.log_file import logging_to
from tui.cli.output import Output
from tui.cli.session import Session, open_session
from tui.services import AppServices
from tui.terminal import find_out, prepare

SIGNALLED = 128
"""Exit statuses from here on say that a signal ended the window."""


def open_app(options: Namespace, output: Output) -> int:
    """The app's return code. Needs a terminal. Comes back after the demo, if the user leaves for it."""
    while True:
        session = open_session(options, output)
        session.paths.ensure()
        thread = (
            EngineThread(session.paths, session.preferences, session.keys) if options.in_process else None
        )
        services = _services(session, options, thread)
        try:
            return_code, wants_demo = asyncio.run(run_app(session, services))
        finally:
            if thread is not None:
                thread.stop()
        if not wants_demo:
            return return_code
        if (status := asyncio.run(_show_demo(session, output))) >= SIGNALLED:
            return status  # the line is gone, and with it what another window would be drawn on


async def _show_demo(session: Session, output: Output) -> int:
    from tui.cli.demo import DEFAULT_COUNT, demo, demo_home

    home = str(demo_home(session.paths))
    return await demo(Namespace(home=home, json=False, count=DEFAULT_COUNT, keep=False), output)


async def run_app(session: Session, services: AppServices) -> tuple[int, bool]:
    """The app from start to end: its return code, and whether the user left for the demo."""
    # The terminal is asked before Textual reads from it, and before Textual is imported, which reads the environment.
    facts = find_out(session.preferences.image_protocol)
    prepare(os.environ, facts)
    from tui.app import FactoryApp
    from tui.exit_signals import ExitSignals, leave_with_terminal

    services = replace(services, terminal=facts, notices=session.notices)
    with logging_to(session.paths.log_file, session.keys, rotates=services.ends_with_window):
        app = FactoryApp(services)
        with ExitSignals(app.leave):
            watch = asyncio.create_task(leave_with_terminal(app.leave), name="terminal")
            try:
                await app.run_async()
            finally:
                watch.cancel()
    return app.return_code or 0, app.wants_demo


def _services(session: Session, options: Namespace, thread: EngineThread | None) -> AppServices:
    from tui.cli.demo import demo_home

    process = EngineProcess(session.paths, os.environ, options.home)
    return AppServices(
        attach=process.attach if thread is None else thread.attach,
        paths=session.paths,
        preferences=session.preferences,
        keys=session.keys,
        ends_with_window=thread is not None,
        end_engine=lambda: _end(session),
        demo_folder=str(demo_home(session.paths)),
    )


async def _end(session: Session) -> None:
    await end_engine(session.paths)
