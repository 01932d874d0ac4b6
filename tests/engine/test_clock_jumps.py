"""The machine's time of day jumps while a job is at work: no wait notices, and what is stored stays UTC."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.acceptance.support import rows
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, request, until

pytestmark = pytest.mark.fault(19)
BARE = {"quality_check": False, "metadata": False}


@pytest.mark.parametrize("days", [-1, 1, 400])
async def test_a_job_does_not_notice(home: EngineHome, clock: FakeClock, days: int) -> None:
    """Neither the timeout of its order nor the time between two questions is measured by the time of day."""
    home.script({"service": "piapi", "operation": "poll", "action": "status_word", "word": "processing"})
    async with home.open(clock=clock) as engine:
        job = await engine.start_job(request(generation={"timeout_minutes": 60}, ai=BARE))
        await until(lambda: len(home.requests("piapi", "poll")) >= 2)
        slept = len(clock.slept)
        clock.set_time_of_day(clock.now() + timedelta(days=days))
        asked = len(home.requests("piapi", "poll"))
        await until(lambda: len(home.requests("piapi", "poll")) >= asked + 2)
        home.script()
        done = await engine.wait_for_job(job.job_id)
        ended_at = clock.now()
    assert (done.status, done.images.approved, done.images.unknown) == ("completed", 1, 0)
    assert len(home.requests("piapi", "submit")) == 1
    assert max(clock.slept[slept:]) < 3_600 * 23, "somebody waits for a day that was jumped over"
    (row,) = rows(home, "SELECT * FROM jobs")
    assert 0 <= row["active_ms"] < 3_600_000
    stored = datetime.fromisoformat(row["finished_at"])
    assert stored.utcoffset() == timedelta(0)
    assert abs(stored - ended_at) < timedelta(minutes=10)
    assert stored.astimezone(UTC).date() != datetime.fromisoformat(row["created_at"]).date()
