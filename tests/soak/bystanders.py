"""Front ends as processes of their own beside the person at work: the program on its screens in a terminal, and a bare
client. They look and listen, change nothing, and are killed at random."""

import os
import sys
from random import Random

from tests.soak.services import SoakHome
from tests.support.pseudo_terminal import PseudoTerminal

_KEYS = ("1", "2", "3", "4", "5", "j", "j", "k", "G", "g")
"""Sections, and the way through their lists."""
_WINDOW_SHARE = 0.5
_KEEP = 4_000
"""Bytes of what it wrote that are kept: enough to find how it ended."""


class Bystander:
    """One front end; `name` is what its figures go under."""

    def __init__(self, home: SoakHome, rng: Random) -> None:
        self._rng = rng
        self.is_window = rng.random() < _WINDOW_SHARE
        self.name = "window" if self.is_window else "client"
        root = str(home.root)
        command = ["tui.cli", "--home", root] if self.is_window else ["tests.soak.attached", root]
        size = rng.choice([(80, 24), (120, 36)])
        environ = {**os.environ, **home.environ}
        self._terminal = PseudoTerminal([sys.executable, "-m", *command], environ, size=size)
        self.is_killed = False

    @property
    def pid(self) -> int:
        return self._terminal.process.pid

    def look_around(self) -> None:
        """Press a key that changes nothing."""
        del self._terminal.written[:-_KEEP]
        if self.is_window and self._is_alive:
            self._terminal.press(self._rng.choice(_KEYS))

    def complaint(self) -> str:
        """What is wrong with it: it ended by itself, or shows a traceback; empty where nothing is."""
        told = self._terminal.text
        if "Traceback (most recent call last)" in told:
            return f"the {self.name} shows a traceback: {told[-_KEEP:]}"
        if not self._is_alive and not self.is_killed:
            return (
                f"the {self.name} ended by itself with {self._terminal.process.returncode}: {told[-_KEEP:]}"
            )
        return ""

    async def kill(self) -> None:
        """End it with kill -9."""
        self.is_killed = self._is_alive
        await self._terminal.__aexit__(None, None, None)

    @property
    def _is_alive(self) -> bool:
        return self._terminal.process.poll() is None
