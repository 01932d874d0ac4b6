"""What SIGINT, SIGTERM and SIGHUP do to an engine at work: first an orderly end, then one at once."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol

from tui.cli.output import Output


class CanShutDown(Protocol):
    """The part of the engine that is needed here."""

    async def shut_down(self, *, at_once: bool) -> None:
        """Send nothing new; with `at_once` do not even await answers to what was paid for."""
        ...


class Interrupted(Exception):  # noqa: N818 - no error: the user's wish
    """The work was ended by a signal; the own engine has shut down and every job can be resumed."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.signal = number

    @property
    def exit_status(self) -> int:
        """128 + the signal's number, as shells have it: 130 for SIGINT, 143 for SIGTERM."""
        return 128 + self.signal


class Interrupts:
    """Counts the signals that ask for an end."""

    def __init__(self) -> None:
        self.received: list[signal.Signals] = []
        self._first = asyncio.Event()
        self._second = asyncio.Event()

    def receive(self, number: signal.Signals) -> None:
        """Called on the event loop for each signal."""
        self.received.append(number)
        (self._second if self._first.is_set() else self._first).set()

    async def wait(self) -> None:
        """Return when a signal has come."""
        await self._first.wait()

    async def guard[T](
        self, engine: CanShutDown, work: Coroutine[Any, Any, T], output: Output, *, is_own: bool = True
    ) -> T:
        """The result of `work`; or, after a signal, shut the engine down and raise Interrupted.

        An engine that is not this process's own goes on.
        """
        task = asyncio.create_task(work)
        first = asyncio.create_task(self._first.wait())
        try:
            await asyncio.wait({task, first}, return_when=asyncio.FIRST_COMPLETED)
            if not self.received:
                return await task
            if is_own:
                await self._shut_down(engine, output)
            raise Interrupted(self.received[0])
        finally:
            await let_go(task, first)

    async def _shut_down(self, engine: CanShutDown, output: Output) -> None:
        output.note(
            f"{self.received[0].name}: nothing new is sent; waiting for answers to paid requests that are"
            " on their way. Once more ends at once."
        )
        orderly = asyncio.create_task(engine.shut_down(at_once=False))
        second = asyncio.create_task(self._second.wait())
        try:
            await asyncio.wait({orderly, second}, return_when=asyncio.FIRST_COMPLETED)
            if not orderly.done():
                output.note("Ending at once.")
                await engine.shut_down(at_once=True)
            await orderly
        finally:
            await let_go(second)


async def let_go(*tasks: asyncio.Task[Any]) -> None:
    """Cancel what still runs and wait for its end; raises what a task died of, if nobody has heard of it."""
    unfinished = [task for task in tasks if not task.done()]
    for task in unfinished:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, Exception) and sys.exception() is None:
            raise outcome


@asynccontextmanager
async def catching_signals(*, ends_on_hangup: bool) -> AsyncIterator[Interrupts]:
    """Turn signals into calls on the event loop while the block runs.

    A hangup (the line to the terminal was cut) ends the work like SIGTERM where the user chose so, else the
    work goes on without a reader.
    """
    interrupts = Interrupts()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM]
    hangup = signal.getsignal(signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, interrupts.receive, number)
    if hangup is not signal.SIG_IGN:  # nohup has set it already
        if ends_on_hangup:
            loop.add_signal_handler(signal.SIGHUP, interrupts.receive, signal.SIGHUP)
        else:
            loop.add_signal_handler(signal.SIGHUP, lambda: None)
        numbers.append(signal.SIGHUP)
    try:
        yield interrupts
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
