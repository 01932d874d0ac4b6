"""Three weeks of work before the jobs of the studio, for what looks back: images of every day, the times of their
steps, and money."""

import sqlite3
from contextlib import closing
from typing import Any

from engine.paths import Paths
from tests.support.studio import Made, add_job, insert_row, plain

HISTORY_DAYS = 21


def add_history(paths: Paths) -> None:
    """Three weeks of work before the jobs of the studio, with times of every step and money of every day."""
    with closing(sqlite3.connect(paths.database_file)) as connection, connection:
        image_id = 0
        for day in range(1, HISTORY_DAYS + 1):
            job = Made(day, f"batch {day}", "completed", 8, configuration=("stock", "t-shirts")[day % 2])
            add_job(connection, paths, job, plain)
            began = f"2026-11-{day:02d}T09:00:00.000Z"
            connection.execute("UPDATE jobs SET created_at = ? WHERE job_id = ?", (began, job.job_id))
            for number in range(day * 5 % 9):
                image_id += 1
                _add_past_image(connection, job, day, number, image_id)
            for service, model, micros in (
                ("piapi", "flux-schnell", 15_000),
                ("openai", "gpt-4o-mini", 4_200),
            ):
                entry = {"at": f"2026-11-{day:02d}T10:00:00.000Z", "job_id": job.job_id, "account": "actual"}
                money = {"service": service, "model": model, "amount_micros": micros * (day * 5 % 9)}
                insert_row(connection, "ledger", {**entry, "call": f"task:{service}", **money})


def _add_past_image(connection: sqlite3.Connection, job: Made, day: int, number: int, image_id: int) -> None:
    def at(seconds: float) -> str:
        return f"2026-11-{day:02d}T09:{number:02d}:{seconds:06.3f}Z"

    generation = {
        "generation_id": image_id,
        "job_id": job.job_id,
        "generation_index": number,
        "keyword": "cat",
        "keyword_row": "{}",
        "aspect_ratio": "1:1",
        "width": 1024,
        "height": 1024,
        "created_at": at(0),
    }
    task = {
        "task_id": image_id,
        "generation_id": image_id,
        "job_id": job.job_id,
        "task_index": 0,
        "provider": "piapi",
        "model": "flux-schnell",
        "state": "done",
        "request_key": f"past-{image_id}",
        "images_requested": 1,
        "submitted_at": at(0),
        "created_at": at(0),
        "updated_at": at(0),
    }
    image = {
        "image_id": image_id,
        "job_id": job.job_id,
        "generation_id": image_id,
        "task_id": image_id,
        "task_position": 0,
        "image_number": number + 1,
        "status": "pending",
        "progress": "downloaded",
        "prompt": "A cat",
        "keyword": "cat",
        "provider": "piapi",
        "model": "flux-schnell",
        "created_at": at(14 + day / 2),
        "updated_at": at(14 + day / 2),
    }
    for table, row in (("generations", generation), ("tasks", task), ("images", image)):
        insert_row(connection, table, row)
    checked = 17 + day / 2 + number / 4
    if image_id % 4 == 0:
        reason = ("Six fingers on the left hand.", "A misspelt word.", "Blurred.")[image_id % 3]
        change = {
            "status": "qc_failed",
            "stage": "quality_check",
            "reason": reason,
            "updated_at": at(checked),
        }
        changes: list[dict[str, Any]] = [change]
    else:
        changes = [
            {"progress": "checked", "is_checked": 1, "updated_at": at(checked)},
            {"progress": "processed", "updated_at": at(checked + 0.4 + number / 10)},
            {"progress": "described", "title": "A cat", "updated_at": at(checked + 3 + number / 5)},
            {
                "progress": "saved",
                "status": "approved",
                "approval": "checked",
                "output_file": f"/past/{image_id}.png",
                "updated_at": at(checked + 3.1 + number / 5),
            },
        ]
    for change in changes:
        fields = ", ".join(f"{name} = :{name}" for name in change)
        connection.execute(f"UPDATE images SET {fields} WHERE image_id = {image_id}", change)
