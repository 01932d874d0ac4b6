"""How close a job comes to the time that the provider alone would take, and how much memory the engine needs for it.

`python tests/bench/bench_pipeline.py [--only time|memory] [--side PIXELS] [--images N]`. The services are the built-in
simulator in a process of its own; the engine is this process. Pictures are small unless `--side` says otherwise: what
is measured is the engine, not the decoding of pictures.
"""

import argparse
import asyncio
import logging
import os
import resource
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.api import JobRequest
from engine.demo import demo_environment, simulator_process
from engine.events import JobProgressed, Resynced
from engine.paths import Paths
from engine.preferences import load_preferences
from engine.secrets import KeyStore
from engine.service import Engine
from engine.views import JobView

IN_FLIGHT = 20
TIME_IMAGES = 200
LATENCY_SECONDS = 2.0
LANGUAGE_SECONDS = 0.2
TIME_AIM = 1.10
MEMORY_IMAGES = 2_000
MEMORY_MARKS = (200, 1_000, 2_000)
MEMORY_AIM_MB = 250.0


@asynccontextmanager
async def engine_on_simulator(*options: str) -> AsyncIterator[Engine]:
    """An engine in a folder of its own that is gone afterwards; `options` are those of `gimf simulator`."""
    quiet = ("--text-share", "0", "--reject-share", "0", "--parent-pid", str(os.getpid()))
    command = [sys.executable, "-m", "tui.cli", "simulator", *quiet, *options]
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        async with simulator_process(command) as urls:
            environ = demo_environment(os.environ, urls)
            paths = Paths.resolve(Path(folder), environ)
            preferences, _ = load_preferences(paths.config_file, environ)
            keys = KeyStore(paths.keys_file, environ, load=lambda: None)
            async with Engine.open(paths, preferences, keys) as engine:
                yield engine


def job_of(images: int, **processing: object) -> JobRequest:
    """One image for each prompt, with quality check and metadata, which are on by default."""
    generation = {"generations": images, "concurrency": IN_FLIGHT, "poll_interval_seconds": 0.5}
    return JobRequest({"generation": generation, "processing": processing}, label="bench")


def peak_mb() -> float:
    """The most memory that this process ever held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def resident_mb() -> float | None:
    """What it holds now; None where there is no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except FileNotFoundError:
        return None
    return pages * resource.getpagesize() / 1e6


def counts_of(job: JobView) -> str:
    return f"{job.images.approved} approved of {job.images.planned}, {job.status}"


async def measure_time(side: int) -> None:
    """Wall time against tasks x latency / in flight, which is what the provider alone would take.

    Twice in one engine: only the first job has to load the language model's package and to make connections.
    """
    options = (
        *("--latency-seconds", str(LATENCY_SECONDS)),
        *("--chat-latency-seconds", str(LANGUAGE_SECONDS)),
        *("--image-side-cap", str(side)),
    )
    ideal = TIME_IMAGES * LATENCY_SECONDS / IN_FLIGHT
    async with engine_on_simulator(*options) as engine:
        for name in ("first job", "second job"):
            cpu = time.process_time()
            start = time.perf_counter()
            job = await engine.start_job(job_of(TIME_IMAGES))
            job = await engine.wait_for_job(job.job_id)
            wall = time.perf_counter() - start
            cpu = time.process_time() - cpu
            print(
                f"time, {name}: {counts_of(job)}; {wall:.1f} s for an ideal {ideal:.1f} s, ratio {wall / ideal:.3f} "
                f"(aim <= {TIME_AIM:.2f}); {1_000 * cpu / TIME_IMAGES:.0f} ms of CPU an image",
                flush=True,
            )


async def measure_memory(images: int, side: int) -> None:
    """Memory of this process while a long job runs, at some numbers of finished images."""
    async with engine_on_simulator("--latency-seconds", "0", "--image-side-cap", str(side)) as engine:
        marks = [*(mark for mark in MEMORY_MARKS if mark < images), images]
        start = time.perf_counter()
        async with engine.subscribe() as events:
            job = await engine.start_job(job_of(images))
            while marks:
                for event in await events.next_batch():
                    finished = 0
                    if isinstance(event, JobProgressed):
                        finished = event.progress.images.finished
                    elif isinstance(event, Resynced):
                        finished = (await engine.progress(job.job_id)).images.finished
                    while marks and finished >= marks[0]:
                        held = resident_mb()
                        now = "" if held is None else f"{held:.0f} MB now, "
                        print(
                            f"memory at {marks.pop(0):>5} images: {now}{peak_mb():.0f} MB at most so far",
                            flush=True,
                        )
        job = await engine.wait_for_job(job.job_id)
        seconds = time.perf_counter() - start
    print(
        f"memory: {counts_of(job)} in {seconds:.0f} s; {peak_mb():.0f} MB at most "
        f"(aim <= {MEMORY_AIM_MB:.0f} MB, flat after {MEMORY_MARKS[0]} images)"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=("time", "memory"), help="default: both, memory first")
    parser.add_argument(
        "--side", type=int, default=64, metavar="PIXELS", help="longest side of a picture; default 64"
    )
    parser.add_argument(
        "--images", type=int, default=MEMORY_IMAGES, metavar="N", help=f"for memory; default {MEMORY_IMAGES}"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    if options.only != "time":
        asyncio.run(measure_memory(options.images, options.side))
    if options.only != "memory":
        asyncio.run(measure_time(options.side))


if __name__ == "__main__":
    main()
