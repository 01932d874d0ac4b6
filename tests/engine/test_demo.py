"""engine.demo: what the demo runs, and the process that it runs against."""

import os
import sys

import pytest

from engine.demo import SimulatorStartError, demo_environment, demo_settings, simulator_process
from engine.errors import SettingsError
from engine.secrets import KeyName

ANNOUNCE = """
import json, os, sys, time
print(json.dumps({"urls": {"PIAPI_BASE_URL": "http://127.0.0.1:1/piapi", "PID": os.getpid()}}), flush=True)
time.sleep(600)
"""


def test_the_demo_shows_every_step_that_needs_no_file() -> None:
    settings = demo_settings(12)
    assert settings.generation.generations * settings.generation.variations == 12
    assert settings.ai.quality_check
    assert settings.ai.metadata
    assert settings.processing.enhance
    assert (settings.processing.convert, settings.processing.convert_format) == (True, "jpg")


def test_too_many_are_refused() -> None:
    with pytest.raises(SettingsError) as caught:
        demo_settings(2_501)
    assert caught.value.problems[0].field == "generation.generations"


def test_no_real_key_and_no_real_address_is_left() -> None:
    real = {name.variable: "a-real-key" for name in KeyName} | {
        "PIAPI_BASE_URL": "https://real",
        "PATH": "/bin",
    }
    environ = demo_environment(real, {"PIAPI_BASE_URL": "http://127.0.0.1:1"})
    assert "a-real-key" not in environ.values()
    assert environ["PIAPI_BASE_URL"] == "http://127.0.0.1:1"
    assert environ["PATH"] == "/bin"


async def test_the_process_ends_with_the_block() -> None:
    async with simulator_process([sys.executable, "-c", ANNOUNCE]) as urls:
        assert urls["PIAPI_BASE_URL"] == "http://127.0.0.1:1/piapi"
        pid = int(urls["PID"])
        os.kill(pid, 0)  # it is there, in a session of its own
        assert os.getsid(pid) != os.getsid(0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize("script", ["pass", "print('hello', flush=True)", "print('[]', flush=True)"])
async def test_a_process_that_does_not_announce_itself_is_an_error(script: str) -> None:
    with pytest.raises(SimulatorStartError):
        async with simulator_process([sys.executable, "-c", script]):
            pytest.fail("it did not announce itself")
