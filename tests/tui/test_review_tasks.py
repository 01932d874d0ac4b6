"""The tab of tasks that ended without a picture: what was lost, what failed, and what becomes of it by which key."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.views import ImageStatus, TaskState
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job
from tests.support.review import Desk
from tui.screens.review import ReviewScreen
from tui.widgets.app_header import AppHeader
from tui.widgets.totals_panel import TotalsPanel

LOST = {"service": "piapi", "operation": "submit", "action": "lose_answer"}
REFUSED = {"service": "piapi", "operation": "submit", "action": "status", "code": 400}


@pytest.fixture
async def forgetful(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """A home whose provider cannot say what became of a task whose answer was lost."""
    async with engine_home(tmp_path / "gimf", has_task_history=False) as opened:
        yield opened


async def test_lost_and_failed_tasks_are_decided_about(forgetful: EngineHome) -> None:
    forgetful.script({**LOST, "nth": 1}, {**LOST, "nth": 3}, {**REFUSED, "nth": 4})
    async with forgetful.open() as engine:
        images = await finished_job(engine, 5, generation={"concurrency": 1})
        assert [image.status for image in images] == [ImageStatus.APPROVED] * 2
        forgetful.script()
        async with running(services_for(engine, home=forgetful)) as pilot:
            at = Desk(pilot, engine)
            await wait_until(pilot, lambda: "Review 3" in at.app.screen.query_one(AppHeader)._line().plain)
            assert "to decide 3" in at.app.screen.query_one(TotalsPanel).plain
            await at.press("3")
            await wait_until(pilot, lambda: isinstance(at.app.screen, ReviewScreen))
            await wait_until(pilot, lambda: not at.screen.is_loading_now)
            await at.press("left_square_bracket")
            await wait_until(pilot, lambda: len(at.panel.rows) == 3)
            assert "[Needs a decision 3]" in at.line("TabLine")
            states = [task.state for task in at.panel.rows]
            assert states == [TaskState.UNKNOWN, TaskState.UNKNOWN, TaskState.FAILED]
            lost, other, failed = at.panel.rows
            assert not {"approve", "trash", "retry", "search"} & _usable(at)

            await at.press("d")
            question = await at.until_asked("Treat the task as lost?")
            assert "$0.0015 counts as possibly spent" in question
            await at.press("escape")
            assert len(await engine.undecided_tasks()) == 3
            await at.press("d")
            await at.until_asked("Treat the task as lost?")
            await at.press("enter")
            await wait_until(
                pilot, lambda: [task.task for task in at.panel.rows] == [other.task, failed.task]
            )

            await at.press("G")
            await wait_until(pilot, lambda: at.panel.current == failed)
            assert "ask" not in _usable(at), "the provider never told its id"
            await at.press("A", "ctrl+r")
            question = await at.until_asked("Submit 2 tasks again for $0.003?")
            assert "paid for twice" in question
            before = len(forgetful.requests("piapi", "submit"))
            await at.press("enter")
            await wait_until(pilot, lambda: at.panel.rows == [])
            await engine.wait_for_job(lost.job_id)
            assert len(forgetful.requests("piapi", "submit")) == before + 2
            assert (await engine.job(lost.job_id)).images.approved == 4
            assert await engine.undecided_count() == 0
            await wait_until(pilot, lambda: "[Needs a decision]" in at.line("TabLine"))


async def test_a_task_that_failed_is_asked_about_again(forgetful: EngineHome) -> None:
    """It timed out with its id known: asking costs nothing, so there is no question."""
    word = {"service": "piapi", "operation": "poll", "action": "status_word", "word": "Failed", "nth": 1}
    forgetful.script(word)
    async with forgetful.open() as engine:
        assert await finished_job(engine, 1) == []
        forgetful.script()
        async with running(services_for(engine, home=forgetful)) as pilot:
            at = Desk(pilot, engine)
            await at.press("3")
            await wait_until(pilot, lambda: isinstance(at.app.screen, ReviewScreen))
            await wait_until(pilot, lambda: not at.screen.is_loading_now)
            await at.press("left_square_bracket")
            await wait_until(pilot, lambda: len(at.panel.rows) == 1)
            (task,) = at.panel.rows
            assert task.task_id is not None
            paid = len(forgetful.payments("piapi"))
            await at.press("r")
            await at.until_told("Its job goes on")
            assert not at.bar.is_asking
            job = await engine.wait_for_job(task.job_id)
            assert job.images.approved == 1
            assert len(forgetful.payments("piapi")) == paid
            await wait_until(pilot, lambda: at.panel.rows == [])


def _usable(at: Desk) -> set[str]:
    return {one.binding.action for one in at.screen.active_bindings.values() if one.enabled}
