"""A program in a pseudo terminal, for benchmarks: what it writes, and when, without anything between."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[2]
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?<=>]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[@-Z\\-_])"
)
_ASKS_WHAT_IT_IS = b"\x1b[c"
_ANSWER = b"\x1b[?62;22c"


class Terminal:
    """Reads all the time, as a terminal does, and says that it is a plain one when it is asked."""

    def __init__(
        self, command: Sequence[str], environ: Mapping[str, str], size: tuple[int, int] = (120, 36)
    ) -> None:
        self._master, slave = pty.openpty()
        columns, rows = size
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._condition = threading.Condition()
        self._written = bytearray()
        self._from = 0
        self.begun = time.perf_counter()
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=ROOT,
            env={**environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        os.close(self._master)

    @property
    def bytes_written(self) -> int:
        """So far."""
        with self._condition:
            return len(self._written)

    @property
    def text_after_press(self) -> bytes:
        """What was written after the last press, without escape sequences."""
        with self._condition:
            return self._text()

    def press(self, keys: str) -> float:
        """Send keys; the moment at which they were sent. What was written before does not count any more."""
        with self._condition:
            self._from = len(self._written)
        moment = time.perf_counter()
        os.write(self._master, keys.encode())
        return moment

    def wait_for(self, pattern: str, seconds: float = 30.0) -> float:
        """The moment at which text that fits was written after the last press; escape sequences are left out."""
        wanted = re.compile(pattern.encode())
        with self._condition:
            is_there = self._condition.wait_for(lambda: wanted.search(self._text()) is not None, seconds)
            if not is_there:
                raise TimeoutError(f"{pattern!r} did not appear, but {self._text()[-2_000:]!r}")
        return time.perf_counter()

    def wait_for_bytes(self, is_there: Callable[[bytes], bool], seconds: float = 30.0) -> float:
        """The moment at which what was written after the last press fits, escape sequences and all."""
        with self._condition:
            if not self._condition.wait_for(lambda: is_there(bytes(self._written[self._from :])), seconds):
                raise TimeoutError(f"it did not appear, but {self._text()[-2_000:]!r}")
        return time.perf_counter()

    def _text(self) -> bytes:
        return _ESCAPES.sub(b"", bytes(self._written[self._from :]))

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65_536)
            except OSError:  # the program has ended
                return
            if not data:
                return
            if _ASKS_WHAT_IT_IS in data:
                os.write(self._master, _ANSWER)
            with self._condition:
                self._written += data
                self._condition.notify_all()
