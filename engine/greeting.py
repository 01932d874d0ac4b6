"""The first words on an engine's socket: who is there, whether it is ours and of our version, and how it is asked to
end. They stay the same in every version of the program, so that one can speak to another."""

import asyncio
import contextlib
import os
import socket
import struct
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine.errors import EngineSilentError, EngineUnreachableError, InputError
from engine.lock import holder_of
from engine.paths import Paths
from engine.text import clean_text
from engine.wire import LINE_LIMIT, PROTOCOL, ProtocolError, decode, encode

CONNECT_TIMEOUT_S = 5.0
STOP_IT = "`gimf engine stop` ends it, its jobs stay resumable; then start again."


@dataclass(frozen=True, slots=True)
class Hello:
    """What the host says first."""

    protocol: int
    version: str
    pid: int
    name: str


@dataclass(frozen=True, slots=True)
class Line:
    """A connection to an engine of whatever version."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    hello: Hello

    async def close(self) -> None:
        await close_writer(self.writer)


async def close_writer(writer: asyncio.StreamWriter) -> None:
    """Close a connection that may be broken already."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@cache
def program_version() -> str:
    """The installed version, as it was when this process first asked: another may be put in its place meanwhile.
    `0+unknown` in a checkout that was never installed."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - it takes as long as all the rest

    try:
        return version("gen-image-factory")
    except PackageNotFoundError:
        return "0+unknown"


async def open_line(paths: Paths) -> Line:
    """Reach the engine that holds the folder and hear its first words.

    Raises EngineUnreachableError where none listens, EngineSilentError where one says nothing, InputError where the
    socket is another user's.
    """
    nobody = EngineUnreachableError(
        f"No engine answers in {paths.data_dir}.", hint="`gimf engine start` starts one."
    )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(str(paths.socket_file), limit=LINE_LIMIT)
    except TimeoutError as error:
        raise engine_is_silent(holder_of(paths.lock_file)) from error
    except OSError as error:
        raise nobody from error
    try:
        _refuse_others(writer, paths.socket_file)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            hello = _hello_of(decode(await reader.readline()).get("hello"))
    except BaseException as error:
        await close_writer(writer)
        if isinstance(error, TimeoutError):
            raise engine_is_silent(holder_of(paths.lock_file)) from error
        if isinstance(error, OSError | ProtocolError | ValueError):
            raise nobody from error
        raise
    return Line(reader, writer, hello)


async def end_engine(paths: Paths, *, at_once: bool = False) -> int | None:
    """Ask the folder's engine, of whatever version, to end, and wait until it has; its process id, None where none
    ran. Raises EngineSilentError, InputError."""
    try:
        line = await open_line(paths)
    except EngineUnreachableError:
        return None
    try:
        line.writer.write(encode({"id": 1, "call": "shut_down", "args": {"at_once": at_once}}))
        with contextlib.suppress(OSError):
            await line.writer.drain()
            while await line.reader.read(65_536):
                pass
    finally:
        await line.close()
    return line.hello.pid


def other_version(hello: Hello, *, is_newer: bool | None = None, why: str = "") -> ProtocolError:
    """Why a client of this version cannot work with that engine, and what to do."""
    is_newer = hello.protocol > PROTOCOL if is_newer is None else is_newer
    return ProtocolError(
        f"The running engine is version {hello.version}, {'newer' if is_newer else 'older'} than this program"
        f" ({program_version()}); its jobs go on.{f' {why}.' if why else ''}",
        hint=f"Use the newer program; or {STOP_IT}" if is_newer else STOP_IT,
    )


def version_notice(hello: Hello) -> str:
    """What is to be said where both understand each other and yet are not the same; empty where they are."""
    own = program_version()
    if hello.version == own:
        return ""
    return f"The running engine is version {hello.version}, this program {own}. {STOP_IT}"


def engine_is_silent(pid: int | None) -> EngineSilentError:
    """The error for an engine that is there and says nothing."""
    who = "The engine" if pid is None else f"The engine (process {pid})"
    hint = "Look at what its machine is doing."
    if pid is not None:
        hint = (
            f"If it was stopped, `kill -CONT {pid}` lets it go on; `kill -9 {pid}` ends it, and the next start "
            "goes on where it was."
        )
    return EngineSilentError(f"{who} does not answer.", hint=hint, pid=pid)


def _hello_of(said: object) -> Hello:
    """Whatever its version says; what is missing is nothing that a version without it could do harm with."""
    if not isinstance(said, dict):
        return Hello(0, "unknown", 0, "")
    protocol, pid = said.get("protocol"), said.get("pid")
    return Hello(
        protocol if isinstance(protocol, int) else 0,
        clean_text(str(said.get("version", "unknown")), limit=40),
        pid if isinstance(pid, int) else 0,
        str(said.get("name", "")),
    )


def _refuse_others(writer: asyncio.StreamWriter, path: Path) -> None:
    """A folder that several may write to lets anybody listen there first."""
    own = os.getuid()
    if hasattr(socket, "SO_PEERCRED"):
        facts = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        owner = struct.unpack("iII", facts)[1]
    else:
        owner = path.stat().st_uid
    if owner != own:
        raise InputError(
            f"The engine behind {path} belongs to another user (number {owner}).",
            hint="Choose a data folder of your own with --home.",
        )
