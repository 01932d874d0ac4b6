"""The commands beside `gimf run`, each as a process of its own."""

import asyncio
import json
import os
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.simulator import Action, Rule, Service, Simulator
from tests.tui.conftest import KEYS, Program

SECRET = "sk-made-up-0123456789abcdef"
THREE = (
    *("--set", "generation.generations=3", "--set", "generation.poll_interval_seconds=0.5"),
    *("--set", "ai.metadata=off"),
)


def reject_one(simulator: Simulator) -> None:
    """The second check says no."""
    verdict = json.dumps({"passed": False, "reason": "a visible logo"})
    rule = Rule(service=Service.OPENAI, operation="chat.check", action=Action.SAY, text=verdict, nth=2)
    simulator.world.replace_script((rule,))


# ---- jobs, images, logs


@pytest.mark.acceptance
async def test_a_job_from_its_list_to_its_end(online: Program, simulator: Simulator) -> None:
    reject_one(simulator)
    await online.run("run", "--label", "owls", *THREE)

    (job,) = (await online.run("jobs", "list", "--json", "--status", "completed", "--text", "owl")).document
    assert (job["label"], job["images"]["approved"], job["images"]["qc_failed"]) == ("owls", 2, 1)
    assert (await online.run("jobs", "list", "--json", "--status", "failed,running")).document == []
    table = await online.run("jobs", "list")
    assert "owls" in table.stdout
    assert "completed" in table.stdout

    for text in (job["job_id"], job["job_id"][:5], str(job["number"]), "owls"):
        detail = (await online.run("jobs", "show", text, "--json")).document
        assert detail["job_id"] == job["job_id"]
    assert detail["settings"]["generation"]["generations"] == 3
    tasks = [task for generation in detail["generations"] for task in generation["tasks"]]
    assert len({task["task_id"] for task in tasks}) == 3
    people = await online.run("jobs", "show", "owls")
    assert "generation.generations = 3" in people.stdout

    every = (await online.run("images", "list", "--json", "--job", "owls")).document
    assert len(every) == 3
    (rejected,) = (await online.run("images", "list", "--json", "--status", "qc_failed")).document
    assert rejected["reason"] == "a visible logo"
    assert Path(rejected["file"]).is_file()
    assert (await online.run("images", "list", "--json", "--reason", "a visible")).document == [rejected]
    assert (await online.run("images", "list", "--json", "--limit", "2")).document == every[:2]
    listed = await online.run("images", "list", "--status", "approved")
    assert all(image["file"] in listed.stdout for image in every if image["status"] == "approved")

    entries = (await online.run("logs", "owls", "--json")).document
    assert [entry["entry_id"] for entry in entries] == sorted(entry["entry_id"] for entry in entries)
    assert {entry["level"] for entry in entries} >= {"info", "warning"}
    warnings = await online.run("logs", "owls", "--level", "warning")
    assert "a visible logo" in warnings.stdout
    assert " info " not in warnings.stdout

    deleted = await online.run("jobs", "delete", "owls", "--yes", "--json")
    assert deleted.document == {"deleted": 1}
    assert (await online.run("jobs", "list", "--json")).document == []
    (hidden,) = (await online.run("jobs", "list", "--deleted", "--json")).document
    assert hidden["images"]["trashed"] == 3
    restored = await online.run("jobs", "restore", "owls", "--json")
    assert restored.document == {"restored": 1}
    assert (await online.run("images", "list", "--json", "--status", "qc_failed")).document == [rejected]


@pytest.mark.acceptance
async def test_rerun_makes_new_jobs_with_the_same_settings(online: Program, simulator: Simulator) -> None:
    first = (await online.run("run", "--json", "--label", "owls", *THREE)).document
    outcome = await online.run("jobs", "rerun", "owls", "--as-run", "--json")
    assert outcome.status == 0, outcome.stderr
    (job,) = outcome.document
    assert job["job_id"] != first["job_id"]
    assert job["parent_job_id"] == first["job_id"]
    assert job["label"] == f"owls (rerun {first['job_id'][:6]})"
    assert job["images"]["approved"] == 3


@pytest.mark.acceptance
async def test_stop_ends_a_job_that_waits_and_sends_nothing(online: Program, simulator: Simulator) -> None:
    out_of_credit = Rule(service=Service.PIAPI, operation="submit", action=Action.STATUS, code=402)
    simulator.world.replace_script((out_of_credit,))
    paused = (await online.run("run", "--json", *THREE)).document
    assert paused["status"] == "paused"
    simulator.world.replace_script(())
    async with httpx.AsyncClient() as client:
        before = len((await client.get(f"{simulator.address}/control/requests")).json())
        (stopped,) = (await online.run("jobs", "stop", str(paused["number"]), "--json")).document
        after = len((await client.get(f"{simulator.address}/control/requests")).json())
    assert stopped["status"] == "stopped"
    assert after == before
    again = await online.run("jobs", "stop", str(paused["number"]), "--json")
    assert again.status == 2
    assert again.document["error"]["code"] == "conflict"


async def test_deleting_without_a_terminal_needs_a_yes(program: Program) -> None:
    await program.run("config", "save", "cats")
    outcome = await program.run("config", "delete", "cats", "--json", stdin="y\n")
    assert outcome.status == 2
    assert "--yes" in outcome.document["error"]["hint"]
    assert [view["name"] for view in (await program.run("config", "list", "--json")).document] == ["cats"]


async def test_lists_of_nothing_are_empty(program: Program) -> None:
    for command in (("jobs", "list"), ("images", "list"), ("config", "list")):
        outcome = await program.run(*command, "--json")
        assert (outcome.status, outcome.document) == (0, [])
        assert (await program.run(*command)).stdout.startswith("No ")
    assert not (program.home / "data").exists()  # asking makes no files


# ---- configurations


async def test_a_configuration_from_its_making_to_its_end(program: Program, tmp_path: Path) -> None:
    made = await program.run(
        "config", "save", "cats", "--json", "--set", "generation.generations=7", "--set", "ai.metadata=off"
    )
    assert made.status == 0, made.stderr
    assert made.document["settings"]["generation"]["generations"] == 7
    assert made.document["is_default"] is False

    changed = await program.run(
        "config", "save", "cats", "--default", "--set", "generation.variations=2", "--json"
    )
    assert changed.document["settings"]["generation"] == {
        **made.document["settings"]["generation"],
        "variations": 2,
    }
    assert changed.document["is_default"] is True
    plan = (await program.run("run", "--dry-run", "--json")).document
    assert plan["images"] == 14

    copy = await program.run("config", "save", "dogs", "-c", "cats", "--json")
    assert copy.document["settings"] == changed.document["settings"]

    file = tmp_path / "cats.toml"
    written = await program.run("config", "export", "cats", "--to", str(file), "--json")
    assert written.document == {"path": str(file)}
    assert (await program.run("config", "export", "cats", "--to", str(file))).status == 2
    assert (await program.run("config", "export", "cats", "--to", str(file), "--overwrite")).status == 0
    assert (await program.run("config", "export", "cats")).stdout == file.read_text()
    back = await program.run("config", "import", str(file), "--name", "again", "--json")
    assert back.document["settings"] == changed.document["settings"]

    assert (await program.run("config", "delete", "dogs", "--yes", "--json")).document == {"deleted": 1}
    names = [view["name"] for view in (await program.run("config", "list", "--json")).document]
    assert sorted(names) == ["again", "cats"]


async def test_the_default_configuration_can_be_seen_before_anything_is_stored(program: Program) -> None:
    shown = await program.run("config", "show", "--json")
    assert shown.document["settings"]["generation"]["model"] == "flux-schnell"
    assert "[generation]" in (await program.run("config", "show")).stdout


async def test_a_bad_file_names_its_line(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("[generation]\ngenerations = \n")
    outcome = await program.run("config", "import", str(file), "--json")
    assert outcome.status == 2
    assert "bad.toml" in outcome.stderr
    assert "2" in outcome.stderr


# ---- keys


async def test_a_key_is_stored_privately_and_never_shown(program: Program) -> None:
    stored = await program.run("keys", "set", "piapi", "--json", stdin=SECRET + "\n")
    assert stored.status == 0, stored.stderr
    assert stored.document["source"] == "file"
    file = program.home / "config" / "keys.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SECRET in file.read_text()
    listed = await program.run("keys", "list", "--json")
    sources = {view["name"]: view["source"] for view in listed.document}
    assert sources == {"openai": "none", "piapi": "file", "remove_bg": "none", "runware": "none"}
    removed = await program.run("keys", "delete", "piapi")
    assert SECRET not in file.read_text()
    for outcome in (stored, listed, removed):
        assert SECRET not in outcome.stdout + outcome.stderr
    nothing = await program.run("keys", "delete", "piapi", "--json")
    assert nothing.document == {"deleted": 0}


async def test_an_empty_key_is_refused(program: Program) -> None:
    outcome = await program.run("keys", "set", "piapi", "--json", stdin="\n")
    assert outcome.status == 2
    assert not (program.home / "config" / "keys.toml").exists()


async def test_keys_are_tried_out(online: Program) -> None:
    outcome = await online.run("keys", "test", "--json")
    assert outcome.status == 0, outcome.stderr
    assert [view["is_accepted"] for view in outcome.document] == [True] * 4
    assert not any(key in outcome.stdout + outcome.stderr for key in KEYS.values())


async def test_a_refused_key_is_status_2_and_a_silent_service_1(
    online: Program, simulator: Simulator
) -> None:
    simulator.world.replace_script(
        (Rule(service=Service.PIAPI, operation="account", action=Action.STATUS, code=401),)
    )
    refused = await online.run("keys", "test", "piapi", "--json")
    assert refused.status == 2
    assert refused.document[0]["is_accepted"] is False
    offline = {**online.environ, "PIAPI_BASE_URL": "http://127.0.0.1:9"}
    silent = await online.run("keys", "test", "piapi", "--json", environ=offline)
    assert silent.status == 1
    assert silent.document[0]["is_accepted"] is None
    assert KEYS["PIAPI_API_KEY"] not in refused.stdout + refused.stderr + silent.stdout + silent.stderr


# ---- doctor, simulator, demo


def by_name(checks: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {check["check"]: check for check in checks}


async def test_the_doctor_finds_what_is_missing(program: Program) -> None:
    outcome = await program.run("doctor", "--json")
    assert outcome.status == 1
    checks = by_name(outcome.document)
    assert checks["key of piapi"]["ok"] is False
    assert "gimf keys set piapi" in checks["key of piapi"]["hint"]
    assert checks["key of runware"]["ok"] is True
    assert checks["database"]["ok"] is True
    assert not program.home.exists()  # looking changes nothing


async def test_the_doctor_is_content_and_asks_only_when_told(online: Program, simulator: Simulator) -> None:
    outcome = await online.run("doctor", "--json")
    assert outcome.status == 0, outcome.stdout
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{simulator.address}/control/requests")).json() == []
    told = await online.run("doctor", "--online", "--json")
    assert told.status == 0, told.stdout
    assert "models can be used" in by_name(told.document)["key of openai"]["detail"]
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{simulator.address}/control/ledger")).json()["payments"] == []


async def test_the_doctor_names_a_broken_file(program: Program) -> None:
    (program.home / "config").mkdir(parents=True)
    (program.home / "config" / "config.toml").write_text("theme = \n")
    (program.home / "data").mkdir()
    (program.home / "data" / "factory.db").write_bytes(b"no database" * 999)
    outcome = await program.run("doctor", "--json")
    assert outcome.status == 1
    checks = by_name(outcome.document)
    assert checks["configuration file"]["ok"] is False
    assert "config.toml" in checks["configuration file"]["detail"]
    assert checks["database"]["ok"] is False
    people = await program.run("doctor")
    assert "NOT  database" in people.stdout


async def test_the_simulator_announces_itself_and_ends_on_a_signal(program: Program, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text('[{"service": "piapi", "operation": "account", "action": "status", "code": 418}]')
    process = await program.start("simulator", "--seed", "3", "--script", str(rules), "--credit", "piapi=1.5")
    assert process.stdout is not None
    facts = json.loads(await process.stdout.readline())
    assert facts["pid"] == process.pid
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"{facts['urls']['PIAPI_BASE_URL']}/account/info", headers={"X-API-Key": "x"}
        )
    assert answer.status_code == 418
    process.terminate()
    assert (await program.end_of(process)).status == 0


@pytest.mark.parametrize(
    "arguments",
    [("--reject-share", "2"), ("--credit", "piapi"), ("--script", "missing.json"), ("--port", "99999")],
)
async def test_a_simulator_that_cannot_be_is_refused(program: Program, arguments: tuple[str, ...]) -> None:
    outcome = await program.run("simulator", *arguments)
    assert outcome.status == 2
    assert "Traceback" not in outcome.stderr


@pytest.mark.acceptance
async def test_the_demo_needs_nothing(program: Program) -> None:
    home = program.home.parent / "somewhere"
    outcome = await program.run("demo", "--count", "3", "--home", str(home), "--json")
    assert outcome.status == 0, outcome.stderr
    job = outcome.document
    assert job["status"] == "completed"
    pictures = list(Path(job["output_dir"]).iterdir())
    assert len(pictures) == job["images"]["approved"]
    assert {picture.suffix for picture in pictures} <= {".jpg"}
    assert home in Path(job["output_dir"]).parents


@pytest.mark.acceptance
async def test_the_demo_can_leave_its_simulator_running(program: Program) -> None:
    process = await program.start("demo", "--count", "1", "--keep")
    assert process.stderr is not None
    url = ""
    async with asyncio.timeout(60):
        while not url:
            line = (await process.stderr.readline()).decode()
            assert line, "the demo ended"
            url = line.partition("PIAPI_BASE_URL=")[2].strip()
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{url}/account/info", headers={"X-API-Key": "x"})).is_success
    process.terminate()
    assert (await program.end_of(process)).status == 0
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"{url}/account/info")


# ---- the rest


async def test_gimf_alone_says_what_there_is(program: Program) -> None:
    outcome = await program.run()
    assert outcome.status == 2
    assert outcome.stdout == ""
    assert "usage: gimf" in outcome.stderr
    assert "gimf demo" in outcome.stderr


async def test_the_version_is_that_of_the_project(program: Program) -> None:
    outcome = await program.run("--version")
    assert outcome.status == 0
    assert outcome.stdout == "gimf 0.1.0\n"


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
async def test_a_folder_that_may_not_be_written_is_named(program: Program) -> None:
    program.home.mkdir(mode=0o500)
    outcome = await program.run("config", "save", "cats", "--json")
    assert outcome.status == 2
    assert str(program.home) in outcome.document["error"]["message"]
