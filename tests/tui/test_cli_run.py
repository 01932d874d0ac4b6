"""`gimf run` as a process of its own, over real HTTP, against the simulator: results and exit statuses."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.lock import FolderLock
from engine.paths import Paths
from engine.simulator import Action, Rule, Service, Simulator
from tests.support.forked import Process
from tests.tui.conftest import KEYS, ROOT, Finished, Program

pytestmark = pytest.mark.acceptance

QUICK = ("--set", "generation.poll_interval_seconds=0.5", "--set", "generation.backoff_seconds=0.1")
BARE = (*QUICK, "--set", "ai.quality_check=off", "--set", "ai.metadata=off")
"""Prompts and pictures only."""


async def control(simulator: Simulator, path: str) -> Any:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{simulator.address}/control/{path}")).json()


async def submissions(simulator: Simulator) -> list[dict[str, Any]]:
    """The paid image tasks that the simulator has seen."""
    payments = (await control(simulator, "ledger"))["payments"]
    return [payment for payment in payments if payment["service"] == "piapi"]


async def follow(process: Process, text: str) -> None:
    """Read stderr until it says `text`."""
    assert process.stderr is not None
    async with asyncio.timeout(60):
        while text not in (line := (await process.stderr.readline()).decode()):
            assert line, f"the program ended without saying {text!r}"


def has_no_key(outcome: Finished) -> bool:
    return not any(key in outcome.stdout + outcome.stderr for key in KEYS.values())


async def test_a_job_that_goes_well(online: Program) -> None:
    outcome = await online.run(
        *(
            "run",
            "--json",
            "--label",
            "foxes",
            "--set",
            "generation.generations=2",
            "--set",
            "generation.variations=2",
        ),
        *QUICK,
    )
    assert outcome.status == 0, outcome.stderr
    job = outcome.document
    assert (job["label"], job["status"], job["kind"]) == ("foxes", "completed", "generate")
    assert job["images"] == {
        "planned": 4,
        "approved": 4,
        "qc_failed": 0,
        "failed": 0,
        "pending": 0,
        "unknown": 0,
        "trashed": 0,
    }
    assert job["error"] is None
    assert job["spend_usd"] > 0
    assert len(list(Path(job["output_dir"]).iterdir())) == 4
    assert "foxes: completed" in outcome.stderr
    assert "4 approved of 4 planned" in outcome.stderr
    assert has_no_key(outcome)
    kept = [file for file in online.home.rglob("*") if file.is_file()]
    assert not [file for file in kept if any(key.encode() in file.read_bytes() for key in KEYS.values())]


async def test_without_json_stdout_is_for_results_and_stderr_for_the_way(online: Program) -> None:
    outcome = await online.run("run", *BARE)
    assert outcome.status == 0, outcome.stderr
    assert outcome.stdout == ""
    assert "1 approved of 1 planned" in outcome.stderr


async def test_a_file_of_settings_beside_its_keywords(online: Program, tmp_path: Path) -> None:
    folder = tmp_path / "batch"
    folder.mkdir()
    (folder / "words.txt").write_text("heron\nkingfisher\n")
    (folder / "batch.toml").write_text(
        '[files]\nkeywords_file = "words.txt"\n[generation]\ngenerations = 2\n'
        "[ai]\nquality_check = false\nmetadata = false\n"
    )
    outcome = await online.run("run", "--json", "-c", str(folder / "batch.toml"), *QUICK)
    assert outcome.status == 0, outcome.stderr
    listed = await online.run("images", "list", "--json")
    assert sorted(image["keyword"] for image in listed.document) == ["heron", "kingfisher"]


# ---- nothing is sent


async def test_the_plan_sends_nothing(online: Program, simulator: Simulator) -> None:
    outcome = await online.run("run", "--dry-run", "--json", "--set", "generation.generations=30")
    assert outcome.status == 0, outcome.stderr
    plan = outcome.document
    assert (plan["generations"], plan["images"], len(plan["keywords"])) == (30, 30, 20)
    assert plan["estimate_usd"] > 0
    assert await control(simulator, "requests") == []
    listed = await online.run("jobs", "list", "--json")
    assert listed.document == []


async def test_a_missing_key_stops_the_job_before_any_request(program: Program, simulator: Simulator) -> None:
    environ = {**program.environ, **simulator.urls, "OPENAI_API_KEY": KEYS["OPENAI_API_KEY"]}
    outcome = await program.run("run", "--json", environ=environ)
    assert outcome.status == 2
    error = outcome.document["error"]
    assert [problem["field"] for problem in error["problems"]] == ["keys.piapi"]
    assert "keys.piapi" in outcome.stderr
    assert "gimf keys set piapi" in outcome.stderr
    assert await control(simulator, "requests") == []


async def test_the_plan_shows_what_blocks_it(program: Program) -> None:
    paths = Paths.resolve(program.home, {})
    paths.ensure()
    paths.config_file.write_text('target_agency = "adobe"\n', encoding="utf-8")
    outcome = await program.run("run", "--dry-run", "--json")
    assert outcome.status == 2
    blocking = {one["field"] for one in outcome.document["problems"] if not one["is_warning"]}
    assert {"keys.piapi", "keys.openai"} <= blocking
    assert "error: keys.piapi" in outcome.stderr
    assert "1024x1024 is 1.05 of at least 4 megapixels: Adobe Stock would not take" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "field", "hint"),
    [
        (("--set", "generation.modle=x"), "--set generation.modle", "generation.model"),
        (("--set", "generation.variations=99"), "--set generation.variations", ""),
        (("--set", "generation.variations"), "--set", "group.field=value"),
        (
            ("--set", "generation.generations=2500", "--set", "generation.variations=20"),
            "--set generation",
            "",
        ),
    ],
)
async def test_a_bad_setting_is_named(
    program: Program, arguments: tuple[str, ...], field: str, hint: str
) -> None:
    outcome = await program.run("run", "--json", *arguments)
    assert outcome.status == 2
    (problem,) = outcome.document["error"]["problems"]
    assert problem["field"].startswith(field)
    assert hint in problem["hint"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "--json", "-c", "unheard-of"), "not_found"),
        (("run", "--json", "-c", "unheard-of.toml"), "settings"),
        (("run", "--json", "--resume", "--label", "x"), "usage"),
        (("run", "--json", "--nonsense"), "usage"),
        (("jobs", "show", "zz", "--json"), "no_database"),
    ],
)
async def test_wrong_use_is_status_2_with_a_document(
    program: Program, arguments: tuple[str, ...], code: str
) -> None:
    outcome = await program.run(*arguments)
    assert outcome.status == 2, outcome.stderr
    assert outcome.document["error"]["code"] == code
    assert outcome.document["error"]["message"]
    assert "Traceback" not in outcome.stderr


# ---- the other exit statuses


def script(simulator: Simulator, *rules: Rule) -> None:
    simulator.world.replace_script(rules)


async def test_a_job_without_an_image_has_failed(online: Program, simulator: Simulator) -> None:
    script(simulator, Rule(service=Service.PIAPI, operation="poll", action=Action.FAIL, text="GPU on fire"))
    outcome = await online.run("run", "--json", *BARE)
    assert outcome.status == 1, outcome.stderr
    assert outcome.document["status"] == "failed"
    assert "GPU on fire" in outcome.document["error"]["message"]
    assert "GPU on fire" in outcome.stderr


async def test_a_rejected_image_is_status_3(online: Program, simulator: Simulator) -> None:
    verdict = json.dumps({"passed": False, "reason": "a visible logo"})
    script(
        simulator,
        Rule(service=Service.OPENAI, operation="chat.check", action=Action.SAY, text=verdict, nth=1),
    )
    outcome = await online.run("run", "--json", *QUICK, "--set", "generation.generations=2")
    assert outcome.status == 3, outcome.stderr
    assert outcome.document["images"]["qc_failed"] == 1
    assert "1 x quality_check: a visible logo" in outcome.stderr


async def test_a_lost_answer_is_status_4(online: Program, simulator: Simulator) -> None:
    script(
        simulator,
        Rule(service=Service.PIAPI, operation="submit", action=Action.LOSE_ANSWER, nth=1),
        Rule(service=Service.PIAPI, operation="history", action=Action.STATUS, code=404),
    )
    outcome = await online.run("run", "--json", *BARE, "--set", "generation.generations=2")
    assert outcome.status == 4, outcome.stderr
    assert outcome.document["images"]["unknown"] == 1
    assert len(await submissions(simulator)) == 2


async def test_no_credit_pauses_and_resume_goes_on(online: Program, simulator: Simulator) -> None:
    script(
        simulator,
        Rule(
            service=Service.PIAPI,
            operation="submit",
            action=Action.STATUS,
            code=402,
            body={"code": 402, "message": "insufficient credits"},
        ),
    )
    paused = await online.run("run", "--json", *BARE)
    assert paused.status == 5, paused.stderr
    assert paused.document["status"] == "paused"
    assert paused.document["pause"]["code"] == "credit"
    assert await submissions(simulator) == []
    script(simulator)
    resumed = await online.run("run", "--resume", "--json")
    assert resumed.status == 0, resumed.stderr
    assert resumed.document["job_id"] == paused.document["job_id"]
    assert resumed.document["status"] == "completed"
    assert [job["job_id"] for job in resumed.document["resumed_jobs"]] == [paused.document["job_id"]]


async def test_a_budget_pauses_and_a_larger_one_lets_it_go_on(online: Program) -> None:
    paused = await online.run("run", "--json", *BARE, "--set", "generation.budget_usd=0.000001")
    assert paused.status == 5, paused.stderr
    assert paused.document["pause"]["code"] == "budget"
    alone = await online.run("run", "--json", *BARE, "--budget", "1")
    assert alone.status == 2, alone.stderr
    resumed = await online.run("run", "--resume", "--budget", "1", "--json")
    assert resumed.status == 0, resumed.stderr
    assert resumed.document["job_id"] == paused.document["job_id"]
    assert resumed.document["status"] == "completed"


async def test_nothing_to_resume(program: Program) -> None:
    outcome = await program.run("run", "--resume", "--json")
    assert outcome.status == 0, outcome.stderr
    assert outcome.document == {"resumed_jobs": []}


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_a_signal_ends_in_order_and_resume_pays_nothing_twice(
    online: Program, simulator: Simulator, number: signal.Signals, status: int
) -> None:
    script(
        simulator,
        Rule(service=Service.PIAPI, operation="poll", action=Action.STATUS_WORD, word="processing"),
    )
    process = await online.start("run", "--json", *BARE, "--set", "generation.generations=3")
    async with asyncio.timeout(60):
        while len(await submissions(simulator)) < 3:
            await asyncio.sleep(0.05)
    process.send_signal(number)
    outcome = await online.end_of(process)
    assert outcome.status == status, outcome.stderr
    assert outcome.document["status"] == "interrupted"
    assert "Once more ends at once" in outcome.stderr
    assert "gimf run --resume" in outcome.stderr
    script(simulator)
    resumed = await online.run("run", "--resume", "--json")
    assert resumed.status == 0, resumed.stderr
    assert resumed.document["job_id"] == outcome.document["job_id"]
    assert resumed.document["images"]["approved"] == 3
    assert len(await submissions(simulator)) == 3


async def test_a_second_signal_does_not_wait(online: Program, simulator: Simulator) -> None:
    script(simulator, Rule(service=Service.PIAPI, operation="submit", action=Action.HANG))
    process = await online.start("run", "--json", *BARE)
    async with asyncio.timeout(60):
        while not any(one["operation"] == "submit" for one in await control(simulator, "requests")):
            await asyncio.sleep(0.05)
    process.send_signal(signal.SIGINT)
    await follow(process, "Once more ends at once")
    process.send_signal(signal.SIGINT)
    outcome = await online.end_of(process, seconds=20)
    assert outcome.status == 130
    assert outcome.document["status"] == "interrupted"


async def test_a_folder_held_by_something_that_does_not_answer_is_status_75(online: Program) -> None:
    paths = Paths.resolve(online.home, {})
    paths.ensure()
    with FolderLock(paths.lock_file):
        outcome = await online.run("run", "--json", *BARE)
        assert outcome.status == 75
        assert outcome.document["error"]["code"] == "held"
        assert str(os.getpid()) in outcome.stderr


async def test_a_second_run_goes_through_the_first_ones_engine(online: Program, simulator: Simulator) -> None:
    """Also when the first has ended meanwhile: then the second goes on with its job itself."""
    script(
        simulator,
        Rule(service=Service.PIAPI, operation="poll", action=Action.STATUS_WORD, word="processing"),
    )
    holder = await online.start("run", *BARE)
    await follow(holder, "started")
    second = await online.start("run", "--json", "--label", "second", *BARE)
    async with asyncio.timeout(30):
        while len((await online.run("jobs", "list", "--json")).document) < 2:
            await asyncio.sleep(0.05)
    stopped = await online.run("jobs", "stop", "--force", "1", "--json")
    assert stopped.status == 0, stopped.stderr
    await online.end_of(holder)
    script(simulator)
    outcome = await online.end_of(second)
    assert outcome.status == 0, outcome.stderr
    assert (outcome.document["label"], outcome.document["images"]["approved"]) == ("second", 1)


async def test_no_wait_leaves_the_work_to_a_process_of_its_own(online: Program) -> None:
    outcome = await online.run("run", "--no-wait", "--json", *BARE)
    assert outcome.status == 0, outcome.stderr
    job_id = outcome.document["job_id"]
    assert outcome.document["status"] == "queued"
    async with asyncio.timeout(60):
        while (await online.run("jobs", "show", job_id, "--json")).document["status"] != "completed":
            await asyncio.sleep(0.1)


@pytest.mark.fault(28)
async def test_a_broken_database_is_a_sentence(program: Program) -> None:
    (program.home / "data").mkdir(parents=True)
    (program.home / "data" / "factory.db").write_bytes(b"no database at all" * 500)
    outcome = await program.run("jobs", "list", "--json")
    assert outcome.status == 1
    assert outcome.document["error"]["code"] == "database_corrupt"
    assert "Traceback" not in outcome.stderr


async def test_a_reader_that_has_gone_is_no_error(online: Program) -> None:
    await online.run("run", *BARE)
    read, write = os.pipe()
    os.close(read)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tui.cli", "jobs", "list"),
        cwd=ROOT,
        env=online.environ,
        stdout=write,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(write)
    _, stderr = await process.communicate()
    assert process.returncode == 0, stderr
    assert stderr == b""
