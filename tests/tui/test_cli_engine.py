"""`gimf engine`, and commands that find an engine at work."""

import asyncio

import pytest

from engine.simulator import Simulator
from tests.tui.conftest import Program

pytestmark = pytest.mark.acceptance

QUICK = ("--set", "generation.poll_interval_seconds=0.5")


async def test_start_status_stop(online: Program) -> None:
    assert (await online.run("engine", "status", "--json")).document["is_running"] is False
    started = await online.run("engine", "start", "--json")
    assert started.status == 0, started.stderr
    pid = started.document["pid"]
    assert started.document["is_new"] is True
    assert (await online.run("engine", "start", "--json")).document == {"pid": pid, "is_new": False}
    status = await online.run("engine", "status", "--json")
    assert (status.document["is_running"], status.document["pid"], status.document["queued"]) == (
        True,
        pid,
        0,
    )
    assert (await online.run("engine", "stop", "--json")).document == {"pid": pid}
    assert (await online.run("engine", "stop", "--json")).document == {"pid": None}
    assert (await online.run("engine", "status", "--json")).document["is_running"] is False


async def test_commands_go_to_the_engine_that_runs(online: Program, simulator: Simulator) -> None:
    await online.run("engine", "start")
    try:
        run = await online.run("run", "--json", "--label", "mine", *QUICK)
        assert run.status == 0, run.stderr
        assert (run.document["label"], run.document["status"]) == ("mine", "completed")

        later = await online.run("run", "--no-wait", "--json", "--label", "later", *QUICK)
        assert later.status == 0, later.stderr
        async with asyncio.timeout(60):
            while (await online.run("jobs", "show", "later", "--json")).document["status"] != "completed":
                await asyncio.sleep(0.1)

        stored = await online.run("config", "save", "cats", "--set", "generation.generations=3", "--json")
        assert stored.status == 0, stored.stderr
        rerun = await online.run("jobs", "rerun", "mine", "--json")
        assert rerun.status == 0, rerun.stderr
        deleted = await online.run("jobs", "delete", "mine", "--yes", "--json")
        assert deleted.document == {"deleted": 1}
        status = await online.run("engine", "status", "--json")
        assert status.document["is_running"] is True
    finally:
        await online.run("engine", "stop", "--force")


async def test_a_job_in_the_engine_is_stopped_from_outside(online: Program) -> None:
    await online.run("engine", "start")
    try:
        long = ("--label", "long", "--set", "generation.generations=300", *QUICK)
        await online.run("run", "--no-wait", *long)
        stopped = await online.run("jobs", "stop", "long", "--force", "--json")
        assert stopped.status == 0, stopped.stderr
        async with asyncio.timeout(30):
            while (await online.run("jobs", "show", "long", "--json")).document["status"] != "stopped":
                await asyncio.sleep(0.1)
        interrupted = await online.start("run", "--label", "longer", *long[2:])
        assert interrupted.stderr is not None
        async with asyncio.timeout(30):
            while "started" not in (line := (await interrupted.stderr.readline()).decode()):
                assert line
        interrupted.terminate()
        outcome = await online.end_of(interrupted)
        assert outcome.status == 143
        assert "The engine goes on" in outcome.stderr
        assert (await online.run("jobs", "show", "longer", "--json")).document["status"] == "running"
    finally:
        await online.run("engine", "stop", "--force")


async def test_the_end_of_the_log(online: Program) -> None:
    assert (await online.run("engine", "logs", "--json")).document == {"lines": []}
    await online.run("run", *QUICK)
    lines = (await online.run("engine", "logs", "-n", "3", "--json")).document["lines"]
    assert len(lines) == 3
