"""A raw asyncio HTTP server that answers what a test scripted, byte for byte, and keeps what it was asked."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any


@dataclass(frozen=True)
class Seen:
    """One request as it arrived; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = field(repr=False)
    connection: int = 0

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """`data` goes out in one piece; `then` the connection is kept ("keep"), closed ("close"), held open in
    silence ("hold"), or fed the end of `data` for ever ("repeat")."""

    data: bytes = b""
    then: str = "keep"


def reply(status: int = 200, body: object = b"", headers: dict[str, str] | None = None) -> Answer:
    """A whole answer; anything but bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
    lines = {"Content-Type": kind, "Content-Length": str(len(raw)), **(headers or {})}
    return Answer(_head(status, lines) + raw)


def html(status: int = 200, text: str = "<html><body>Bad day</body></html>") -> Answer:
    """What proxies answer."""
    return reply(status, text.encode(), {"Content-Type": "text/html"})


def cut(body: bytes = b'{"code": 200, "da', claimed: int = 1000) -> Answer:
    """Half an answer, then the connection is gone."""
    lines = {"Content-Type": "application/json", "Content-Length": str(claimed)}
    return Answer(_head(200, lines) + body, "close")


def endless(chunk: bytes = b" " * 4096) -> Answer:
    """An answer that never ends."""
    return Answer(_head(200, {"Content-Type": "application/json"}) + chunk, "repeat")


VANISH = Answer(b"", "close")
"""Reads the request and closes without a word."""
SILENCE = Answer(b"", "hold")
"""Reads the request and never answers."""


def _head(status: int, headers: dict[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase if status in set(HTTPStatus) else "Odd"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class ScriptedServer:
    """Answers in the order of `script`; a function in it gets the request. A request beyond the script is
    answered with status 599 and fails the test when the server is closed."""

    def __init__(self) -> None:
        self.script: deque[Answer | Callable[[Seen], Answer]] = deque()
        self.requests: list[Seen] = []
        self.unexpected: list[Seen] = []
        self.url = ""
        self._connections = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, *answers: Answer | Callable[[Seen], Answer]) -> None:
        self.script.extend(answers)

    @property
    def last(self) -> Seen:
        return self.requests[-1]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["ScriptedServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        assert not self.unexpected, f"requests beyond the script: {self.unexpected}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._connections += 1
        connection = self._connections
        try:
            while (seen := await self._read(reader, connection)) is not None:
                self.requests.append(seen)
                if not await self._answer(seen, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, connection: int) -> Seen | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ")
            pairs = (line.partition(":") for line in lines[1:] if line)
            headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        except asyncio.IncompleteReadError:
            return None
        return Seen(method, target, headers, body, connection)

    async def _answer(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection may go on."""
        if not self.script:
            self.unexpected.append(seen)
            answer = reply(599)
        else:
            scripted = self.script.popleft()
            answer = scripted if isinstance(scripted, Answer) else scripted(seen)
        writer.write(answer.data)
        await writer.drain()
        while answer.then == "repeat":
            writer.write(answer.data[-4096:])
            await writer.drain()
        if answer.then == "hold":
            await asyncio.Event().wait()
        return answer.then == "keep"
