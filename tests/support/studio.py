"""A data folder as it is after some days of work, written row by row: jobs of every status, images of every status,
logs and configurations, with fixed ids and times. `say` is put over every text that comes from outside."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from db.connection import Database
from engine.inputs import JobInputs
from engine.paths import Paths
from engine.preferences import Preferences, load_preferences
from engine.previews import preview_files
from engine.secrets import KeyStore
from engine.service import Engine
from engine.settings import Settings, dump_settings
from engine.views import ProgressView
from tests.support.clock import StillClock
from tests.support.engine import KEYS

NOW = datetime(2026, 11, 22, 11, 30, tzinfo=UTC)
NOWHERE = {f"{name}_BASE_URL": "http://127.0.0.1:9" for name in ("PIAPI", "OPENAI", "REMOVE_BG", "RUNWARE")}

type Say = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Made:
    """One job: what its rows say. The images are the first letters of their statuses, in order."""

    number: int
    label: str
    status: str
    planned: int
    images: str = ""
    minutes: float | None = None
    error: tuple[str, str, str] | None = None
    position: int | None = None
    configuration: str | None = "stock"
    kind: str = "generate"

    @property
    def job_id(self) -> str:
        """Eight characters, as real ones have."""
        return f"{'kd3fq7'[self.number % 6]}4m{self.number}x7z"


STATUSES = {"a": "approved", "q": "qc_failed", "f": "failed", "p": "pending", "r": "retry_failed"}
JOBS = (
    Made(38, "retro posters", "completed", 6, "aaaaaa", 3.2),
    Made(39, "logos", "failed", 10, "", 0.4, ("no_credit", "PiAPI: insufficient credits.", "Top up.")),
    Made(40, "city-night", "completed", 12, "aaaaaaaaqqaf", 6.2, configuration=None),
    Made(41, "landscapes", "paused", 24, "aaaaaqaqfrpp", 4.1),
    Made(42, "tshirt-cats", "queued", 40, position=1),
    Made(43, "retry of 2 images", "queued", 2, position=2, kind="retry"),
)
AT_WORK = JOBS[3]
SUBJECTS = (
    "A lighthouse in fog",
    "Neon signs over a wet street",
    "A fox in tall grass",
    "Paper boats on a pond",
)
REASONS = {
    "qc_failed": "The sign reads “OPNE”: a misspelt word in the middle of the picture.",
    "failed": "The transparent border could not be trimmed: nothing is left of the picture.",
    "retry_failed": "The picture could not be converted: the disk was full.",
}
PICTURE_BYTES = 20_000
COLOURS = ((46, 92, 138), (168, 84, 46), (74, 122, 58), (122, 74, 138))


def plain(text: str) -> str:
    """Nothing put over it."""
    return text


async def fill_studio(paths: Paths, say: Say = plain) -> None:
    """Make the folder and everything in it; the job at work is a paused one, as an engine finds it."""
    paths.ensure()
    await (await Database.open(paths.database_file)).close()
    with closing(sqlite3.connect(paths.database_file)) as connection, connection:
        for name, is_default in (("stock", 1), ("t-shirts", 0)):
            at = stamp(1)
            row = (say(name), json.dumps(_settings()), is_default, at, at)
            connection.execute(
                "INSERT INTO configurations (name, settings, is_default, created_at, updated_at) VALUES (?,?,?,?,?)",
                row,
            )
        for job in JOBS:
            add_job(connection, paths, job, say)
        connection.executemany(
            "INSERT INTO log_entries (job_id, at, level, stage, image_number, message, cause, hint) "
            "VALUES (:job_id, :at, :level, :stage, :image, :message, :cause, :hint)",
            _log(say),
        )


def stamp(job: int, minute: int = 0, second: int = 0) -> str:
    """A stored time: every job began at an hour of its own."""
    return f"2026-11-22T{(job - 30) % 24:02d}:{minute:02d}:{second:02d}.000Z"


def _settings() -> dict[str, Any]:
    chosen = {"generation": {"generations": 24, "aspect_ratios": ["1:1", "16:9"], "budget_usd": 2.0}}
    return dump_settings(Settings.model_validate(chosen))


def add_job(connection: sqlite3.Connection, paths: Paths, job: Made, say: Say) -> None:
    code, message, hint = job.error or (None, None, None)
    is_paused = job.status == "paused"
    has_begun, has_ended = job.minutes is not None, job.minutes is not None and not is_paused
    row = {
        "job_number": job.number,
        "job_id": job.job_id,
        "kind": job.kind,
        "label": say(job.label),
        "status": job.status,
        "configuration_name": None if job.configuration is None else say(job.configuration),
        "planned_images": job.planned,
        "estimate_micros": job.planned * 15_000,
        "budget_micros": 2_000_000 if is_paused else None,
        "output_dir": str(paths.default_output_dir),
        "queue_position": job.position,
        "pause_code": "disk_full" if is_paused else None,
        "pause_message": say("The disk is full: 12.0 MiB are free.") if is_paused else None,
        "pause_hint": say("Make room; the job goes on by itself.") if is_paused else None,
        "error_stage": "generate" if job.error else None,
        "error_code": code,
        "error_message": message and say(message),
        "error_hint": hint and say(hint),
        "created_at": stamp(job.number),
        "started_at": stamp(job.number, 1) if has_begun else None,
        "finished_at": stamp(job.number, 1 + int(job.minutes or 0), 12) if has_ended else None,
        "active_ms": int((job.minutes or 0) * 60_000),
    }
    insert_row(connection, "jobs", row)
    inputs = JobInputs(
        keyword_source="built-in list",
        keyword_count=12,
        draw_seed=7,
        columns=("Subject",),
        template=say("A picture of ${{Subject}}"),
        template_source="built-in",
    )
    insert_row(
        connection,
        "job_snapshots",
        {"job_id": job.job_id, "settings": json.dumps(_settings()), "inputs": inputs.model_dump_json()},
    )
    for number, letter in enumerate(job.images, 1):
        _add_image(connection, paths, job, number, STATUSES[letter], say)
    if job.images:
        # The job at work counts as of today, the others as of some other day, whenever the tests run.
        at = "2999-01-01T00:00:00.000Z" if is_paused else "2020-01-01T00:00:00.000Z"
        entry = {"at": at, "job_id": job.job_id, "service": "piapi"}
        money = {"model": "flux-schnell", "account": "actual", "amount_micros": len(job.images) * 15_000}
        insert_row(connection, "ledger", {**entry, "call": f"task:{job.number}", **money})


def _add_image(
    connection: sqlite3.Connection, paths: Paths, job: Made, number: int, status: str, say: Say
) -> None:
    image_id = job.number * 100 + number
    subject = SUBJECTS[number % len(SUBJECTS)]
    at = stamp(job.number, 2, number)
    is_good, is_pending = status == "approved", status == "pending"
    generation = {
        "generation_id": image_id,
        "job_id": job.job_id,
        "generation_index": number - 1,
        "keyword": say(subject.lower()),
        "keyword_row": json.dumps({"Subject": say(subject.lower())}),
        "prompt": say(f"{subject}, seen from afar in the first light of the day, wide angle, no people"),
        "aspect_ratio": "1:1",
        "width": 1024,
        "height": 1024,
        "seed": 700 + number,
        "created_at": at,
    }
    insert_row(connection, "generations", generation)
    task = {
        "task_id": image_id,
        "generation_id": image_id,
        "job_id": job.job_id,
        "task_index": 0,
        "provider": "piapi",
        "model": say("flux-schnell"),
        "state": "downloaded" if is_pending else "done",
        "request_key": f"00000000-0000-4000-8000-{image_id:012d}",
        "provider_task_id": say(f"task-{image_id}"),
        "images_requested": 1,
        "images_received": 1,
        "cost_micros": 15_000,
        "submissions": 1,
        "created_at": at,
        "updated_at": at,
    }
    insert_row(connection, "tasks", task)
    name = say(f"{job.label}_{job.number}_{number:03d}.png").replace("/", "_")
    original = _picture(paths.work_dir / job.job_id / f"{number:05d}.png", 1024, number)
    output = _picture(paths.default_output_dir / name, 1024, number) if is_good else None
    files = preview_files(paths.previews_dir, job.job_id, number)
    _picture(files.preview, 512, number)
    _picture(files.thumbnail, 256, number)
    image = {
        "image_id": image_id,
        "job_id": job.job_id,
        "generation_id": image_id,
        "task_id": image_id,
        "task_position": 0,
        "image_number": number,
        "status": status,
        "progress": "saved"
        if is_good
        else "checked"
        if status in ("failed", "retry_failed")
        else "downloaded",
        "stage": {"qc_failed": "quality_check", "failed": "trim", "retry_failed": "convert"}.get(status),
        "reason": say(REASONS[status]) if status in REASONS else None,
        "warnings": json.dumps(
            [say("The metadata could not be written into the file.")] if number == 2 else []
        ),
        "is_checked": int(is_good or status in ("failed", "retry_failed")),
        "approval": "checked" if is_good else None,
        "prompt": generation["prompt"],
        "keyword": generation["keyword"],
        "provider": "piapi",
        "model": task["model"],
        "provider_task_id": task["provider_task_id"],
        "seed": generation["seed"],
        "width": 1024,
        "height": 1024,
        "original_file": str(original),
        "output_file": None if output is None else str(output),
        "title": say(f"{subject} at dawn") if is_good else None,
        "description": say(f"{subject}, photographed at dawn in soft light.") if is_good else None,
        "tags": json.dumps([say(tag) for tag in ("dawn", "light", "quiet")] if is_good else []),
        "cost_micros": 15_000,
        "created_at": at,
        "updated_at": at,
    }
    insert_row(connection, "images", image)


def _picture(path: Path, side: int, number: int) -> Path:
    """A square of one colour; the same bytes for every picture of that size and colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = _encoded(path.suffix, side, COLOURS[number % len(COLOURS)])
    # What an encoder makes of it differs between its versions; the sizes that are shown must not.
    path.write_bytes(encoded.ljust(PICTURE_BYTES, b"\0"))
    return path


@cache
def _encoded(suffix: str, side: int, colour: tuple[int, int, int]) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (side, side), colour).save(buffer, {".png": "PNG", ".jpg": "JPEG"}[suffix])
    return buffer.getvalue()


def _log(say: Say) -> Iterator[Mapping[str, Any]]:
    blank = {"stage": None, "image": None, "cause": None, "hint": None}
    job = AT_WORK
    for second in range(1, 13):
        entry = {**blank, "job_id": job.job_id, "at": stamp(job.number, 2, second), "image": second}
        if second % 6 == 0:
            trouble = {"level": "error", "stage": "trim", "message": say(REASONS["failed"])}
            yield {**entry, **trouble, "cause": say("empty_box"), "hint": say("Switch trimming off.")}
        elif second % 4 == 0:
            yield {
                **entry,
                "level": "warning",
                "stage": "quality_check",
                "message": say(REASONS["qc_failed"]),
            }
        else:
            yield {**entry, "level": "info", "stage": "generate", "message": say("submitted to flux-schnell")}
    yield {
        **blank,
        "job_id": None,
        "at": stamp(job.number, 3),
        "level": "info",
        "message": say("Waiting for room."),
    }
    yield {
        **blank,
        "job_id": None,
        "at": stamp(job.number, 4),
        "level": "debug",
        "message": say("12.0 MiB free"),
    }


def insert_row(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    names, places = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", tuple(row.values()))


class Studio:
    """An EngineHome, as far as tests.support.app needs one, whose engine carries out commands and runs no job."""

    def __init__(self, paths: Paths, environ: Mapping[str, str] | None = None) -> None:
        self.paths = paths
        self.environ = {**NOWHERE, **KEYS} if environ is None else dict(environ)

    @property
    def preferences(self) -> Preferences:
        return load_preferences(self.paths.config_file, self.environ)[0]

    def keys(self) -> KeyStore:
        """It reads the environment of this studio and never the system's own store."""
        return KeyStore(self.paths.keys_file, self.environ, load=lambda: None)

    @asynccontextmanager
    async def open(self, *, is_running: bool = False) -> AsyncIterator[Engine]:
        """`is_running`: the job at work is shown as going on at a fixed pace."""
        async with Engine.open(
            self.paths,
            self.preferences,
            self.keys(),
            clock=StillClock(NOW),
            environ=self.environ,
            is_working=False,
        ) as engine:
            if is_running:
                self._let_run(engine)
            yield engine

    def _let_run(self, engine: Engine) -> None:
        """After the start: an engine takes a job that runs already for one that was interrupted."""
        with closing(sqlite3.connect(self.paths.database_file)) as connection, connection:
            connection.execute(
                "UPDATE jobs SET status = 'running', pause_code = NULL, pause_message = NULL, pause_hint = NULL "
                "WHERE job_id = ?",
                (AT_WORK.job_id,),
            )
        progress = engine.progress

        async def at_a_pace(job_id: str) -> ProgressView:
            view = await progress(job_id)
            return view.model_copy(update={"images_per_minute": 8.2, "eta_s": 102.0})

        engine.progress = at_a_pace  # type: ignore[method-assign]
