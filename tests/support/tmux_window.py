"""The program in a tmux window: keys are typed into it, and what it shows is read as text."""

import asyncio
import os
import re
import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.engine import EngineHome

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
LOOK_S = 0.02
_KEPT = ("PATH", "LANG", "LC_ALL", "HOME")


class TmuxWindow:
    """One window on a tmux server of its own."""

    def __init__(self, socket: str, environ: Mapping[str, str]) -> None:
        self._command = ("tmux", "-L", socket, "-f", os.devnull)
        self._environ = dict(environ)

    async def run(self, *arguments: str) -> str:
        """One command of tmux; what it prints."""
        status, stdout, stderr = await self.ask(*arguments)
        assert status == 0, stderr
        return stdout

    async def ask(self, *arguments: str) -> tuple[int, str, str]:
        """One command of tmux that may fail: its status, and what it says."""
        process = await asyncio.create_subprocess_exec(
            *self._command,
            *arguments,
            cwd=ROOT,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        stdout, stderr = await process.communicate()
        assert process.returncode is not None
        return process.returncode, stdout.decode(), stderr.decode()

    async def press(self, *keys: str) -> None:
        """Type these; names as tmux has them (`Enter`, `C-r`)."""
        await self.run("send-keys", *keys)

    async def screen(self) -> str:
        """All lines, without colours."""
        return await self.run("capture-pane", "-p")

    async def until_gone(self) -> None:
        """Wait for the end of the program."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.ask("has-session"))[0] == 0:
                await asyncio.sleep(LOOK_S)

    async def until(self, pattern: str) -> str:
        """Wait until the screen has text that fits; the whole of it. Fails the test with the screen otherwise."""
        shown = ""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while re.search(pattern, shown) is None:
                    await asyncio.sleep(LOOK_S)
                    shown = await self.screen()
        except TimeoutError:
            pytest.fail(f"{pattern!r} did not appear:\n{shown}")
        return shown


@asynccontextmanager
async def program_in_tmux(
    home: EngineHome, *options: str, size: tuple[int, int] = (120, 36)
) -> AsyncIterator[TmuxWindow]:
    """The full-screen program on that home; the test is skipped where tmux is not installed."""
    if shutil.which("tmux") is None:
        pytest.skip("not installed: tmux")
    environ = {
        **{name: value for name, value in os.environ.items() if name in _KEPT},
        **home.environ,
        "GIMF_HOME": str(home.root),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONPATH": str(ROOT),
        "TERM": "xterm-256color",
    }
    environ.setdefault("LANG", "C.UTF-8")
    window = TmuxWindow(f"gimf-{uuid.uuid4().hex[:12]}", environ)
    columns, rows = size
    command = (sys.executable, "-m", "tui", *options)
    await window.run("new-session", "-d", "-x", str(columns), "-y", str(rows), *command)
    try:
        yield window
    finally:
        await window.ask("kill-server")
