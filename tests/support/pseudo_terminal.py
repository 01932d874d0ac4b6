"""A program in a pseudo terminal whose other end a test holds: it can read, type, and stop reading."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ROOT = Path(__file__).parents[2]
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")


class PseudoTerminal:
    """Reads in the background while `is_reading`; answers the question what it is, as every terminal does."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], *, size: tuple[int, int] = (120, 36)
    ) -> None:
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        self.settings_before = self.settings
        self.written = bytearray()
        self._is_hung_up = False
        self.process = subprocess.Popen(
            command,
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            cwd=ROOT,
            env={**environ, "TERM": "xterm-256color"},
            start_new_session=True,
            # Its own controlling terminal, so that a hang-up reaches it.
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - no thread runs here
        )
        self.is_reading = False
        self.read()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
        await asyncio.to_thread(self.process.wait)
        if not self._is_hung_up:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the line; the program gets SIGHUP, and an error for everything that it writes."""
        self._is_hung_up = True
        self.stall()
        os.close(self._slave)
        os.close(self._master)

    @property
    def settings(self) -> list[Any]:
        """What the program has made of the terminal."""
        return termios.tcgetattr(self._slave)

    @property
    def text(self) -> str:
        """Everything written so far, without escape sequences."""
        return _ESCAPES.sub(b"", bytes(self.written)).decode(errors="replace")

    def read(self) -> None:
        """Take what the program writes, from now on."""
        if not self.is_reading:
            self.is_reading = True
            asyncio.get_running_loop().add_reader(self._master, self._take)

    def stall(self) -> None:
        """Read nothing any more, as a terminal at the end of a dead line."""
        if self.is_reading:
            self.is_reading = False
            asyncio.get_running_loop().remove_reader(self._master)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._master, keys.encode())

    async def wait_for(self, text: str, seconds: float = 30.0) -> None:
        """Until the program has written it."""
        async with asyncio.timeout(seconds):
            while text not in self.text:
                assert self.process.poll() is None, (
                    f"it ended with {self.process.poll()}: {self.text[-2_000:]}"
                )
                await asyncio.sleep(0.02)

    async def end(self, seconds: float = 30.0) -> int:
        """Wait for the program's end; its exit status, a signal's number negative."""
        async with asyncio.timeout(seconds):
            while (status := self.process.poll()) is None:
                await asyncio.sleep(0.02)
        return status

    def _take(self) -> None:
        try:
            data = os.read(self._master, 65_536)
        except OSError:
            self.stall()
            return
        self.written += data
        if b"\x1b[c" in data:
            os.write(self._master, b"\x1b[?62;22c")
