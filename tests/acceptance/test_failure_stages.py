"""A failure of every stage, caused for real: it is shown under its stage and reason, and a retry, a decision or an
approval brings it to its end with the files where the statuses say."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from engine.api import ImageQuery, RetryRequest, TaskChoice
from engine.events import ImageChanged
from engine.service import Engine
from engine.views import ImageStatus, ImageView, RetryState, Stage, TaskState
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import assert_files_match_rows, decoded, rule
from tests.support.engine import Listener, request, until

pytestmark = pytest.mark.acceptance

CUT_OUT = {"remove_background": True, "on_remove_background_failure": "fail"}


@dataclass(frozen=True, slots=True)
class Failure:
    stage: Stage
    reason: str
    script: tuple[dict[str, Any], ...] = ()
    generation: dict[str, Any] = field(default_factory=dict)
    processing: dict[str, Any] = field(default_factory=dict)
    retry: dict[str, Any] = field(default_factory=dict)
    """What helps, besides the services being well again."""


FAILURES = {
    "download": Failure(
        Stage.DOWNLOAD, "could not be fetched", (rule("files", "download", "svg"),), {"backoff_seconds": 0}
    ),
    "rejected": Failure(
        Stage.QUALITY_CHECK,
        "A logo.",
        (rule("openai", "chat.check", "say", text='{"passed": false, "reason": "A logo."}'),),
    ),
    "check unreadable": Failure(
        Stage.QUALITY_CHECK,
        "gave no verdict",
        (rule("openai", "chat.check", "say", text="Lovely."),),
        {"backoff_seconds": 0},
    ),
    "background": Failure(
        Stage.REMOVE_BACKGROUND,
        "background was not removed",
        (rule("removebg", "remove", "status", code=400),),
        processing=CUT_OUT,
    ),
    "background answer lost": Failure(
        Stage.REMOVE_BACKGROUND,
        "background was not removed",
        (rule("removebg", "remove", "lose_answer"),),
        processing=CUT_OUT,
    ),
    "trim": Failure(
        Stage.TRIM,
        "",
        (rule("removebg", "remove", "blank"),),
        processing={**CUT_OUT, "trim_transparent": True},
        retry={"on_failure": {"trim": "continue"}},
    ),
}


async def images_of(engine: Engine, job_id: str) -> list[ImageView]:
    page = await engine.images(ImageQuery(job_id=job_id, statuses=(), sort="number"))
    return list(page.rows)


@pytest.mark.parametrize("name", FAILURES)
async def test_a_failed_image_is_shown_and_brought_to_its_end(make_home: MakeHome, name: str) -> None:
    failure = FAILURES[name]
    home = await make_home()
    home.script(*failure.script)
    async with home.open() as engine:
        job = await engine.start_job(
            request("Cats", generation=failure.generation, processing=failure.processing)
        )
        view = await engine.wait_for_job(job.job_id)
        (image,) = await images_of(engine, job.job_id)
        assert image.status in (ImageStatus.FAILED, ImageStatus.QC_FAILED)
        assert image.stage is failure.stage
        assert image.reason
        assert failure.reason in image.reason
        assert view.images.failed + view.images.qc_failed == 1
        assert list(home.paths.default_output_dir.iterdir()) == []

        home.script()
        started = await engine.retry_images(RetryRequest((image.image_id,), **failure.retry))
        retried = await engine.wait_for_job(started.jobs[0].job_id)
        assert retried.images.approved == 1, (await engine.image(image.image_id)).reason
        (attempt,) = await engine.image_attempts(image.image_id)
        assert (attempt.state, attempt.before_stage) == (RetryState.APPROVED, failure.stage)
        now = await engine.image(image.image_id)
        assert now.status is ImageStatus.APPROVED
        decoded(Path(now.file or ""))
    assert_files_match_rows(home)
    assert len(home.payments("piapi", "submit")) == 1


async def test_metadata_and_save(make_home: MakeHome) -> None:
    """A title that does not come is a warning, until a retry makes it count; what has gone cannot be saved."""
    home = await make_home()
    no_title = rule("openai", "chat.metadata", "say", text="No.")
    home.script(no_title)
    async with home.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(request("Cats", generation={"backoff_seconds": 0}))
        await engine.wait_for_job(job.job_id)
        (soft,) = await images_of(engine, job.job_id)
        assert soft.status is ImageStatus.APPROVED
        assert "No title" in soft.warnings[0]

        home.script(rule("openai", "chat.check", "say", text='{"passed": false, "reason": "A logo."}'))
        job = await engine.start_job(request("Dogs", generation={"backoff_seconds": 0}))
        await engine.wait_for_job(job.job_id)
        (image,) = await images_of(engine, job.job_id)
        home.script(no_title)
        await _retry(engine, image, on_failure={"metadata": "fail"})
        hard = await engine.image(image.image_id)
        assert (hard.status, hard.stage) == (ImageStatus.RETRY_FAILED, Stage.METADATA)

        home.script(rule("openai", "chat.metadata", "slow", seconds=0.5))
        (retry,) = (await engine.retry_images(RetryRequest((image.image_id,)))).jobs
        asked = len(home.requests("openai", "chat.metadata"))
        await heard.wait_for(ImageChanged, image_id=image.image_id, status=ImageStatus.PROCESSING)
        await until(lambda: len(home.requests("openai", "chat.metadata")) > asked)
        original = Path(image.original_file or "")
        content = original.read_bytes()
        original.unlink()
        await engine.wait_for_job(retry.job_id)
        gone = await engine.image(image.image_id)
        assert (gone.status, gone.stage) == (ImageStatus.RETRY_FAILED, Stage.SAVE)
        original.write_bytes(content)
        home.script()
        await _retry(engine, image)
        assert (await engine.image(image.image_id)).status is ImageStatus.APPROVED
    assert_files_match_rows(home)


async def test_a_picture_that_cannot_be_converted(make_home: MakeHome) -> None:
    """Because its file has gone while it was being checked."""
    home = await make_home()
    home.script(rule("openai", "chat.check", "slow", seconds=0.5))
    async with home.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(request("Cats", processing={"convert": True, "convert_format": "webp"}))
        arrived = await heard.wait_for(ImageChanged, status=ImageStatus.PENDING)
        await until(lambda: bool(home.requests("openai", "chat.check")))
        image = await engine.image(arrived.image_id)
        original = Path(image.original_file or "")
        content = original.read_bytes()
        original.unlink()
        await engine.wait_for_job(job.job_id)
        failed = await engine.image(image.image_id)
        assert (failed.status, failed.stage) == (ImageStatus.FAILED, Stage.CONVERT)
        assert failed.reason
        original.write_bytes(content)
        home.script()
        checks = len(home.requests("openai", "chat.check"))
        await _retry(engine, image)
        now = await engine.image(image.image_id)
        assert (now.status, Path(now.file or "").suffix) == (ImageStatus.APPROVED, ".webp")
        assert len(home.requests("openai", "chat.check")) == checks, "it had passed"
    assert_files_match_rows(home)


async def test_a_refused_prompt_and_a_lost_answer(make_home: MakeHome, tmp_path: Path) -> None:
    home = await make_home(has_task_history=False)
    keywords = tmp_path / "keywords.txt"
    keywords.write_text("a tree\na forbidden fruit\na boat\n", encoding="utf-8")
    home.script(rule("piapi", "submit", "lose_answer", match="boat"))
    async with home.open() as engine:
        job = await engine.start_job(
            request(
                "Cats",
                files={"keywords_file": str(keywords)},
                generation={"generations": 3},
                ai={"quality_check": False, "metadata": False},
            )
        )
        view = await engine.wait_for_job(job.job_id)
        assert (view.images.approved, view.images.failed, view.images.unknown) == (1, 1, 1)
        by_state = {one.state: one for one in await engine.undecided_tasks()}
        assert set(by_state) == {TaskState.FAILED, TaskState.UNKNOWN}
        assert by_state[TaskState.FAILED].error is not None
        assert by_state[TaskState.FAILED].error.code == "policy"
        assert "boat" in by_state[TaskState.UNKNOWN].keyword
        home.script()
        await engine.decide_tasks([by_state[TaskState.FAILED].task], TaskChoice.LOST)
        await engine.decide_tasks([by_state[TaskState.UNKNOWN].task], TaskChoice.SUBMIT)
        done = await engine.wait_for_job(job.job_id)
        assert (done.images.approved, done.images.failed, done.images.unknown) == (2, 1, 0)
        assert await engine.undecided_tasks() == []
    assert_files_match_rows(home)


async def _retry(engine: Engine, image: ImageView, **options: Any) -> None:
    (job,) = (await engine.retry_images(RetryRequest((image.image_id,), **options))).jobs
    await engine.wait_for_job(job.job_id)
