"""Measures the gallery: `python -m tests.bench.bench_gallery [--images N] [--presses N]`.

From a key to its repaint in a pseudo terminal, with many approved images on the wall: by a row, by a page, to the ends.
"""

import argparse
import asyncio
import re
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path

from engine.greeting import end_engine
from engine.paths import Paths
from tests.bench.bench_review import fill
from tests.bench.bench_tui import AIM_KEY_MS, environment, from_key_to_repaint, gimf, percentile, say
from tests.bench.terminal import Terminal
from tui.attach import EngineProcess

APPROVE = """UPDATE images SET status = 'approved', stage = NULL, reason = NULL, title = 'Picture ' || image_id,
    output_file = original_file, approval = 'manual'"""
PAGE_DOWN = "\x1b[6~"
_AT = re.compile(rb">Picture (\d+)")
"""The caption of the image at the cursor."""


def at(number: int) -> str:
    return rf">Picture {number}\b"


def moved(terminal: Terminal, key: str) -> int:
    """How many pictures a key goes on, from the last one."""
    terminal.press("g")
    time.sleep(1)
    first, second = (_number_after(terminal, one) for one in ("l", key))
    return first - second


def _number_after(terminal: Terminal, key: str) -> int:
    terminal.press(key)
    terminal.wait_for(_AT.pattern.decode())
    time.sleep(1)
    return int(_AT.findall(terminal.text_after_press)[-1])


def measure(home: Path, images: int, presses: int) -> dict[str, list[float]]:
    """Milliseconds by what was pressed."""
    found = {}
    with Terminal(gimf(home), environment()) as terminal:
        terminal.wait_for("queue 0")
        terminal.press("4")
        terminal.wait_for(rf"{images:,} images")
        time.sleep(2)
        row, page = moved(terminal, "j"), moved(terminal, PAGE_DOWN)
        for name, key, step, count in (
            ("a row", "j", row, presses),
            ("a page", PAGE_DOWN, page, presses // 2),
        ):
            terminal.press("G")
            time.sleep(1)
            terminal.press("g")
            time.sleep(2)
            wanted = [(key, at(images - step * number)) for number in range(1, count + 1)]
            found[name] = from_key_to_repaint(terminal, wanted)
        found["the ends"] = from_key_to_repaint(terminal, [("G", at(1)), ("g", at(images))] * (presses // 10))
    return found


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        home = Path(folder)
        paths = Paths.resolve(home, {})
        await fill(paths, options.images)
        with sqlite3.connect(paths.database_file) as connection:
            connection.execute(APPROVE)
        connection.close()
        async with EngineProcess(paths, environment(), str(home)).attach():
            measured = await asyncio.to_thread(measure, home, options.images, options.presses)
        await end_engine(paths, at_once=True)
    for name, values in measured.items():
        found = percentile(values, 0.95)
        shown = f"p50 {statistics.median(values):5.1f} ms  p95 {found:5.1f} ms"
        say(f"scroll of the gallery: {name}", shown, f"{AIM_KEY_MS:.0f} ms", is_met=found <= AIM_KEY_MS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--presses", type=int, default=60)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
