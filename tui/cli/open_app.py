"""`gimf` alone: the full-screen program, attached to the engine of the data folder."""

import os
from argparse import Namespace
from collections.abc import Mapping

from tui.attach import EngineProcess, EngineThread
from tui.cli.log_file import logging_to
from tui.cli.output import Output
from tui.cli.session import Session, open_session


def open_app(options: Namespace, output: Output) -> int:
    """The app's return code. Needs a terminal."""
    return show_app(open_session(options, output), os.environ, options.home, is_in_process=options.in_process)


def show_app(session: Session, environ: Mapping[str, str], home: str | None, *, is_in_process: bool) -> int:
    """Run the app to its end; an engine of its own process goes on without it."""
    from tui.app import FactoryApp
    from tui.services import AppServices

    session.paths.ensure()
    thread = EngineThread(session.paths, session.preferences, session.keys) if is_in_process else None
    process = EngineProcess(session.paths, environ, home)
    services = AppServices(
        attach=process.attach if thread is None else thread.attach,
        paths=session.paths,
        preferences=session.preferences,
        keys=session.keys,
        environ=environ,
        is_in_process=is_in_process,
    )
    with logging_to(session.paths.log_file, session.keys, rotates=is_in_process):
        app = FactoryApp(services)
        try:
            app.run()
        finally:
            if thread is not None:
                thread.stop()
    return app.return_code or 0
