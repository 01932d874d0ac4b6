"""`gimf engine`: the process that works through the queue, apart from any window."""

import asyncio
import contextlib
import os
from argparse import Namespace
from collections import deque
from contextlib import AsyncExitStack

from engine.client import EngineClient
from engine.errors import EngineUnreachableError
from engine.greeting import end_engine
from engine.host import run_host
from engine.paths import Paths
from tui.attach import EngineProcess, answers
from tui.cli.demo_engine import DEMO_ENGINE, demo_services
from tui.cli.log_file import logging_to
from tui.cli.output import Output
from tui.cli.session import open_session, resolve_paths
from tui.cli.statuses import ExitStatus


async def host(options: Namespace, output: Output) -> int:
    """Be the engine until told to end; started by `gimf`, by `gimf engine start` and by `gimf demo`."""
    async with AsyncExitStack() as stack:
        if options.demo:
            await stack.enter_async_context(demo_services(resolve_paths(options, os.environ)))
        session = open_session(options, output)
        session.paths.ensure()
        stack.enter_context(logging_to(session.paths.log_file, session.keys))
        await run_host(
            session.paths,
            session.preferences,
            session.keys,
            idle_s=options.idle or None,
            name=DEMO_ENGINE if options.demo else "",
        )
    return ExitStatus.OK


async def start(options: Namespace, output: Output) -> int:
    """`{"pid": n, "is_new": bool}`; it stays until it is stopped."""
    session = open_session(options, output)
    is_new = not await answers(session.paths)
    async with EngineProcess(session.paths, os.environ, options.home, idle_s=0).attach() as client:
        pid = client.engine_pid
    word = "started" if is_new else "already runs"
    output.result(
        {"pid": pid, "is_new": is_new}, [f"The engine {word}: process {pid}, {session.paths.data_dir}"]
    )
    return ExitStatus.OK


async def stop(options: Namespace, output: Output) -> int:
    """`{"pid": n | null}`; waits until it has ended. Jobs stay resumable."""
    paths = open_session(options, output).paths
    if not options.force and await answers(paths):
        output.note("Waiting for answers to paid requests that are on their way; --force does not.")
    pid = await end_engine(paths, at_once=options.force)
    line = "No engine runs." if pid is None else f"The engine has ended (process {pid})."
    output.result({"pid": pid}, [line])
    return ExitStatus.OK


async def status(options: Namespace, output: Output) -> int:
    """`{"is_running": bool, "pid", "data_dir", "running_job", "queued"}`."""
    paths = open_session(options, output).paths
    document: dict[str, object] = {"is_running": False, "pid": None, "data_dir": str(paths.data_dir)}
    lines = [f"No engine runs in {paths.data_dir}."]
    with contextlib.suppress(EngineUnreachableError):
        async with EngineClient.connect(paths) as client:
            queue = await client.queue()
            at_work = next((job for job in queue if job.queue_position is None), None)
            waiting = sum(job.queue_position is not None for job in queue)
            document |= {
                "is_running": True,
                "pid": client.engine_pid,
                "running_job": None if at_work is None else at_work.job_id,
                "queued": waiting,
            }
            work = "no job" if at_work is None else f"#{at_work.number} {at_work.label} ({at_work.status})"
            lines = [
                f"Process {client.engine_pid} in {paths.data_dir}",
                f"At work: {work}; waiting: {waiting}",
            ]
    output.result(document, lines)
    return ExitStatus.OK


async def logs(options: Namespace, output: Output) -> int:
    """`{"lines": [...]}`, the end of the program's own log; the logs of jobs are with `gimf logs`."""
    paths = open_session(options, output).paths
    lines = await asyncio.to_thread(_tail, paths, options.lines)
    output.result({"lines": lines}, lines or [f"{paths.log_file} is empty."])
    return ExitStatus.OK


def _tail(paths: Paths, count: int) -> list[str]:
    try:
        with paths.log_file.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, count)]
    except FileNotFoundError:
        return []
