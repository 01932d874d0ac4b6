"""Over SSH: the line breaks in the middle of a job, the job goes on, and the next login shows it.

The server is a private one on the loopback address with keys of the test's own.
"""

import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.greeting import end_engine
from engine.paths import Paths
from tests.acceptance.test_terminal_story import ROOT, SIZES, plain_environ
from tests.support.sshd import ssh_server
from tests.support.tmux import PROMPT, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]


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
    variables = {**plain_environ(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
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
