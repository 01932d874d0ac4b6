"""kill -9 at no named point but at any moment, again and again, until the job is done: the same promises hold."""

import asyncio
import random

import pytest

from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import (
    Program,
    assert_converged,
    assert_nothing_approved_unchecked,
    overrides,
    rows,
)

pytestmark = [pytest.mark.acceptance, pytest.mark.fault(17)]

PLANNED = 6
KILLS = 4
SETTINGS = {
    "generation": {"generations": PLANNED, "dimensions": ["512x512"], "poll_interval_seconds": 0.5},
    "processing": {"convert": "on", "convert_format": "jpg"},
}


async def test_a_job_that_dies_at_any_moment(make_home: MakeHome, repetition: int) -> None:
    """Runware can be asked by our own id, so that at the end nothing may be unknown, missing or paid for twice."""
    dice = random.Random(repetition)
    home = await make_home(latency_seconds=0.4, submit_latency_seconds=0.2)
    program = Program(home)
    by_id = {"provider": "runware", "model": "runware:100@1"}
    settings = {**SETTINGS, "generation": {**SETTINGS["generation"], **by_id}}
    process = await program.start("run", "--json", *overrides(settings))
    for _ in range(KILLS):
        # What is drawn is the moment, counted from the first thing that the job sends.
        seen = len(home.simulator.world.requests)
        while process.returncode is None and len(home.simulator.world.requests) == seen:
            await asyncio.sleep(0.01)
        await asyncio.sleep(dice.uniform(0, 1.5))
        if process.returncode is None:
            process.kill()
        ended = await program.end(process)
        if not ended.was_killed:
            break
        assert_nothing_approved_unchecked(home)
        process = await program.start("run", "--resume", "--json")
    ended = await program.end(process)
    assert ended.status == 0, ended.stderr
    (job,) = rows(home, "SELECT status FROM jobs")
    assert job["status"] == "completed"
    assert_converged(home, PLANNED, service="runware")
