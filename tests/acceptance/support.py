"""What the stories share: the program as a process, the rows, files and payments that it left, and how they fit."""

import asyncio
import hashlib
import json
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from engine.api import ImageQuery, JobRequest
from engine.clock import Clock
from engine.files import PARTIAL_SUFFIX
from engine.imaging.thumbnail import check_jpeg
from engine.service import Engine
from engine.views import ImageView, JobDetailView
from tests.support.engine import EngineHome
from tests.support.forked import Process, start_program

ROOT = Path(__file__).parents[2]
PROCESS_LIMIT_S = 90.0
QUIET = {"quality_check": False, "metadata": False}
"""The group `ai` of a job that asks for nothing but prompts."""
AT_ONCE = {"backoff_seconds": 0.0}
"""For the group `generation`: what may be tried again is tried again at once."""
UNFINISHED_TASKS = frozenset({"planned", "prompted", "submitting", "submitted", "ready", "downloaded"})


@dataclass(frozen=True, slots=True)
class Finished:
    """A process that has ended; `status` is negative where a signal ended it."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.stdout)

    @property
    def was_killed(self) -> bool:
        return self.status == -signal.SIGKILL


class Program:
    """`gimf --home HOME ...` with the keys and addresses of a home."""

    def __init__(self, home: EngineHome) -> None:
        self.home = home

    async def start(self, *arguments: str, is_forked: bool = True, **environ: str) -> Process:
        """The process; the caller waits for its end."""
        return await start_program(
            ["--home", str(self.home.root), *arguments],
            {**os.environ, **self.home.environ, **environ},
            is_forked=is_forked,
        )

    async def run(self, *arguments: str, stdin: str = "", **environ: str) -> Finished:
        """Start it and wait for its end; TimeoutError, and a dead process, when that does not come."""
        return await self.end(await self.start(*arguments, **environ), stdin)

    async def end(self, process: Process, stdin: str = "") -> Finished:
        """Wait for the end of a process that `start` gave."""
        try:
            async with asyncio.timeout(PROCESS_LIMIT_S):
                stdout, stderr = await process.communicate(stdin.encode())
        except TimeoutError:
            process.kill()
            await process.communicate()
            raise
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode())


@dataclass(frozen=True, slots=True)
class Outcome:
    """A job as it stands when it has ended or is paused, and its images in order."""

    job: JobDetailView
    images: tuple[ImageView, ...]

    @property
    def pause_code(self) -> str | None:
        return self.job.pause.code if self.job.pause else None

    @property
    def statuses(self) -> list[str]:
        return [str(image.status) for image in self.images]


async def outcome_of(engine: Engine, job_id: str) -> Outcome:
    """Wait for the end of a job, or for a pause."""
    async with asyncio.timeout(PROCESS_LIMIT_S):
        await engine.wait_for_job(job_id)
    images = await engine.images(ImageQuery(job_id=job_id, statuses=(), sort="number", limit=500))
    return Outcome(await engine.job_detail(job_id), images.rows)


async def run_job(home: EngineHome, request: JobRequest, *, clock: Clock | None = None) -> Outcome:
    """Open an engine, see a new job through, close the engine."""
    async with home.open(clock=clock) as engine:
        job = await engine.start_job(request)
        return await outcome_of(engine, job.job_id)


def overrides(settings: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A settings document as `--set` arguments."""
    arguments: list[str] = []
    for group, fields in settings.items():
        for name, value in fields.items():
            text = ",".join(value) if isinstance(value, list | tuple) else value
            arguments += ["--set", f"{group}.{name}={text}"]
    return arguments


def rows(home: EngineHome, statement: str, *parameters: object) -> list[dict[str, Any]]:
    """What the database answers, read while nobody has it open."""
    with closing(sqlite3.connect(f"{home.paths.database_file.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement, parameters)]


def booked(home: EngineHome, calls: str, account: str) -> int:
    """Micros that stand on an account for all calls of a kind: `task`, `prompt`, `check`, `metadata`, `background`."""
    statement = "SELECT coalesce(sum(amount_micros), 0) AS n FROM ledger WHERE call GLOB ? AND account = ?"
    return int(rows(home, statement, f"{calls}:*", account)[0]["n"])


def rule(service: str, operation: str, action: str, **fields: Any) -> dict[str, Any]:
    """One line of a fault script; engine.simulator.server describes the fields."""
    return {"service": service, "operation": operation, "action": action, **fields}


def log_messages(home: EngineHome) -> list[str]:
    """Every entry of the log, oldest first."""
    return [row["message"] for row in rows(home, "SELECT message FROM log_entries ORDER BY entry_id")]


def files_below(folder: Path) -> list[Path]:
    """Every file, sorted; none where the folder does not exist."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def decoded(path: Path) -> Image.Image:
    """The picture in a file, decoded to its last row. Raises OSError for half a file."""
    image = Image.open(BytesIO(path.read_bytes()))
    image.load()
    return image


def checked_pictures(home: EngineHome) -> set[str]:
    """SHA-256 of every picture that was sent to a quality check."""
    return {
        part["image_url"]["url"]["sha256"]
        for record in home.requests("openai", "chat.check")
        for message in record.body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    }


def assert_nothing_approved_unchecked(home: EngineHome) -> None:
    """Whatever is approved was passed by the check, and its file is there and whole. Holds at every moment."""
    checked = checked_pictures(home)
    for image in rows(home, "SELECT * FROM images WHERE status = 'approved'"):
        assert image["is_checked"] == 1
        assert image["approval"] == "checked"
        sent = check_jpeg(Path(image["original_file"]))
        assert hashlib.sha256(sent).hexdigest() in checked, f"image {image['image_number']} was never judged"
        decoded(Path(image["output_file"]))


def assert_files_match_rows(home: EngineHome) -> None:
    """The output folder holds the approved pictures and nothing else; nothing is left half written anywhere."""
    approved = {
        row["output_file"] for row in rows(home, "SELECT output_file FROM images WHERE status = 'approved'")
    }
    assert {str(path) for path in files_below(home.paths.default_output_dir)} == approved
    leftovers = [path for path in files_below(home.root) if path.name.endswith((PARTIAL_SUFFIX, ".part"))]
    assert leftovers == []
    work_files = {str(path) for path in files_below(home.paths.work_dir)}
    originals = {
        row["original_file"] for row in rows(home, "SELECT original_file FROM images") if row["original_file"]
    }
    assert originals <= work_files
    assert {path for path in work_files if "_original." in path} == originals
    assert not [path for path in work_files if "/incoming/" in path]


def assert_every_image_once(home: EngineHome, planned: int, *, unknown: int = 0) -> None:
    """All images that tasks in other states than unknown ask for are there, each under its own number."""
    images = rows(home, "SELECT task_id, task_position, image_number FROM images")
    assert len(images) == planned - unknown
    assert len({(image["task_id"], image["task_position"]) for image in images}) == len(images)
    assert len({image["image_number"] for image in images}) == len(images)
    (asked,) = rows(home, "SELECT coalesce(sum(images_requested), 0) AS n FROM tasks WHERE state = 'unknown'")
    assert asked["n"] == unknown
    (short,) = rows(
        home,
        """SELECT count(*) AS n FROM tasks WHERE state <> 'unknown' AND images_requested <>
            (SELECT count(*) FROM images WHERE images.task_id = tasks.task_id)""",
    )
    assert short["n"] == 0


def assert_no_task_paid_twice(home: EngineHome, service: str, operation: str) -> None:
    """The provider was paid at most once for each generation's prompt, and exactly once for each task that has
    its pictures. Holds for jobs of one task a generation and a prompt of its own for each."""
    paid = Counter(payment["prompt"] for payment in home.payments(service, operation))
    assert not [prompt for prompt, times in paid.items() if times > 1]
    tasks = rows(home, "SELECT tasks.*, generations.prompt FROM tasks JOIN generations USING (generation_id)")
    assert {task["prompt"] for task in tasks if task["state"] == "done"} <= set(paid)
    assert set(paid) <= {task["prompt"] for task in tasks if task["submissions"] > 0}
    if service != "openai":  # OpenAI gives no id of its own
        known = {payment["task_id"] or payment["request_id"] for payment in home.payments(service, operation)}
        assert {task["provider_task_id"] for task in tasks if task["state"] == "done"} <= known


def assert_books_balance(home: EngineHome, service: str, operation: str) -> None:
    """What the ledger calls actual is what the provider took for the tasks that are done; money of unknown tasks
    is unknown; nothing stays reserved; no background was paid for twice; the sums of the job are those of its
    entries."""
    accounts = rows(
        home, "SELECT call, account, sum(amount_micros) AS micros FROM ledger GROUP BY call, account"
    )
    micros = {(row["call"], row["account"]): row["micros"] for row in accounts}
    assert not [call for (call, account), sum_ in micros.items() if account == "committed" and sum_]
    paid = {payment["prompt"]: payment["amount_micros"] for payment in home.payments(service, operation)}
    tasks = rows(home, "SELECT tasks.*, generations.prompt FROM tasks JOIN generations USING (generation_id)")
    for task in tasks:
        call = f"task:{task['task_id']}"
        actual, unknown = micros.get((call, "actual"), 0), micros.get((call, "unknown"), 0)
        if task["state"] == "done":
            assert (actual, unknown) == (task["cost_micros"], 0)
            if service != "openai":  # whose answer names no price
                assert actual == paid[task["prompt"]]
        elif task["state"] == "unknown":
            assert (actual, unknown) == (0, task["estimate_micros"])
    backgrounds = Counter(payment["prompt"] for payment in home.payments("removebg"))
    assert not [name for name, times in backgrounds.items() if times > 1]
    for job in rows(home, "SELECT * FROM jobs"):
        sums: Counter[str] = Counter()
        for row in rows(home, "SELECT account, amount_micros FROM ledger WHERE job_id = ?", job["job_id"]):
            sums[row["account"]] += row["amount_micros"]
        assert (job["actual_micros"], job["committed_micros"], job["unknown_micros"]) == (
            sums["actual"],
            sums["committed"],
            sums["unknown"],
        )


def assert_converged(
    home: EngineHome, planned: int, *, unknown: int = 0, service: str = "piapi", operation: str = "submit"
) -> None:
    """After the last start nothing is left to do, and rows, files and payments tell the same story."""
    assert not rows(
        home,
        "SELECT 1 FROM tasks WHERE state IN (SELECT value FROM json_each(?))",
        json.dumps(sorted(UNFINISHED_TASKS)),
    )
    assert_every_image_once(home, planned, unknown=unknown)
    assert_nothing_approved_unchecked(home)
    assert_files_match_rows(home)
    assert_no_task_paid_twice(home, service, operation)
    assert_books_balance(home, service, operation)
    (job,) = rows(home, "SELECT * FROM jobs")
    statuses = Counter(row["status"] for row in rows(home, "SELECT status FROM images"))
    for status in ("pending", "approved", "qc_failed", "failed", "trashed"):
        assert job[status] == statuses[status]
    assert (job["images"], job["unknown"]) == (planned - unknown, unknown)
