"""The app over real engine processes that are stopped, killed, or of another version: it says what is so, and shows the
truth when they are back."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine import heartbeat
from engine.client import EngineClient
from engine.greeting import end_engine
from engine.status import JobStatus
from engine.wire import PROTOCOL
from tests.acceptance.support import Program, rows
from tests.support.app import running, wait_until
from tests.support.engine import EngineHome, request, until
from tests.support.screen_text import text_of_screen
from tui.app import FactoryApp
from tui.attach import EngineProcess
from tui.services import AppServices
from tui.status import Link
from tui.widgets.trouble_bar import TroubleBar

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]
LONG = 4_000
"""Turns of `wait_until`: a process has to start meanwhile."""
OTHER = """
import sys
import engine.wire
engine.wire.PROTOCOL = int(sys.argv.pop(1))
import engine.greeting
version = sys.argv.pop(1)
engine.greeting.program_version = lambda: version
from tui.cli import main
sys.exit(main())
"""
"""This program, as if it were of another version."""


def process_of(home: EngineHome) -> EngineProcess:
    return EngineProcess(home.paths, {**os.environ, **home.environ}, str(home.root))


def services_of(home: EngineHome) -> AppServices:
    """Those of `gimf` on that home."""
    return AppServices(
        attach=process_of(home).attach, paths=home.paths, preferences=home.preferences, keys=home.keys()
    )


def trouble_of(pilot: Pilot[int]) -> str:
    bar = pilot.app.screen.query_one(TroubleBar)
    return str(bar.content) if bar.display else ""


@pytest.mark.fault(18)
async def test_an_engine_that_is_stopped_and_one_that_is_killed(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "QUIET_S", 0.2)
    monkeypatch.setattr(heartbeat, "PATIENCE_S", 1.0)
    services = services_of(home)
    async with running(services) as pilot:
        app = pilot.app
        client = app.engine
        assert isinstance(client, EngineClient)
        first = client.engine_pid
        job = await client.start_job(request("long", generation={"generations": 12}))
        await wait_until(pilot, lambda: app.status.job is not None, LONG)

        os.kill(first, signal.SIGSTOP)
        await wait_until(pilot, lambda: app.status.link is Link.SILENT, LONG)
        assert f"The engine (process {first}) does not answer" in trouble_of(pilot)
        assert f"kill -CONT {first}" in trouble_of(pilot)
        assert app.status.job is not None, "what was known is still shown"
        await pilot.press("p")
        await wait_until(pilot, lambda: any("Could not" in toast.title for toast in app._notifications), LONG)
        os.kill(first, signal.SIGCONT)
        await wait_until(pilot, lambda: app.status.link is Link.ATTACHED, LONG)
        assert trouble_of(pilot) == ""
        assert (await app.engine.job(job.job_id)).status is not JobStatus.PAUSED, (
            "the key was refused, not kept"
        )

        os.kill(first, signal.SIGKILL)
        await wait_until(pilot, lambda: app.status.link is Link.LOST, LONG)
        await wait_until(pilot, lambda: app.status.link is Link.ATTACHED, LONG)
        client = app.engine
        assert isinstance(client, EngineClient)
        assert client.engine_pid != first
        done = await client.wait_for_job(job.job_id)
        assert (done.status, done.images.finished, done.images.unknown) == (JobStatus.COMPLETED, 12, 0)
        await wait_until(pilot, lambda: app.status.job is None and "12/12" in text_of_screen(app), LONG)
    await end_engine(home.paths, at_once=True)


@asynccontextmanager
async def of_another_version(
    home: EngineHome, protocol: int, version: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`gimf run` of another version with a job at work."""
    home.script({"service": "openai", "operation": "chat.check", "action": "hang", "times": 1})
    other = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", OTHER, str(protocol), version, "--home", str(home.root), "run"),
        cwd=ROOT,
        env={**os.environ, **home.environ},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await until(lambda: bool(home.requests("openai", "chat.check")), 60)
        yield other
    finally:
        if other.returncode is None:
            other.kill()
        await other.wait()


async def assert_refused(home: EngineHome, *words: str) -> None:
    """The command line says these words, and the job at work goes on."""
    refused = await Program(home).run("run", "--no-wait")
    assert refused.status == 1
    for said in (*words, "its jobs go on", "`gimf engine stop`"):
        assert said in " ".join(refused.stderr.split())
    assert [row["status"] for row in rows(home, "SELECT status FROM jobs")] == ["running"]


@pytest.mark.fault(16)
async def test_an_engine_of_a_newer_version(home: EngineHome) -> None:
    """It is said plainly and what to do; the job at work goes on, and after the end of that engine so does its job."""
    program = Program(home)
    async with of_another_version(home, PROTOCOL + 1, "9.9.0") as other:
        await assert_refused(home, "version 9.9.0, newer than this program", "Use the newer program")
        app = FactoryApp(services_of(home))
        async with app.run_test() as pilot:
            await wait_until(pilot, lambda: app.status.link is Link.LOST, LONG)
            assert "version 9.9.0, newer than this program" in " ".join(trouble_of(pilot).split())
        assert other.returncode is None
        stopped = await program.run("engine", "stop", "--force", "--json")
        assert (stopped.status, stopped.document) == (0, {"pid": other.pid})
        await other.wait()
    resumed = await program.run("run", "--resume", "--json")
    assert resumed.status == 0, resumed.stderr
    assert len(home.payments("piapi", "submit")) == 1


@pytest.mark.fault(16)
async def test_an_engine_of_an_older_version(home: EngineHome) -> None:
    async with of_another_version(home, PROTOCOL - 1, "0.0.1") as other:
        await assert_refused(home, "version 0.0.1, older than this program")
        assert await end_engine(home.paths, at_once=True) == other.pid
        await other.wait()
