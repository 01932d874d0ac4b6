"""The demo's engine: one with a simulator of its own, which outlives the window and ends with the engine. Makes sure
that no demo job ever reaches an engine with real services."""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from engine.client import EngineClient
from engine.demo import SIMULATOR_OPTIONS, demo_environment, simulator_process
from engine.errors import ConflictError, EngineUnreachableError
from engine.greeting import end_engine
from engine.paths import Paths

DEMO_ENGINE = "demo"
"""What such an engine tells its clients that it is."""


def simulator_command() -> list[str]:
    """A simulator for the demo that ends with this process."""
    own = str(os.getpid())
    return [sys.executable, "-m", "tui.cli", "simulator", "--parent-pid", own, *SIMULATOR_OPTIONS]


@asynccontextmanager
async def demo_services(paths: Paths) -> AsyncIterator[None]:
    """While the block runs, this process's environment has a simulator for services, and says so in a file."""
    async with simulator_process(simulator_command()) as urls:
        # Preferences are read again whenever they change, so the addresses must be where they are read from.
        os.environ.update(demo_environment({}, urls))
        paths.ensure()
        file, addresses = addresses_file(paths), json.dumps(dict(urls))
        file.write_text(addresses, encoding="utf-8")
        try:
            yield
        finally:
            # The next demo may have begun while this engine ended.
            with contextlib.suppress(FileNotFoundError):
                if file.read_text(encoding="utf-8") == addresses:
                    file.unlink()


def addresses_file(paths: Paths) -> Path:
    """Where a demo's engine says which addresses its simulator has."""
    return paths.data_dir / "simulator.json"


def simulator_urls(paths: Paths) -> Mapping[str, str]:
    """The addresses of the demo that runs in this folder, by variable. Raises OSError where none runs."""
    return dict(json.loads(addresses_file(paths).read_text(encoding="utf-8")))


async def make_way(paths: Paths) -> None:
    """End an idle engine of this folder that talks to real services. Raises ConflictError where it has work."""
    try:
        async with EngineClient.connect(paths) as client:
            if client.engine_name == DEMO_ENGINE:
                return
            if await client.queue():
                raise ConflictError(
                    f"An engine with real services has work in {paths.data_dir}.",
                    hint="Choose another --home for the demo, or end the engine: `gimf engine stop`.",
                )
    except EngineUnreachableError:
        return
    await end_engine(paths)
