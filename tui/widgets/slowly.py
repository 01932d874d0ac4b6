"""Does something at once and then again at most every so many seconds, as long as it is asked for."""

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer


class Slowly:
    """`ask()` as often as you like; the last wish is never lost."""

    def __init__(self, owner: MessagePump, act: Callable[[], object], interval_s: float) -> None:
        self._owner = owner
        self._act = act
        self._interval_s = interval_s
        self._timer: Timer | None = None
        self._is_wanted = False

    def ask(self) -> None:
        """Do it now, or when the time since the last time is up."""
        self._is_wanted = True
        if self._timer is None:
            self._do()

    def catch_up(self) -> None:
        """Do now what was asked for and still waits."""
        if self._is_wanted and self._timer is not None:
            self._timer.stop()
            self._do()

    def _do(self) -> None:
        self._timer = None
        if self._is_wanted:
            self._is_wanted = False
            self._timer = self._owner.set_timer(self._interval_s, self._do)
            self._act()
