"""The program as a process of its own, forked from one that has imported it already: see tests.support.fork_server."""

import asyncio
import atexit
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_READ_AT_START = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""What an interpreter, or a library, reads once at its start: who sets it to another value gets a real start."""


class ForkedProcess:
    """As asyncio.subprocess.Process, as far as tests use it."""

    def __init__(self, pid: int, status: asyncio.Task[int], streams: "_Streams") -> None:
        self.pid = pid
        self._status = status
        self.stdin: asyncio.StreamWriter | None = streams.stdin
        self.stdout: asyncio.StreamReader | None = streams.stdout
        self.stderr: asyncio.StreamReader | None = streams.stderr

    @property
    def returncode(self) -> int | None:
        return self._status.result() if self._status.done() else None

    async def wait(self) -> int:
        return await asyncio.shield(self._status)

    async def communicate(self, said: bytes | None = None) -> tuple[bytes, bytes]:
        assert self.stdin is not None
        assert self.stdout is not None
        assert self.stderr is not None
        if said:
            self.stdin.write(said)
        self.stdin.close()
        stdout, stderr = await asyncio.gather(self.stdout.read(), self.stderr.read())
        await self.wait()
        return stdout, stderr

    def send_signal(self, number: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


type Process = asyncio.subprocess.Process | ForkedProcess


async def start_program(
    arguments: Sequence[str], environ: Mapping[str, str], *, is_strict: bool = False, is_forked: bool = True
) -> Process:
    """`gimf ARGUMENTS` with pipes to it; `is_strict`: a resource that is left open is an error."""
    if not is_forked or not _can_fork(environ):
        strictness = ("-W", "error::ResourceWarning") if is_strict else ()
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *strictness,
            "-m",
            "tui.cli",
            *arguments,
            cwd=ROOT,
            env=dict(environ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    request = {
        "arguments": list(arguments),
        "environ": dict(environ),
        "cwd": str(ROOT),
        "is_strict": is_strict,
    }
    stdin_end, stdin = os.pipe()
    stdout, stdout_end = os.pipe()
    stderr, stderr_end = os.pipe()
    reply, reply_end = os.pipe()
    theirs = [stdin_end, stdout_end, stderr_end, reply_end]
    try:
        socket.send_fds(_server(), [json.dumps(request).encode()], theirs)
    finally:
        for fd in theirs:
            os.close(fd)
    told = await _reader(reply)
    streams = _Streams(await _writer(stdin), await _reader(stdout), await _reader(stderr))
    pid = int(await told.readline())
    return ForkedProcess(pid, asyncio.create_task(_status(told)), streams)


class _Streams:
    def __init__(
        self, stdin: asyncio.StreamWriter, stdout: asyncio.StreamReader, stderr: asyncio.StreamReader
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


async def _status(told: asyncio.StreamReader) -> int:
    return int(await told.read())  # to its end, so that its transport is closed


async def _reader(fd: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), io.FileIO(fd, "r")
    )
    return reader


async def _writer(fd: int) -> asyncio.StreamWriter:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, io.FileIO(fd, "w"))
    return asyncio.StreamWriter(transport, protocol, None, loop)


def _can_fork(environ: Mapping[str, str]) -> bool:
    names = [name for name in environ if name in _READ_AT_START or name.startswith("PYTHON")]
    return hasattr(os, "pidfd_open") and all(environ[name] == os.environ.get(name) for name in names)


@cache
def _server() -> socket.socket:
    """Our end of the control socket of this test process's own server, which ends when it is closed."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.fork_server", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        server.wait(10)

    atexit.register(end)
    return ours
