"""`python -m tests.soak`: many images through the simulator with faults and kill -9, then every promise is proved.

Exit status 1 when one is broken; the folder is kept then. The same seed draws the same faults, deeds and pauses; what
they meet depends on the machine's pace.
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.soak.run import Figures, Plan, soak

_SHOWN = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, help="stop beginning new work after this time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault-share", type=float, default=0.02, help="of every kind of request")
    parser.add_argument("--job-images", type=int, default=150, help="images a job")
    parser.add_argument(
        "--kill-seconds",
        type=float,
        default=20.0,
        help="usual mean time between two kills; one in ten is eight times as long",
    )
    parser.add_argument("--folder", type=Path, help="where to work; kept")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="gimf-soak-"))
    figures = asyncio.run(
        soak(
            Plan(
                images=options.images,
                minutes=options.minutes,
                seed=options.seed,
                fault_share=options.fault_share,
                job_images=options.job_images,
                kill_seconds=options.kill_seconds,
                folder=folder,
            )
        )
    )
    report(figures, options.seed)
    is_broken = any(figures.broken.values())
    if is_broken:
        print(f"\nThe folder is kept: {folder}")
    elif options.folder is None:
        shutil.rmtree(folder)
    return int(is_broken)


def report(figures: Figures, seed: int) -> None:
    """The figures as lines on stdout, then what is broken."""
    lines: dict[str, object] = {
        "seed": seed,
        "images planned": figures.planned,
        "images": f"{figures.images}, {figures.approved} approved",
        "faults": figures.faults,
        "kills": f"{figures.kills} of the engine, {figures.client_kills} of a front end",
        "deeds": ", ".join(f"{name} {count}" for name, count in figures.deeds.most_common()),
        "refused": ", ".join(f"{name} {count}" for name, count in figures.refused.most_common()) or 0,
        "paid, not found again": figures.given_up,
        **{name: len(sentences) for name, sentences in figures.broken.items()},
        "peak memory": ", ".join(f"{name} {mb:.0f} MB" for name, mb in figures.peak_mb.items())
        or "not measured",
        "memory, first/last third": ", ".join(
            f"{name} {first:.0f}/{last:.0f} MB" for name, (first, last) in _thirds(figures).items()
        )
        or "not measured",
        "open files": ", ".join(f"{name} {n}" for name, n in figures.open_files.items()) or "not measured",
        "seconds": round(figures.seconds),
    }
    for name, value in lines.items():
        print(f"{name:>25}  {value}")
    for name, sentences in figures.broken.items():
        for sentence in sentences[:_SHOWN]:
            print(f"BROKEN, {name}: {sentence}")


def _thirds(figures: Figures) -> dict[str, tuple[float, float]]:
    """Of each process the median memory in the first and in the last third of the time: equal where nothing leaks."""
    found = {}
    for name, samples in figures.memory.items():
        first = [megabytes for at, megabytes in samples if at < figures.seconds / 3]
        last = [megabytes for at, megabytes in samples if at > figures.seconds * 2 / 3]
        if first and last:
            found[name] = (median(first), median(last))
    return found


if __name__ == "__main__":
    sys.exit(main())
