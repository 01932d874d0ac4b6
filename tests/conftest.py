"""What holds for every test: no key and no folder of the user's, no network but this machine's own."""

import ipaddress
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, engine_home
from tests.support.marks import only_what_is_marked, pytest_itemcollected  # noqa: F401 - pytest finds them here

_PREFIXES = ("GIMF_", "PIAPI_", "OPENAI_", "REMOVE_BG_", "RUNWARE_", "XDG_")
_SUFFIX = "_PROXY"
_BEGAN = pytest.StashKey[float]()

settings.register_profile("repeatable", derandomize=True)  # the same examples each time, here and elsewhere
settings.register_profile("random")
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--write-snapshots",
        action="store_true",
        help="store what the screens look like now in tests/tui/snapshots, instead of comparing",
    )
    parser.addoption(
        "--repeat-faults",
        type=int,
        default=0,
        metavar="N",
        help="run only the tests that kill the program (row 17 of docs/faults.md), each N times",
    )
    parser.addoption(
        "--repeat-minutes",
        type=float,
        default=10.0,
        metavar="M",
        help="begin no further repetition after this time",
    )


KILLS = 17
"""The row of docs/faults.md about kill -9."""


def faults_of(item: pytest.Item) -> set[int]:
    """The rows of docs/faults.md that a test proves."""
    return {number for mark in item.iter_markers("fault") for number in mark.args}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    times = metafunc.config.getoption("repeat_faults")
    if times and any(KILLS in mark.args for mark in metafunc.definition.iter_markers("fault")):
        if "repetition" not in metafunc.fixturenames:
            metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(times))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("repeat_faults"):
        config.hook.pytest_deselected(items=[item for item in items if KILLS not in faults_of(item)])
        items[:] = [item for item in items if KILLS in faults_of(item)]
        items.sort(key=_repetition_of)  # so that each was run as often as the others when time is over


def pytest_sessionstart(session: pytest.Session) -> None:
    session.config.stash[_BEGAN] = time.monotonic()


def pytest_runtest_setup(item: pytest.Item) -> None:
    minutes = item.config.getoption("repeat_minutes")
    if _repetition_of(item) and time.monotonic() - item.config.stash[_BEGAN] > minutes * 60:
        pytest.skip(f"{minutes:g} minutes are over")


def _repetition_of(item: pytest.Item) -> int:
    call = getattr(item, "callspec", None)
    return 0 if call is None else int(call.params.get("repetition", 0))


@pytest.fixture
def repetition() -> int:
    """Which of the repetitions of `--repeat-faults` this is, for tests that draw something at random."""
    return 0


def pytest_configure() -> None:
    """Under `nohup`, or in a shell's background, signals are ignored, and so they would be by every process that a
    test starts and signals."""
    for number, usual in (
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGINT, signal.default_int_handler),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)


@pytest.fixture(autouse=True)
def safe_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real keys, base URLs and proxies are out of sight, also for the processes that a test starts."""
    for name in list(os.environ):
        if name.startswith(_PREFIXES) or name.upper().endswith(_SUFFIX):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home", numbered=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIMF_HOME", str(home / "gimf"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere else, or a name that only a server could resolve, is an error at once."""
    connect, getaddrinfo = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test wants to talk to {address[0]}")
        connect(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_numeric(name) and name != "localhost":
            raise socket.gaierror(socket.EAI_NONAME, f"tests resolve no names, not even {name}")
        return getaddrinfo(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)
    monkeypatch.setattr(socket, "getaddrinfo", guarded_getaddrinfo)


def _is_numeric(host: str) -> bool:
    """Whether it needs no server to be resolved; `127.1` and `0x7f.1` are such addresses too."""
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            socket.inet_aton(host)
        except OSError:
            return False
    return True


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """A data folder with a simulator of its own; `async with home.open() as engine` runs an engine on it."""
    async with engine_home(tmp_path / "gimf") as opened:
        yield opened
