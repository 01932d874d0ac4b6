"""Terminals of every kind, sizes that change, and things that break: the program stays usable, or says plainly what is
wrong and where the details are; no traceback ever reaches the screen.
"""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from engine.client import EngineClient
from engine.errors import EngineUnreachableError
from engine.greeting import end_engine
from engine.paths import Paths
from tests.acceptance.test_terminal_story import GIMF, plain_environ
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job
from tests.support.tmux import PROMPT, Tmux, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

LEAVES_ALTERNATE_SCREEN = b"\x1b[?1049l"


def words(screen: str) -> str:
    """The text of a screen with single spaces, wherever lines were broken."""
    return " ".join(screen.split())


def assert_no_traceback(tmux: Tmux) -> None:
    assert "Traceback" not in tmux.written.decode(errors="replace")


async def test_sizes_that_change_focus_and_redraw(tmp_path: Path) -> None:
    """With pictures on the screen, whose small copies vanish meanwhile."""
    async with engine_home(tmp_path / "g", reject_share=1.0) as home:
        async with home.open() as engine:
            await finished_job(engine, 3)
        environ = {**plain_environ(), **home.environ}
        async with tmux_terminal(tmp_path / "tmux", environ, (80, 24)) as tmux:
            await tmux.run(f"clear; LC_ALL=C NO_COLOR=1 {GIMF} --home '{home.root}'")
            await tmux.until("the dashboard", lambda text: "completed #1" in text)
            await tmux.press("3")
            await tmux.until("a picture", lambda text: "[Failed 3]" in text and "▀▀▀▀" in text)
            await tmux.resize(300, 50)
            await tmux.until("a wide screen", lambda text: len(text.splitlines()[0]) > 280 and "▀▀▀▀" in text)
            await tmux.resize(50, 12)
            screen = await tmux.wait_for("gimf needs 60x16")
            assert "▀" not in screen
            await tmux.resize(120, 36)
            await tmux.until("the review again", lambda text: "[Failed 3]" in text and "▀▀▀▀" in text)
            shutil.rmtree(home.paths.previews_dir)
            await tmux.ask("send-keys", "-H", *["1b", "5b", "4f", "1b", "5b", "49"])  # focus lost, and gained
            await tmux.press("C-l", "G")
            await tmux.until("the third image", lambda text: "image" in text and "[Failed 3]" in text)
            await tmux.press("i")
            await tmux.until("its facts", lambda text: "prompt  " in text and "[Failed 3]" in text)
            await tmux.press("q")
            await tmux.wait_for(PROMPT)
            assert LEAVES_ALTERNATE_SCREEN in tmux.written
            assert_no_traceback(tmux)
        await end_engine(home.paths, at_once=True)


async def test_terminals_that_cannot_and_files_that_are_wrong(tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path / "g", {})
    paths.ensure()
    paths.database_file.write_bytes(os.urandom(20_000))
    gimf = f"{GIMF} --home '{tmp_path / 'g'}'"
    async with tmux_terminal(tmp_path / "tmux", plain_environ(), (100, 30)) as tmux:
        for terminal in ("TERM=dumb ", "TERM=xterm "):
            await tmux.run(
                f"clear; {terminal}{gimf}{' </dev/null' if 'xterm' in terminal else ''}; echo status $?"
            )
            await tmux.until(
                "status 2", lambda text: "needs a terminal" in words(text) and "status 2" in text
            )
        assert b"\x1b[?1049h" not in tmux.written, "nothing was drawn"

        paths.config_file.write_text("theme = [\n")
        await tmux.run(f"clear; {gimf}; echo status $?")
        await tmux.until(
            "status 2",
            lambda text: "config.toml" in text and "not valid TOML" in words(text) and "status 2" in text,
        )

        paths.config_file.write_text('theme = "mauve"\nunheard = 1\n')
        await tmux.run(f"clear; TERM=xterm {gimf}; echo status $?")
        await tmux.until("both warnings", lambda text: "no theme mauve" in text and "unheard" in text)
        screen = await tmux.until(
            "what is wrong", lambda text: "is not a whole database" in words(text) and "gimf.log" in text
        )
        assert "Nothing is at work" not in screen
        await tmux.press("3")
        await tmux.wait_for("[Failed]")
        await tmux.until("still", lambda text: "is not a whole database" in words(text))
        await tmux.press("q")
        await tmux.until("the shell", lambda text: "status 0" in text)
        assert_no_traceback(tmux)
    assert "is not a whole database" in paths.log_file.read_text()


async def next_engine(home: EngineHome, before: int) -> int:
    """The process of the engine that answers after the one before is gone."""
    async with asyncio.timeout(40):
        while True:
            try:
                async with EngineClient.connect(home.paths) as client:
                    if client.engine_pid != before:
                        return client.engine_pid
            except EngineUnreachableError:
                await asyncio.sleep(0.1)


async def test_an_engine_that_dies_is_said_and_started_again(home: EngineHome, tmp_path: Path) -> None:
    async with tmux_terminal(tmp_path / "tmux", {**plain_environ(), **home.environ}, (100, 30)) as tmux:
        await tmux.run(f"clear; {GIMF} --home '{home.root}'")
        await tmux.wait_for("No job has run here yet")
        async with EngineClient.connect(home.paths) as client:
            first = client.engine_pid
        os.kill(first, signal.SIGKILL)
        assert await next_engine(home, first) != first
        await tmux.wait_for("queue 0")
        await tmux.press("q")
        await tmux.wait_for(PROMPT)
        assert_no_traceback(tmux)
    await end_engine(home.paths, at_once=True)
