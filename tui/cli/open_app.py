"""`gimf` alone: the full-screen program, attached to the engine of the data folder."""

from __future__ import annotations

import asyncio
import logging
import os
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.errors import FactoryError
from engine.explain import explain
from engine.first_look import first_look
from engine.greeting import end_engine
from engine.secrets import KeyStore
from tui.attach import EngineProcess, EngineThread
from tui.cli.log_file import logging_to
from tui.cli.output import Output
from tui.cli.session import read_preferences, resolve_paths
from tui.haste import begin_haste, end_haste
from tui.services import AppServices
from tui.terminal import find_out, prepare

if TYPE_CHECKING:
    from engine.paths import Paths

logger = logging.getLogger(__name__)

SIGNALLED = 128
"""Exit statuses from here on say that a signal ended the window."""


def open_app(options: Namespace, output: Output) -> int:
    """The app's return code. Needs a terminal. Comes back after the demo, if the user leaves for it."""
    while True:
        begin_haste()
        thread: EngineThread | None = None
        try:
            paths = resolve_paths(options, os.environ)
            paths.ensure()
            keys = KeyStore(paths.keys_file, os.environ)
            output.mask = keys.masker.mask
            if options.in_process:
                thread = EngineThread(paths, read_preferences(paths, os.environ)[0], keys)
            return_code, wants_demo = asyncio.run(run_app(_services(paths, keys, options, thread)))
        finally:
            end_haste()
            if thread is not None:
                thread.stop()
        if not wants_demo:
            return return_code
        if (status := asyncio.run(_show_demo(paths, output))) >= SIGNALLED:
            return status  # the line is gone, and with it what another window would be drawn on


async def _show_demo(paths: Paths, output: Output) -> int:
    from tui.cli.demo import DEFAULT_COUNT, demo

    return await demo(
        Namespace(home=str(paths.demo_dir), json=False, count=DEFAULT_COUNT, keep=False), output
    )


class WindowBrokeError(FactoryError):
    """The full-screen program met what nobody foresaw, and ended; the log has the traceback."""

    code = "internal"


async def run_app(services: AppServices) -> tuple[int, bool]:
    """The app from start to end: its return code, and whether the user left for the demo. Raises SettingsError where
    the preferences, which are read meanwhile, turn out to be wrong, and WindowBrokeError."""
    log_file = services.paths.log_file
    with logging_to(log_file, services.keys, rotates=services.ends_with_window):
        try:
            return await _run_app(services)
        except Exception as error:
            if explain(error) is not None:
                raise
            logger.exception("the program broke down")
            raise WindowBrokeError(
                f"The program broke down: {type(error).__name__}. Jobs are not touched.",
                hint=f"The log has the details: {log_file}",
            ) from error


async def _run_app(services: AppServices) -> tuple[int, bool]:
    # The terminal is asked before Textual reads from it, and before Textual is imported, which reads the environment.
    facts = find_out(services.preferences.image_protocol)
    prepare(os.environ, facts)
    from tui.app import FactoryApp
    from tui.exit_signals import ExitSignals, leave_with_terminal

    app = FactoryApp(replace(services, terminal=facts))
    with ExitSignals(app.leave):
        watch = asyncio.create_task(leave_with_terminal(app.leave), name="terminal")
        try:
            await app.run_async()
        finally:
            watch.cancel()
    if app.refusal is not None:
        raise app.refusal
    return app.return_code or 0, app.wants_demo


def _services(paths: Paths, keys: KeyStore, options: Namespace, thread: EngineThread | None) -> AppServices:
    process = EngineProcess(paths, os.environ, options.home)
    return AppServices(
        attach=process.attach if thread is None else thread.attach,
        paths=paths,
        preferences=first_look(paths.config_file),
        read_preferences=lambda: read_preferences(paths, os.environ),
        keys=keys,
        ends_with_window=thread is not None,
        end_engine=lambda: _end(paths),
        demo_folder=str(paths.demo_dir),
    )


async def _end(paths: Paths) -> None:
    await end_engine(paths)
