"""Measures the lists of images over many rows: `python -m tests.bench.bench_db [--images N]`.

Builds a database in a temporary folder (about 1 GB at a million images), asks each list for pages with fresh
filters and cursors, and prints the 95th percentile of the time from question to records.
"""

import argparse
import asyncio
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from db import image_pages, totals
from db.connection import Database
from db.image_pages import ImageFilter
from db.migrate import MIGRATIONS
from db.records import utc_text
from db.status import ImageStatus
from engine.queries import Queries

AIM_MS = 20.0
STATISTICS_AIM_MS = 300.0
IMAGES_PER_JOB = 1_000
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
QUESTIONS = 200
STATISTICS = "statistics"
SYLLABLES = ("ba", "do", "fe", "gi", "ka", "lu", "mo", "ne", "po", "ra", "si", "ta", "vo", "we", "zu")
STATUSES = [
    *[ImageStatus.APPROVED] * 88,
    *[ImageStatus.QC_FAILED] * 8,
    *[ImageStatus.FAILED] * 3,
    ImageStatus.TRASHED,
]

INSERT_JOBS = """WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
INSERT INTO jobs (job_id, kind, label, status, output_dir, created_at)
SELECT printf('job%08d', n), 'generate', 'bench ' || n, 'completed', '/out', '2026-01-01T00:00:00.000Z'
FROM numbers"""
INSERT_GENERATIONS = """INSERT INTO generations
    (generation_id, job_id, generation_index, keyword, keyword_row, aspect_ratio, width, height, created_at)
SELECT job_number, job_id, 0, 'k', '{}', '1:1', 1024, 1024, created_at FROM jobs"""
INSERT_TASKS = """INSERT INTO tasks
    (task_id, generation_id, job_id, task_index, provider, model, state, request_key, images_requested,
    created_at, updated_at)
SELECT job_number, job_number, job_id, 0, 'piapi', 'flux-schnell', 'done', job_id, 1, created_at, created_at
FROM jobs"""
INSERT_IMAGES = """INSERT INTO images
    (job_id, generation_id, task_id, task_position, image_number, status, progress, stage, reason, is_checked,
    approval, prompt, keyword, provider, model, output_file, title, description, tags, created_at, updated_at)
VALUES (:job_id, :job, :job, :position, :position + 1, :status, 'saved',
    CASE WHEN :status <> 'approved' THEN 'quality_check' END, substr(:prompt, 1, 60), 1,
    'checked', :prompt, :keyword, 'piapi', 'flux-schnell', :file, :title, :prompt, :tags, :at, :at)"""

SUMS_BEGIN = "-- What there is already."
INSERT_STEPS = """INSERT INTO step_days (day, step, band_ms, images, total_ms)
SELECT substr(quarter, 1, 10) AS day, step.value, band.value, sum(approved), sum(approved) * (band.value + 100)
FROM image_quarters,
    json_each('["generate", "quality_check", "process", "metadata", "save"]') AS step,
    json_each('[1000, 1500, 2000, 2500, 3000, 3500, 4000, 5000]') AS band
GROUP BY day, step.value, band.value"""
INSERT_LEDGER = """INSERT INTO ledger (at, job_id, call, service, model, account, amount_micros)
SELECT created_at, job_id, 'task:' || image_id, provider, model, account, micros FROM images CROSS JOIN
    (SELECT 'committed' AS account, 15000 AS micros UNION ALL SELECT 'committed', -15000
    UNION ALL SELECT 'actual', 14000)"""


def vocabulary(rng: random.Random) -> tuple[list[str], list[float]]:
    """4,000 words whose frequencies fall as in a language, 1 / rank."""
    words: set[str] = set()
    while len(words) < 4_000:
        words.add("".join(rng.choices(SYLLABLES, k=rng.randint(2, 4))))
    return sorted(words, key=lambda _: rng.random()), [1 / rank for rank in range(1, 4_001)]


def fill(path: Path, images: int) -> list[str]:
    """Insert the rows with the triggers switched off, and the search index in one go; the words, common ones
    first."""
    rng = random.Random(7)
    words, weights = vocabulary(rng)
    prompts = [" ".join(rng.choices(words, weights, k=30)) for _ in range(20_000)]
    connection = sqlite3.connect(path)
    triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    jobs = -(-images // IMAGES_PER_JOB)
    connection.execute(INSERT_JOBS, (jobs,))
    connection.execute(INSERT_GENERATIONS)
    connection.execute(INSERT_TASKS)
    connection.executemany(
        INSERT_IMAGES,
        (
            {
                "job_id": f"job{index // IMAGES_PER_JOB + 1:08d}",
                "job": index // IMAGES_PER_JOB + 1,
                "position": index % IMAGES_PER_JOB,
                "status": rng.choice(STATUSES),
                "prompt": rng.choice(prompts),
                "keyword": words[index % 4_000],
                "file": f"/out/{index}.png",
                "title": f"{words[index % 997]} {words[index % 1_009]}",
                "tags": f'["{words[index % 991]}","{words[index % 983]}"]',
                "at": utc_text(FIRST + timedelta(seconds=index * 330 * 86_400 // images)),
            }
            for index in range(images)
        ),
    )
    connection.execute("INSERT INTO images_text (images_text) VALUES ('rebuild')")
    connection.execute(INSERT_LEDGER)
    # What a migration fills from the rows that it finds; the steps' times are of every image the same five.
    _, _, sums = (MIGRATIONS / "006_statistics.sql").read_text(encoding="utf-8").partition(SUMS_BEGIN)
    connection.executescript(SUMS_BEGIN + sums)
    connection.execute(INSERT_STEPS)
    for _, sql in triggers:
        connection.execute(sql)
    connection.commit()
    connection.close()
    return words


async def p95_ms(ask: Callable[[], Awaitable[object]]) -> float:
    times = []
    for _ in range(QUESTIONS):
        start = time.perf_counter()
        await ask()
        times.append((time.perf_counter() - start) * 1_000)
    return statistics.quantiles(times, n=20)[-1]


async def measure(path: Path, images: int, words: list[str]) -> dict[str, float]:
    """Name of the figure -> milliseconds."""
    rng = random.Random(11)
    database = await Database.open(path)

    async def page(where: ImageFilter, *, is_deep: bool = True) -> None:
        cursor = f"[{rng.randint(1, images)}]" if is_deep else None
        async with database.reading() as connection:
            await image_pages.page(connection, where, cursor=cursor)

    def any_job() -> str:
        return f"job{rng.randint(1, -(-images // IMAGES_PER_JOB)):08d}"

    async def read_totals() -> None:
        async with database.reading() as connection:
            await totals.read_all(connection)

    review = (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED)
    questions: dict[str, Callable[[], Awaitable[object]]] = {
        "keyset page": lambda: page(ImageFilter()),
        "status filter": lambda: page(ImageFilter(statuses=review)),
        "job filter": lambda: page(ImageFilter(job_id=any_job()), is_deep=False),
        "text search, a common word": lambda: page(ImageFilter(search=rng.choice(words[:20]))),
        "text search, two words": lambda: page(
            ImageFilter(search=f"{rng.choice(words[:200])} {rng.choice(words[:200])}")
        ),
        "text search, three letters": lambda: page(ImageFilter(search=rng.choice(words)[:3])),
        "text search in one job": lambda: page(
            ImageFilter(job_id=any_job(), search=rng.choice(words[:200])), is_deep=False
        ),
        "dashboard totals": read_totals,
        STATISTICS: Queries(database).statistics,
    }
    try:
        return {name: await p95_ms(ask) for name, ask in questions.items()}
    finally:
        await database.close()


async def run(images: int, folder: Path) -> None:
    path = folder / "bench.db"
    await (await Database.open(path)).close()
    start = time.perf_counter()
    words = await asyncio.to_thread(fill, path, images)
    print(
        f"{images} images, {path.stat().st_size / 1e6:.0f} MB, built in {time.perf_counter() - start:.0f} s"
    )
    for name, milliseconds in (await measure(path, images, words)).items():
        aim = STATISTICS_AIM_MS if name == STATISTICS else AIM_MS
        print(f"{name}: p95 {milliseconds:.1f} ms (aim <= {aim:.0f} ms)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=1_000_000)
    images = parser.parse_args().images
    with tempfile.TemporaryDirectory(prefix="gimf-bench-") as folder:
        asyncio.run(run(images, Path(folder)))


if __name__ == "__main__":
    main()
