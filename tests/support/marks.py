"""Which tests need more than this process: decided from what a test asks for, so that nobody has to remember a marker.

`process` starts another one; `terminal` draws the app and presses keys in it, or uses a real terminal. A test that does
so by a way that is not seen here says it itself with `pytest.mark`; both are refused to all others.
"""

import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

STORIES = "acceptance"
PROCESS = "process"
TERMINAL = "terminal"
BEYOND = (STORIES, PROCESS, TERMINAL)
"""A test with none of them is a unit test."""

_PROGRAMS = frozenset({"program", "online", "run_python"})
"""Fixtures that start one."""
_SCREENS = frozenset({"opened"})
"""Fixtures that draw the app."""
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


def pytest_itemcollected(item: pytest.Item) -> None:
    """A hook of tests/conftest.py: before any test is left out for its markers."""
    for name in marks_for(item):
        item.add_marker(name)


@pytest.fixture(autouse=True)
def only_what_is_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A unit test neither starts a process nor draws the app: `make test-unit` is quick and needs nothing else."""
    if any(request.node.get_closest_marker(name) for name in BEYOND):
        return

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a unit test goes beyond its process: mark it, see tests/support/marks.py")

    monkeypatch.setattr(subprocess.Popen, "__init__", refuse)
    if "textual.app" in sys.modules:
        monkeypatch.setattr(sys.modules["textual.app"].App, "run_test", refuse)
