"""The demo's engine outlives its window with its own simulator, and no demo job reaches real services."""

import os
from argparse import Namespace
from pathlib import Path

import pytest

from engine.errors import ConflictError
from engine.greeting import end_engine
from engine.paths import Paths
from engine.preferences import Preferences
from engine.secrets import KeyStore
from engine.views import JobStatus
from tests.support.engine import EngineHome, request, until
from tui.attach import EngineProcess, answers
from tui.cli.demo import demo_command
from tui.cli.demo_engine import DEMO_ENGINE, addresses_file, make_way, simulator_urls
from tui.cli.session import Session, resolve_paths


async def test_a_demo_engine_works_with_a_simulator_of_its_own_and_takes_it_along(tmp_path: Path) -> None:
    """No key and no address is in the environment, and the client that asked is gone before the job is done."""
    paths = Paths.resolve(tmp_path / "demo", {})
    process = EngineProcess(paths, os.environ, str(tmp_path / "demo"), is_demo=True)
    async with process.attach() as client:
        assert client.engine_name == DEMO_ENGINE
        assert all(url.startswith("http://127.0.0.1:") for url in simulator_urls(paths).values())
        job = await client.start_job(request("demo"))
    async with process.attach() as client:
        await make_way(paths)
        done = await client.wait_for_job(job.job_id)
        assert done.status is JobStatus.COMPLETED
    await end_engine(paths)
    await until(lambda: not addresses_file(paths).exists())


async def test_an_idle_engine_with_real_services_makes_way_for_the_demo(home: EngineHome) -> None:
    process = EngineProcess(home.paths, {**os.environ, **home.environ}, str(home.root))
    async with process.attach() as client:
        assert client.engine_name == ""
    await make_way(home.paths)
    assert not await answers(home.paths)


async def test_one_that_has_work_does_not(home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "submit", "action": "status", "code": 402})
    process = EngineProcess(home.paths, {**os.environ, **home.environ}, str(home.root))
    async with process.attach() as client:
        job = await client.start_job(request("real"))
        await client.wait_for_job(job.job_id)
        with pytest.raises(ConflictError, match="real services has work"):
            await make_way(home.paths)
        assert (await client.job(job.job_id)).status is JobStatus.PAUSED
    await end_engine(home.paths, at_once=True)


def test_the_way_back_to_a_demo_is_the_command_that_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GIMF_HOME")

    def session(home: Path) -> Session:
        paths = Paths.resolve(home, {})
        return Session(paths, Preferences(), KeyStore(paths.keys_file, {}, load=lambda: None))

    own = resolve_paths(Namespace(home=None), {}).demo_dir
    assert demo_command(session(own)) == "gimf demo"
    assert demo_command(session(tmp_path / "a b")) == f"gimf --home '{tmp_path}/a b' demo"
