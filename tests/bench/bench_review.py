"""Measures the review screen: `python -m tests.bench.bench_review [--images N] [--presses N]`.

From a decision to the next picture on the screen, in a pseudo terminal, with many failed images; and, in the same run,
from a cursor key to its picture, which is the same work without the decision.
"""

import argparse
import asyncio
import random
import re
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from engine.greeting import end_engine
from engine.paths import Paths
from engine.previews import preview_files
from tests.bench.bench_tui import environment, gimf, percentile, say
from tests.bench.terminal import Terminal
from tests.support.many_jobs import fill_jobs
from tui.attach import EngineProcess

AIMS_MS = {"blocks": 100.0, "sixel": 200.0}
PAUSE_S = 0.3
"""Between two decisions: nobody judges a picture faster."""
TOLERANCE = 14
PATCHES = ((230, 20, 20), (20, 200, 20), (20, 20, 230), (220, 210, 20), (210, 20, 210), (20, 205, 215))
"""The corner of each picture; the rest of it is grey, so that it cannot be mistaken for another's."""
DIFFERENT_PICTURES = 24
_COLOUR = re.compile(rb"[34]8;2;(\d+);(\d+);(\d+)")
_SIXEL = re.compile(rb"\x1bP[^\x1b]*\x1b\\")
_REGISTER = re.compile(rb"#\d+;2;(\d+);(\d+);(\d+)")
_INSERT = """INSERT INTO images
    (image_id, job_id, generation_id, task_id, task_position, image_number, status, progress, stage, reason, prompt,
    keyword, provider, model, width, height, original_file, created_at, updated_at)
VALUES (:id, :job_id, 1, 1, :id - 1, :id, 'qc_failed', 'downloaded', 'quality_check', :reason, :reason,
    'k', 'piapi', 'flux-schnell', 1024, 1024, :file, :at, :at)"""


# ---- what is looked at


async def fill(paths: Paths, count: int) -> None:
    """A finished job with so many rejected images, each with small copies as the engine makes them."""
    (job_id,) = await fill_jobs(paths, 1)
    rng = random.Random(5)
    drawn = [draw(rng, PATCHES[number % len(PATCHES)]) for number in range(DIFFERENT_PICTURES)]
    previews, thumbnails = [encoded(one) for one in drawn], [encoded(one.resize((256, 256))) for one in drawn]
    at = "2026-01-01T00:00:00.000Z"
    with sqlite3.connect(paths.database_file) as connection:
        connection.execute("UPDATE jobs SET images = 0, approved = 0, failed = 0")
        connection.execute(
            """INSERT INTO generations (generation_id, job_id, generation_index, keyword, keyword_row, aspect_ratio,
            width, height, created_at) VALUES (1, ?, 0, 'k', '{}', '1:1', 1024, 1024, ?)""",
            (job_id, at),
        )
        connection.execute(
            """INSERT INTO tasks (task_id, generation_id, job_id, task_index, provider, model, state, request_key,
            images_requested, created_at, updated_at)
            VALUES (1, 1, ?, 0, 'piapi', 'flux-schnell', 'done', 'x', 1, ?, ?)""",
            (job_id, at, at),
        )
        for number in range(1, count + 1):
            files = preview_files(paths.previews_dir, job_id, number)
            files.preview.parent.mkdir(parents=True, exist_ok=True)
            files.preview.write_bytes(previews[number % DIFFERENT_PICTURES])
            files.thumbnail.write_bytes(thumbnails[number % DIFFERENT_PICTURES])
            row = {"id": number, "job_id": job_id, "file": str(files.preview), "at": at}
            connection.execute(_INSERT, {**row, "reason": f"Rejected for reason {number}."})
    connection.close()


def draw(rng: random.Random, patch: tuple[int, int, int]) -> Image.Image:
    """Grey noise over a slope, as hard to encode as a photograph, with a coloured corner."""
    noise = Image.frombytes("L", (64, 64), rng.randbytes(64 * 64)).resize(
        (512, 512), Image.Resampling.BICUBIC
    )
    grey = Image.blend(noise, Image.linear_gradient("L").resize((512, 512)), 0.6).convert("RGB")
    ImageDraw.Draw(grey).rectangle((0, 0, 160, 160), fill=patch)
    return grey


def encoded(picture: Image.Image) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=95, subsampling=0)
    return buffer.getvalue()


def shows(protocol: str, patch: tuple[int, int, int]) -> Callable[[bytes], bool]:
    """Whether output has the picture with that corner, to its end."""

    def in_blocks(written: bytes) -> bool:
        return any(is_near(found, 1.0) for found in _COLOUR.findall(written))

    def in_sixel(written: bytes) -> bool:
        return any(
            is_near(found, 2.55) for one in _SIXEL.findall(written) for found in _REGISTER.findall(one)
        )

    def is_near(found: tuple[bytes, ...], scale: float) -> bool:
        return all(abs(int(one) * scale - want) <= TOLERANCE for one, want in zip(found, patch, strict=True))

    return in_blocks if protocol == "blocks" else in_sixel


# ---- what is measured


def measure(home: Path, protocol: str, newest: int, presses: int) -> tuple[list[float], list[float]]:
    """Milliseconds of cursor keys and of decisions."""
    cursor, decisions = [], []

    def patch_of(number: int) -> tuple[int, int, int]:
        return PATCHES[number % DIFFERENT_PICTURES % len(PATCHES)]

    with Terminal(gimf(home), environment()) as terminal:
        terminal.wait_for("queue 0")
        terminal.press("3")
        terminal.wait_for(f"Rejected for reason {newest}")
        time.sleep(2)
        at = newest
        for key, found in (("j", cursor), ("d", decisions)):
            for _ in range(presses):
                time.sleep(PAUSE_S)
                at -= 1
                sent = terminal.press(key)
                found.append((terminal.wait_for_bytes(shows(protocol, patch_of(at))) - sent) * 1_000)
    return cursor, decisions


async def run(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        for protocol, aim in AIMS_MS.items():
            home = Path(folder) / protocol
            paths = Paths.resolve(home, {})
            await fill(paths, options.images)
            paths.config_file.parent.mkdir(parents=True, exist_ok=True)
            paths.config_file.write_text(f'image_protocol = "{protocol}"\n')
            async with EngineProcess(paths, environment(), str(home)).attach():
                cursor, decisions = await asyncio.to_thread(
                    measure, home, protocol, options.images, options.presses
                )
            await end_engine(paths, at_once=True)
            found, base = percentile(decisions, 0.95), percentile(cursor, 0.95)
            shown = f"p50 {statistics.median(decisions):5.1f} ms  p95 {found:5.1f} ms"
            say(f"decision to next picture, {protocol}", shown, f"{aim:.0f} ms", is_met=found <= aim)
            print(f"  cursor to next picture: p50 {statistics.median(cursor):5.1f} ms  p95 {base:5.1f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000)
    parser.add_argument("--presses", type=int, default=60)
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
