"""tui.cli.interrupts: signals end the work in order, a second one at once."""

import asyncio
import io
import os
import signal

import pytest

from tui.cli.interrupts import Interrupted, catching_signals
from tui.cli.output import Output


class Worker:
    """Something that works until it is shut down; a paid answer comes only when the test lets it."""

    def __init__(self) -> None:
        self.calls: list[bool] = []
        self.begun = asyncio.Event()
        self.answered = asyncio.Event()

    async def work(self) -> str:
        self.begun.set()
        await asyncio.Event().wait()
        return "never"

    async def shut_down(self, *, at_once: bool) -> None:
        self.calls.append(at_once)
        if at_once:
            self.answered.set()
        await self.answered.wait()


def silent() -> tuple[Output, io.StringIO]:
    stderr = io.StringIO()
    return Output(io.StringIO(), stderr, is_json=False), stderr


async def said(stderr: io.StringIO, text: str) -> None:
    async with asyncio.timeout(10):
        while text not in stderr.getvalue():
            await asyncio.sleep(0)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
async def test_the_first_signal_waits_for_paid_answers(number: signal.Signals, status: int) -> None:
    worker = Worker()
    output, stderr = silent()
    async with catching_signals(ends_on_hangup=False) as interrupts:
        guarded = asyncio.create_task(interrupts.guard(worker, worker.work(), output))
        await worker.begun.wait()
        os.kill(os.getpid(), number)
        await said(stderr, "Once more ends at once")
        assert not guarded.done()
        worker.answered.set()
        with pytest.raises(Interrupted) as caught:
            await guarded
    assert caught.value.exit_status == status
    assert worker.calls == [False]


async def test_the_second_signal_ends_at_once() -> None:
    worker = Worker()
    output, stderr = silent()
    async with catching_signals(ends_on_hangup=False) as interrupts:
        guarded = asyncio.create_task(interrupts.guard(worker, worker.work(), output))
        await worker.begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        await said(stderr, "Once more ends at once")
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted) as caught:
            await guarded
    assert caught.value.exit_status == 143  # the first one counts
    assert worker.calls == [False, True]


async def test_work_that_ends_by_itself_is_not_shut_down() -> None:
    worker = Worker()
    output, _ = silent()

    async def short() -> str:
        return "done"

    async with catching_signals(ends_on_hangup=False) as interrupts:
        assert await interrupts.guard(worker, short(), output) == "done"
    assert worker.calls == []


async def test_an_error_of_the_work_comes_through() -> None:
    worker = Worker()
    output, _ = silent()

    async def broken() -> str:
        raise ValueError("broken")

    async with catching_signals(ends_on_hangup=False) as interrupts:
        with pytest.raises(ValueError, match="broken"):
            await interrupts.guard(worker, broken(), output)


@pytest.mark.parametrize("ends", [True, False])
async def test_a_hangup_does_what_was_chosen(ends: bool) -> None:
    worker = Worker()
    output, _ = silent()
    worker.answered.set()
    async with catching_signals(ends_on_hangup=ends) as interrupts:
        guarded = asyncio.create_task(interrupts.guard(worker, worker.work(), output))
        await worker.begun.wait()
        os.kill(os.getpid(), signal.SIGHUP)
        if not ends:
            os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Interrupted) as caught:
            await guarded
    assert caught.value.signal == (signal.SIGHUP if ends else signal.SIGTERM)


async def test_handlers_are_given_back() -> None:
    async with catching_signals(ends_on_hangup=True):
        pass
    loop = asyncio.get_running_loop()
    assert not any(loop.remove_signal_handler(number) for number in (signal.SIGTERM, signal.SIGHUP))
