"""Another program holds the database, or the disk is full, when the answer to a paid request comes: the job waits,
then says so, and loses nothing."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from engine.errors import PauseRequired
from engine.events import JobPaused
from engine.spool import Spool
from tests.acceptance.support import booked, rows
from tests.support.engine import EngineHome, Listener, request, until

pytestmark = [pytest.mark.fault(15), pytest.mark.fault(14)]
BARE = {"quality_check": False, "metadata": False}


@asynccontextmanager
async def held(home: EngineHome) -> AsyncIterator[None]:
    """The write lock, as a database browser with an open edit has it; taken between two commits of the engine."""
    with closing(sqlite3.connect(home.paths.database_file, isolation_level=None, timeout=0)) as other:
        while not other.in_transaction:
            with contextlib.suppress(sqlite3.OperationalError):
                other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(0)
        yield
        other.execute("ROLLBACK")


SLOW = ({"service": "piapi", "operation": "submit", "action": "slow", "seconds": 0.3},)


@pytest.mark.parametrize(
    "script",
    [
        ({"service": "piapi", "operation": "poll", "action": "slow", "seconds": 0.3},),
        SLOW,
        ({"service": "openai", "operation": "chat.prompt", "action": "slow", "seconds": 0.3},),
        (  # the answers that come while it is held are refusals: the orders are sent again, and paid once
            {
                "service": "piapi",
                "operation": "submit",
                "nth": 1,
                "action": "status",
                "code": 429,
                "times": 3,
            },
            *SLOW,
        ),
    ],
    ids=["polling", "sending", "prompting", "refused"],
)
async def test_a_job_waits_then_pauses_and_loses_no_step(
    home: EngineHome, script: tuple[dict[str, Any], ...]
) -> None:
    """Held while calls are on their way: each is paid for once, and what came of it is written down afterwards."""
    home.script(*script)
    service, operation = script[0]["service"], script[0]["operation"]
    async with home.open() as engine, Listener(engine) as heard:
        engine._database._busy_timeout = 0.5
        job = await engine.start_job(request(generation={"generations": 4, "backoff_seconds": 0}, ai=BARE))
        await until(lambda: bool(home.requests(service, operation)))
        async with held(home):
            paused = await heard.wait_for(JobPaused, job_id=job.job_id)
            assert paused.code == "database"
            assert "locked by another program" in paused.message
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved, done.images.unknown) == ("completed", 4, 0)
    payments = home.payments("piapi", "submit")
    assert len(payments) == len({payment["prompt"] for payment in payments}) == 4
    assert len(home.payments("openai", "chat.prompt")) == 4
    assert booked(home, "task", "committed") == booked(home, "prompt", "committed") == 0
    assert booked(home, "task", "actual") == sum(payment["amount_micros"] for payment in payments)


async def test_a_job_that_is_stopped_meanwhile_keeps_the_answers_that_came(home: EngineHome) -> None:
    home.script(*SLOW)
    async with home.open() as engine, Listener(engine) as heard:
        engine._database._busy_timeout = 0.5
        job = await engine.start_job(request(generation={"generations": 3}, ai=BARE))
        await until(lambda: bool(home.requests("piapi", "submit")))
        async with held(home):
            await heard.wait_for(JobPaused, job_id=job.job_id, code="database")
            await engine.stop_job(job.job_id)
        await engine.wait_for_job(job.job_id)
    sent = len(home.requests("piapi", "submit"))
    kept = rows(home, "SELECT state FROM tasks WHERE provider_task_id IS NOT NULL")
    assert len(kept) == sent > 0
    assert not rows(home, "SELECT 1 FROM tasks WHERE state IN ('submitting', 'unknown')")


async def test_pictures_that_came_with_the_answer_wait_for_room(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenAI keeps no list: pictures that are dropped here would be gone."""
    is_full = True
    write = Spool.write

    def write_where_there_is_room(self: Spool, *args: Any) -> Any:
        if is_full:
            raise PauseRequired("no room", hint="Make room.", code="disk")
        return write(self, *args)

    monkeypatch.setattr(Spool, "write", write_where_there_is_room)
    settings = {"provider": "openai", "model": "gpt-image-2", "generations": 2}
    async with home.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(request(generation=settings, ai=BARE))
        await heard.wait_for(JobPaused, job_id=job.job_id, code="disk")
        is_full = False
        await engine.resume_job(job.job_id)
        done = await engine.wait_for_job(job.job_id)
        assert (done.status, done.images.approved, done.images.unknown) == ("completed", 2, 0)
    assert len(home.requests("openai", "images")) == 2
