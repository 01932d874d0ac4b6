"""A line that breaks and answers that are lost: nothing paid for is lost, nothing is paid for twice."""

from datetime import datetime

import pytest

from engine.events import LogRecorded
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import (
    AT_ONCE,
    QUIET,
    assert_converged,
    assert_files_match_rows,
    booked,
    log_messages,
    outcome_of,
    rows,
    rule,
    run_job,
)
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, Listener, request, until
from tests.support.line import line_to

pytestmark = pytest.mark.acceptance


@pytest.mark.fault(1)
async def test_no_network_before_the_submission(home: EngineHome) -> None:
    """Nothing is lost and nothing is spent; the same task goes out as soon as the line is there."""
    async with line_to(home.simulator.address) as line:
        home.environ["PIAPI_BASE_URL"] = f"{line.address}/piapi"
        async with home.open() as engine, Listener(engine) as heard:
            job = await engine.start_job(request(generation=AT_ONCE))
            await until(
                lambda: any("cannot be reached" in one.entry.message for one in heard.of(LogRecorded))
            )
            assert home.requests("piapi", "submit") == []
            assert booked(home, "task", "actual") == 0
            await line.mend()
            done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.statuses) == ("completed", ["approved"])
    assert len(home.requests("piapi", "submit")) == 1
    (task,) = rows(home, "SELECT submissions FROM tasks")
    assert task["submissions"] > 1, "each attempt is counted"
    assert_converged(home, 1)


@pytest.mark.fault(2)
async def test_network_gone_while_polling(make_home: MakeHome) -> None:
    """The same task is polled on under its id; the service sees one submission."""
    home = await make_home(latency_seconds=0.6)
    async with line_to(home.simulator.address) as line:
        await line.mend()
        home.environ["PIAPI_BASE_URL"] = f"{line.address}/piapi"
        async with home.open() as engine:
            job = await engine.start_job(request(generation=AT_ONCE))
            await until(lambda: bool(home.requests("piapi", "submit")))
            await until(lambda: bool(rows(home, "SELECT 1 FROM tasks WHERE state = 'submitted'")))
            await line.cut()
            await until(lambda: any("waits for the line" in message for message in log_messages(home)))
            await line.mend()
            done = await outcome_of(engine, job.job_id)
    assert done.statuses == ["approved"]
    assert len(home.requests("piapi", "submit")) == 1
    assert_converged(home, 1)


@pytest.mark.fault(3, 7)
@pytest.mark.parametrize(
    "action", ["lose_answer", "html", "list", "wrong_types", "empty", "garbage", "truncate"]
)
async def test_lost_or_unreadable_answer_to_a_submission(make_home: MakeHome, action: str) -> None:
    """Without a history it waits for a decision, and the rest of the job goes on; never a second submission."""
    home = await make_home(has_task_history=False)
    home.script(rule("piapi", "submit", action, nth=1))
    done = await run_job(home, request(generation={"generations": 3}))
    assert (done.job.status, done.statuses, done.job.images.unknown) == ("completed", ["approved"] * 2, 1)
    assert done.job.spend.unknown > 0
    assert len(home.requests("piapi", "submit")) == len(home.payments("piapi", "submit")) == 3
    assert_converged(home, 3, unknown=1)


@pytest.mark.fault(3)
@pytest.mark.parametrize("action", ["lose_answer", "html"])
async def test_lost_answer_is_found_in_the_history(home: EngineHome, action: str) -> None:
    home.script(rule("piapi", "submit", action, nth=1))
    done = await run_job(home, request(generation={"generations": 2}))
    assert (done.statuses, done.job.images.unknown) == (["approved"] * 2, 0)
    assert len(home.requests("piapi", "submit")) == 2
    assert_converged(home, 2)


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("asked", "longest"), [("40", 60.0), ("86400", 3_600.0), ("-5", 60.0), ("soon", 60.0)]
)
async def test_retry_after_is_obeyed(home: EngineHome, clock: FakeClock, asked: str, longest: float) -> None:
    """No call before its time; a silly value is capped or passed over, and the log says that the job waits."""
    home.simulator.world.now = clock.now
    home.script(rule("piapi", "submit", "status", code=429, headers={"Retry-After": asked}, times=1))
    done = await run_job(home, request(generation={"timeout_minutes": 60}, ai=QUIET), clock=clock)
    assert done.statuses == ["approved"]
    refused, accepted = home.requests("piapi", "submit")
    waited = (datetime.fromisoformat(accepted.at) - datetime.fromisoformat(refused.at)).total_seconds()
    assert waited >= (40 if asked == "40" else 0)
    assert max(clock.slept) <= longest
    assert any("before PiAPI is asked again" in message for message in log_messages(home))
    assert (booked(home, "task", "committed"), booked(home, "task", "unknown")) == (0, 0)
    assert_files_match_rows(home)
