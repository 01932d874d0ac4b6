"""Approvals that can be taken back, and what a kill left half done."""

from typing import Any

import pytest

from db import images, review
from db.records import ImageRecord
from db.status import Approval, ImageStatus, Progress, Stage
from tests.db.rows import LATER, NOW, Rows

S = ImageStatus
TRASH = "/data/trash/"


async def rejected(rows: Rows) -> ImageRecord:
    image = await rows.image()
    await rows.do(images.reject, image.image_id, "blurred", NOW)
    return await rows.image_now(image.image_id)


async def approved_by_hand(rows: Rows, **changes: Any) -> ImageRecord:
    image = await rejected(rows)
    one = image.image_id
    assert await rows.do(review.begin_approval, one, NOW)
    approval = {"output_file": f"/out/{one}.png", "approval": Approval.MANUAL, "reason": "Manually approved"}
    assert await rows.do(images.approve, one, **{**approval, **changes}, at=NOW)
    return await rows.image_now(one)


async def test_an_approval_taken_back_leaves_what_was_there_before(rows: Rows) -> None:
    image = await rows.image()
    await rows.do(images.fail, image.image_id, Stage.TRIM, code="empty", reason="nothing left", at=NOW)
    await rows.do(review.begin_approval, image.image_id, NOW)
    await rows.do(
        images.approve, image.image_id, output_file="/o", approval=Approval.MANUAL, reason="by hand", at=NOW
    )
    assert await rows.do(review.take_back_approval, image.image_id, LATER)
    now = await rows.image_now(image.image_id)
    assert (now.status, now.stage, now.error_code, now.reason) == (
        S.FAILED,
        Stage.TRIM,
        "empty",
        "nothing left",
    )
    assert (now.approval, now.before_approval, now.progress) == (None, None, Progress.DESCRIBED)
    assert now.output_file == "/o", "it is known until it is gone"
    gone = {"processed_file": "/w/p.png", "progress": Progress.DESCRIBED, "at": LATER}
    assert await rows.do(review.take_back_file, image.image_id, **gone)
    assert not await rows.do(review.take_back_file, image.image_id, **gone)
    now = await rows.image_now(image.image_id)
    assert (now.output_file, now.processed_file) == (None, "/w/p.png")


async def test_the_jobs_counters_follow(rows: Rows) -> None:
    image = await approved_by_hand(rows)
    assert (await rows.job_now(image.job_id)).approved == 1
    await rows.do(review.take_back_approval, image.image_id, LATER)
    job = await rows.job_now(image.job_id)
    assert (job.approved, job.qc_failed) == (0, 1)


@pytest.mark.parametrize("approval", [Approval.CHECKED, Approval.UNCHECKED_BY_SETTINGS])
async def test_only_an_approval_by_hand_is_taken_back(rows: Rows, approval: Approval) -> None:
    image = await rows.image()
    await rows.do(images.pass_check, image.image_id, "fine", NOW)
    await rows.do(images.approve, image.image_id, output_file="/o", approval=approval, reason=None, at=NOW)
    assert not await rows.do(review.begin_approval, image.image_id, NOW)
    assert not await rows.do(review.take_back_approval, image.image_id, NOW)


async def test_another_approval_forgets_the_one_by_hand(rows: Rows) -> None:
    image = await rejected(rows)
    one = image.image_id
    await rows.do(review.begin_approval, one, NOW)
    await rows.retry(one)
    assert (await rows.image_now(one)).status is ImageStatus.QC_FAILED, "not while it is being approved"
    await rows.do(review.cancel_approval, one, NOW)
    await rows.retry(one)
    await rows.begin_retry(one)
    await rows.do(images.pass_check, one, "fine", NOW)
    await rows.do(images.approve, one, output_file="/o", approval=Approval.CHECKED, reason=None, at=NOW)
    assert (await rows.image_now(one)).before_approval is None


async def test_what_was_cut_off_is_found(rows: Rows) -> None:
    half, done, misplaced = await rejected(rows), await approved_by_hand(rows), await approved_by_hand(rows)
    await rows.do(review.begin_approval, half.image_id, NOW)
    await rows.do(review.take_back_approval, misplaced.image_id, NOW)
    assert [image.image_id for image in await rows.ask(review.half_approved)] == [half.image_id]
    assert [image.image_id for image in await rows.ask(review.misplaced, TRASH)] == [misplaced.image_id]
    assert await rows.do(review.cancel_approval, half.image_id, NOW)
    assert not await rows.do(review.cancel_approval, done.image_id, NOW)
    assert await rows.ask(review.half_approved) == []


async def test_trashed_files_are_misplaced_until_they_are_in_the_trash(rows: Rows) -> None:
    alone, with_job = await approved_by_hand(rows), await approved_by_hand(rows)
    await rows.do(images.trash, alone.image_id, NOW)
    await rows.do(images.trash_job, with_job.job_id, NOW)
    found = [image.image_id for image in await rows.ask(review.misplaced, TRASH)]
    assert found == [alone.image_id, with_job.image_id]
    await rows.do(images.set_output_file, alone.image_id, f"{TRASH}1/a.png", NOW)
    await rows.do(images.set_output_file, with_job.image_id, f"{TRASH}2/a.png", NOW)
    assert await rows.ask(review.misplaced, TRASH) == []
