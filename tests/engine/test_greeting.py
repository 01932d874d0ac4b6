"""The first words on the socket: an engine that says nothing, one of another version, one that is another user's."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from importlib import metadata

import pytest

from db.migrate import migration_files
from engine import greeting, heartbeat, host
from engine.client import EngineClient
from engine.errors import EngineSilentError, EngineUnreachableError, InputError
from engine.events import EngineAnswers, EngineSilent, Resynced
from engine.greeting import close_writer, end_engine, open_line, program_version
from engine.host import EngineHost
from engine.lock import FolderLock
from engine.views import JobStatus
from engine.wire import PROTOCOL, ProtocolError, decode, encode
from tests.support.engine import EngineHome, Listener, request, until


@asynccontextmanager
async def listening(home: EngineHome, hello: Mapping[str, object] | None) -> AsyncIterator[asyncio.Event]:
    """Something on the home's socket that says hello, if anything, and answers calls while the event is set."""
    home.paths.ensure()
    speaks = asyncio.Event()
    speaks.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if hello is not None:
            writer.write(encode({"hello": {"pid": 4711, "name": "", "version": program_version(), **hello}}))
        while line := await reader.readline():
            await speaks.wait()
            writer.write(encode({"id": decode(line)["id"], "result": None}))
        await close_writer(writer)

    server = await asyncio.start_unix_server(serve, str(home.paths.socket_file))
    async with server:
        yield speaks


async def test_an_engine_that_says_nothing_is_not_taken_for_none(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(greeting, "CONNECT_TIMEOUT_S", 0.2)
    async with listening(home, None):
        with FolderLock(home.paths.lock_file):
            with pytest.raises(EngineSilentError, match=f"process {os.getpid()}") as told:
                await open_line(home.paths)
            assert f"kill -CONT {os.getpid()}" in told.value.hint
            with pytest.raises(EngineSilentError):
                await end_engine(home.paths)
    with pytest.raises(EngineUnreachableError):
        await open_line(home.paths)
    assert await end_engine(home.paths) is None


@pytest.mark.parametrize("said", [{}, {"protocol": "1"}, {"protocol": PROTOCOL + 1, "version": "9.9\x1b[2J"}])
async def test_whatever_another_version_says_is_understood(home: EngineHome, said: dict[str, object]) -> None:
    async with listening(home, said):
        with pytest.raises(ProtocolError, match="its jobs go on") as told:
            async with EngineClient.connect(home.paths):
                pass
    assert "`gimf engine stop`" in told.value.hint
    assert "\x1b" not in told.value.message


@pytest.mark.parametrize(("step", "word"), [(1, "newer"), (-1, "older")])
async def test_tables_of_another_version_are_its_fault(home: EngineHome, step: int, word: str) -> None:
    """The protocol is the same; without the versions it would be said that the database has to be migrated."""
    async with home.open():
        pass
    with closing(sqlite3.connect(home.paths.database_file)) as connection:
        connection.execute(f"PRAGMA user_version = {len(migration_files()) + step}")
    async with listening(home, {"protocol": PROTOCOL, "version": "9.9"}):
        with pytest.raises(ProtocolError, match=f"9.9, {word} than this program"):
            async with EngineClient.connect(home.paths):
                pass


async def test_an_engine_of_another_protocol_can_be_ended(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its job stays resumable."""
    home.script({"service": "piapi", "operation": "poll", "action": "hang"})
    async with home.open() as engine:
        monkeypatch.setattr(host, "PROTOCOL", PROTOCOL + 1)
        serving = asyncio.create_task(EngineHost(engine, home.paths.socket_file, idle_s=None).run())
        job = await engine.start_job(request())
        await until(lambda: bool(home.requests("piapi", "poll")))
        with pytest.raises(ProtocolError):
            async with EngineClient.connect(home.paths):
                pass
        assert (await engine.job(job.job_id)).status is JobStatus.RUNNING
        assert await end_engine(home.paths, at_once=True) == os.getpid()
        await serving
        assert (await engine.job(job.job_id)).status is JobStatus.INTERRUPTED


async def test_a_host_tells_the_version_that_it_began_with(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not that of the files that have been put in their place meanwhile."""
    began = program_version()
    monkeypatch.setattr(metadata, "version", lambda _: "9.9")
    async with home.open() as engine:
        host = EngineHost(engine, home.paths.socket_file, idle_s=None)
        serving = asyncio.create_task(host.run())
        await until(home.paths.socket_file.exists)
        program_version.cache_clear()  # this side is a program that is started now
        try:
            async with EngineClient.connect(home.paths) as client:
                notice = client.version_notice
        finally:
            program_version.cache_clear()
        host.end()
        await serving
    assert f"version {began}, this program 9.9" in notice


async def test_the_same_version_is_nothing_to_tell(home: EngineHome) -> None:
    async with home.open():
        pass
    async with listening(home, {"protocol": PROTOCOL}), EngineClient.connect(home.paths) as client:
        assert client.version_notice == ""


async def test_an_engine_of_another_user_is_refused(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = os.getuid() + 1
    async with listening(home, {"protocol": PROTOCOL}):
        monkeypatch.setattr(os, "getuid", lambda: other)
        with pytest.raises(InputError, match="another user"):
            await open_line(home.paths)
        with pytest.raises(InputError, match="another user"):
            await end_engine(home.paths)


async def test_silence_is_told_and_its_end(home: EngineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are refused meanwhile: they would be carried out later, when nobody expects it any more."""
    monkeypatch.setattr(heartbeat, "QUIET_S", 0.05)
    monkeypatch.setattr(heartbeat, "PATIENCE_S", 0.1)
    async with home.open():
        pass
    async with (
        listening(home, {"protocol": PROTOCOL}) as speaks,
        EngineClient.connect(home.paths) as client,
        Listener(client) as heard,
    ):
        await asyncio.sleep(0.3)
        assert heard.events == [], "an engine that has nothing to say is not silent"
        speaks.clear()
        await heard.wait_for(EngineSilent, pid=4711)
        with pytest.raises(EngineSilentError, match="4711"):
            await client.pause_job("j8k2m4n6")
        assert (await client.totals()).jobs == 0  # what can be read still answers
        speaks.set()
        await heard.wait_for(EngineAnswers)
        await heard.wait_for(Resynced)
        await client.pause_job("j8k2m4n6")
        assert len(heard.of(EngineSilent)) == 1
