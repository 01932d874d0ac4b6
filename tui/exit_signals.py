"""SIGTERM, SIGHUP and SIGINT: leave in order through the event loop; where that is stuck, restore the terminal and go.

A terminal that nobody reads blocks Textual's writer and with it the whole loop. Python runs signal handlers even
then, and a timer's thread needs no loop.
"""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from queue import Full, Queue
from types import FrameType, TracebackType
from typing import Any, Self

from textual.driver import Driver
from textual.drivers._writer_thread import WriterThread

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
GRACE_S = 2.0
LOOK_EVERY_S = 1.0

LEAVE_SEQUENCES = (
    b"\x1b[?2026l"  # the end of a synchronised update that was cut off
    b"\x1b[?1000l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse
    b"\x1b[?2004l\x1b[?1004l\x1b[?2048l"  # bracketed paste, focus, in-band resize
    b"\x1b[<u"  # kitty's keyboard protocol
    b"\x1b[?7h\x1b[0m"
    b"\x1b]9;4;0\x1b\\"  # progress in the task bar
    b"\x1b[?1049l\x1b[?25h"
)
"""Undoes what Textual's driver for POSIX terminals and tui.notifier turn on."""


class ExitSignals:
    """While the block runs, the first signal calls `leave` with the exit status 128 + n.

    `leave` is called on the main thread, between two instructions of whatever runs there: it may only hand the wish
    to the event loop. A process that is still there `grace_s` later is ended. Enter it on the main thread, before the
    terminal is changed.
    """

    def __init__(self, leave: Callable[[int], None], *, grace_s: float = GRACE_S) -> None:
        self._leave = leave
        self._grace_s = grace_s
        self._before: dict[signal.Signals, Any] = {}
        self._timer: threading.Timer | None = None
        self._settings = terminal_settings()

    def __enter__(self) -> Self:
        for number in SIGNALS:
            before = signal.getsignal(number)
            if before is not signal.SIG_IGN:  # nohup
                self._before[number] = before
                signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        for number, before in self._before.items():
            signal.signal(number, before)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._timer is None:
            self._timer = threading.Timer(self._grace_s, self._end_at_once, (number,))
            self._timer.daemon = True
            self._timer.start()
        self._leave(128 + number)

    def _end_at_once(self, number: int) -> None:
        logger.warning("signal %d: the terminal takes nothing any more; leaving without it", number)
        restore_terminal(self._settings)
        os._exit(128 + number)


async def leave_with_terminal(leave: Callable[[int], None]) -> None:
    """Leave when the terminal is gone without a signal (SIGHUP is ignored, or came before anybody listened): Textual
    would read its end for ever, at full speed."""
    while True:
        await asyncio.sleep(
            LOOK_EVERY_S
        )  # nothing tells of it, and an app that is just beginning cannot leave
        if terminal_settings() is None:
            break
    leave(128 + signal.SIGHUP)


def let_go_of(driver: Driver | None) -> None:
    """Where the line is gone, let Textual's writer write nowhere, so that the app can still end in order.

    The writer's thread dies of the first thing that it cannot write, and its queue would fill and block.
    """
    writer = getattr(driver, "_writer_thread", None)
    if isinstance(writer, WriterThread) and terminal_settings() is None:
        full, writer._queue = writer._queue, Queue()
        with contextlib.suppress(Full):
            full.put_nowait(None)


def terminal_settings() -> list[Any] | None:
    """The settings of the terminal that keys come from; None where there is none."""
    try:
        return termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ is not None else None
    except (OSError, ValueError, termios.error):
        return None


def restore_terminal(settings: list[Any] | None) -> None:
    """Give the terminal back as it was, as far as it takes anything; never waits for it."""
    if settings is None or sys.__stdin__ is None:
        return
    descriptor = sys.__stdin__.fileno()
    with contextlib.suppress(OSError, termios.error):
        termios.tcflush(descriptor, termios.TCOFLUSH)
        termios.tcsetattr(descriptor, termios.TCSANOW, settings)
    with contextlib.suppress(OSError):
        # Opened anew: O_NONBLOCK on the inherited one would also hold for the shell.
        own = os.open(os.ttyname(descriptor), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            os.write(own, LEAVE_SEQUENCES)
        finally:
            os.close(own)
