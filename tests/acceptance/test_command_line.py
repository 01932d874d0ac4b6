"""The program as cron and scripts see it: exit statuses, one JSON document, signals, one engine a folder."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.simulator.actions import Service
from engine.views import ImageView, JobDetailView, JobView
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import Program, assert_converged, assert_nothing_approved_unchecked, rows
from tests.support.engine import EngineHome, until
from tests.support.forked import Process

pytestmark = pytest.mark.acceptance

QUICK = ("--set", "generation.poll_interval_seconds=0.5")


def generations(count: int) -> tuple[str, ...]:
    return (*QUICK, "--set", f"generation.generations={count}")


# ---- exit statuses


async def test_all_well(home: EngineHome, program: Program) -> None:
    done = await program.run("run", "--json", "--label", "Autumn cards", *generations(2))
    assert done.status == 0, done.stderr
    job = JobView.model_validate(done.document)
    assert (job.label, job.images.approved, job.spend_usd > 0) == ("Autumn cards", 2, True)
    assert_converged(home, 2)
    shown, listed = await asyncio.gather(
        program.run("jobs", "show", job.job_id, "--json"), program.run("images", "list", "--json")
    )
    detail = JobDetailView.model_validate(shown.document)
    assert {task.task_id for one in detail.generations for task in one.tasks} == {
        payment["task_id"] for payment in home.payments("piapi", "submit")
    }
    images = [ImageView.model_validate(row) for row in listed.document]
    assert {Path(image.file or "").parent for image in images} == {home.paths.default_output_dir}
    assert all(Path(image.file or "").name.startswith("Autumn") for image in images)


async def test_job_that_fails(home: EngineHome, program: Program) -> None:
    home.script({"service": "openai", "operation": "chat.prompt", "action": "refuse"})
    done = await program.run("run", "--json", *QUICK)
    assert (done.status, done.document["status"]) == (1, "failed")
    assert done.document["error"]["stage"] == "prompt"
    assert done.document["error"]["hint"] is not None


async def test_rejected_images(make_home: MakeHome) -> None:
    home = await make_home(reject_share=1.0)
    done = await Program(home).run("run", "--json", *generations(2))
    assert done.status == 3, done.stderr
    assert done.document["images"]["qc_failed"] == 2
    assert "2 rejected" in done.stderr


async def test_lost_answer_needs_a_decision(make_home: MakeHome) -> None:
    home = await make_home(has_task_history=False)
    home.script({"service": "piapi", "operation": "submit", "action": "html", "nth": 1})
    done = await Program(home).run("run", "--json", *generations(2))
    assert (done.status, done.document["images"]["unknown"]) == (4, 1)


async def test_no_credit_then_resumed(make_home: MakeHome) -> None:
    home = await make_home(credit_micros={Service.PIAPI: 1_500})
    program = Program(home)
    paused = await program.run("run", "--json", *generations(3))
    assert (paused.status, paused.document["pause"]["code"]) == (5, "credit")
    assert "PiAPI" in paused.stderr
    home.simulator.world.set_credit(Service.PIAPI, None)
    done = await program.run("run", "--resume", "--json")
    assert (done.status, done.document["images"]["approved"]) == (0, 3)
    assert_converged(home, 3)


def _keywords(text: str) -> Callable[[Path], list[str]]:
    def arguments(folder: Path) -> list[str]:
        (folder / "keywords.csv").write_text(text, encoding="utf-8")
        return ["--set", f"files.keywords_file={folder / 'keywords.csv'}"]

    return arguments


def _template(folder: Path) -> list[str]:
    (folder / "template.txt").write_text("Paint ${{Colour}} things.\n", encoding="utf-8")
    return ["--set", f"files.system_prompt_file={folder / 'template.txt'}"]


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (_keywords('Keyword,Colour\nboat,"red\n'), ("files.keywords_file", "line 2")),
        (_keywords("Keyword,Colour\n"), ("files.keywords_file",)),
        (_template, ("files.system_prompt_file", "line 1", "Colour")),
        (lambda _: ["--set", "files.keywords_file=nowhere.txt"], ("files.keywords_file", "nowhere.txt")),
        (lambda _: ["--set", "generation.generation=3"], ("generation.generation", "no such setting")),
        (lambda _: ["--set", "generation.generations=2501"], ("generation.generations", "2,500")),
        (
            lambda _: ["--set", "generation.generations=2500", "--set", "generation.variations=20"],
            ("50,000", "10,000"),
        ),
        (lambda _: ["--set", "processing.convert=perhaps"], ("processing.convert", "neither on nor off")),
        (lambda _: ["-c", "nowhere.toml"], ("nowhere.toml",)),
        (lambda _: ["--label", "x" * 201], ("label", "1 to 200 characters")),
    ],
)
async def test_wrong_input_is_refused_before_anything_is_sent(
    home: EngineHome,
    program: Program,
    tmp_path: Path,
    arguments: Callable[[Path], list[str]],
    words: tuple[str, ...],
) -> None:
    done = await program.run("run", "--json", *arguments(tmp_path))
    assert done.status == 2, done.stderr
    said = str(done.document["error"])
    for word in words:
        assert word in said
        assert word in done.stderr
    assert list(home.simulator.world.requests) == []


@pytest.mark.parametrize("name", ["PIAPI_API_KEY", "OPENAI_API_KEY"])
async def test_missing_key(home: EngineHome, program: Program, name: str) -> None:
    del home.environ[name]
    done = await program.run("run", "--json")
    assert done.status == 2
    assert name in done.stderr
    assert list(home.simulator.world.requests) == []


async def test_plan_sends_nothing(home: EngineHome, program: Program) -> None:
    done = await program.run("run", "--dry-run", "--json", "--set", "generation.generations=12")
    assert (done.status, done.document["images"], done.document["problems"] != []) == (0, 12, True)
    assert done.document["estimate_usd"] > 0
    assert list(home.simulator.world.requests) == []
    assert rows(home, "SELECT 1 FROM jobs") == []


# ---- one engine a folder, signals


async def _at_work(home: EngineHome, program: Program, *arguments: str) -> Process:
    """A process that has submitted at least two tasks."""
    process = await program.start("run", "--json", *arguments)
    await until(lambda: len(home.payments("piapi", "submit")) >= 2, seconds=60)
    return process


@pytest.mark.fault(16)
async def test_a_second_run_waits_its_turn_in_the_first_ones_engine(make_home: MakeHome) -> None:
    home = await make_home(latency_seconds=3.0)
    program = Program(home)
    first = await _at_work(home, program, *generations(2))
    second = await program.start("run", "--json", *QUICK)
    await until(lambda: len(home.payments("piapi", "submit")) >= 3, seconds=60)
    outcomes = [await program.end(first), await program.end(second)]
    assert [outcome.status for outcome in outcomes] == [0, 0]
    assert [outcome.document["images"]["approved"] for outcome in outcomes] == [2, 1]
    assert len(home.payments("piapi", "submit")) == 3, "nothing is paid twice"


@pytest.mark.fault(18)
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_signal_ends_in_order_and_resume_goes_on(
    make_home: MakeHome, number: signal.Signals, status: int
) -> None:
    home = await make_home(latency_seconds=1.5, submit_latency_seconds=0.2)
    program = Program(home)
    process = await _at_work(home, program, *generations(6), "--set", "generation.concurrency=2")
    process.send_signal(number)
    ended = await program.end(process)
    assert ended.status == status, ended.stderr
    assert ended.document["status"] == "interrupted", (ended.document, ended.stderr)
    assert rows(home, "SELECT 1 FROM tasks WHERE state IN ('submitting', 'unknown')") == []
    assert_nothing_approved_unchecked(home)
    done = await program.run("run", "--resume", "--json")
    assert (done.status, done.document["images"]["approved"]) == (0, 6), done.stderr
    assert len(home.requests("piapi", "submit")) == 6
    assert_converged(home, 6)


@pytest.mark.fault(18)
async def test_second_signal_ends_at_once(make_home: MakeHome) -> None:
    """It does not wait for the answers, and they are found again by the next start."""
    home = await make_home(submit_latency_seconds=40.0)
    program = Program(home)
    process = await _at_work(home, program, *generations(2))
    process.send_signal(signal.SIGTERM)
    assert process.stderr is not None
    told = b""
    while b"Once more ends at once" not in told:
        told += await process.stderr.readline()
    process.send_signal(signal.SIGTERM)
    ended = await program.end(process)
    assert ended.status == 143
    assert not any(payment["is_answered"] for payment in home.payments("piapi", "submit"))
    done = await program.run("run", "--resume", "--json")
    assert done.status == 0, done.stderr
    assert len(home.requests("piapi", "submit")) == 2
    assert_converged(home, 2)


@pytest.mark.fault(18)
async def test_job_outlives_its_terminal(make_home: MakeHome) -> None:
    home = await make_home(latency_seconds=0.5)
    program = Program(home)
    process = await _at_work(home, program, *generations(2))
    process.send_signal(signal.SIGHUP)
    assert (await program.end(process)).status == 0
    assert_converged(home, 2)


async def test_work_in_the_background(home: EngineHome, program: Program) -> None:
    """`--no-wait` returns with the job queued; a process of its own works through it."""
    begun = await program.run("run", "--no-wait", "--json", *QUICK)
    assert (begun.status, begun.document["status"]) == (0, "queued")

    def status() -> Any:
        return rows(home, "SELECT status FROM jobs")[0]["status"]

    await until(lambda: status() == "completed", seconds=60)
    assert_converged(home, 1)
