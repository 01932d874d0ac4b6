"""Serves one Engine to any number of front ends on a Unix socket in the data folder. Decides nothing itself.

Commands and events cross; what can be read is read by the front end from the database. A client that does not read
loses events (one `Resynced` tells it), never time of the engine.
"""

import asyncio
import inspect
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from engine.errors import FactoryError, InputError
from engine.events import event_to_json
from engine.greeting import STOP_IT, program_version
from engine.paths import Paths
from engine.preferences import Preferences
from engine.secrets import KeyStore
from engine.service import Engine
from engine.wire import LINE_LIMIT, PROTOCOL, ProtocolError, decode, encode, error_to_json

logger = logging.getLogger(__name__)

CALLS = frozenset(
    {
        "plan_job",
        "start_job",
        "rerun_jobs",
        "pause_job",
        "resume_job",
        "stop_job",
        "remove_from_queue",
        "move_in_queue",
        "rename_job",
        "delete_jobs",
        "restore_jobs",
        "approve_images",
        "unapprove_images",
        "trash_images",
        "restore_images",
        "plan_retry",
        "retry_images",
        "plan_regeneration",
        "regenerate_images",
        "decide_tasks",
        "save_configuration",
        "delete_configuration",
        "rename_configuration",
        "export",
        "cancel_export",
        "check_sheet",
        "agencies",
        "agency_fits",
        "fitting_images",
        "edit_images",
        "reload_preferences",
        "import_electron",
        "clean",
        "progress",
        "flush_logs",
        "wait_for_job",
        "unfinished_jobs",
    }
)
"""Methods of Engine that may be called from outside."""

DEFAULT_IDLE_S = 60.0
CALLS_AT_ONCE = 500
"""Of one client; who asks more without reading the answers is not read either."""
FAREWELL_S = 1.0
"""How long a connection's last words may take; a client that does not read gets no longer."""


class EngineHost:
    """Listens until it is told to end, or until nobody is attached and nothing is to do for `idle_s` seconds."""

    def __init__(
        self, engine: Engine, socket_file: Path, *, idle_s: float | None = DEFAULT_IDLE_S, name: str = ""
    ) -> None:
        """`name` is told to clients: which services it works with, where they are not the user's."""
        self._engine = engine
        self._name = name
        self._version = program_version()
        self._socket_file = socket_file
        self._idle_s = idle_s
        self._clients: set[asyncio.Task[None]] = set()
        self._is_ending = asyncio.Event()
        self._is_forced = False
        self._methods: dict[str, Callable[..., Any]] = {name: getattr(engine, name) for name in CALLS}

    def end(self, *, at_once: bool = False) -> None:
        """Let `run` return: after the answers to paid requests have come, or at once."""
        self._is_forced = self._is_forced or at_once
        self._is_ending.set()
        if self._is_forced:
            asyncio.get_running_loop().create_task(self._engine.shut_down(at_once=True)).add_done_callback(
                _log_failure
            )

    async def run(self) -> None:
        """Serve; the socket (mode 0600) is there from the first moment and gone at the end."""
        server = await asyncio.start_unix_server(
            self._accept, sock=_bind(self._socket_file), limit=LINE_LIMIT
        )
        own_file = _identity(self._socket_file)
        idle = asyncio.create_task(self._watch_idle())
        try:
            await self._is_ending.wait()
        finally:
            idle.cancel()
            server.close()
            if _identity(self._socket_file) == own_file:  # not one of a newer engine in a folder made anew
                self._socket_file.unlink(missing_ok=True)
            await self._engine.shut_down(at_once=self._is_forced)
            for client in self._clients:
                client.cancel()
            if self._clients:
                await asyncio.wait(self._clients)

    async def _watch_idle(self) -> None:
        if self._idle_s is None:
            return
        loop = asyncio.get_running_loop()
        idle_since = loop.time()
        while True:
            await asyncio.sleep(min(1.0, self._idle_s / 4))
            if self._clients or not await self._engine.is_idle():
                idle_since = loop.time()
            elif loop.time() - idle_since >= self._idle_s:
                logger.info("nobody is attached and nothing is to do: the engine ends")
                self.end()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(client)
        client.add_done_callback(self._clients.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        calls: set[asyncio.Task[None]] = set()
        try:
            await connection.send(
                {
                    "hello": {
                        "protocol": PROTOCOL,
                        "version": self._version,
                        "pid": os.getpid(),
                        "name": self._name,
                    }
                }
            )
            while line := await reader.readline():
                task = asyncio.create_task(self._answer(connection, decode(line)), name="engine call")
                calls.add(task)
                task.add_done_callback(calls.discard)
                if len(calls) >= CALLS_AT_ONCE:
                    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        except (ConnectionError, ProtocolError, ValueError, asyncio.IncompleteReadError) as error:
            logger.info("a client was dropped: %s", error)
        finally:
            for task in calls:
                task.cancel()
            await _close(writer)

    async def _answer(self, connection: "_Connection", message: dict[str, Any]) -> None:
        call, number = str(message.get("call")), message.get("id")
        try:
            args = _arguments_of(message)
            if call == "subscribe":
                await connection.send({"id": number, "result": None})
                await self._stream_events(connection)
                return
            if call == "ping":
                await connection.send({"id": number, "result": None})
                return
            if call == "shut_down":
                await connection.send({"id": number, "result": None})
                self.end(at_once=bool(args.get("at_once")))
                return
            result = await self._call(call, args)
            await connection.send({"id": number, "result": result})
        except FactoryError as error:
            await connection.send({"id": number, "error": error_to_json(error)})
        except ConnectionError as error:
            logger.info("a client left before its answer: %s", error)
        except Exception as error:
            logger.exception("call %s", call)
            unforeseen = FactoryError(
                self._engine.mask(f"{type(error).__name__}: {error}"),
                hint="The engine's log has the details.",
            )
            await connection.send({"id": number, "error": error_to_json(unforeseen)})

    async def _call(self, name: str, args: dict[str, Any]) -> Any:
        method = self._methods.get(name)
        if method is None:
            raise ProtocolError(
                f"The engine has no call {name[:100]!r}: it is of another version.", hint=STOP_IT
            )
        hints = get_type_hints(method)
        parameters = inspect.signature(method).parameters
        try:
            values = {
                key: TypeAdapter(hints[key]).validate_python(value)
                for key, value in args.items()
                if key in parameters
            }
            bound = inspect.signature(method).bind(**values)
        except (ValidationError, TypeError) as error:
            raise InputError(f"The call {name} does not fit: {error}") from error
        result = await method(*bound.args, **bound.kwargs)
        return TypeAdapter(hints["return"]).dump_python(result, mode="json")

    async def _stream_events(self, connection: "_Connection") -> None:
        async with self._engine.subscribe() as subscription:
            while batch := await subscription.next_batch():
                await connection.send(*(event_to_json(event) for event in batch))


def _arguments_of(message: dict[str, Any]) -> dict[str, Any]:
    args = message.get("args") or {}
    if not isinstance(args, dict):
        raise ProtocolError("The arguments of a call are no object.", hint=STOP_IT)
    return args


class _Connection:
    """Writes whole lines, one writer at a time."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._lock = asyncio.Lock()

    async def send(self, *messages: dict[str, Any]) -> None:
        async with self._lock:
            self._writer.write(b"".join(encode(message) for message in messages))
            await self._writer.drain()


async def run_host(
    paths: Paths,
    preferences: Preferences,
    keys: KeyStore,
    *,
    idle_s: float | None = DEFAULT_IDLE_S,
    is_handling_signals: bool = True,
    begun: Callable[[EngineHost], None] | None = None,
    name: str = "",
) -> None:
    """Own the data folder and serve it until told to end. Raises EngineHeldError where another engine has it.

    The first SIGTERM or SIGINT ends it cleanly (every job stays resumable), a second one at once; a hang-up of the
    terminal is none of its business. `begun` is called with the host before it serves; it is the way to end it from
    within the process.
    """
    async with Engine.open(paths, preferences, keys) as engine:
        host = EngineHost(engine, paths.socket_file, idle_s=idle_s, name=name)
        if begun is not None:
            begun(host)
        if is_handling_signals:
            loop = asyncio.get_running_loop()
            signals: list[int] = []

            def on_signal(number: int) -> None:
                signals.append(number)
                host.end(at_once=len(signals) > 1)

            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, on_signal, number)
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
        await host.run()


@asynccontextmanager
async def serving(engine: Engine, socket_file: Path) -> AsyncIterator[None]:
    """Let front ends in other processes use an engine of this one while the block runs. Ends the engine with it."""
    host = EngineHost(engine, socket_file, idle_s=None)
    task = asyncio.create_task(host.run(), name="engine host")
    try:
        yield
    finally:
        host.end()
        await task


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def _bind(path: Path) -> socket.socket:
    """Only called by the holder of the folder's lock, so a socket file that is there belongs to nobody alive."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    finally:
        os.umask(before)
    return listener


async def _close(writer: asyncio.StreamWriter) -> None:
    """Let the client have what was written. One that does not read would keep the engine from ending."""
    writer.close()
    try:
        async with asyncio.timeout(FAREWELL_S):
            await writer.wait_closed()
    except ConnectionError:
        return
    except TimeoutError:
        writer.transport.abort()


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("shutting down: %s", error)
