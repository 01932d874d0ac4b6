"""Ctrl+Z, SIGTSTP and SIGCONT: gives the terminal to the shell, and takes it back when the shell says `fg`.

Textual's driver has handlers of its own. They work in the middle of whatever runs, where they may wait for a lock that
the interrupted code holds; they stop this process only, while a shell waits for all of its group; they stop it also
where no shell could let it go on; and a SIGCONT alone (after `kill -STOP`) makes them begin a second time what still
runs. These take their place. The engine is in a session of its own and notices nothing of it.
"""

import contextlib
import os
import signal
from asyncio import AbstractEventLoop
from collections.abc import Callable
from queue import Queue
from types import FrameType

from textual.drivers.linux_driver import LinuxDriver


class JobControl:
    """Enter it on the main thread, in the app's event loop, after the driver was made; `end` before the loop ends."""

    def __init__(
        self,
        driver: LinuxDriver,
        loop: AbstractEventLoop,
        *,
        is_leaving: Callable[[], bool],
        goes: Callable[[], None],
        has_resumed: Callable[[], None],
    ) -> None:
        """`is_leaving`: a signal ends the app, which then needs no terminal any more. `goes` may still write to the
        terminal."""
        self._driver = driver
        self._loop = loop
        self._is_leaving = is_leaving
        self._goes = goes
        self._has_resumed = has_resumed
        self._is_away = False
        self._is_continued = False

    def begin(self) -> None:
        """Take the signals over from the driver."""
        signal.signal(signal.SIGTSTP, self._on_stop)
        signal.signal(signal.SIGCONT, self._on_continue)

    def end(self) -> None:
        """Leave the signals to the system."""
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.signal(signal.SIGCONT, signal.SIG_DFL)

    def suspend(self) -> bool:
        """Give the terminal back and stop; returns when the shell lets us go on. False where there is no shell that
        could: nothing was stopped then."""
        if self._is_away or self._is_lent:
            return False
        return self._away(is_asked_for=True)

    @property
    def _is_lent(self) -> bool:
        """An editor has the terminal."""
        return not self._driver._auto_restart

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_lent:
            os.kill(os.getpid(), signal.SIGSTOP)  # with the editor, which stops by itself
        else:
            self._loop.call_soon_threadsafe(self.suspend)

    def _on_continue(self, _number: int, _frame: FrameType | None) -> None:
        self._is_continued = True
        if not self._is_away and not self._is_lent:
            self._loop.call_soon_threadsafe(self._come_back)

    def _come_back(self) -> None:
        """Nobody asked before: SIGSTOP cannot be caught. The shell has made the terminal its own meanwhile."""
        if not self._is_away and not self._is_lent and not self._is_leaving():
            self._away(is_asked_for=False)

    def _away(self, *, is_asked_for: bool) -> bool:
        self._is_away = True
        is_stopped = False
        if not is_asked_for and not self._is_in_front():
            is_stopped = self._stop()
        if not self._is_leaving():
            self._goes()
            self._driver.suspend_application_mode()
            if is_asked_for:
                is_stopped = self._stop()
        if self._is_leaving():
            self._do_without()
        else:
            self._driver.resume_application_mode()
            self._loop.call_soon(self._has_resumed)
        self._is_away = False
        return is_stopped

    def _stop(self) -> bool:
        """Stop with the whole group, again and again while we are let go on in the background. The kernel lets the
        signal fall where no shell waits for the group; False then."""
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        try:
            was_continued = False
            while not self._is_leaving():
                self._is_continued = False
                os.kill(0, signal.SIGTSTP)
                if not self._is_continued:
                    break
                was_continued = True
                if self._is_in_front():
                    break
            return was_continued
        finally:
            signal.signal(signal.SIGTSTP, self._on_stop)

    def _is_in_front(self) -> bool:
        """Whether the terminal is ours; true also where it is gone."""
        try:
            return os.tcgetpgrp(self._driver.fileno) == os.getpgrp()
        except OSError:
            return True

    def _do_without(self) -> None:
        """The terminal is the shell's: whoever touches it from the background is stopped for it."""
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        self._driver.exit_event.set()
        self._driver.attrs_before = None
        if self._driver._writer_thread is not None:
            self._driver._writer_thread._queue = Queue()
