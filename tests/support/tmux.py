"""A terminal that can be looked at: a tmux server of a test's own, with one pane in which a shell runs.

Keys are typed as a person types them, and the screen is read as it stands. Nothing here sleeps for time.
"""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

PATIENCE_S = 40.0
LOOK_EVERY_S = 0.05
PROMPT = "ready>"


class Tmux:
    """One pane of a private server."""

    def __init__(self, socket: Path, environ: Mapping[str, str], written: Path) -> None:
        self._socket = socket
        self._environ = dict(environ)
        self._written = written

    async def begin(self, size: tuple[int, int], *, terminal: str = "") -> None:
        """Start the server with a shell in a window of that size, columns and rows."""
        await self.ask(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1])),
            "exec sh -i",
        )
        await self.ask("set-option", "-s", "escape-time", "10")
        if terminal:
            await self.ask("set-option", "-g", "default-terminal", terminal)
        await self.ask("pipe-pane", "-O", f"cat >>'{self._written}'")

    async def ask(self, *arguments: str) -> str:
        """What tmux answers to a command of its own."""
        process = await asyncio.create_subprocess_exec(
            "tmux",
            *("-S", str(self._socket)),
            *arguments,
            env=self._environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        answer, said = await process.communicate()
        assert process.returncode == 0, f"tmux {arguments}: {said.decode()}"
        return answer.decode(errors="replace")

    @property
    def written(self) -> bytes:
        """Every byte that came to the pane."""
        return self._written.read_bytes() if self._written.exists() else b""

    async def screen(self) -> str:
        """The text that is on the screen now."""
        return await self.ask("capture-pane", "-p")

    async def press(self, *keys: str) -> None:
        """Keys by tmux's names: `a`, `Enter`, `Escape`, `C-l`, `PageDown`."""
        await self.ask("send-keys", *keys)

    async def type(self, text: str) -> None:
        """Characters as they are."""
        await self.ask("send-keys", "-l", text)

    async def run(self, command: str) -> None:
        """A line for the shell."""
        await self.type(command)
        await self.press("Enter")

    async def resize(self, columns: int, rows: int) -> None:
        """Another size for the window."""
        await self.ask("resize-window", "-x", str(columns), "-y", str(rows))

    async def state(self, variable: str) -> str:
        """What tmux knows of the pane: `alternate_on`, `cursor_flag`, `pane_title`, `mouse_any_flag`."""
        return (await self.ask("display-message", "-p", f"#{{{variable}}}")).strip()

    async def until(self, what: str, is_there: Callable[[str], bool], seconds: float = PATIENCE_S) -> str:
        """Look until the screen is as wanted; that screen. `what` says what was missed."""
        screen = ""
        try:
            async with asyncio.timeout(seconds):
                while not is_there(screen := await self.screen()):
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            pytest.fail(f"{what} did not come; the screen was\n{screen}")
        return screen

    async def wait_for(self, text: str, seconds: float = PATIENCE_S) -> str:
        """Until the text is on the screen; that screen."""
        return await self.until(repr(text), lambda screen: text in screen, seconds)

    async def match(self, pattern: str, seconds: float = PATIENCE_S) -> str:
        """Until the screen has text that fits the pattern; that screen."""
        return await self.until(
            f"what fits {pattern!r}", lambda screen: re.search(pattern, screen) is not None, seconds
        )

    async def wait_without(self, text: str, seconds: float = PATIENCE_S) -> str:
        """Until the text has left the screen; that screen."""
        return await self.until(f"a screen without {text!r}", lambda screen: text not in screen, seconds)


@asynccontextmanager
async def tmux_terminal(
    folder: Path,
    environ: Mapping[str, str],
    size: tuple[int, int] = (120, 36),
    *,
    terminal: str = "",
) -> AsyncIterator[Tmux]:
    """A terminal with a shell that waits for commands; skipped, with the reason, without tmux."""
    if shutil.which("tmux") is None:
        pytest.skip("not installed: tmux")
    folder.mkdir(parents=True, exist_ok=True)
    profile = folder / "profile"
    profile.write_text(f"PS1='{PROMPT} '\n")
    tmux = Tmux(folder / "t", {**environ, "ENV": str(profile)}, folder / "written")
    await tmux.begin(size, terminal=terminal)
    try:
        await tmux.wait_for(PROMPT)
        yield tmux
    finally:
        await tmux.ask("kill-server")
