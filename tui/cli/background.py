"""Starts a process of its own that works through the queue after this one has left."""

import subprocess
import sys
from argparse import Namespace

from engine.api import WorkApi
from engine.client import EngineClient
from engine.paths import Paths


def worker_pid(engine: WorkApi, options: Namespace, paths: Paths) -> int:
    """The process that works through the queue now: the engine that runs already, else one that is started here."""
    return engine.engine_pid if isinstance(engine, EngineClient) else work_in_background(options, paths)


def work_in_background(options: Namespace, paths: Paths) -> int:
    """Start `gimf run --resume` detached from this terminal and answer its process id.

    What it says goes to the end of `background.log` in the data folder: a start that fails leaves a trace.
    """
    home = ["--home", options.home] if options.home else []
    with (paths.data_dir / "background.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program and a folder that the user named
            [sys.executable, "-m", "tui.cli", *home, "run", "--resume"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return process.pid
