"""What the tests of the front ends share: views to show, and the program as a process of its own."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.simulator import Simulator, SimulatorOptions
from engine.views import ErrorView, ImageCounts, JobKind, JobStatus, JobView, Spend
from tests.support.forked import Process, start_program
from tests.support.quick_pilot import hurry

ROOT = Path(__file__).parents[2]
KEYS = {
    "OPENAI_API_KEY": "sk-test-openai-5f1c9d2e",
    "PIAPI_API_KEY": "piapi-test-77aa01bc",
    "REMOVE_BG_API_KEY": "removebg-test-19de02",
    "RUNWARE_API_KEY": "runware-test-5510fe",
}


@pytest.fixture(scope="session", autouse=True)
def quick_pilot() -> None:
    hurry()


@pytest.fixture
def make_job() -> Callable[..., JobView]:
    """A job view; counts by keyword, everything else as in a job that went well."""

    def make(
        status: JobStatus = JobStatus.COMPLETED,
        *,
        error: ErrorView | None = None,
        pause: ErrorView | None = None,
        **counts: int,
    ) -> JobView:
        images = {
            "planned": 10,
            "approved": 10,
            "qc_failed": 0,
            "failed": 0,
            "pending": 0,
            "unknown": 0,
            "trashed": 0,
        }
        return JobView(
            job_id="j8k2m4n6",
            number=42,
            label="landscapes",
            kind=JobKind.GENERATE,
            status=status,
            created_at="2026-11-22T11:00:00.000Z",
            started_at="2026-11-22T11:00:01.000Z",
            finished_at="2026-11-22T11:06:13.000Z",
            duration_s=372.0,
            images=ImageCounts(**{**images, **counts}),
            spend_usd=0.18,
            spend=Spend(actual=0.18, committed=0.0, unknown=0.0, estimate=0.2),
            output_dir="/pictures",
            error=error,
            pause=pause,
            configuration=None,
            parent_job_id=None,
            queue_position=None,
        )

    return make


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run of the program ended."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        """The whole of stdout as one JSON document; fails where anything else is on it."""
        return json.loads(self.stdout)


class Program:
    """`gimf` in processes of its own, with a home and an environment of its own."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self.home = home
        self.environ = dict(environ)

    async def start(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Process:
        """Start it and return at once."""
        return await start_program(arguments, self.environ if environ is None else environ, is_strict=True)

    async def run(
        self, *arguments: str, stdin: str = "", environ: Mapping[str, str] | None = None, seconds: float = 60
    ) -> Finished:
        """Start it and wait for its end."""
        process = await self.start(*arguments, environ=environ)
        return await self.end_of(process, stdin=stdin, seconds=seconds)

    async def end_of(self, process: Process, *, stdin: str = "", seconds: float = 60) -> Finished:
        """What a started program says until its end; a hung one is killed and fails the test."""
        try:
            async with asyncio.timeout(seconds):
                stdout, stderr = await process.communicate(stdin.encode())
        except TimeoutError:
            process.kill()
            _, stderr = await process.communicate()
            pytest.fail(f"the program hung; it had said: {stderr.decode()}")
        assert process.returncode is not None
        return Finished(process.returncode, stdout.decode(), stderr.decode())


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Quick services without chance: nothing is rejected, pictures are small."""
    options = SimulatorOptions(latency_seconds=0.05, reject_share=0.0, text_share=0.0, image_side_cap=96)
    async with Simulator(options) as server:
        yield server


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Without keys and without services: whatever it sends goes nowhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    nowhere = "http://127.0.0.1:9"
    urls = {f"{name}_BASE_URL": nowhere for name in ("PIAPI", "OPENAI", "REMOVE_BG", "RUNWARE")}
    return Program(
        tmp_path / "home",
        {
            **kept,
            **urls,
            "HOME": str(tmp_path),
            "GIMF_HOME": str(tmp_path / "home"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
        },
    )


@pytest.fixture
def online(program: Program, simulator: Simulator) -> Program:
    """The program with keys, and with every service at the simulator."""
    return Program(program.home, {**program.environ, **simulator.urls, **KEYS})
