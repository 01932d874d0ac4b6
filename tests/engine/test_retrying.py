"""Retries as jobs of the queue: where each image goes on, with whose settings, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from engine.api import ImageQuery, JobQuery, LogQuery, RetryRequest
from engine.client import EngineClient
from engine.errors import ConflictError, SettingsError
from engine.events import ImageChanged
from engine.host import serving
from engine.retry_runner import UNCHECKED_REASON
from engine.service import Engine
from engine.views import ImageStatus, ImageView, JobKind, JobStatus, JobView, RetryState, Stage
from tests.support.engine import EngineHome, Listener, engine_home, request

S = ImageStatus


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[EngineHome]:
    async with engine_home(tmp_path / "gimf") as opened:
        yield opened


def rejects(text: str = "blurred") -> dict[str, Any]:
    """A script line: the check says no."""
    answer = f'{{"passed": false, "reason": "{text}"}}'
    return {"service": "openai", "operation": "chat.check", "action": "say", "text": answer}


async def made(engine: Engine, label: str = "Cats", **groups: Any) -> list[ImageView]:
    job = await engine.start_job(request(label, **groups))
    await engine.wait_for_job(job.job_id)
    return await images_of(engine, job.job_id)


async def images_of(engine: Engine, job_id: str) -> list[ImageView]:
    page = await engine.images(ImageQuery(job_id=job_id, statuses=(), sort="number", limit=500))
    return list(page.rows)


async def retried(engine: Engine, images: list[ImageView], **options: Any) -> JobView:
    """The retry's job when it has ended."""
    ids = tuple(image.image_id for image in images)
    started = await engine.retry_images(RetryRequest(ids, **options))
    assert started.done == ids
    (job,) = started.jobs
    return await engine.wait_for_job(job.job_id)


def checks(home: EngineHome) -> int:
    return len(home.requests("openai", "chat.check"))


def delivered(home: EngineHome) -> list[str]:
    return sorted(file.name for file in home.paths.default_output_dir.iterdir())


async def test_a_rejected_image_is_checked_again(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine, Listener(engine) as heard:
        images = await made(engine, generation={"generations": 2})
        assert [image.status for image in images] == [S.QC_FAILED] * 2
        home.script()
        plan = await engine.plan_retry(RetryRequest(tuple(image.image_id for image in images)))
        assert [(line.what, line.calls) for line in plan.costs] == [("checks", 2), ("metadata", 2)]
        assert plan.can_start
        job = await retried(engine, images)
        assert (job.kind, job.status, job.label) == (JobKind.RETRY, JobStatus.COMPLETED, "retry of 2 images")
        assert (job.images.planned, job.images.approved, job.images.finished) == (2, 2, 2)
        assert job.spend_usd > 0
        assert checks(home) == 4
        now = await images_of(engine, images[0].job_id)
        assert [image.status for image in now] == [S.APPROVED] * 2
        assert all(image.title for image in now)
        assert {Path(image.file or "").name for image in now} == set(delivered(home))
        for status in (S.RETRY_PENDING, S.PROCESSING, S.APPROVED):
            await heard.wait_for(ImageChanged, image_id=images[0].image_id, status=status)
        own = await engine.job(images[0].job_id)
        assert (own.images.approved, own.images.qc_failed, own.status) == (2, 0, JobStatus.COMPLETED)
        messages = [entry.message for entry in await engine.logs(LogQuery(job_id=own.job_id))]
        assert f"Retried in job #{job.number}: approved." in messages
        retry_log = [entry.message for entry in await engine.logs(LogQuery(job_id=job.job_id))]
        assert any(message.startswith(f"#{own.number} Cats: Saved as") for message in retry_log)
        of_retry = [image.image_id for image in await images_of(engine, job.job_id)]
        assert of_retry == sorted(image.image_id for image in images)
        assert (await engine.progress(job.job_id)).fraction == 1


async def test_rejected_again_is_retry_failed_with_its_history(home: EngineHome) -> None:
    home.script(rejects("first"))
    async with home.open() as engine:
        (image,) = await made(engine)
        home.script(rejects("second"))
        job = await retried(engine, [image])
        assert (job.status, job.images.failed, job.images.finished) == (JobStatus.COMPLETED, 1, 1)
        now = await engine.image(image.image_id)
        assert (now.status, now.stage, now.reason) == (S.RETRY_FAILED, Stage.QUALITY_CHECK, "second")
        assert delivered(home) == []
        home.script()
        await retried(engine, [now])
        first, second = await engine.image_attempts(image.image_id)
        assert (first.attempt, first.state, first.reason) == (1, RetryState.FAILED, "second")
        assert (first.before_status, first.before_reason) == (S.QC_FAILED, "first")
        assert (second.attempt, second.state) == (2, RetryState.APPROVED)
        assert (second.before_status, second.before_reason) == (S.RETRY_FAILED, "second")
        assert (second.job_number, second.used["checks_again"]) == (job.number + 1, None)
        assert (await engine.image(image.image_id)).status is S.APPROVED


async def test_an_unchecked_image_is_only_approved_where_the_user_says_so(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        (image,) = await made(engine)
        before = checks(home)
        await retried(engine, [image], checks_again=False)
        assert checks(home) == before
        now = await engine.image(image.image_id)
        assert (now.status, now.reason) == (S.APPROVED, UNCHECKED_REASON)
        outcome = await engine.unapprove_images([image.image_id])
        assert outcome.refused[0].message == "It was not approved by hand."


async def test_each_image_goes_on_with_the_settings_of_its_own_job(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        jpg = await made(engine, "J", processing={"convert": True, "convert_format": "jpg"})
        webp = await made(engine, "W", processing={"convert": True, "convert_format": "webp"})
        home.script()
        job = await retried(engine, [*jpg, *webp])
        assert job.parent_job_id is None
        assert [Path(name).suffix for name in delivered(home)] == [".jpg", ".webp"]
        (one,) = await images_of(engine, jpg[0].job_id)
        assert Path(one.file or "").name.startswith(f"J_{jpg[0].job_id}_1")


async def test_other_settings_are_for_the_batch_only(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        (image,) = await made(engine, processing={"convert": True, "convert_format": "jpg"})
        home.script()
        job = await retried(
            engine, [image], processing={"convert_format": "webp"}, on_failure={"metadata": "fail"}
        )
        (name,) = delivered(home)
        with Image.open(home.paths.default_output_dir / name) as picture:
            assert picture.format == "WEBP"
        own = await engine.job_detail(image.job_id)
        assert own.settings["processing"]["convert_format"] == "jpg"
        detail = await engine.job_detail(job.job_id)
        assert detail.retry is not None
        assert detail.retry["processing"] == {"convert_format": "webp"}
        (attempt,) = await engine.image_attempts(image.image_id)
        assert attempt.used["processing"]["convert_format"] == "webp"
        assert attempt.used["on_failure"] == {"metadata": "fail"}


@pytest.mark.parametrize(
    ("processing", "field"),
    [({"convert_format": "gif"}, "processing.convert_format"), ({"sharpening": 99}, "processing.sharpening")],
)
async def test_wrong_settings_are_named_and_nothing_begins(
    home: EngineHome, processing: dict[str, Any], field: str
) -> None:
    home.script(rejects())
    async with home.open() as engine:
        (image,) = await made(engine)
        with pytest.raises(SettingsError) as caught:
            await engine.retry_images(RetryRequest((image.image_id,), processing=processing))
        assert [problem.field for problem in caught.value.problems] == [field]
        with pytest.raises(SettingsError):
            await engine.retry_images(RetryRequest((image.image_id,), on_failure={"save": "continue"}))
        assert (await engine.image(image.image_id)).status is S.QC_FAILED
        assert len((await engine.jobs(JobQuery())).rows) == 1


async def test_a_failed_step_goes_on_from_there_and_a_rule_can_pass_over_it(home: EngineHome) -> None:
    """A missing background fails the image; the retry as it was asks remove.bg again, but not the check."""
    no_foreground = {"service": "removebg", "operation": "remove", "action": "status", "code": 400}
    home.script(no_foreground)
    processing = {"remove_background": True, "on_remove_background_failure": "fail"}
    async with home.open() as engine:
        (image,) = await made(engine, processing=processing)
        assert (image.status, image.stage) == (S.FAILED, Stage.REMOVE_BACKGROUND)
        await retried(engine, [image])
        assert (await engine.image(image.image_id)).status is S.RETRY_FAILED
        assert (checks(home), len(home.requests("removebg", "remove"))) == (1, 2)
        await retried(engine, [image], on_failure={"remove_background": "continue"})
        now = await engine.image(image.image_id)
        assert now.status is S.APPROVED
        assert "background was not removed" in now.warnings[0]
        assert now.reason == "Approved by a retry; remove background had failed"
        assert checks(home) == 1


async def test_metadata_is_written_again_only_where_asked(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        (image,) = await made(engine)
        await engine.approve_images([image.image_id])
        await engine.unapprove_images([image.image_id])
        titled = len(home.requests("openai", "chat.metadata"))
        await retried(engine, [image])
        assert len(home.requests("openai", "chat.metadata")) == titled, "rejected before the title"
        home.script()
        await retried(engine, [image])
        assert len(home.requests("openai", "chat.metadata")) == titled
        (other,) = [one for one in await made(engine, "Other") if one.status is S.APPROVED]
        assert other.title is not None
        home.script(rejects())
        (third,) = await made(engine, "Third")
        home.script()
        await retried(engine, [third], writes_metadata_again=True)
        assert len(home.requests("openai", "chat.metadata")) == titled + 2


async def test_a_download_that_failed_is_fetched_without_paying(home: EngineHome) -> None:
    home.script({"service": "files", "operation": "download", "action": "svg"})
    async with home.open() as engine:
        (image,) = await made(engine, generation={"backoff_seconds": 0})
        assert (image.status, image.stage, image.original_file) == (S.FAILED, Stage.DOWNLOAD, None)
        home.script()
        await retried(engine, [image])
        now = await engine.image(image.image_id)
        assert now.status is S.APPROVED
        assert Path(now.original_file or "").exists()
        assert len(home.requests("piapi", "submit")) == 1
        assert checks(home) == 1


async def test_two_retries_cannot_have_one_image(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        one, two = await made(engine, generation={"generations": 2})
        home.script({**rejects(), "action": "slow", "seconds": 0.3})
        first, second = await asyncio.gather(
            engine.retry_images(RetryRequest((one.image_id,))),
            engine.retry_images(RetryRequest((one.image_id, two.image_id, 999))),
        )
        assert {*first.done, *second.done} == {one.image_id, two.image_id}
        assert len(first.done) + len(second.done) == 2
        refused = {refusal.image_id: refusal.message for refusal in (*first.refused, *second.refused)}
        assert refused[999] == "There is no image 999."
        assert one.image_id in refused
        approved = await engine.approve_images([one.image_id, two.image_id])
        assert {refusal.message for refusal in approved.refused} <= {
            "A retry is at work on it.",
            "It waits for its retry.",
        }
        for job in (*first.jobs, *second.jobs):
            await engine.wait_for_job(job.job_id)
        nothing = await engine.retry_images(RetryRequest((one.image_id,)))
        assert (nothing.jobs, nothing.refused[0].message) == ((), "It is approved already.")


async def test_a_stopped_retry_gives_its_images_back_and_can_be_resumed(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine, Listener(engine) as heard:
        images = await made(engine, generation={"generations": 30})
        home.script({"service": "openai", "operation": "chat.check", "action": "slow", "seconds": 0.2})
        ids = tuple(image.image_id for image in images)
        (job,) = (await engine.retry_images(RetryRequest(ids))).jobs
        await heard.wait_for(ImageChanged, status=S.PROCESSING)
        await engine.stop_job(job.job_id)
        view = await engine.wait_for_job(job.job_id)
        assert view.status is JobStatus.STOPPED
        now = await images_of(engine, images[0].job_id)
        assert {image.status for image in now} <= {S.APPROVED, S.QC_FAILED}
        left = [image for image in now if image.status is S.QC_FAILED]
        assert left
        assert {image.reason for image in left} == {"blurred"}
        assert view.images.approved == 30 - len(left)
        await engine.trash_images([left[0].image_id])
        home.script()
        await engine.resume_job(job.job_id)
        again = await engine.wait_for_job(job.job_id)
        assert (again.status, again.images.approved) == (JobStatus.COMPLETED, 29)
        assert (await engine.image(left[0].image_id)).status is S.TRASHED


async def test_a_forced_stop_in_mid_work_too(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine, Listener(engine) as heard:
        (image,) = await made(engine)
        home.script({"service": "openai", "operation": "chat.check", "action": "hang"})
        (job,) = (await engine.retry_images(RetryRequest((image.image_id,)))).jobs
        await heard.wait_for(ImageChanged, status=S.PROCESSING)
        await engine.stop_job(job.job_id, is_forced=True)
        await engine.wait_for_job(job.job_id)
        now = await engine.image(image.image_id)
        assert (now.status, now.stage, now.reason) == (image.status, image.stage, image.reason)
        (attempt,) = await engine.image_attempts(image.image_id)
        assert attempt.state is RetryState.CANCELLED


async def test_a_waiting_retry_can_be_removed_or_deleted(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        one, two = await made(engine, generation={"generations": 2})
    async with home.open(is_working=False) as engine:
        (first,) = (await engine.retry_images(RetryRequest((one.image_id,)))).jobs
        (second,) = (await engine.retry_images(RetryRequest((two.image_id,)))).jobs
        assert (await engine.image(one.image_id)).status is S.RETRY_PENDING
        assert [job.job_id for job in await engine.queue()] == [first.job_id, second.job_id]
        await engine.remove_from_queue(first.job_id)
        await engine.delete_jobs([second.job_id])
        for image in (one, two):
            assert (await engine.image(image.image_id)).status is S.QC_FAILED


@pytest.mark.fault(30)
async def test_trashing_and_deleting_while_a_retry_waits(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        one, two = await made(engine, generation={"generations": 2})
        (third,) = await made(engine, "Third")
    async with home.open(is_working=False) as engine:
        ids = (one.image_id, two.image_id, third.image_id)
        (retry,) = (await engine.retry_images(RetryRequest(ids))).jobs
        await engine.trash_images([one.image_id])
        await engine.delete_jobs([third.job_id])
        assert (await engine.job(retry.job_id)).images.trashed == 2
        await engine.restore_images([one.image_id])
        await engine.restore_jobs([third.job_id])
        assert (await engine.image(one.image_id)).status is S.QC_FAILED
        assert (await engine.image(third.image_id)).status is S.QC_FAILED
    home.script()
    async with home.open() as engine:
        view = await engine.wait_for_job(retry.job_id)
        assert (view.images.approved, view.images.trashed) == (1, 2)
        assert (await engine.image(two.image_id)).status is S.APPROVED


async def test_a_retry_is_no_job_to_run_again(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        job = await retried(engine, await made(engine))
        with pytest.raises(ConflictError, match="is a retry"):
            await engine.rerun_jobs([job.job_id], is_as_run=True)


async def test_a_missing_key_is_named_before_anything_begins(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine:
        (image,) = await made(engine)
    home.environ.pop("OPENAI_API_KEY")
    async with home.open() as engine:
        with pytest.raises(SettingsError) as caught:
            await engine.retry_images(RetryRequest((image.image_id,)))
        assert [problem.field for problem in caught.value.problems] == ["keys.openai"]
        started = await engine.plan_retry(RetryRequest((image.image_id,), checks_again=False))
        assert [problem.field for problem in started.problems] == ["keys.openai"], (
            "the title is still to come"
        )


async def test_retries_over_the_socket(home: EngineHome) -> None:
    home.script(rejects())
    async with home.open() as engine, serving(engine, home.paths.socket_file):
        (image,) = await made(engine)
        home.script()
        async with EngineClient.connect(home.paths) as client:
            request_ = RetryRequest((image.image_id,), processing={"enhance": True}, checks_again=True)
            assert (await client.plan_retry(request_)).images == 1
            (job,) = (await client.retry_images(request_)).jobs
            await client.wait_for_job(job.job_id)
            assert (await client.image_attempts(image.image_id))[0].state is RetryState.APPROVED
