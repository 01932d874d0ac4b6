"""Retries and kills: kill -9 in the middle of a retry, then the next start ends it; nothing is paid for twice, nothing
unchecked is approved, files and rows agree."""

import json

import pytest

from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import (
    Program,
    assert_books_balance,
    assert_every_image_once,
    assert_files_match_rows,
    assert_no_task_paid_twice,
    assert_nothing_approved_unchecked,
    overrides,
    rows,
    rule,
)

pytestmark = pytest.mark.acceptance

IMAGES = 4
SETTINGS = {
    "generation": {"generations": IMAGES, "dimensions": ["512x512"], "poll_interval_seconds": 0.5},
    "processing": {"remove_background": "on", "convert": "on", "convert_format": "jpg", "enhance": "on"},
}
NO = json.dumps({"passed": False, "reason": "blurred"})


@pytest.mark.fault(17)
@pytest.mark.parametrize(
    "point",
    ["mid_check:2", "mid_background:2", "mid_processing", "mid_metadata:3", "mid_save", "after_save:2"],
)
async def test_a_killed_retry_is_ended_by_the_next_start(make_home: MakeHome, point: str) -> None:
    home = await make_home()
    home.script(rule("openai", "chat.check", "say", text=NO))
    program = Program(home)
    made = await program.run("run", "--json", *overrides(SETTINGS))
    assert made.document["images"]["qc_failed"] == IMAGES
    home.script()

    died = await program.run("images", "retry", "--job", "1", "--json", GIMF_CRASH_AT=point)
    assert died.was_killed, died.stderr
    assert_nothing_approved_unchecked(home)
    assert [job["status"] for job in rows(home, "SELECT status FROM jobs ORDER BY job_number")] == [
        "completed",
        "running",
    ]

    resumed = await program.run("run", "--resume", "--json")
    assert resumed.status == 0, resumed.stderr
    assert (resumed.document["kind"], resumed.document["status"]) == ("retry", "completed")
    assert resumed.document["images"]["approved"] == IMAGES
    assert {row["state"] for row in rows(home, "SELECT state FROM retries")} == {"approved"}
    assert_every_image_once(home, IMAGES)
    assert_nothing_approved_unchecked(home)
    assert_files_match_rows(home)
    assert_no_task_paid_twice(home, "piapi", "submit")
    assert_books_balance(home, "piapi", "submit")
    job = rows(home, "SELECT * FROM jobs ORDER BY job_number")[0]
    assert (job["approved"], job["qc_failed"], job["images"]) == (IMAGES, 0, IMAGES)
