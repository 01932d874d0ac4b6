"""Which tests need more than this process: decided from what a test asks for, so that nobody has to remember a marker.

`process` starts another one; `terminal` draws the app and presses keys in it, or uses a real terminal. A test that does
so by a way that is not seen here says it itself with `pytest.mark`; tests/conftest.py refuses both to all others.
"""

import subprocess
from collections.abc import Iterator
from types import ModuleType

import pytest

STORIES = "acceptance"
PROCESS = "process"
TERMINAL = "terminal"
BEYOND = (STORIES, PROCESS, TERMINAL)
"""A test with none of them is a unit test."""

_PROGRAMS = frozenset({"program", "online", "run_python"})
"""Fixtures that start one, and below that which draws one."""
_SCREENS = frozenset({"opened"})
_TERMINALS = frozenset(
    {
        "textual.app.App",
        "textual.pilot.Pilot",
        "tests.support.app.running",
        "tests.support.app.wait_until",
    }
)
_PROCESSES = frozenset({"tests.support.pseudo_terminal", "tests.support.sshd", "tests.support.tmux"})
_STARTERS = frozenset({"engine.demo.simulator_process", "tui.attach.EngineProcess"})


def marks_for(item: pytest.Item) -> Iterator[str]:
    """The markers that its fixtures, and what its module imports, ask for."""
    module = getattr(item, "module", None)
    held = [] if module is None else list(vars(module).values())
    names = {f"{getattr(one, '__module__', '')}.{getattr(one, '__qualname__', '')}" for one in held}
    origins = {getattr(one, "__name__" if isinstance(one, ModuleType) else "__module__", "") for one in held}
    fixtures = set(getattr(item, "fixturenames", ()))
    if fixtures & _PROGRAMS or subprocess in held or origins & _PROCESSES or names & _STARTERS:
        yield PROCESS
    if fixtures & _SCREENS or names & _TERMINALS:
        yield TERMINAL
