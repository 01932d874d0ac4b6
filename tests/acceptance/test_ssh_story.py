"""Over SSH: the line breaks in the middle of a job, the job goes on, and the next login shows it.

The server is a private one on the loopback address with keys of the test's own.
"""

import os
import shlex
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.client import EngineClient
from engine.events import EngineLost
from engine.greeting import end_engine
from engine.paths import Paths
from tests.acceptance.support import assert_converged
from tests.acceptance.test_terminal_story import ROOT, SIZES, plain_environ
from tests.support.engine import EngineHome, Listener, engine_home, request, until
from tests.support.sshd import ssh_server
from tests.support.tmux import PROMPT, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

NO_KEYRING = "keyring.backends.null.Keyring"
PLANNED = 16


def states(database: Path) -> list[tuple[str, int, int]]:
    """Each job's status, and how many images it has of how many."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(
            "SELECT status, approved + qc_failed + failed, planned_images FROM jobs ORDER BY job_number"
        ).fetchall()


@pytest.mark.fault(18)
async def test_a_line_that_breaks_costs_nothing(tmp_path: Path) -> None:
    """The first login has a large terminal, the second a small one."""
    home = tmp_path / "g"
    database = Paths.resolve(home, {}).database_file
    variables = {**plain_environ(), "PYTHON_KEYRING_BACKEND": NO_KEYRING}
    demo = f"{sys.executable} -m tui --home {shlex.quote(str(home))} demo --count 24"
    async with (
        ssh_server(tmp_path / "sshd") as server,
        tmux_terminal(tmp_path / "tmux", plain_environ(), SIZES[0]) as tmux,
    ):
        await tmux.run(f"clear; {server.line_for(demo, variables, ROOT)}")
        screen = await tmux.until("a job at work", lambda text: "● running" in text and " of 24" in text)
        assert "\x1b" not in screen
        assert server.drop_lines() >= 1
        await tmux.wait_for(PROMPT)
        ((status, finished, planned),) = states(database)
        assert (status, planned) == ("running", 24)
        assert finished < 24, "the line broke in the middle"
        await tmux.resize(*SIZES[1])
        await tmux.run(f"clear; {server.line_for(demo, variables, ROOT)}")
        await tmux.until("the job of before", lambda text: "#1 demo" in text)
        await tmux.until("its end", lambda text: "✓ completed #1 demo" in text and "/24" in text, 90)
        assert states(database) == [("completed", 24, 24)]
        await tmux.press("q")
        await tmux.wait_for("the demo cost nothing")
        await tmux.wait_for(PROMPT)
        assert await tmux.state("alternate_on") == "0"
        assert await tmux.state("cursor_flag") == "1"
        assert "Traceback" not in tmux.written.decode(errors="replace")
    await end_engine(Paths.resolve(home, {}), at_once=True)


async def killed_engine(home: EngineHome) -> None:
    """`kill -9` of the folder's engine, and its end."""
    async with EngineClient.connect(home.paths) as client, Listener(client) as heard:
        os.kill(client.engine_pid, signal.SIGKILL)
        await heard.wait_for(EngineLost)


@pytest.mark.fault(17)
@pytest.mark.fault(18)
async def test_the_engine_is_killed_then_both(tmp_path: Path) -> None:
    """With a window over SSH the engine dies and the window starts the next one; then both the line and the engine go,
    and the next login goes on with the same job. At the end nothing is missing, and nothing was paid for twice."""

    def finished() -> int:
        ((_, count, _),) = states(home.paths.database_file)
        return count

    async with (
        engine_home(tmp_path / "g", latency_seconds=1.0) as home,
        ssh_server(tmp_path / "sshd") as server,
        tmux_terminal(tmp_path / "tmux", plain_environ(), SIZES[0]) as tmux,
    ):
        variables = {**plain_environ(), **home.environ, "PYTHON_KEYRING_BACKEND": NO_KEYRING}
        login = server.line_for(
            f"{sys.executable} -m tui --home {shlex.quote(str(home.root))}", variables, ROOT
        )
        await tmux.run(f"clear; {login}")
        await tmux.wait_for("No job has run here yet")
        async with EngineClient.connect(home.paths) as client:
            by_id = {"provider": "runware", "model": "runware:100@1"}
            await client.start_job(request("night", generation={"generations": PLANNED, **by_id}))
        await until(lambda: finished() >= 2, 60)
        await killed_engine(home)
        assert 2 <= finished() < PLANNED, "it died in the middle"
        before = finished()
        await until(lambda: finished() > before, 60)  # by the window's next engine

        assert server.drop_lines() >= 1
        await killed_engine(home)
        await tmux.wait_for(PROMPT)
        ((status, count, _),) = states(home.paths.database_file)
        assert (status, count < PLANNED) == ("running", True), "both died in the middle"
        await tmux.run(f"clear; {login}")
        whole = f"{PLANNED}/{PLANNED}"
        await tmux.until("its end", lambda text: whole in text and "Nothing is at work" in text, 90)
        assert states(home.paths.database_file) == [("completed", PLANNED, PLANNED)]
        await tmux.press("q")
        await tmux.wait_for(PROMPT)
        await end_engine(home.paths)
        assert_converged(home, PLANNED, service="runware")
