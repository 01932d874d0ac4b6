"""Measures the full-screen program in a pseudo terminal: `python -m tests.bench.bench_tui [--jobs N] [--presses N]`.

First paint beside an empty Textual app's; from a key to its repaint while the engine tells 1,000 events a second and a
list has 100,000 jobs; bytes that a minute of a running job costs with the dashboard on the screen.
"""

import argparse
import asyncio
import itertools
import math
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from engine.api import JobRequest
from engine.demo import demo_environment, simulator_process
from engine.events import Event, ImageChanged, JobProgressed, LogRecorded
from engine.greeting import end_engine
from engine.host import EngineHost
from engine.paths import Paths
from engine.preferences import Preferences
from engine.secrets import KeyStore
from engine.service import Engine
from engine.views import LogLevel
from engine.views import LogView as LogEntry
from tests.bench.terminal import Terminal
from tests.support.many_jobs import fill_jobs
from tui.attach import EngineProcess

AIM_KEY_MS, AIM_PAINT, AIM_KIB = 50.0, 1.5, 100.0
EVENTS_PER_S, BURSTS_PER_S = 1_000, 20
SETTLE_S = 3.0
AT_WORK = "UPDATE jobs SET status = ?, planned_images = ?, queue_position = NULL WHERE job_id = ?"
EMPTY_APP = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("ready")
Empty().run()
"""


def gimf(home: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "tui", "--home", str(home), *options]


def environment() -> dict[str, str]:
    """Without keys; keyring would look for a desktop."""
    return {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


# ---- the engine that tells a lot


async def serve(home: Path) -> None:
    """An engine whose bus is kept busy, until its parent closes stdin."""
    paths = Paths.resolve(home, {})
    keys = KeyStore(paths.keys_file, {}, load=lambda: None)
    async with Engine.open(paths, Preferences(), keys) as engine:
        with sqlite3.connect(paths.database_file) as connection:  # a job at work, with nobody working on it
            (job_id,) = connection.execute(
                "SELECT job_id FROM jobs ORDER BY job_number DESC LIMIT 1"
            ).fetchone()
            connection.execute(AT_WORK, ("running", 10_000, job_id))
        host = EngineHost(engine, paths.socket_file, idle_s=None)
        noise = asyncio.create_task(make_noise(engine, job_id))
        serving = asyncio.create_task(host.run())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        noise.cancel()
        host.end(at_once=True)
        await serving
        with connection:  # or the next engine would go on with it
            connection.execute(AT_WORK, ("completed", 100, job_id))
        connection.close()


async def make_noise(engine: Engine, job_id: str) -> None:
    """EVENTS_PER_S events: of ten, seven are log lines, two changes of images, one is progress."""
    bus = engine._bus  # nothing else can make that many events without doing the work
    progress = await engine.progress(job_id)
    numbers = itertools.count(1)
    began = asyncio.get_running_loop().time()
    for burst in itertools.count(1):
        for _ in range(EVENTS_PER_S // BURSTS_PER_S):
            number = next(numbers)
            bus.publish(noise_event(job_id, number, progress))
        wait_s = began + burst / BURSTS_PER_S - asyncio.get_running_loop().time()
        await asyncio.sleep(max(wait_s, 0))


def noise_event(job_id: str, number: int, progress: Any) -> Event:
    if number % 10 < 7:
        return LogRecorded(
            LogEntry(
                entry_id=10_000_000 + number,
                job_id=job_id,
                at="2026-11-22T12:04:01.000Z",
                level=LogLevel.INFO,
                stage="quality_check",
                image_number=number,
                message=f"Passed: clean composition without text, logos or visible defects, {number}.",
                cause=None,
                hint=None,
            )
        )
    if number % 10 < 9:
        return ImageChanged(job_id, number, "approved")
    images = progress.images.model_copy(update={"approved": number % 10_000})
    return JobProgressed(job_id, progress.model_copy(update={"images": images}))


@asynccontextmanager
async def busy_engine(home: Path) -> Any:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.bench.bench_tui",
        "--serve",
        str(home),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=environment(),
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("the engine did not start")
        yield
    finally:
        process.stdin.close()
        await process.wait()


# ---- what is measured


def first_paint(home: Path, runs: int) -> tuple[float, float]:
    """Median seconds from the start to the first text, of an empty app and of ours with its engine running."""
    empty, ours = [], []
    for _ in range(runs):
        with Terminal([sys.executable, "-c", EMPTY_APP], environment()) as terminal:
            empty.append(terminal.wait_for("ready") - terminal.begun)
        with Terminal(gimf(home), environment()) as terminal:
            ours.append(terminal.wait_for("Dashboard") - terminal.begun)
    return statistics.median(empty), statistics.median(ours)


def from_key_to_repaint(terminal: Terminal, presses: Sequence[tuple[str, str]]) -> list[float]:
    """Milliseconds from each key until text that fits its pattern is written."""
    found = []
    for key, pattern in presses:
        sent = terminal.press(key)
        found.append((terminal.wait_for(pattern) - sent) * 1_000)
        time.sleep(0.03)
    return found


def row(number: int) -> str:
    return rf">\s+#{number} "


def measure_keys(home: Path, jobs: int, presses: int) -> dict[str, list[float]]:
    measured = {}
    with Terminal(gimf(home), environment()) as terminal:
        terminal.wait_for("Dashboard")
        time.sleep(SETTLE_S)
        terminal.press("2")
        terminal.wait_for(rf"{jobs:,} jobs")
        time.sleep(1)
        page = 36 - 4
        in_page = min(presses, page - 1)
        measured["cursor in a page of jobs"] = from_key_to_repaint(
            terminal, [("j", row(jobs - step)) for step in range(1, in_page + 1)]
        )
        measured["scroll of the jobs by a line"] = from_key_to_repaint(
            terminal, [("j", row(jobs - in_page - step)) for step in range(1, presses + 1)]
        )
        at = jobs - in_page - presses
        measured["scroll of the jobs by a page"] = from_key_to_repaint(
            terminal, [("\x1b[6~", row(at - page * step)) for step in range(1, presses // 2 + 1)]
        )
        measured["end and beginning of the jobs"] = from_key_to_repaint(
            terminal, [("G", row(1)), ("g", row(jobs))] * (presses // 10)
        )
        terminal.press("L")
        terminal.wait_for("Log of all jobs")
        time.sleep(1)
        measured["a key in the log"] = from_key_to_repaint(
            terminal, [("F", "not following"), ("F", r"following(?! \()")] * (presses // 4)
        )
    return measured


async def bytes_of_a_minute(root: Path, seconds: float) -> tuple[float, int]:
    """KiB that a minute of a running job takes with the dashboard open, and how many images came meanwhile."""
    home = root / "running"
    command = [sys.executable, "-m", "tui.cli", "simulator", "--parent-pid", str(os.getpid())]
    pace = ["--latency-seconds", "12", "--chat-latency-seconds", "1", "--image-side-cap", "256"]
    async with simulator_process([*command, *pace]) as urls:
        environ = demo_environment(environment(), urls)
        paths = Paths.resolve(home, {})
        async with EngineProcess(paths, environ, str(home)).attach() as client:
            job = await client.start_job(JobRequest({"generation": {"generations": 400}}, label="bytes"))

            def watch() -> int:
                with Terminal(gimf(home), environ) as terminal:
                    terminal.wait_for("bytes")
                    time.sleep(20)
                    before = terminal.bytes_written
                    time.sleep(seconds)
                    return terminal.bytes_written - before

            written = await asyncio.to_thread(watch)
            finished = (await client.job(job.job_id)).images.finished
        await end_engine(paths, at_once=True)
    return written / 1024 * 60 / seconds, finished


# ---- the report


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, math.ceil(len(values) * share) - 1)]


def say(what: str, value: str, aim: str, *, is_met: bool) -> None:
    print(f"{what:<34} {value:<34} aim {aim:<12} {'ok' if is_met else 'MISSED'}")


async def measure(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        root = Path(folder)
        home = root / "many"
        await fill_jobs(Paths.resolve(home, {}), options.jobs)
        parts: dict[str, Callable[[], Any]] = {
            "keys": lambda: asyncio.to_thread(measure_keys, home, options.jobs, options.presses),
            "paint": lambda: asyncio.to_thread(first_paint, home, options.runs),
        }
        async with busy_engine(home):
            for name, values in (await parts["keys"]()).items():
                found = percentile(values, 0.95)
                shown = f"p50 {statistics.median(values):5.1f} ms  p95 {found:5.1f} ms"
                say(name, shown, f"{AIM_KEY_MS:.0f} ms", is_met=found <= AIM_KEY_MS)
        async with EngineProcess(Paths.resolve(home, {}), environment(), str(home)).attach():
            empty, ours = await parts["paint"]()
        ratio = ours / empty
        shown = f"{ours:.2f} s / {empty:.2f} s = {ratio:.2f}"
        say("first paint / an empty app's", shown, f"{AIM_PAINT}", is_met=ratio <= AIM_PAINT)
        await end_engine(Paths.resolve(home, {}), at_once=True)
        kib, images = await bytes_of_a_minute(root, options.seconds)
        shown = f"{kib:.0f} KiB ({images} images came)"
        say("a minute of the dashboard", shown, f"{AIM_KIB:.0f} KiB", is_met=kib <= AIM_KIB)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--presses", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5, help="starts of each program")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long bytes are counted")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    asyncio.run(serve(options.serve) if options.serve else measure(options))


if __name__ == "__main__":
    main()
