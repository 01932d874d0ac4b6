"""Ctrl+Z and `fg` in a shell: the terminal is the shell's in between, the engine goes on, and what is shown afterwards
is true."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.client import EngineClient
from engine.greeting import end_engine
from tests.support.engine import EngineHome, request, until
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.tmux import PROMPT, Tmux, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

ROOT = Path(__file__).parents[2]


def line_in(home: EngineHome, folder: Path) -> str:
    """What starts the program, with its process and its exit status in files. A shell is between the two, as make is:
    all of the group has to stop before the first one goes on."""
    own = f"echo $$ >{folder}/pid; exec {sys.executable} -m tui --home {home.root}"
    return f"(sh -c '{own}'; echo $? >'{folder}/status')"


@asynccontextmanager
async def in_a_shell(home: EngineHome, folder: Path) -> AsyncIterator[Tmux]:
    """The program, started from a shell with job control, with the terminal's settings of before in a file."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHON_KEYRING_BACKEND")}
    environ = {**kept, **home.environ, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    async with tmux_terminal(folder, environ, (100, 30)) as tmux:
        await tmux.run(f"clear; set -m; stty -g >'{folder}/before'; {line_in(home, folder)}")
        await tmux.wait_for("No job has run here yet")
        try:
            yield tmux
        finally:
            await end_engine(home.paths, at_once=True)


async def settings_are_as_before(tmux: Tmux, folder: Path, name: str) -> None:
    await tmux.run(f"stty -g >'{folder}/{name}'; echo was $(cat '{folder}/{name}' | cut -c1-3)")
    await until(lambda: (folder / name).exists() and bool((folder / name).read_text()))
    assert (folder / name).read_text() == (folder / "before").read_text()


async def the_shell(tmux: Tmux) -> None:
    """Its prompt is there, and nothing of the program."""
    await tmux.until("the shell", lambda text: PROMPT in text and "1 Dashboard" not in text)
    for variable, value in (("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")):
        assert await tmux.state(variable) == value, variable


def state_of(pid: int) -> str:
    """The letter of proc(5): `T` is stopped."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.mark.fault(18)
async def test_to_the_shell_and_back_while_the_job_goes_on(home: EngineHome, tmp_path: Path) -> None:
    async with in_a_shell(home, tmp_path / "tmux") as tmux, EngineClient.connect(home.paths) as client:
        window = int((tmp_path / "tmux" / "pid").read_text())
        await tmux.press("C-z")
        await the_shell(tmux)
        await settings_are_as_before(tmux, tmp_path / "tmux", "after ctrl+z")
        assert state_of(window) == "T"
        job = await client.start_job(request("meanwhile"))
        await client.wait_for_job(job.job_id)
        await tmux.run("clear; fg")
        await tmux.until("what came of it", lambda text: "1/1" in text and "Completed: 1 approved" in text)
        await tmux.press("2")
        await tmux.wait_for("meanwhile")

        os.kill(window, signal.SIGTSTP)
        await the_shell(tmux)
        await tmux.run("clear; bg; echo in the background")
        await tmux.wait_for("in the background\n")
        await until(lambda: state_of(window) == "T")
        await the_shell(tmux)
        await tmux.run("clear; fg")
        await tmux.until("the jobs", lambda text: "meanwhile" in text and "2 Jobs" in text)

        os.killpg(os.getpgid(window), signal.SIGSTOP)  # nobody can see that coming
        await tmux.until("the shell's word", lambda text: "topped" in text)
        await tmux.type("clear; fg")
        await tmux.press("C-j")  # the terminal's settings are the program's still
        await tmux.until("the jobs", lambda text: "meanwhile" in text and "2 Jobs" in text)
        await tmux.press("1")
        await tmux.wait_for("Recent jobs")
        await tmux.press("q")
        await the_shell(tmux)
        await settings_are_as_before(tmux, tmp_path / "tmux", "at the end")
        assert "Traceback" not in tmux.written.decode(errors="replace")


@pytest.mark.fault(18)
async def test_ended_while_it_is_stopped(home: EngineHome, tmp_path: Path) -> None:
    """As a shell ends a job that it has stopped: the signal, then SIGCONT, in the background."""
    async with in_a_shell(home, tmp_path / "tmux") as tmux:
        window = int((tmp_path / "tmux" / "pid").read_text())
        await tmux.press("C-z")
        await the_shell(tmux)
        os.kill(window, signal.SIGTERM)
        await tmux.run("clear; kill -CONT %1")
        status = tmp_path / "tmux" / "status"
        await until(lambda: status.exists() and bool(status.read_text()))
        assert status.read_text() == "143\n"
        await the_shell(tmux)
        await settings_are_as_before(tmux, tmp_path / "tmux", "at the end")

        # And as the line's end finds it: the shell is gone, and with it whoever could let it go on.
        await tmux.ask("set-option", "remain-on-exit", "on")
        await tmux.run(f"clear; {line_in(home, tmp_path / 'tmux')}")
        await tmux.wait_for("No job has run here yet")
        window = int((tmp_path / "tmux" / "pid").read_text())
        await tmux.press("C-z")
        await the_shell(tmux)
        os.kill(int(await tmux.state("pane_pid")), signal.SIGKILL)
        await until(lambda: not Path(f"/proc/{window}").exists() or state_of(window) == "Z")
        assert "takes nothing any more" not in home.paths.log_file.read_text()


async def test_where_there_is_no_shell_it_does_not_stop(home: EngineHome) -> None:
    """Nobody could let it go on: as the only program of a window, of tmux or of ssh."""
    command = [sys.executable, "-m", "tui", "--home", str(home.root)]
    async with PseudoTerminal(command, {**os.environ, **home.environ}) as terminal:
        await terminal.wait_for("No job has run here yet")
        terminal.press("\x1a")
        await terminal.wait_for("There is no shell here to go back to")
        terminal.press("q")
        assert await terminal.end() == 0
        assert terminal.settings == terminal.settings_before
    await end_engine(home.paths, at_once=True)
