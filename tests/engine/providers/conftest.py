"""Fixtures of the wire clients: a scripted server on loopback, a real gateway, a request."""

import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest

from engine.providers.base import ImageRequest
from engine.providers.http import HttpGateway, Timeouts
from tests.engine.providers.scripted import ScriptedServer

KEY = "test-key-7f3a9b2c5d1e8f60"


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer().running() as running:
        yield running


@pytest.fixture
async def gateway() -> AsyncIterator[HttpGateway]:
    opened = await HttpGateway.open()
    yield opened
    await opened.close()


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
def patient() -> Timeouts:
    return Timeouts(connect=5, read=5, write=5, total=20)


@pytest.fixture
def impatient() -> Timeouts:
    """For the tests in which time has to run out."""
    return Timeouts(connect=5, read=0.1, write=5, total=20)


@pytest.fixture
def dead_url() -> str:
    """An address at which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def make_request() -> Callable[..., ImageRequest]:
    plain = ImageRequest(
        request_key="0b7c2c9e-52f4-4a63-9f0e-2f6f3d0c7a11",
        model="flux-schnell",
        prompt="a red kite over dunes",
        width=1024,
        height=1024,
        aspect_ratio="1:1",
    )

    def make(**changes: Any) -> ImageRequest:
        return replace(plain, **changes)

    return make


@pytest.fixture
def run_python() -> Callable[[str], str]:
    """Run a line in a fresh interpreter and give back what it prints."""

    def run(line: str) -> str:
        done = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    return run
