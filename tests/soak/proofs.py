"""What must hold when a soak has come to rest. Each proof answers the sentences of what is wrong; none stops at the
first."""

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.files import PARTIAL_SUFFIX
from engine.imaging.thumbnail import check_jpeg
from engine.trash import Trash
from tests.acceptance.support import UNFINISHED_TASKS, decoded, files_below, rows
from tests.soak.services import SoakHome

_TASKS = "SELECT tasks.*, generations.prompt FROM tasks JOIN generations USING (generation_id)"
_MAKERS = (("piapi", "submit"), ("runware", "submit"), ("openai", "images"))


def orders(home: SoakHome) -> list[dict[str, Any]]:
    """What was paid for pictures, refunds left out."""
    return [payment for maker in _MAKERS for payment in home.payments(*maker)]


def lost(home: SoakHome, declared: Iterable[int]) -> list[str]:
    """Paid orders of which the rows neither have the pictures nor say that they are open, failed or short. `declared`:
    orders that the end treated as lost by their task number."""
    wrong = []
    tasks = rows(home, _TASKS)
    by_id = {task["provider_task_id"]: task for task in tasks if task["provider_task_id"]}
    by_key = {task["request_key"]: task for task in tasks}
    by_prompt: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        by_prompt.setdefault(task["prompt"], []).append(task)
    given_up = set(declared)
    for payment in orders(home):
        task = by_id.get(payment["task_id"]) or by_key.get(payment["request_id"])
        candidates = [task] if task else by_prompt.get(payment["prompt"], [])
        if not candidates:
            wrong.append(f"payment {payment['number']} of {payment['service']} belongs to no task")
        elif not any(
            candidate["state"] == "done" or candidate["error_code"] or candidate["task_id"] in given_up
            for candidate in candidates
        ):
            state = candidates[0]["state"]
            wrong.append(
                f"payment {payment['number']} of {payment['service']}: its task is {state}, no reason"
            )
    wrong += [
        f"task {task['task_id']} is still {task['state']}"
        for task in tasks
        if task["state"] in UNFINISHED_TASKS
    ]
    short = rows(
        home,
        """SELECT task_id, images_received, (SELECT count(*) FROM images WHERE images.task_id = tasks.task_id) AS n
            FROM tasks WHERE state = 'done' AND n <> images_received""",
    )
    wrong += [f"task {one['task_id']}: {one['images_received']} came, {one['n']} rows" for one in short]
    return wrong


def doubled(home: SoakHome, sent_again: Mapping[int, int]) -> list[str]:
    """Orders that were paid for oftener than their tasks exist and a person let them be sent again; pictures that are
    there twice."""
    allowed: Counter[str] = Counter()
    for task in rows(home, _TASKS):
        if task["submissions"]:
            allowed[task["prompt"]] += 1 + sent_again.get(task["task_id"], 0)
    paid = Counter(payment["prompt"] for payment in orders(home))
    wrong = [
        f"paid {times} times, {allowed[prompt]} allowed: {prompt[:60]!r}"
        for prompt, times in paid.items()
        if times > allowed[prompt]
    ]
    ids = Counter((payment["service"], payment["task_id"]) for payment in orders(home) if payment["task_id"])
    wrong += [f"{service} was paid twice for {task}" for (service, task), times in ids.items() if times > 1]
    shared = rows(
        home,
        """SELECT provider_task_id FROM tasks WHERE provider_task_id IS NOT NULL
            GROUP BY provider, provider_task_id HAVING count(*) > 1""",
    )
    return wrong + [f"two tasks have the order {one['provider_task_id']}" for one in shared]


def unchecked(home: SoakHome) -> list[str]:
    """Approved images that neither a check passed nor a person approved, or whose picture no check ever saw."""
    wrong = []
    for image in rows(home, "SELECT * FROM images WHERE status = 'approved'"):
        name = f"image {image['image_id']}"
        if image["approval"] == "manual":
            if image["before_approval"] is None:
                wrong.append(f"{name} is approved by hand, and nothing says what it was")
            continue
        if image["approval"] != "checked" or image["is_checked"] != 1:
            wrong.append(f"{name} is approved without a check")
            continue
        sent = check_jpeg(Path(image["original_file"]))
        if hashlib.sha256(sent).hexdigest() not in home.judged:
            wrong.append(f"{name} says checked, and no check saw it")
    return wrong


def orphans(home: SoakHome) -> tuple[list[str], list[str]]:
    """Files without a row, and rows without a whole file. A background that was paid for is kept for retries beside
    the image's original and stands in no row."""
    images = rows(home, "SELECT * FROM images")
    approved = {image["output_file"] for image in images if image["status"] == "approved"}
    output = {str(path) for path in files_below(home.paths.default_output_dir)}
    stray = [f"in the output folder: {path}" for path in sorted(output - approved)]
    originals = {image["original_file"] for image in images if image["original_file"]}
    known = (
        originals | {image["processed_file"] for image in images} | {image["output_file"] for image in images}
    )
    work = {str(path) for path in files_below(home.paths.work_dir)}
    work -= {
        str(cutout)
        for original in originals
        for cutout in Path(original).parent.glob(f"{Path(original).name.partition('_')[0]}_cutout_*.png")
    }
    stray += [f"in the work folder: {path}" for path in sorted(work - known)]
    stray += [f"unfinished: {path}" for path in files_below(home.root) if path.name.endswith(PARTIAL_SUFFIX)]
    in_trash = {str(path) for path in files_below(home.paths.trash_dir)}
    stray += [f"in the trash: {path}" for path in sorted(in_trash - known)]
    missing = [f"not in the output folder: {path}" for path in sorted(approved - output)]
    trash = Trash(home.paths.trash_dir)
    for image in images:
        files = [image["original_file"]]
        if image["status"] == "approved" or trash.holds(image["output_file"]):
            files.append(image["output_file"])
        for file in files:
            try:
                if file is not None:
                    decoded(Path(file)).close()
            except OSError as error:
                missing.append(f"image {image['image_id']}, {image['status']}: {error}")
        if image["original_file"] is None and image["status"] != "failed" and image["stage"] != "download":
            missing.append(f"image {image['image_id']}, {image['status']}: has no original")
    return stray, missing


def books(home: SoakHome) -> list[str]:
    """Money that stays reserved, prices that are not the provider's, counters and sums that their rows contradict."""
    wrong = []
    accounts = rows(home, "SELECT call, account, sum(amount_micros) AS micros FROM ledger GROUP BY 1, 2")
    micros = {(row["call"], row["account"]): row["micros"] for row in accounts}
    wrong += [
        f"{call} keeps {sum_} reserved"
        for (call, kind), sum_ in micros.items()
        if kind == "committed" and sum_
    ]
    paid = {payment["task_id"]: payment["amount_micros"] for payment in orders(home) if payment["task_id"]}
    for task in rows(home, _TASKS):
        if task["state"] == "done" and task["provider"] != "openai" and task["provider_task_id"] in paid:
            actual = micros.get((f"task:{task['task_id']}", "actual"), 0)
            if actual < paid[task["provider_task_id"]]:
                wrong.append(
                    f"task {task['task_id']}: {actual} booked, {paid[task['provider_task_id']]} taken"
                )
    for job in rows(home, "SELECT * FROM jobs"):
        sums = Counter(
            {
                row["account"]: row["n"]
                for row in rows(
                    home,
                    "SELECT account, sum(amount_micros) AS n FROM ledger WHERE job_id = ? GROUP BY 1",
                    job["job_id"],
                )
            }
        )
        for account in ("actual", "committed", "unknown"):
            if job[f"{account}_micros"] != sums[account]:
                wrong.append(
                    f"job {job['job_number']}: {account} is {job[f'{account}_micros']}, not {sums[account]}"
                )
        if job["kind"] == "generate":
            counted = Counter(
                row["status"]
                for row in rows(home, "SELECT status FROM images WHERE job_id = ?", job["job_id"])
            )
            for status in (
                "pending",
                "approved",
                "qc_failed",
                "failed",
                "retry_failed",
                "trashed",
                "processing",
            ):
                if job[status] != counted[status]:
                    wrong.append(f"job {job['job_number']}: {status} is {job[status]}, not {counted[status]}")
    return wrong


def at_rest(home: SoakHome) -> list[str]:
    """Images that nobody works on and that still say so; a database that is not whole."""
    waiting = rows(
        home, "SELECT image_id, status FROM images WHERE status IN ('pending', 'retry_pending', 'processing')"
    )
    wrong = [f"image {image['image_id']} is still {image['status']}" for image in waiting]
    with closing(sqlite3.connect(f"{home.paths.database_file.as_uri()}?mode=ro", uri=True)) as connection:
        for pragma in ("integrity_check", "foreign_key_check"):
            wrong += [
                f"{pragma}: {json.dumps(row)}"
                for row in connection.execute(f"PRAGMA {pragma}")
                if row != ("ok",)
            ]
    return wrong
