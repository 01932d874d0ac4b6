"""What only the user can mend pauses the job, says why, and goes on from there without losing anything."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events import ImageChanged
from engine.simulator.actions import Service
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import QUIET, assert_converged, outcome_of, rule, run_job
from tests.support.engine import EngineHome, Listener, request

pytestmark = pytest.mark.acceptance


@pytest.mark.fault(5)
async def test_credit_that_runs_out_pauses_and_the_rest_stays_untouched(make_home: MakeHome) -> None:
    home = await make_home(credit_micros={Service.PIAPI: 3_000})
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 5, "concurrency": 1}, ai=QUIET))
        paused = await outcome_of(engine, job.job_id)
        assert (paused.job.status, paused.pause_code, len(paused.images)) == ("paused", "credit", 2)
        assert paused.job.pause is not None
        assert "PiAPI" in paused.job.pause.message
        home.simulator.world.set_credit(Service.PIAPI, None)
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.statuses) == ("completed", ["approved"] * 5)
    assert len(home.payments("piapi", "submit")) == 5


@pytest.mark.fault(5)
async def test_language_model_without_credit_pauses(make_home: MakeHome) -> None:
    home = await make_home(credit_micros={Service.OPENAI: 0})
    done = await run_job(home, request(generation={"generations": 3}))
    assert (done.job.status, done.pause_code, done.images) == ("paused", "credit", ())
    assert home.requests("piapi", "submit") == []


@pytest.mark.fault(21)
async def test_five_equal_failures_in_a_row_pause(home: EngineHome) -> None:
    home.script(rule("openai", "chat.prompt", "refuse"))
    done = await run_job(home, request(generation={"generations": 12, "concurrency": 1}))
    assert (done.job.status, done.pause_code) == ("paused", "repeated_failure")
    assert 5 <= len(home.requests("openai", "chat.prompt")) < 12


async def test_budget_pauses_before_the_call_that_would_pass_it(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 6, "budget_usd": 0.004}, ai=QUIET))
        paused = await outcome_of(engine, job.job_id)
        assert (paused.job.status, paused.pause_code) == ("paused", "budget")
        assert paused.job.spend_usd <= 0.004
        await engine.resume_job(job.job_id, budget_usd=5.0)
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.statuses) == ("completed", ["approved"] * 6)


@pytest.mark.fault(21)
async def test_refused_prompt_is_not_tried_again(home: EngineHome, tmp_path: Path) -> None:
    keywords = tmp_path / "keywords.txt"
    keywords.write_text("a harmless tree\na forbidden fruit\nanother tree\n", encoding="utf-8")
    done = await run_job(
        home, request(files={"keywords_file": str(keywords)}, generation={"generations": 3}, ai=QUIET)
    )
    states = {one.keyword: str(one.tasks[0].state) for one in done.job.generations}
    assert states == {"a harmless tree": "done", "a forbidden fruit": "failed", "another tree": "done"}
    refused = next(one.tasks[0] for one in done.job.generations if one.keyword == "a forbidden fruit")
    assert refused.error is not None
    assert refused.error.code == "policy"
    assert len(home.requests("piapi", "submit")) == 3


@pytest.mark.fault(29)
async def test_output_folder_that_goes_away_pauses(home: EngineHome) -> None:
    home.script(rule("openai", "chat.metadata", "slow", seconds=1.0))
    async with home.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(request())
        await heard.wait_for(ImageChanged)
        shutil.rmtree(home.paths.default_output_dir)
        home.paths.default_output_dir.write_text("no folder", encoding="utf-8")
        paused = await outcome_of(engine, job.job_id)
        assert (paused.job.status, paused.pause_code) == ("paused", "folder")
        home.paths.default_output_dir.unlink()
        home.paths.default_output_dir.mkdir()
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert done.statuses == ["approved"]
    assert_converged(home, 1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of eight megabytes; only root may make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.fault(14)
async def test_full_disk_pauses_and_goes_on_when_there_is_room(make_home: MakeHome, small_disk: Path) -> None:
    home = await make_home()
    filler = small_disk / "filler"
    home.script(rule("openai", "chat.metadata", "slow", seconds=1.0))
    async with home.open() as engine, Listener(engine) as heard:
        folder = small_disk / "pictures"
        job = await engine.start_job(request(files={"output_dir": str(folder)}))
        await heard.wait_for(ImageChanged)
        filler.write_bytes(bytes(shutil.disk_usage(small_disk).free))
        paused = await outcome_of(engine, job.job_id)
        assert (paused.job.status, paused.pause_code) == ("paused", "disk")
        assert [path.name for path in folder.iterdir()] == []
        filler.unlink()
        await engine.resume_job(job.job_id)
        done = await outcome_of(engine, job.job_id)
    assert done.statuses == ["approved"]
    assert len(home.payments("piapi", "submit")) == 1
