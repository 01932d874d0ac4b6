import dataclasses
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from db import images, retries
from db.records import ImageRecord, NewImage
from db.status import FINISHED_IMAGES, Approval, ImageStatus, Progress, Stage
from tests.db.rows import LATER, NOW, Rows

S = ImageStatus
AT_WORK = {S.PENDING, S.PROCESSING}
REVIEWED = {S.QC_FAILED, S.FAILED, S.RETRY_FAILED}
WORKABLE = AT_WORK | REVIEWED


async def in_status(rows: Rows, status: ImageStatus, **changes: Any) -> ImageRecord:
    """An image in that status, brought there by the updates that the engine uses."""
    image = await rows.image(**changes)
    one = image.image_id
    if status is S.APPROVED:
        await rows.do(images.pass_check, one, "fine", NOW)
        await rows.do(
            images.approve, one, output_file=f"/out/{one}.png", approval=Approval.CHECKED, reason=None, at=NOW
        )
    if status in (S.QC_FAILED, S.RETRY_PENDING, S.PROCESSING, S.RETRY_FAILED):
        await rows.do(images.reject, one, "blurred", NOW)
    if status is S.FAILED:
        await rows.do(images.fail, one, Stage.TRIM, code="empty", reason="nothing left", at=NOW)
    if status in (S.RETRY_PENDING, S.PROCESSING, S.RETRY_FAILED):
        await rows.retry(one)
    if status in (S.PROCESSING, S.RETRY_FAILED):
        await rows.begin_retry(one)
    if status is S.RETRY_FAILED:
        await rows.do(images.fail, one, Stage.CONVERT, code="encode", reason="again", at=NOW)
    if status is S.TRASHED:
        await rows.do(images.trash, one, NOW)
    record = await rows.image_now(one)
    assert record.status is status
    return record


ACTS: dict[str, tuple[Callable[..., Awaitable[bool]], dict[str, Any], set[ImageStatus]]] = {
    "pass_check": (images.pass_check, {"reason": "fine"}, AT_WORK),
    "skip_check": (images.skip_check, {"reason": "off"}, AT_WORK),
    "set_processed": (images.set_processed, {"processed_file": "/p.png", "width": 5, "height": 6}, WORKABLE),
    "set_described": (images.set_described, {"title": "t", "description": "d", "tags": ["x", "y"]}, WORKABLE),
    "skip_description": (images.skip_description, {}, WORKABLE),
    "approve unchecked": (
        images.approve,
        {"output_file": "/o", "approval": Approval.UNCHECKED_BY_SETTINGS, "reason": "off"},
        AT_WORK,
    ),
    "approve by hand": (
        images.approve,
        {"output_file": "/o", "approval": Approval.MANUAL, "reason": "Manually approved"},
        WORKABLE,
    ),
    "reject": (images.reject, {"reason": "bad"}, AT_WORK),
    "fail": (images.fail, {"stage": Stage.SAVE, "code": "disk", "reason": "r"}, AT_WORK | {S.RETRY_PENDING}),
    "begin a retry": (
        retries.begin,
        {"progress": Progress.CHECKED, "forgets_check": False},
        {S.RETRY_PENDING},
    ),
    "trash": (images.trash, {}, set(S) - {S.TRASHED}),
    "restore": (images.restore, {}, {S.TRASHED}),
}


@pytest.mark.parametrize("name", ACTS)
@pytest.mark.parametrize("status", ImageStatus)
async def test_every_update_happens_from_its_statuses_and_no_other(
    rows: Rows, name: str, status: ImageStatus
) -> None:
    act, options, from_statuses = ACTS[name]
    image = await in_status(rows, status)
    assert await rows.do(act, image.image_id, **options, at=LATER) is (status in from_statuses)
    after = await rows.image_now(image.image_id)
    if status in from_statuses:
        assert after.updated_at == LATER
    else:
        assert after == image


async def test_the_whole_way_to_the_output_folder(rows: Rows) -> None:
    image = await rows.image()
    one = image.image_id
    assert (image.status, image.progress) == (S.PENDING, Progress.DOWNLOADED)
    await rows.do(images.pass_check, one, "fine", NOW)
    checked = await rows.image_now(one)
    assert (checked.progress, checked.is_checked, checked.reason) == (Progress.CHECKED, True, "fine")
    await rows.do(images.set_processed, one, processed_file="/processed/p.png", width=800, height=600, at=NOW)
    processed = await rows.image_now(one)
    assert (processed.progress, processed.processed_file) == (Progress.PROCESSED, "/processed/p.png")
    assert (processed.width, processed.height) == (800, 600)
    await rows.do(images.set_described, one, title="T", description="D", tags=["a", "b"], at=NOW)
    described = await rows.image_now(one)
    assert (described.progress, described.title, described.description) == (Progress.DESCRIBED, "T", "D")
    assert described.tags == ("a", "b")
    assert await rows.do(
        images.approve, one, output_file="/out/1.png", approval=Approval.CHECKED, reason=None, at=LATER
    )
    approved = await rows.image_now(one)
    assert (approved.status, approved.progress, approved.output_file) == (
        S.APPROVED,
        Progress.SAVED,
        "/out/1.png",
    )
    assert (approved.approval, approved.reason, approved.updated_at) == (Approval.CHECKED, "fine", LATER)


async def test_nothing_unchecked_is_approved_as_checked(rows: Rows) -> None:
    image = await rows.image()
    await rows.do(images.skip_check, image.image_id, "off", NOW)
    assert not await rows.do(
        images.approve, image.image_id, output_file="/o", approval=Approval.CHECKED, reason=None, at=NOW
    )
    assert (await rows.image_now(image.image_id)).status is S.PENDING


async def test_a_rejection_takes_the_pass_back(rows: Rows) -> None:
    image = await rows.image()
    await rows.do(images.pass_check, image.image_id, "fine", NOW)
    await rows.do(images.reject, image.image_id, "a watermark", NOW)
    rejected = await rows.image_now(image.image_id)
    assert (rejected.status, rejected.is_checked) == (S.QC_FAILED, False)
    assert (rejected.stage, rejected.error_code, rejected.reason) == (
        Stage.QUALITY_CHECK,
        None,
        "a watermark",
    )


async def test_approval_by_hand_forgets_the_failure(rows: Rows) -> None:
    image = await in_status(rows, S.FAILED)
    assert (image.stage, image.error_code, image.reason) == (Stage.TRIM, "empty", "nothing left")
    await rows.do(
        images.approve, image.image_id, output_file="/o", approval=Approval.MANUAL, reason="Manually", at=NOW
    )
    approved = await rows.image_now(image.image_id)
    assert (approved.stage, approved.error_code, approved.reason) == (None, None, "Manually")


async def test_two_images_never_share_an_output_file(rows: Rows) -> None:
    await rows.do(
        images.approve,
        (await rows.image()).image_id,
        output_file="/o",
        approval=Approval.MANUAL,
        reason="",
        at=NOW,
    )
    other = await rows.image()
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(
            images.approve, other.image_id, output_file="/o", approval=Approval.MANUAL, reason="", at=NOW
        )


async def test_a_second_insert_returns_the_row_that_is_there(rows: Rows) -> None:
    task = await rows.task((await rows.job()).job_id)
    new = NewImage(
        task.job_id, task.generation_id, task.task_id, 0, 1, "p", "k", "piapi", "m", original_file="/a"
    )
    first = await rows.do(images.insert, new, NOW)
    await rows.do(images.pass_check, first.image_id, "fine", NOW)
    again = dataclasses.replace(new, original_file="/b", prompt="other")
    second = await rows.do(images.insert, again, LATER)
    assert second == await rows.image_now(first.image_id)
    assert (second.original_file, second.reason) == ("/a", "fine")
    assert (await rows.job_now(task.job_id)).images == 1


async def test_image_numbers_are_unique_in_a_job(rows: Rows) -> None:
    image = await rows.image()
    assert await rows.ask(images.next_image_number, image.job_id) == image.image_number + 1
    assert await rows.ask(images.next_image_number, "missing") == 1
    with pytest.raises(sqlite3.IntegrityError):
        await rows.image(image.job_id, image_number=image.image_number)


async def test_an_image_whose_download_failed_may_get_its_file_later(rows: Rows) -> None:
    image = await rows.image(original_file=None, original_sha256=None)
    assert image.progress is None
    assert not await rows.do(images.pass_check, image.image_id, "nothing to check", NOW)
    await rows.do(images.fail, image.image_id, Stage.DOWNLOAD, code="truncated", reason="r", at=NOW)

    async def set_original(path: str) -> bool:
        return await rows.do(
            images.set_original,
            image.image_id,
            original_file=path,
            original_sha256="f" * 64,
            width=8,
            height=9,
            at=LATER,
        )

    assert await set_original("/a.png")
    assert not await set_original("/b.png")
    after = await rows.image_now(image.image_id)
    assert (after.original_file, after.progress, after.width) == ("/a.png", Progress.DOWNLOADED, 8)


async def test_a_failure_during_a_retry_is_retry_failed(rows: Rows) -> None:
    image = await in_status(rows, S.PROCESSING)
    await rows.do(images.fail, image.image_id, Stage.CONVERT, code="encode", reason="again", at=NOW)
    assert (await rows.image_now(image.image_id)).status is S.RETRY_FAILED


@pytest.mark.parametrize("retrying", [S.RETRY_PENDING, S.PROCESSING])
@pytest.mark.parametrize("before", [S.QC_FAILED, S.FAILED, S.RETRY_FAILED])
@pytest.mark.parametrize("way", ["cancelled", "trashed and restored"])
async def test_out_of_a_retry_it_is_what_it_was(
    rows: Rows, before: ImageStatus, retrying: ImageStatus, way: str
) -> None:
    image = await in_status(rows, before)
    job_id = await rows.retry(image.image_id)
    if retrying is S.PROCESSING:
        await rows.begin_retry(image.image_id, None)
    if way == "cancelled":
        assert await rows.do(retries.cancel, job_id, NOW) == [image.image_id]
    else:
        await rows.do(images.trash, image.image_id, NOW)
        await rows.do(images.restore, image.image_id, NOW)
    after = await rows.image_now(image.image_id)
    assert (after.status, after.stage, after.reason) == (before, image.stage, image.reason)


@pytest.mark.parametrize("status", sorted(FINISHED_IMAGES - {S.TRASHED}))
async def test_trash_and_restore(rows: Rows, status: ImageStatus) -> None:
    image = await in_status(rows, status)
    await rows.do(images.trash, image.image_id, LATER)
    trashed = await rows.image_now(image.image_id)
    assert (trashed.status, trashed.previous_status) == (S.TRASHED, status)
    await rows.do(images.restore, image.image_id, NOW)
    assert await rows.image_now(image.image_id) == dataclasses.replace(image, updated_at=NOW)


async def test_restoring_a_job_leaves_in_the_trash_what_was_there_before(rows: Rows) -> None:
    job_id = (await rows.job()).job_id
    approved = await rows.approved(job_id)
    pending = await rows.image(job_id)
    trashed = await rows.image(job_id)
    foreign = await rows.image()
    await rows.do(images.trash, trashed.image_id, NOW)
    assert await rows.do(images.trash_job, job_id, LATER) == 2
    assert await rows.do(images.trash_job, job_id, LATER) == 0
    assert (await rows.job_now(job_id)).trashed == 3
    assert (await rows.image_now(foreign.image_id)).status is S.PENDING
    assert await rows.do(images.restore_job, job_id, LATER) == 2
    statuses = [(await rows.image_now(one.image_id)).status for one in (approved, pending, trashed)]
    assert statuses == [S.APPROVED, S.PENDING, S.TRASHED]
    await rows.do(images.trash_job, job_id, LATER)
    assert await rows.do(images.restore, approved.image_id, LATER)
    assert await rows.do(images.restore_job, job_id, LATER) == 1


async def test_warnings_are_added_once(rows: Rows) -> None:
    image = await rows.image()
    assert await rows.do(images.add_warning, image.image_id, 'no "metadata"', NOW)
    assert not await rows.do(images.add_warning, image.image_id, 'no "metadata"', NOW)
    assert await rows.do(images.add_warning, image.image_id, "not sharpened", NOW)
    assert (await rows.image_now(image.image_id)).warnings == ('no "metadata"', "not sharpened")


async def test_output_file_moves_with_the_trash(rows: Rows) -> None:
    image = await rows.approved()
    await rows.do(images.trash, image.image_id, NOW)
    assert await rows.do(images.set_output_file, image.image_id, "/trash/1.png", LATER)
    assert (await rows.image_now(image.image_id)).output_file == "/trash/1.png"
    pending = await rows.image()
    assert not await rows.do(images.set_output_file, pending.image_id, "/x", LATER)


async def test_only_trash_is_deleted(rows: Rows) -> None:
    image = await rows.approved()
    assert not await rows.do(images.delete, image.image_id)
    newer = await rows.image(image.job_id, replaces_image_id=image.image_id)
    await rows.do(images.trash, image.image_id, NOW)
    assert await rows.do(images.delete, image.image_id)
    assert await rows.ask(images.get, image.image_id) is None
    assert (await rows.image_now(newer.image_id)).replaces_image_id is None


async def test_lists(rows: Rows) -> None:
    task = await rows.task((await rows.job()).job_id)
    made = [await rows.image(task=task, task_position=position) for position in (2, 0, 1)]
    await rows.do(images.reject, made[1].image_id, "no", NOW)
    foreign = await rows.image()
    assert [one.task_position for one in await rows.ask(images.for_task, task.task_id)] == [0, 1, 2]
    wanted = [foreign.image_id, 999, made[0].image_id]
    assert [one.image_id for one in await rows.ask(images.get_many, wanted)] == [wanted[0], wanted[2]]
    first = await rows.ask(images.unfinished, task.job_id, limit=1)
    rest = await rows.ask(images.unfinished, task.job_id, first[0].image_id, 5)
    assert [one.image_id for one in [*first, *rest]] == [made[0].image_id, made[2].image_id]


async def test_count_by_progress_leaves_out_rejected_images(rows: Rows) -> None:
    job_id = (await rows.job()).job_id
    await rows.image(job_id)
    await rows.approved(job_id)
    rejected = await rows.image(job_id)
    await rows.do(images.reject, rejected.image_id, "no", NOW)
    await rows.image(job_id, original_file=None)
    counts = await rows.ask(images.count_by_progress, job_id)
    assert counts == {Progress.DOWNLOADED: 1, Progress.SAVED: 1}
