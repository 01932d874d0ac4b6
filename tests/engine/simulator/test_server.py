import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.simulator import Simulator, SimulatorOptions

ROOT = Path(__file__).parents[3]


def program(parent: str = "None") -> list[str]:
    code = (
        "from engine.simulator import SimulatorOptions, run_simulator\n"
        f"raise SystemExit(run_simulator(SimulatorOptions(latency_seconds=0), parent_pid={parent}))"
    )
    return [sys.executable, "-c", code]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(program(), stdout=subprocess.PIPE, text=True, cwd=ROOT) as running:
        yield running
        running.kill()


def test_a_process_says_where_it_listens_and_ends_cleanly(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    assert ready["pid"] == process.pid
    assert set(ready["urls"]) == {
        "PIAPI_BASE_URL",
        "OPENAI_BASE_URL",
        "REMOVE_BG_BASE_URL",
        "RUNWARE_BASE_URL",
    }
    assert all(url.startswith("http://127.0.0.1:") for url in ready["urls"].values())
    with httpx.Client(trust_env=False) as client:
        assert client.get(f"{ready['control']}/stats").json()["requests"] == {}
        answer = client.get(
            f"{ready['urls']['OPENAI_BASE_URL']}/models", headers={"Authorization": "Bearer k"}
        )
        assert answer.status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert process.stdout.read() == ""


def test_sigint_ends_it_too(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 0


def test_it_ends_when_its_parent_is_gone() -> None:
    with (
        subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as parent,
        subprocess.Popen(program(str(parent.pid)), stdout=subprocess.PIPE, text=True, cwd=ROOT) as running,
    ):
        assert running.stdout is not None
        assert json.loads(running.stdout.readline())["pid"] == running.pid
        parent.kill()
        parent.wait(timeout=30)
        assert running.wait(timeout=30) == 0


def test_it_loads_nothing_that_it_does_not_need() -> None:
    code = "import sys, engine.simulator; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    names = set(loaded.stdout.split())
    assert "aiohttp" in names
    assert not names & {"openai", "httpx", "pydantic", "aiosqlite", "textual", "engine.providers", "db"}


async def test_a_simulator_listens_on_one_address_only(bench: Any) -> None:
    port = int(bench.simulator.address.rpartition(":")[2])
    refused = []
    for host in ("127.0.0.1", "127.0.0.2"):
        with socket.socket() as probe:
            probe.settimeout(1)
            refused.append(probe.connect_ex((host, port)) != 0)
    assert refused == [False, True]


async def test_a_taken_port_is_an_error_and_leaves_nothing_open(bench: Any) -> None:
    port = int(bench.simulator.address.rpartition(":")[2])
    second = Simulator(SimulatorOptions(port=port))
    with pytest.raises(OSError, match="in use"):
        await second.start()
    with pytest.raises(RuntimeError):
        _ = second.address


async def test_two_simulators_do_not_share_anything(start: Any) -> None:
    first, second = await start(), await start()
    await first.submitted()
    assert len(await first.payments()) == 1
    assert await second.payments() == []


async def test_stopping_twice_is_allowed_and_addresses_need_a_start() -> None:
    simulator = Simulator()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = simulator.urls
    with pytest.raises(RuntimeError, match="not been started"):
        _ = simulator.world
    await simulator.start()
    await simulator.stop()
    await simulator.stop()


@pytest.mark.parametrize(
    "options",
    [
        {"reject_share": 1.1},
        {"latency_seconds": -1},
        {"concurrency": 0},
        {"link_seconds": -1},
        {"image_side_cap": 2},
        {"port": 70_000},
        {"keep_tasks": 0},
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any]) -> None:
    (name,) = options
    with pytest.raises(ValueError, match=name):
        SimulatorOptions(**options)
