"""The demo: a job that shows every step, and a simulator in a process of its own to run it against.

Knows the simulator only as a command that announces its addresses; nothing here can reach a real service.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from engine.errors import FactoryError
from engine.secrets import KeyName
from engine.settings import Settings, merge_settings

START_SECONDS = 30.0
END_SECONDS = 5.0

SIMULATOR_OPTIONS = (
    *("--latency-seconds", "1.5"),
    *("--chat-latency-seconds", "0.2"),
    *("--reject-share", "0.2"),
    *("--text-share", "0.25"),
    *("--image-side-cap", "768"),
)
"""Long enough to see the stages overlap, rejections and lettering often enough to see some of a dozen."""

LABEL = "demo"


class SimulatorStartError(FactoryError):
    """The simulator did not announce itself."""

    code = "simulator"


def demo_settings(count: int) -> Settings:
    """A job of `count` images from the built-in keywords that uses every step which needs no files.

    Raises SettingsError for a count out of range.
    """
    settings, _ = merge_settings(
        {
            "generation": {
                "generations": count,
                "aspect_ratios": ["1:1", "3:2", "2:3"],
                "poll_interval_seconds": 0.5,
                "seed": 7,
            },
            "processing": {"convert": True, "convert_format": "jpg", "jpg_quality": 90, "enhance": True},
        }
    )
    return settings


def demo_environment(environ: Mapping[str, str], urls: Mapping[str, str]) -> dict[str, str]:
    """The environment with every service at the simulator, and with keys that open nothing."""
    # No everyday word: whatever is a key is masked wherever it is shown.
    keys = {name.variable: f"opens-nothing-{name.value}" for name in KeyName}
    return {**environ, **urls, **keys}


@asynccontextmanager
async def simulator_process(command: Sequence[str]) -> AsyncIterator[Mapping[str, str]]:
    """Start `command` (`gimf simulator ...`) and end it with the block; answers its base URLs by variable.

    It gets a session of its own, so that a Ctrl+C at the terminal reaches only the engine, which still waits
    for answers. Raises SimulatorStartError.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        yield await _announced_urls(process)
    finally:
        await _end(process)


async def _announced_urls(process: asyncio.subprocess.Process) -> Mapping[str, str]:
    assert process.stdout is not None, "it was started with a pipe"
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
        urls = json.loads(line)["urls"]
    except (TimeoutError, ValueError, KeyError, TypeError) as error:
        raise SimulatorStartError(
            "The simulator did not start.", hint="Run `gimf simulator` by itself to see why."
        ) from error
    return {str(name): str(url) for name, url in urls.items()}


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(END_SECONDS):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
