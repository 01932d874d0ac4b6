"""One job on its way through the stages, run by an engine against the simulator."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from db import generations, tasks
from engine.api import ImageQuery, LogQuery
from engine.service import Engine
from engine.spool import Spool
from engine.views import ImageStatus, ImageView, JobStatus, LogLevel, Stage, TaskState
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, engine_home, request, until

BARE = {"quality_check": False, "metadata": False}
NOW = "2026-11-22T12:00:00.000Z"
PATIENT = {"timeout_minutes": 60}


@pytest.fixture
async def engine(home: EngineHome, clock: FakeClock) -> AsyncIterator[Engine]:
    async with home.open(clock=clock) as opened:
        yield opened


async def images(engine: Engine, job_id: str) -> list[ImageView]:
    """Every image of a job, in the order of the job."""
    return list((await engine.images(ImageQuery(job_id=job_id, statuses=(), sort="number"))).rows)


async def states(engine: Engine, job_id: str) -> list[str]:
    detail = await engine.job_detail(job_id)
    return [task.state for generation in detail.generations for task in generation.tasks]


def calls(home: EngineHome) -> dict[str, int]:
    """How often each service was asked for something that costs money or time."""
    kinds = {
        "prompts": ("openai", "chat.prompt"),
        "submissions": ("piapi", "submit"),
        "downloads": ("files", "download"),
        "checks": ("openai", "chat.check"),
        "titles": ("openai", "chat.metadata"),
    }
    return {name: len(home.requests(*kind)) for name, kind in kinds.items()}


async def test_every_image_passes_every_step_once(engine: Engine, home: EngineHome) -> None:
    job = await engine.start_job(request("A", generation={"generations": 3, "variations": 6}))
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 18
    found = await images(engine, job.job_id)
    assert [image.number for image in found] == list(range(1, 19))
    detail = await engine.job_detail(job.job_id)
    per_task = [task.images for task in detail.generations[0].tasks]
    assert sum(per_task) == 6
    assert [image.generation_id for image in found] == [
        generation.generation_id for generation in detail.generations for _ in range(6)
    ]
    assert set(await states(engine, job.job_id)) == {TaskState.DONE}
    assert calls(home) == {
        "prompts": 3,
        "submissions": 3 * len(per_task),
        "downloads": 18,
        "checks": 18,
        "titles": 18,
    }
    prompts = {generation.generation_id: generation.prompt for generation in detail.generations}
    assert len(set(prompts.values())) == 3
    assert all(image.prompt == prompts[image.generation_id] for image in found)


async def test_no_more_tasks_are_in_flight_than_the_settings_allow(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"})
    job = await engine.start_job(
        request("A", generation={"generations": 9, "concurrency": 3, **PATIENT}, ai=BARE)
    )
    await until(lambda: len({record.path for record in home.requests("piapi", "poll")}) == 3)
    asked = len(home.requests("piapi", "poll"))
    await until(lambda: len(home.requests("piapi", "poll")) >= asked + 9)
    assert (await engine.progress(job.job_id)).in_flight == 3
    assert len(home.payments("piapi", "submit")) == 3
    home.script()
    await engine.wait_for_job(job.job_id)
    assert len(home.payments("piapi", "submit")) == 9


@pytest.mark.parametrize(
    ("operation", "again"),
    [
        ("chat.prompt", {"prompts": 2, "submissions": 1, "downloads": 1, "checks": 1, "titles": 1}),
        ("chat.check", {"prompts": 1, "submissions": 1, "downloads": 1, "checks": 2, "titles": 1}),
        ("chat.metadata", {"prompts": 1, "submissions": 1, "downloads": 1, "checks": 1, "titles": 2}),
    ],
)
async def test_a_resumed_job_repeats_no_step_that_was_committed(
    home: EngineHome, clock: FakeClock, operation: str, again: dict[str, int]
) -> None:
    home.script({"service": "openai", "operation": operation, "nth": 1, "action": "hang"})
    async with home.open(clock=clock) as engine:
        job = await engine.start_job(request("A", generation=PATIENT))
        await until(lambda: bool(home.requests("openai", operation)))
        await engine.shut_down(at_once=True)
    async with home.open(clock=clock) as engine:
        view = await engine.wait_for_job(job.job_id)
    assert (view.status, view.images.approved) == (JobStatus.COMPLETED, 1)
    assert calls(home) == again
    assert view.spend.unknown > 0  # the answer that nobody waited for may have been charged


async def test_a_resumed_job_polls_the_task_that_it_has_paid_for(home: EngineHome, clock: FakeClock) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"})
    async with home.open(clock=clock) as engine:
        job = await engine.start_job(request("A", generation=PATIENT))
        await until(lambda: bool(home.requests("piapi", "poll")))
    home.script()
    async with home.open(clock=clock) as engine:
        view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 1
    assert calls(home)["submissions"] == calls(home)["prompts"] == 1


async def test_a_rejected_image_goes_no_further(engine: Engine, home: EngineHome) -> None:
    verdict = '{"passed": false, "reason": "A logo on the cup."}'
    home.script({"service": "openai", "operation": "chat.check", "nth": 1, "action": "say", "text": verdict})
    job = await engine.start_job(request("A", generation={"generations": 2}))
    view = await engine.wait_for_job(job.job_id)
    assert (view.status, view.images.approved, view.images.qc_failed) == (JobStatus.COMPLETED, 1, 1)
    (rejected,) = [one for one in await images(engine, job.job_id) if one.status is ImageStatus.QC_FAILED]
    assert rejected.reason == "A logo on the cup."
    assert rejected.file is not None
    assert Path(rejected.file).is_relative_to(home.paths.work_dir)
    assert calls(home)["titles"] == 1
    assert len(list(home.paths.default_output_dir.iterdir())) == 1
    assert await states(engine, job.job_id) == [TaskState.DONE] * 2


async def test_a_check_without_a_verdict_fails_the_image_and_not_the_job(
    engine: Engine, home: EngineHome
) -> None:
    home.script({"service": "openai", "operation": "chat.check", "action": "say", "text": "Lovely light!"})
    job = await engine.start_job(request("A", generation={"generations": 7}))
    view = await engine.wait_for_job(job.job_id)
    assert (view.status, view.images.failed, view.images.approved) == (JobStatus.COMPLETED, 7, 0)
    found = await images(engine, job.job_id)
    assert {image.stage for image in found} == {Stage.QUALITY_CHECK}
    assert calls(home)["checks"] == 21
    assert not list(home.paths.default_output_dir.iterdir())


async def test_a_failed_title_is_a_warning(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "openai", "operation": "chat.metadata", "action": "refuse", "text": "No."})
    job = await engine.start_job(request("A"))
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 1
    (image,) = await images(engine, job.job_id)
    assert image.title is None
    assert any("title" in warning for warning in image.warnings)


async def test_a_download_that_fails_for_good_is_an_image_with_its_reason(
    engine: Engine, home: EngineHome
) -> None:
    home.script({"service": "files", "operation": "download", "action": "svg"})
    job = await engine.start_job(request("A"))
    view = await engine.wait_for_job(job.job_id)
    assert (view.images.failed, view.images.approved) == (1, 0)
    (image,) = await images(engine, job.job_id)
    assert (image.status, image.stage, image.file) == (ImageStatus.FAILED, Stage.DOWNLOAD, None)
    assert image.reason
    assert calls(home)["downloads"] == 3
    assert await states(engine, job.job_id) == [TaskState.DONE]


async def test_a_refused_prompt_is_not_tried_again(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "openai", "operation": "chat.prompt", "action": "refuse", "text": "I cannot."})
    job = await engine.start_job(request("A", generation={"attempts": 5}))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.FAILED
    assert view.error is not None
    assert view.error.stage == Stage.PROMPT
    assert (calls(home)["prompts"], calls(home)["submissions"]) == (1, 0)
    assert await states(engine, job.job_id) == [TaskState.FAILED]


@pytest.mark.parametrize("attempts", [1, 3])
async def test_an_empty_prompt_is_asked_for_as_often_as_the_settings_say(
    engine: Engine, home: EngineHome, attempts: int
) -> None:
    home.script({"service": "openai", "operation": "chat.prompt", "action": "say", "text": " "})
    job = await engine.start_job(request("A", generation={"attempts": attempts}))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.FAILED
    assert calls(home)["prompts"] == attempts


async def test_a_failed_task_is_not_polled_again_and_costs_nothing(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "nth": 1, "action": "fail", "text": "GPU on fire"})
    job = await engine.start_job(request("A", generation={"generations": 2, "concurrency": 1}, ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert (view.status, view.images.approved, view.images.failed) == (JobStatus.COMPLETED, 1, 1)
    detail = await engine.job_detail(job.job_id)
    (failed,) = [task for one in detail.generations for task in one.tasks if task.state is TaskState.FAILED]
    assert failed.error is not None
    assert "GPU on fire" in failed.error.message
    assert failed.task_id is not None
    assert view.spend.unknown == view.spend.committed == 0
    assert len(home.requests("piapi", "poll")) == 2


async def test_a_picture_that_is_named_twice_is_one_image(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "duplicate"})
    job = await engine.start_job(request("A", generation={"generations": 4}, ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.COMPLETED
    assert [image.number for image in await images(engine, job.job_id)] == [1, 2, 3, 4]
    assert calls(home)["submissions"] == calls(home)["downloads"] == 4


async def test_fewer_pictures_than_asked_for_are_counted_and_not_ordered_again(
    engine: Engine, home: EngineHome
) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "no_images"})
    job = await engine.start_job(request("A", ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert (view.status, view.images.failed) == (JobStatus.FAILED, 1)
    assert view.error is not None
    assert view.error.code == "no_image"
    assert view.spend.actual > 0
    assert calls(home)["submissions"] == 1


@pytest.mark.fault(8)
async def test_a_task_that_takes_too_long_keeps_its_id(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"})
    job = await engine.start_job(request("A", generation={"timeout_minutes": 1}, ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.FAILED
    ((task,),) = [one.tasks for one in (await engine.job_detail(job.job_id)).generations]
    assert task.error is not None
    assert task.error.code == "timeout"
    assert task.task_id is not None
    assert task.task_id in task.error.hint
    assert view.spend.unknown > 0


async def test_a_lost_answer_waits_for_a_decision_and_stops_nobody(tmp_path: Path, clock: FakeClock) -> None:
    async with engine_home(tmp_path, has_task_history=False) as home, home.open(clock=clock) as engine:
        home.script({"service": "piapi", "operation": "submit", "nth": 1, "action": "lose_answer"})
        job = await engine.start_job(request("A", generation={"generations": 3, "concurrency": 1}, ai=BARE))
        view = await engine.wait_for_job(job.job_id)
        assert (view.status, view.images.approved, view.images.unknown) == (JobStatus.COMPLETED, 2, 1)
        assert len(home.payments("piapi", "submit")) == 3
        assert (await states(engine, job.job_id)).count(TaskState.UNKNOWN) == 1
        warnings = await engine.logs(LogQuery(job_id=job.job_id, min_level=LogLevel.WARNING))
        assert any("decision" in (entry.hint or "") for entry in warnings)
        progress = await engine.progress(job.job_id)
        assert progress.fraction == 1.0


async def test_debug_entries_come_with_the_setting(engine: Engine) -> None:
    counts: dict[bool, int] = {}
    for is_debug in (False, True):
        job = await engine.start_job(request("A", ai=BARE, advanced={"debug": is_debug}))
        await engine.wait_for_job(job.job_id)
        entries = await engine.logs(LogQuery(job_id=job.job_id, min_level=LogLevel.DEBUG, limit=5_000))
        counts[is_debug] = sum(entry.level is LogLevel.DEBUG for entry in entries)
    assert counts[False] == 0
    assert counts[True] > 0


async def test_nothing_is_left_behind_but_the_pictures(engine: Engine, home: EngineHome) -> None:
    job = await engine.start_job(
        request("A", generation={"generations": 2}, processing={"convert": True, "convert_format": "jpg"})
    )
    await engine.wait_for_job(job.job_id)
    kept: list[Any] = [path.name for path in home.paths.work_dir.rglob("*") if path.is_file()]
    assert sorted(kept) == ["00001_original.png", "00002_original.png"]
    assert sorted(path.suffix for path in home.paths.default_output_dir.iterdir()) == [".jpg", ".jpg"]


async def test_more_pictures_than_were_asked_for_are_kept_under_numbers_of_their_own(
    home: EngineHome, clock: FakeClock
) -> None:
    """Four tasks for one image each come back with three: all of them were paid for."""
    async with home.open(clock=clock, is_working=False) as idle:
        job = await idle.start_job(request("A", generation={"generations": 4}, ai=BARE))
        folder = home.paths.work_dir / job.job_id
        async with idle._database.transaction() as connection:
            for generation in await generations.page_for_job(connection, job.job_id):
                await generations.set_prompt(connection, generation.generation_id, "a cat", NOW)
                (task,) = await tasks.for_generation(connection, generation.generation_id)
                pictures: list[tuple[bytes, int | None]] = [
                    (png(task.task_id * 10 + place), None) for place in range(3)
                ]
                outputs = Spool(folder).write(task.request_key, pictures)
                await tasks.mark_submitting(connection, task.task_id, NOW)
                await tasks.mark_ready(connection, task.task_id, outputs, 3_000, NOW)
    async with home.open(clock=clock) as engine:
        view = await engine.wait_for_job(job.job_id)
        assert view.status is JobStatus.COMPLETED, view.error
        found = await images(engine, job.job_id)
    numbers = [image.number for image in found]
    assert len(set(numbers)) == len(found) == 12
    assert [number for number in numbers if number <= 4] == [1, 2, 3, 4]
    assert all(image.status is ImageStatus.APPROVED for image in found)
    assert sum(image.cost_usd for image in found) == pytest.approx(0.012)
    contents = {Path(str(image.file)).read_bytes() for image in found}
    assert len(contents) == 12


def png(shade: int) -> bytes:
    """A picture of its own for every shade."""
    data = io.BytesIO()
    Image.new("RGB", (16, 16), (shade, 255 - shade, 7)).save(data, "PNG")
    return data.getvalue()
