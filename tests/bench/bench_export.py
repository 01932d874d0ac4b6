"""What exports of a large job cost: `python -m tests.bench.bench_export [--images N] [--side PIXELS]`.

A job of N images with prompts, titles and tags of usual length and ten log entries each; one picture that every image
refers to by a name of its own. Prints the memory at its highest, the time, and how late the event loop was meanwhile,
on which a job would run.
"""

import argparse
import asyncio
import os
import sqlite3
import tempfile
import time
from pathlib import Path

from PIL import Image

from engine.export.requests import ExportKind, ExportRequest
from engine.paths import Paths
from engine.preferences import Preferences
from engine.secrets import KeyStore
from engine.service import Engine
from tests.bench.bench_pipeline import peak_mb
from tests.support.many_jobs import fill_jobs, fill_log

IMAGES = 10_000
SIDE = 512
LOG_ENTRIES = 10
MEMORY_AIM_MB = 300.0
PROMPT = (
    "A photorealistic grey cat, asleep on a warm red sofa in soft evening light, shallow depth of field, " * 3
)
TAGS = '["cat","sofa","sleep","grey","evening","light","home","pet","cosy","red","warm","soft","fur","calm","rest"]'


def fill(paths: Paths, job_id: str, images: int, pictures: Path) -> None:
    """Insert generations, tasks and approved images of one job."""
    at = "2026-01-01T00:00:00.000Z"
    connection = sqlite3.connect(paths.database_file)
    try:
        with connection:
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'trigger'"
            ).fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            connection.executemany(
                """INSERT INTO generations (generation_id, job_id, generation_index, keyword, keyword_row, prompt,
                aspect_ratio, width, height, created_at) VALUES (?, ?, ?, 'cat', '{}', ?, '1:1', 1024, 1024, ?)""",
                [(number, job_id, number, PROMPT, at) for number in range(images)],
            )
            connection.executemany(
                """INSERT INTO tasks (task_id, generation_id, job_id, task_index, provider, model, state, request_key,
                images_requested, created_at, updated_at)
                VALUES (?, ?, ?, 0, 'piapi', 'flux-schnell', 'done', ?, 1, ?, ?)""",
                [(number, number, job_id, f"key {number}", at, at) for number in range(images)],
            )
            connection.executemany(
                """INSERT INTO images (job_id, generation_id, task_id, task_position, image_number, status, progress,
                is_checked, approval, prompt, keyword, provider, model, width, height, original_file, output_file,
                title, description, tags, cost_micros, created_at, updated_at)
                VALUES (?, ?, ?, 0, ?, 'approved', 'saved', 1, 'checked', ?, 'cat', 'piapi', 'flux-schnell', 1024, 1024,
                ?, ?, ?, ?, ?, 1500, ?, ?)""",
                [
                    (
                        *(job_id, number, number, number + 1, PROMPT),
                        *(str(pictures / f"{number}.png"), str(pictures / f"{number}.png")),
                        *(f"A grey cat number {number}", PROMPT[:200], TAGS, at, at),
                    )
                    for number in range(images)
                ],
            )
    finally:
        connection.close()


async def latest(gaps: list[float]) -> None:
    """Note how much later than asked for the loop comes back, every 10 ms."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.01)
        gaps.append(time.perf_counter() - before - 0.01)


async def measure(images: int, side: int) -> None:
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        root = Path(folder)
        paths = Paths.resolve(root, {})
        (job_id,) = await fill_jobs(paths, 1)
        fill_log(paths, job_id, images * LOG_ENTRIES)
        picture = root / "picture.png"
        Image.effect_noise((side, side), 60).save(picture)
        pictures = root / "pictures"
        pictures.mkdir()
        for number in range(images):
            os.link(picture, pictures / f"{number}.png")
        fill(paths, job_id, images, pictures)
        keys = KeyStore(paths.keys_file, {}, load=lambda: None)
        async with Engine.open(paths, Preferences(), keys, environ={}, is_working=False) as engine:
            for kind in (ExportKind.WORKBOOK, ExportKind.IMAGES, ExportKind.SHEET):
                gaps: list[float] = []
                watch = asyncio.create_task(latest(gaps))
                before, memory = time.perf_counter(), peak_mb()
                request = ExportRequest(f"bench-{kind}", kind, (job_id,), agency="generic")
                view = await engine.export(request)
                seconds = time.perf_counter() - before
                watch.cancel()
                size = Path(view.path).stat().st_size / 1e6
                gaps.sort()
                print(
                    f"{kind:9} {view.images:,} images, {size:,.0f} MB: {seconds:.1f} s; memory at most "
                    f"{peak_mb():.0f} MB (before: {memory:.0f}; aim {MEMORY_AIM_MB:.0f}); event loop late by "
                    f"{gaps[int(len(gaps) * 0.95)] * 1000:.0f} ms (95th percentile), {gaps[-1] * 1000:.0f} ms at most"
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels of the one picture")
    options = parser.parse_args()
    asyncio.run(measure(options.images, options.side))


if __name__ == "__main__":
    main()
