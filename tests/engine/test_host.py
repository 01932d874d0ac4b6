"""The engine behind its socket: what a front end in another process gets, and what it cannot do to the engine."""

import asyncio
import contextlib
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from engine import host as host_module
from engine.api import ImageQuery, LogQuery
from engine.client import EngineClient
from engine.errors import ConflictError, EngineHeldError, EngineUnreachableError, NotFoundError, SettingsError
from engine.events import EngineLost, JobCreated, JobFinished, JobProgressed, LogRecorded, Resynced
from engine.host import EngineHost, run_host
from engine.preferences import save_preferences
from engine.service import Engine
from engine.views import JobStatus
from engine.wire import PROTOCOL, ProtocolError, decode, encode
from tests.support.engine import EngineHome, Listener, request, settings, until

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def hosted(home: EngineHome, *, idle_s: float | None = None) -> AsyncIterator[Engine]:
    """An engine on the home that listens on its socket."""
    async with home.open() as engine:
        host = EngineHost(engine, home.paths.socket_file, idle_s=idle_s)
        serving = asyncio.create_task(host.run())
        await until(lambda: _listens(home.paths.socket_file))
        try:
            yield engine
        finally:
            host.end()
            await serving


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


async def test_a_job_runs_through_a_client(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client, Listener(client) as heard:
        plan = await client.plan_job(request(generation={"generations": 2}))
        assert plan.images == 2
        job = await client.start_job(request("far", generation={"generations": 2}))
        done = await client.wait_for_job(job.job_id)
        assert (done.status, done.images.approved, done.label) == (JobStatus.COMPLETED, 2, "far")

        await heard.wait_for(JobFinished, job_id=job.job_id)
        assert heard.of(JobCreated, job_id=job.job_id)
        assert heard.of(JobProgressed, job_id=job.job_id)[-1].progress.images.approved == 2
        assert heard.of(LogRecorded)
        images = await client.images(ImageQuery(job_id=job.job_id))
        assert len(images.rows) == 2
        logs = await client.logs(LogQuery(job_id=job.job_id))
        assert logs[-1].job_id == job.job_id
        assert (await client.progress(job.job_id)).fraction == 1
        assert (await client.totals()).approved == 2


async def test_errors_cross_with_everything_a_person_needs(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client:
        with pytest.raises(SettingsError) as refused:
            await client.start_job(request(generation={"generations": 0, "model": 7}))
        fields = {problem.field for problem in refused.value.problems}
        assert fields == {"generation.generations", "generation.model"}
        assert all(problem.message for problem in refused.value.problems)
        with pytest.raises(NotFoundError):
            await client.stop_job("nosuchjob")
        with pytest.raises(ConflictError):
            await client.pause_job("nosuchjob")
        with pytest.raises(NotFoundError):
            await client.job("nosuchjob")


async def test_configurations_cross(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client:
        saved = await client.save_configuration(
            "cats", settings(generation={"generations": 3}), is_default=True
        )
        assert saved.settings["generation"]["generations"] == 3
        await client.rename_configuration("cats", "dogs")
        assert (await client.configuration(None)).name == "dogs"
        await client.delete_configuration("dogs")
        assert all(one.name != "dogs" for one in await client.configurations())


async def test_preferences_are_read_anew_for_a_client(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client:
        before = await client.plan_job(request())
        save_preferences(home.paths.config_file, {"folders.output": str(home.root / "new")}, {})
        assert (await client.plan_job(request())).output_dir == before.output_dir
        await client.reload_preferences()
        assert (await client.plan_job(request())).output_dir == str(home.root / "new")


async def test_two_clients_hear_the_same(home: EngineHome) -> None:
    async with (
        hosted(home),
        EngineClient.connect(home.paths) as one,
        EngineClient.connect(home.paths) as other,
        Listener(one) as by_one,
        Listener(other) as by_other,
    ):
        job = await one.start_job(request())
        for heard in (by_one, by_other):
            await heard.wait_for(JobFinished, job_id=job.job_id, status=JobStatus.COMPLETED)
        assert (await other.job(job.job_id)).images.approved == 1


async def test_a_client_that_leaves_does_not_disturb(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as stays:
        async with EngineClient.connect(home.paths) as leaves:
            job = await leaves.start_job(request())
        assert (await stays.wait_for_job(job.job_id)).status is JobStatus.COMPLETED


async def test_a_slow_client_loses_events_and_costs_the_engine_nothing(home: EngineHome) -> None:
    """It never reads, so its socket's buffers fill; the others hear everything, and one Resynced waits for it."""
    async with (
        hosted(home) as engine,
        EngineClient.connect(home.paths) as quick,
        Listener(quick) as heard,
    ):
        reader, writer = await asyncio.open_unix_connection(str(home.paths.socket_file), limit=1024)
        try:
            await reader.readline()
            writer.write(encode({"id": 1, "call": "subscribe", "args": {}}))
            answer = decode(await reader.readline())
            assert answer == {"id": 1, "result": None}
            reader_transport = writer.transport
            assert isinstance(reader_transport, asyncio.ReadTransport)
            reader_transport.pause_reading()
            await until(lambda: len(engine._bus._subscriptions) >= 2)
            for number in range(20_000):
                engine._bus.publish(JobCreated(f"{number:08}" * 8))
                if number % 500 == 0:
                    await asyncio.sleep(0)
            job = await quick.start_job(request())
            await heard.wait_for(JobFinished, job_id=job.job_id)

            reader_transport.resume_reading()
            seen = []
            async with asyncio.timeout(20):
                while "Resynced" not in seen:
                    seen.append(decode(await reader.readline())["event"])
            assert len(seen) < 20_000
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def test_a_client_that_asks_without_reading_is_not_read_either(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for it stays bounded, and the others get their answers meanwhile."""
    monkeypatch.setattr(host_module, "CALLS_AT_ONCE", 20)
    asked = 20_000
    waiting: list[int] = []

    async def ask(writer: asyncio.StreamWriter) -> None:
        for number in range(asked):
            writer.write(encode({"id": number, "call": "agencies", "args": {"x": "y" * 50}}))
            await writer.drain()

    async with hosted(home), EngineClient.connect(home.paths) as other:
        reader, writer = await asyncio.open_unix_connection(str(home.paths.socket_file), limit=1024)
        await reader.readline()
        asking = asyncio.create_task(ask(writer))
        for _ in range(50):
            assert await other.unfinished_jobs() == []
            waiting.append(sum(task.get_name() == "engine call" for task in asyncio.all_tasks()))
        assert max(waiting) <= 21
        asking.cancel()
        writer.transport.abort()
        await asyncio.wait([asking])


async def test_a_client_that_does_not_read_does_not_keep_the_engine_from_ending(home: EngineHome) -> None:
    """Neither its events nor an answer to it can be written, and the engine ends all the same."""
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(home.open())
        host = EngineHost(engine, home.paths.socket_file, idle_s=None)
        serving = asyncio.create_task(host.run())
        await until(lambda: _listens(home.paths.socket_file))
        reader, writer = await asyncio.open_unix_connection(str(home.paths.socket_file), limit=1024)
        await reader.readline()
        writer.write(encode({"id": 1, "call": "subscribe", "args": {}}))
        await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(20_000):
            engine._bus.publish(JobCreated(f"{number:08}" * 8))
            if number % 500 == 0:
                await asyncio.sleep(0)
        writer.write(encode({"id": 2, "call": "unfinished_jobs", "args": {}}))
        await writer.drain()
        host.end()
        done, _ = await asyncio.wait([serving], timeout=20)
        writer.transport.abort()
        await serving
        assert done, "it waited for the client"


async def test_calls_that_are_pending_when_a_client_closes_are_told(home: EngineHome) -> None:
    """The engine goes on with the job; only this client's question has no answer any more."""
    home.script({"service": "piapi", "operation": "submit", "action": "hang"})
    async with hosted(home) as engine:
        async with EngineClient.connect(home.paths) as client:
            job = await client.start_job(request())
            waiting = asyncio.create_task(client.wait_for_job(job.job_id))
            await until(lambda: bool(home.requests("piapi", "submit")))
            assert not waiting.done()
        with pytest.raises(EngineUnreachableError):
            async with asyncio.timeout(20):
                await waiting
        with pytest.raises(EngineUnreachableError):
            await client.unfinished_jobs()
        await engine.stop_job(job.job_id, is_forced=True)
        await engine.wait_for_job(job.job_id)


async def test_a_client_within_the_engine_hears_resynced_as_an_event(home: EngineHome) -> None:
    async with (
        hosted(home) as engine,
        EngineClient.connect(home.paths) as client,
        client.subscribe(capacity=10) as subscription,
    ):
        for number in range(30):
            engine._bus.publish(JobCreated(str(number)))
        batch: list[object] = []
        async with asyncio.timeout(20):
            while not any(isinstance(event, Resynced) for event in batch):
                await asyncio.sleep(0.01)
                batch += subscription.drain()
        assert len(batch) < 30


async def test_the_socket_is_private_and_gone_at_the_end(home: EngineHome) -> None:
    async with hosted(home):
        assert stat.S_IMODE(home.paths.socket_file.stat().st_mode) == 0o600
        assert stat.S_IMODE(home.paths.data_dir.stat().st_mode) == 0o700
    assert not home.paths.socket_file.exists()


async def test_a_socket_that_nobody_listens_on_is_replaced(home: EngineHome) -> None:
    home.paths.ensure()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(home.paths.socket_file))
    with pytest.raises(EngineUnreachableError):
        async with EngineClient.connect(home.paths):
            pass
    async with hosted(home), EngineClient.connect(home.paths) as client:
        assert client.engine_pid == os.getpid()


async def test_it_ends_when_nobody_needs_it(home: EngineHome) -> None:
    """Not while a client is attached, not while a job is at work."""
    serving = asyncio.create_task(
        run_host(home.paths, home.preferences, home.keys(), idle_s=0.2, is_handling_signals=False)
    )
    await until(lambda: _listens(home.paths.socket_file))
    async with EngineClient.connect(home.paths) as client:
        job = await client.start_job(request())
        assert (await client.wait_for_job(job.job_id)).status is JobStatus.COMPLETED
        assert not serving.done()
    async with asyncio.timeout(20):
        await serving
    assert not home.paths.socket_file.exists()


async def test_shut_down_ends_it(home: EngineHome) -> None:
    serving = asyncio.create_task(
        run_host(home.paths, home.preferences, home.keys(), idle_s=None, is_handling_signals=False)
    )
    await until(lambda: _listens(home.paths.socket_file))
    async with EngineClient.connect(home.paths) as client, Listener(client) as heard:
        await client.shut_down(at_once=True)
        await heard.wait_for(EngineLost)
    async with asyncio.timeout(20):
        await serving


@pytest.mark.fault(16)
async def test_only_one_engine_has_the_folder(home: EngineHome) -> None:
    async with hosted(home):
        with pytest.raises(EngineHeldError) as held:
            await run_host(home.paths, home.preferences, home.keys(), is_handling_signals=False)
        assert held.value.pid == os.getpid()


async def test_unknown_calls_and_other_versions_are_refused(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client:
        with pytest.raises(Exception, match="no call 'open'") as refused:
            await client._call("open", {})
        assert refused.value.__class__.__name__ in ("ProtocolError", "FactoryError")
        with pytest.raises(Exception, match="rename_job"):
            await client._call("rename_job", {"job_id": 3})

    async def other_version(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(encode({"hello": {"protocol": PROTOCOL + 1, "version": "9.9", "pid": 1}}))
        await reader.read()
        writer.close()

    home.paths.socket_file.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(other_version, str(home.paths.socket_file))
    async with server:
        with pytest.raises(ProtocolError, match=r"9\.9"):
            async with EngineClient.connect(home.paths):
                pass


async def test_a_line_that_is_no_json_ends_only_that_connection(home: EngineHome) -> None:
    async with hosted(home), EngineClient.connect(home.paths) as client:
        reader, writer = await asyncio.open_unix_connection(str(home.paths.socket_file))
        await reader.readline()
        writer.write(b"no json\n")
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert (await client.totals()).jobs == 0


@pytest.mark.process
async def test_a_killed_engine_is_lost_and_every_call_says_so(home: EngineHome) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tui.cli", "--home", str(home.root), "engine", "host"),
        cwd=ROOT,
        env={**os.environ, **home.environ},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await until(lambda: _listens(home.paths.socket_file))
    async with EngineClient.connect(home.paths) as client, Listener(client) as heard:
        assert client.engine_pid == process.pid
        waiting = asyncio.create_task(client.start_job(request(generation={"generations": 200})))
        job = await waiting
        unanswered = asyncio.create_task(client.wait_for_job(job.job_id))
        await heard.wait_for(JobProgressed, job_id=job.job_id)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        await heard.wait_for(EngineLost)
        assert client.is_lost
        with pytest.raises(EngineUnreachableError):
            await unanswered
        with pytest.raises(EngineUnreachableError):
            await client.pause_job(job.job_id)
        assert (await client.job(job.job_id)).status is JobStatus.RUNNING  # queries still answer
        assert await client.logs(LogQuery(job_id=job.job_id))
        assert (await client.progress(job.job_id)).job_id == job.job_id


@pytest.mark.process
@pytest.mark.fault(18)
async def test_a_hangup_leaves_it_running_and_sigterm_ends_it(home: EngineHome) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tui.cli", "--home", str(home.root), "engine", "host"),
        cwd=ROOT,
        env={**os.environ, **home.environ},
        stdin=asyncio.subprocess.DEVNULL,
    )
    await until(lambda: _listens(home.paths.socket_file))
    async with EngineClient.connect(home.paths) as client, Listener(client) as heard:
        process.send_signal(signal.SIGHUP)
        job = await client.start_job(request())
        await heard.wait_for(JobFinished, job_id=job.job_id, status=JobStatus.COMPLETED)
        process.send_signal(signal.SIGTERM)
        await heard.wait_for(EngineLost)
    async with asyncio.timeout(20):
        assert await process.wait() == 0
    assert not home.paths.socket_file.exists()


async def test_the_socket_of_a_newer_engine_is_left_alone(home: EngineHome) -> None:
    """Where somebody has removed the folder under a running engine and made it anew."""
    async with hosted(home):
        home.paths.socket_file.unlink()
        with socket.socket(socket.AF_UNIX) as newer:
            newer.bind(str(home.paths.socket_file))
    assert home.paths.socket_file.exists()
