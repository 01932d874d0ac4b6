"""Reaching the engine: one is started where none runs, in a process or on a thread, and used where one is there."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from engine.errors import EngineHeldError
from engine.events import JobFinished
from engine.greeting import end_engine
from engine.lock import FolderLock
from engine.views import JobStatus
from tests.support.engine import EngineHome, Listener, request
from tui import attach
from tui.attach import EngineProcess, EngineStartError, EngineThread, answers


def process_of(home: EngineHome, **environ: str) -> EngineProcess:
    return EngineProcess(home.paths, {**os.environ, **home.environ, **environ}, str(home.root))


async def test_a_process_is_started_used_found_again_and_ended(home: EngineHome) -> None:
    process = process_of(home)
    async with process.attach() as client, Listener(client) as heard:
        pid = client.engine_pid
        assert pid != os.getpid()
        assert os.getsid(pid) == pid, "a session of its own: the terminal's end is not its end"
        for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
            os.kill(pid, number)  # the kernel lets them fall: nobody could let such a session go on again
        job = await client.start_job(request())
        await heard.wait_for(JobFinished, job_id=job.job_id, status=JobStatus.COMPLETED)
    async with process.attach() as client:
        assert client.engine_pid == pid
    assert await end_engine(home.paths) == pid
    assert not await answers(home.paths)
    assert await end_engine(home.paths) is None


async def test_keys_reach_it_by_the_environment_only(home: EngineHome) -> None:
    async with process_of(home).attach() as client:
        arguments = Path(f"/proc/{client.engine_pid}/cmdline")
        if arguments.exists():
            command = arguments.read_bytes()
            assert not any(key.encode() in command for key in home.environ.values())
        plan = await client.plan_job(request())
        assert plan.can_start
    await end_engine(home.paths, at_once=True)


@pytest.mark.fault(16)
async def test_two_that_start_at_once_share_one_engine(home: EngineHome) -> None:
    async def pid() -> int:
        async with process_of(home).attach() as client:
            return client.engine_pid

    first, second = await asyncio.gather(pid(), pid())
    assert first == second
    await end_engine(home.paths, at_once=True)


async def test_a_process_that_ends_says_why(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text("theme = 7\n")
    with pytest.raises(EngineStartError, match="theme"):
        async with process_of(home).attach():
            pass


@pytest.mark.fault(16)
async def test_a_held_folder_is_said_after_a_while(home: EngineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attach, "HELD_SECONDS", 0.1)
    home.paths.ensure()
    with FolderLock(home.paths.lock_file), pytest.raises(EngineHeldError, match=str(os.getpid())):
        async with process_of(home).attach():
            pass


async def test_a_thread_serves_through_the_same_socket_and_ends_with_us(home: EngineHome) -> None:
    thread = EngineThread(home.paths, home.preferences, home.keys())
    async with thread.attach() as client, Listener(client) as heard:
        assert client.engine_pid == os.getpid()
        job = await client.start_job(request())
        await heard.wait_for(JobFinished, job_id=job.job_id, status=JobStatus.COMPLETED)
    await asyncio.to_thread(thread.stop)
    assert not home.paths.socket_file.exists()
    thread.stop()


async def test_a_thread_that_cannot_start_says_why(home: EngineHome) -> None:
    home.paths.ensure()
    thread = EngineThread(home.paths, home.preferences, home.keys())
    with FolderLock(home.paths.lock_file), pytest.raises(EngineHeldError):
        async with thread.attach():
            pass
    thread.stop()
