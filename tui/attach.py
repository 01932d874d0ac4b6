"""Reaches the engine of a data folder over its socket, and starts one where none answers: as a process of its own,
which outlives the window, or (`--in-process`) on a thread of this one. Decides nothing about jobs."""

import asyncio
import contextlib
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineHeldError, EngineUnreachableError, FactoryError
from engine.explain import explain
from engine.paths import Paths
from engine.secrets import KeyStore

if TYPE_CHECKING:
    from engine.client import EngineClient
    from engine.host import EngineHost
    from engine.preferences import Preferences

START_SECONDS = 30.0
HELD_SECONDS = 2.0
POLL_S = 0.05
HELD_STATUS = 75
_SAID_LIMIT = 2_000


class EngineStartError(FactoryError):
    """The engine's process ended before it answered."""

    code = "engine_start"


class EngineProcess:
    """Starts engines as processes that outlive this one. Keys and base URLs reach them by the environment only."""

    def __init__(
        self,
        paths: Paths,
        environ: Mapping[str, str],
        home: str | None,
        *,
        idle_s: float | None = None,
        is_demo: bool = False,
    ) -> None:
        """`is_demo`: an engine that is started here has a simulator of its own for services."""
        self._paths = paths
        self._environ = dict(environ)
        self._home = home
        self._idle_s = idle_s
        self._is_demo = is_demo

    @asynccontextmanager
    async def attach(self) -> AsyncIterator["EngineClient"]:
        """Attach, after starting an engine where none answers. Raises EngineStartError, EngineUnreachableError,
        EngineHeldError (with it EngineSilentError), and ProtocolError for an engine of another version."""
        async with AsyncExitStack() as stack:
            try:
                client = await _connect(self._paths, stack)
            except EngineUnreachableError:
                await self._start()
                client = await _connect(self._paths, stack)
            yield client

    async def _start(self) -> None:
        self._paths.ensure()
        said = self._paths.data_dir / "engine.out"
        process = await asyncio.to_thread(self._spawn, said)
        # Whoever started a process has to take its exit status; the thread does, whenever the engine ends.
        threading.Thread(target=process.wait, name="engine process", daemon=True).start()
        await _until_it_answers(self._paths, process, said)

    def _spawn(self, said: Path) -> subprocess.Popen[bytes]:
        home = [] if self._home is None else ["--home", self._home]
        idle = [] if self._idle_s is None else ["--idle", f"{self._idle_s:g}"]
        demo = ["--demo"] if self._is_demo else []
        with said.open("wb") as output:
            return subprocess.Popen(  # noqa: S603 - our own program and a folder that the user named
                [sys.executable, "-m", "tui.cli", *home, "engine", "host", *idle, *demo],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )


async def _connect(paths: Paths, stack: AsyncExitStack) -> "EngineClient":
    """Raises EngineUnreachableError. Imports beside the event loop: the first paint does not wait for it."""
    client_class = await asyncio.to_thread(_client_class)
    return await stack.enter_async_context(client_class.connect(paths))


def _client_class() -> "type[EngineClient]":
    from engine.client import EngineClient  # noqa: PLC0415 - see _connect

    return EngineClient


async def _until_it_answers(paths: Paths, process: subprocess.Popen[bytes], said: Path) -> None:
    """Return when a connection is accepted; of two that start at once the other one's engine will do."""
    loop = asyncio.get_running_loop()
    patience_until = loop.time() + START_SECONDS
    while not await answers(paths):
        status = process.poll()
        if status == HELD_STATUS:
            # Its holder may listen soon, or be a command that has the folder only for a moment.
            patience_until = min(patience_until, loop.time() + HELD_SECONDS)
        elif status is not None:
            raise EngineStartError(f"The engine did not start: {_last_words(said)}", hint=f"See {said}.")
        if loop.time() > patience_until:
            if status == HELD_STATUS:
                raise EngineHeldError(
                    _last_words(said), hint="End the other program, or choose another --home."
                )
            raise EngineStartError("The engine does not answer.", hint=f"See {paths.log_file}.")
        await asyncio.sleep(POLL_S)


async def answers(paths: Paths) -> bool:
    """Whether something listens on the folder's socket."""
    try:
        _, writer = await asyncio.open_unix_connection(str(paths.socket_file))
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def _last_words(said: Path) -> str:
    try:
        text = said.read_text("utf-8", "replace").strip()
    except OSError:
        text = ""
    _, error, after = f"\n{text}".rpartition("\nerror: ")
    return " ".join((after if error else text).split())[-_SAID_LIMIT:] or "it said nothing"


class EngineThread:
    """Runs the engine on a thread and an event loop of its own, for `--in-process`: it ends with the program."""

    def __init__(self, paths: Paths, preferences: "Preferences", keys: KeyStore) -> None:
        self._paths = paths
        self._preferences = preferences
        self._keys = keys
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._host: EngineHost | None = None
        self._failure: Exception | None = None

    @asynccontextmanager
    async def attach(self) -> AsyncIterator["EngineClient"]:
        """Attach through the same socket as any other front end. Raises what the engine could not start for."""
        if self._thread is None or not self._thread.is_alive():
            self._failure = None
            self._thread = threading.Thread(target=self._run, name="engine")
            self._thread.start()
        while not await answers(self._paths):
            if not self._thread.is_alive():
                raise self._failure or EngineStartError("The engine ended before it answered.")
            await asyncio.sleep(POLL_S)
        async with AsyncExitStack() as stack:
            yield await _connect(self._paths, stack)

    def stop(self) -> None:
        """End the engine after the answers to paid requests have come, and wait for it."""
        if self._thread is None:
            return
        if self._loop is not None and self._host is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._host.end)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # noqa: BLE001 - told to whoever waits for the thread
            self._failure = explain(error) or EngineStartError(f"{type(error).__name__}: {error}")

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        from engine.host import run_host  # noqa: PLC0415 - all of the engine, where it is wanted in this process

        await run_host(
            self._paths,
            self._preferences,
            self._keys,
            idle_s=None,
            is_handling_signals=False,
            begun=self._begun,
        )

    def _begun(self, host: "EngineHost") -> None:
        self._host = host
