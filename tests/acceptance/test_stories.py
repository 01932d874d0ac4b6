"""What a user does and what comes of it: whole jobs, from the keywords to the files in the output folder."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import ImageChops

from engine.api import JobRequest
from engine.providers.base import ProviderName
from engine.providers.catalogue import model_of
from engine.settings import dump_settings
from engine.settings_files import read_settings_file
from engine.sizes import tasks_for
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import (
    QUIET,
    assert_converged,
    assert_files_match_rows,
    checked_pictures,
    decoded,
    files_below,
    outcome_of,
    rows,
    run_job,
)
from tests.support.engine import EngineHome, request, until

pytestmark = pytest.mark.acceptance

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"


async def test_with_the_check_everything_approved_was_judged(home: EngineHome) -> None:
    done = await run_job(home, request(generation={"generations": 3}))
    assert done.statuses == ["approved"] * 3
    assert len(checked_pictures(home)) == 3
    assert len({image.reason for image in done.images} - {None}) >= 1
    assert {row["approval"] for row in rows(home, "SELECT approval FROM images")} == {"checked"}
    assert_converged(home, 3)


async def test_without_the_check_nothing_is_sent_to_one(home: EngineHome) -> None:
    done = await run_job(home, request(generation={"generations": 2}, ai={"quality_check": False}))
    assert done.statuses == ["approved"] * 2
    assert [image.reason for image in done.images] == ["Auto-approved (quality checks disabled)"] * 2
    assert home.requests("openai", "chat.check") == []
    assert {row["approval"] for row in rows(home, "SELECT approval FROM images")} == {"unchecked_by_settings"}
    assert {row["is_checked"] for row in rows(home, "SELECT is_checked FROM images")} == {0}


async def test_rejected_images_stay_out_of_the_output_folder(make_home: MakeHome) -> None:
    home = await make_home(reject_share=0.5)
    done = await run_job(home, request(generation={"generations": 8}))
    assert (done.job.status, set(done.statuses)) == ("completed", {"approved", "qc_failed"})
    for image in done.images:
        if image.status == "qc_failed":
            assert image.reason
            assert image.file is not None
            assert Path(image.file).is_relative_to(home.paths.work_dir)
            assert image.title is None
    rejected = done.statuses.count("qc_failed")
    assert done.job.images.qc_failed == rejected
    assert len(home.requests("openai", "chat.metadata")) == 8 - rejected
    assert_files_match_rows(home)


async def test_variations_are_split_into_tasks(home: EngineHome) -> None:
    """Ten images of one prompt from a model that makes four at a time: three tasks, one prompt."""
    done = await run_job(home, request(generation={"variations": 10}, ai=QUIET))
    split = tasks_for(model_of(ProviderName.PIAPI, "flux-schnell"), 10)
    assert sum(split) == 10
    assert max(split) <= 4
    bodies = [record.body["input"] for record in home.requests("piapi", "submit")]
    assert sorted(body["batch_size"] for body in bodies) == sorted(split)
    assert len({body["prompt"] for body in bodies}) == len(home.requests("openai", "chat.prompt")) == 1
    assert [image.number for image in done.images] == list(range(1, 11))
    assert len({image.task_id for image in done.images}) == len(split)
    assert len({decoded(Path(image.file or "")).tobytes() for image in done.images}) == 10


async def test_midjourney_grid_is_cut_into_its_quarters(make_home: MakeHome) -> None:
    home = await make_home(has_midjourney_singles=False)
    generation = {"model": "midjourney", "variations": 4, "aspect_ratios": ["16:9"]}
    done = await run_job(home, request(generation=generation, ai=QUIET))
    assert done.statuses == ["approved"] * 4
    assert len(home.requests("files", "download")) == 1
    assert len(home.payments("piapi", "submit")) == 1
    quarters = [decoded(Path(image.file or "")) for image in done.images]
    (width, height), others = quarters[0].size, quarters[1:]
    assert {picture.size for picture in others} == {(width, height)}
    assert width > height
    assert all(ImageChops.difference(quarters[0], other).getbbox() for other in others)


async def test_openai_makes_the_pictures(home: EngineHome) -> None:
    generation = {"provider": "openai", "model": "gpt-image-2", "variations": 2, "aspect_ratios": ["3:2"]}
    done = await run_job(home, request(generation=generation))
    assert done.statuses == ["approved"] * 2
    (record,) = home.requests("openai", "images")
    (one,) = done.job.generations
    assert (record.body["n"], record.body["size"]) == (2, f"{one.width}x{one.height}")
    assert one.width / one.height == pytest.approx(1.5, abs=0.05)
    assert_converged(home, 2, service="openai", operation="images")


async def test_openai_draws_on_nothing_where_the_background_is_to_go(home: EngineHome) -> None:
    """A model that can leave the background out is asked to."""
    generation = {"provider": "openai", "model": "gpt-image-1.5"}
    processing = {"remove_background": True}
    await run_job(home, request(generation=generation, processing=processing, ai=QUIET))
    (record,) = home.requests("openai", "images")
    assert record.body["background"] == "transparent"


async def test_runware_makes_the_pictures_and_is_asked_again_by_our_own_id(home: EngineHome) -> None:
    home.script({"service": "runware", "operation": "submit", "nth": 1, "action": "lose_answer"})
    generation = {"provider": "runware", "model": "runware:100@1", "generations": 2, "variations": 2}
    done = await run_job(home, request(generation=generation))
    assert (done.job.status, done.job.images.unknown, done.statuses) == ("completed", 0, ["approved"] * 4)
    assert len(home.requests("runware", "submit")) == 2
    keys = {row["request_key"] for row in rows(home, "SELECT request_key FROM tasks")}
    assert {record.body[0]["taskUUID"] for record in home.requests("runware", "submit")} == keys
    assert_converged(home, 4, service="runware")


async def test_example_files_reach_the_model(home: EngineHome) -> None:
    """Quoted commas, quoted line breaks, doubled quotes and accents of the CSV arrive as they were meant."""
    settings, warnings = read_settings_file(EXAMPLES / "stock.toml")
    assert warnings == []
    document = dump_settings(settings)
    document["generation"] |= {"generations": 4, "poll_interval_seconds": 0.5}
    done = await run_job(home, JobRequest(document))
    assert done.statuses == ["approved"] * 4
    briefs = " ".join(
        record.body["messages"][-1]["content"] for record in home.requests("openai", "chat.prompt")
    )
    for words in (
        "a photograph of lighthouse.\nSetting: rocky coast, evening\n",
        "Leave room at the top\nfor a headline",
        "Setting: café counter, Málaga\n",
        'Glaze is called "river stone"',
        '{"prompt": "A lighthouse on a cliff',
    ):
        assert words in briefs
    assert "${{" not in briefs
    checks = [record.body["messages"][0]["content"] for record in home.requests("openai", "chat.check")]
    assert all("Reject only when you are sure." in text for text in checks)
    titles = [record.body["messages"][0]["content"] for record in home.requests("openai", "chat.metadata")]
    assert sorted(text.split('"')[1] for text in titles) == [
        "ceramic vase",
        "espresso cup",
        "lighthouse",
        "wool scarf",
    ]
    assert [(one.keyword, one.aspect_ratio) for one in done.job.generations] == [
        ("lighthouse", "3:2"),
        ("espresso cup", "1:1"),
        ("wool scarf", "3:2"),
        ("ceramic vase", "1:1"),
    ]


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
async def test_other_programs_read_the_metadata(home: EngineHome, kind: str) -> None:
    (image,) = (await run_job(home, request(processing={"convert": True, "convert_format": kind}))).images
    assert image.file is not None
    answer = subprocess.run(["exiftool", "-json", image.file], capture_output=True, text=True, check=True)
    (found,) = json.loads(answer.stdout)
    assert found["Title"] == image.title
    assert found["Description"] == image.description
    assert [str(tag) for tag in found["Subject"]] == list(image.tags)
    assert not {"Error", "Warning"} & set(found)
    assert image.title is not None
    assert 8 <= len(image.title.split()) <= 12
    assert 150 <= len(image.description or "") <= 250
    assert len(image.tags) == 15


async def test_nothing_switched_on_keeps_the_providers_file(home: EngineHome) -> None:
    (image,) = (await run_job(home, request(ai=QUIET))).images
    assert image.file is not None
    assert image.original_file is not None
    assert Path(image.file).read_bytes() == Path(image.original_file).read_bytes()


async def test_stop_finishes_what_is_paid_for_and_can_be_resumed(make_home: MakeHome) -> None:
    home = await make_home(latency_seconds=0.4)
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 6, "concurrency": 2}))
        await until(lambda: len(home.payments("piapi", "submit")) >= 2)
        await engine.stop_job(job.job_id)
        stopped = await outcome_of(engine, job.job_id)
        sent = len(home.requests("piapi", "submit"))
        assert (stopped.job.status, stopped.statuses) == ("stopped", ["approved"] * sent)
        assert 2 <= sent <= 3
        assert_files_match_rows(home)
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, len(done.images)) == ("completed", 6)
    assert_converged(home, 6)


async def test_force_stop_cancels_what_is_pending_and_keeps_the_ids_of_the_rest(make_home: MakeHome) -> None:
    """One task is at work at the provider, three wait there and are taken back."""
    home = await make_home(latency_seconds=1.5, concurrency=1)
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 4}))
        await until(lambda: len(rows(home, "SELECT 1 FROM tasks WHERE state = 'submitted'")) == 4)
        await engine.stop_job(job.job_id, is_forced=True)
        stopped = await outcome_of(engine, job.job_id)
        assert (stopped.job.status, stopped.images) == ("stopped", ())
        tasks = [task for one in stopped.job.generations for task in one.tasks]
        assert sorted(str(task.state) for task in tasks) == ["prompted"] * 3 + ["submitted"]
        assert [bool(task.task_id) for task in tasks if task.state == "submitted"] == [True]
        assert len(home.payments("piapi", "submit")) == 1
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.statuses) == ("completed", ["approved"] * 4)
    assert_converged(home, 4)


async def test_pause_lets_what_is_on_its_way_arrive(make_home: MakeHome) -> None:
    home = await make_home(latency_seconds=0.4)
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 6, "concurrency": 2}))
        await until(lambda: len(home.payments("piapi", "submit")) >= 2)
        await engine.pause_job(job.job_id)
        paused = await outcome_of(engine, job.job_id)
        sent = len(home.requests("piapi", "submit"))
        assert (paused.job.status, paused.pause_code, paused.statuses) == (
            "paused",
            "user",
            ["approved"] * sent,
        )
        assert sent < 6
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.pause_code) == ("completed", None)
    assert_converged(home, 6)


async def test_jobs_run_one_after_another_and_a_failed_one_stalls_nobody(home: EngineHome) -> None:
    home.script({"service": "openai", "operation": "chat.prompt", "action": "refuse", "times": 1})
    async with home.open() as engine:
        first = await engine.start_job(request("fails", ai=QUIET))
        second = await engine.start_job(request("works", ai=QUIET))
        third = await engine.start_job(request("works too", ai=QUIET))
        outcomes = [await outcome_of(engine, job.job_id) for job in (first, second, third)]
    assert [one.job.status for one in outcomes] == ["failed", "completed", "completed"]
    assert outcomes[0].job.error is not None
    assert outcomes[0].job.error.stage == "prompt"
    spans = [(one.job.started_at or "", one.job.finished_at or "") for one in outcomes]
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(spans))
    assert len(files_below(home.paths.default_output_dir)) == 2


async def test_rerun_keeps_the_original_and_its_settings(home: EngineHome) -> None:
    async with home.open() as engine:
        await engine.save_configuration("mine", request(ai=QUIET).settings)
        stored = (await engine.configuration("mine")).settings
        first = await engine.start_job(JobRequest(stored, label="cards", configuration="mine"))
        before = await outcome_of(engine, first.job_id)
        changed = request(ai=QUIET, generation={"generations": 2}).settings
        await engine.save_configuration("mine", changed)
        (as_now,) = await engine.rerun_jobs([first.job_id], is_as_run=False)
        (as_run,) = await engine.rerun_jobs([first.job_id], is_as_run=True)
        again, exactly = await outcome_of(engine, as_now.job_id), await outcome_of(engine, as_run.job_id)
        children = (as_now.job_id, as_run.job_id)
        assert await engine.job_detail(first.job_id) == before.job.model_copy(
            update={"child_job_ids": children}
        )
    assert again.job.label == f"cards (rerun {first.job_id[:6]})"
    assert (len(before.images), len(again.images), len(exactly.images)) == (1, 2, 1)
    assert exactly.job.settings == before.job.settings
