"""Orders that ended without pictures: what can be decided, and what comes of it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.api import ImageQuery, RetryRequest, TaskChoice
from engine.client import EngineClient
from engine.host import serving
from engine.service import Engine
from engine.views import ImageStatus, JobStatus, JobView, TaskState, UndecidedView
from tests.acceptance.support import booked
from tests.support.engine import EngineHome, engine_home, request

LOSES = {"service": "piapi", "operation": "submit", "action": "lose_answer"}
POLICY = {"service": "piapi", "operation": "poll", "action": "fail", "text": "blocked by policy"}
LATE = {"service": "piapi", "operation": "poll", "action": "status", "code": 500}


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """Its provider cannot look lost orders up."""
    async with engine_home(tmp_path / "gimf", has_task_history=False) as opened:
        yield opened


async def ended(engine: Engine, **groups: object) -> tuple[JobView, list[UndecidedView]]:
    generation = {"generations": 2, "backoff_seconds": 0, "concurrency": 1}
    job = await engine.start_job(request("Cats", generation=generation, **groups))  # type: ignore[arg-type]
    await engine.wait_for_job(job.job_id)
    return await engine.job(job.job_id), await engine.undecided_tasks()


@pytest.mark.fault(3)
async def test_a_lost_order_is_listed_with_what_is_known(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine:
        job, (lost,) = await ended(engine)
        assert (job.status, job.images.approved, job.images.unknown) == (JobStatus.COMPLETED, 1, 1)
        assert (lost.state, lost.task_id, lost.job_number) == (TaskState.UNKNOWN, None, job.number)
        assert lost.choices == ("lost", "ask", "submit")
        assert lost.prompt
        assert lost.price_usd > 0
        assert lost.error is not None
        assert await engine.undecided_count() == 1


async def test_treated_as_lost_it_is_failed_and_its_money_stays_counted(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine:
        job, (lost,) = await ended(engine)
        outcome = await engine.decide_tasks([lost.task, 999], TaskChoice.LOST)
        assert (outcome.done, outcome.job_ids) == ((lost.task,), ())
        assert outcome.refused[0].message == "There is no task 999."
        now = await engine.job(job.job_id)
        assert (now.images.unknown, now.images.failed, now.spend.unknown > 0) == (0, 1, True)
        assert await engine.undecided_tasks() == []
        again = await engine.decide_tasks([lost.task], TaskChoice.SUBMIT)
        assert again.refused[0].message == "It has been decided about already."


async def test_submitted_again_it_is_paid_again_and_comes(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine:
        job, (lost,) = await ended(engine)
        outcome = await engine.decide_tasks([lost.task], TaskChoice.SUBMIT)
        assert outcome.job_ids == (job.job_id,)
        now = await engine.wait_for_job(job.job_id)
        assert (now.status, now.images.approved, now.images.unknown) == (JobStatus.COMPLETED, 2, 0)
        assert len(home.payments("piapi", "submit")) == 3
        assert now.spend.unknown > 0, "the first payment stays possible"
        assert await engine.undecided_tasks() == []
    assert booked(home, "task", "committed") == 0


async def test_asked_again_the_provider_may_know_now(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine:
        job, (lost,) = await ended(engine)
        world = home.simulator.world
        world.options = replace(world.options, has_task_history=True)
        await engine.decide_tasks([lost.task], TaskChoice.ASK)
        now = await engine.wait_for_job(job.job_id)
        assert (now.images.approved, now.images.unknown) == (2, 0)
        assert now.spend.unknown == 0
        assert len(home.payments("piapi", "submit")) == 2


async def test_asked_again_in_vain_it_stays_unknown(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine:
        job, (lost,) = await ended(engine)
        await engine.decide_tasks([lost.task], TaskChoice.ASK)
        now = await engine.wait_for_job(job.job_id)
        assert (now.status, now.images.unknown) == (JobStatus.COMPLETED, 1)
        assert [one.task for one in await engine.undecided_tasks()] == [lost.task]
        assert len(home.requests("piapi", "submit")) == 2


async def test_a_refused_prompt_can_only_be_tried_again(home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "submit", "action": "status", "code": 400, "nth": 2})
    async with home.open() as engine:
        job, (refused,) = await ended(engine)
        assert (refused.state, refused.choices) == (TaskState.FAILED, ("lost", "submit"))
        outcome = await engine.decide_tasks([refused.task], TaskChoice.ASK)
        assert "no id" in outcome.refused[0].message
        await engine.decide_tasks([refused.task], TaskChoice.SUBMIT)
        now = await engine.wait_for_job(job.job_id)
        assert (now.images.approved, now.images.failed) == (2, 0)


@pytest.mark.fault(6)
async def test_an_order_that_was_given_up_is_checked_again_without_paying(home: EngineHome) -> None:
    home.script({**LATE, "match": "/api/v1/task/"})
    async with home.open() as engine:
        job, late = await ended(engine)
        assert [one.choices for one in late] == [("lost", "ask", "submit")] * 2
        assert all(one.task_id for one in late)
        assert job.status is JobStatus.FAILED
        home.script()
        await engine.decide_tasks([one.task for one in late], TaskChoice.ASK)
        now = await engine.wait_for_job(job.job_id)
        assert (now.status, now.images.approved) == (JobStatus.COMPLETED, 2)
        assert len(home.payments("piapi", "submit")) == 2


async def test_a_job_stopped_with_orders_left_is_not_set_going_by_a_decision(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 1})
    async with home.open() as engine:
        job = await engine.start_job(request("Cats", generation={"generations": 3, "concurrency": 1}))
        await engine.wait_for_job(job.job_id)
        await engine.delete_jobs([job.job_id])
        assert await engine.undecided_tasks() == []
        (hidden,) = await engine.undecided_tasks(job_id=job.job_id)
        outcome = await engine.decide_tasks([hidden.task], TaskChoice.SUBMIT)
        assert outcome.refused[0].message == "Cats is deleted."


async def test_over_the_socket(home: EngineHome) -> None:
    home.script({**LOSES, "nth": 2})
    async with home.open() as engine, serving(engine, home.paths.socket_file):
        job, (lost,) = await ended(engine)
        async with EngineClient.connect(home.paths) as client:
            assert await client.undecided_count() == 1
            assert (await client.decide_tasks([lost.task], TaskChoice.SUBMIT)).job_ids == (job.job_id,)
            assert (await client.wait_for_job(job.job_id)).images.approved == 2


async def test_regenerated_images_refer_to_the_old_ones(home: EngineHome) -> None:
    home.script(
        {
            "service": "openai",
            "operation": "chat.check",
            "action": "say",
            "text": '{"passed": false, "reason": "blurred"}',
            "times": 1,
        }
    )
    async with home.open() as engine:
        job, _ = await ended(engine, ai={"metadata": False})
        (old,) = await engine.images_by_id(await engine.image_ids(_all(job.job_id, ImageStatus.QC_FAILED)))
        plan = await engine.plan_regeneration([old.image_id, 999])
        assert [(line.what, line.calls) for line in plan.costs] == [("images", 1), ("checks", 1)]
        assert plan.estimate_usd > 0
        assert plan.refused[0].image_id == 999
        started = await engine.regenerate_images([old.image_id])
        (order,) = started.jobs
        assert (order.parent_job_id, order.label) == (job.job_id, "Cats (1 regenerated)")
        done = await engine.wait_for_job(order.job_id)
        assert (done.images.planned, done.images.approved) == (1, 1)
        (new,) = await engine.images_by_id(await engine.image_ids(_all(order.job_id)))
        assert (new.replaces_image_id, new.prompt) == (old.image_id, old.prompt)
        assert (await engine.image(old.image_id)).status is ImageStatus.QC_FAILED
        assert len(home.requests("openai", "chat.prompt")) == 2, "the prompt was there"
        assert len(home.payments("piapi", "submit")) == 3
        refused = await engine.retry_images(RetryRequest((new.image_id,)))
        assert refused.refused[0].message == "It is approved already."


def _all(job_id: str, *statuses: ImageStatus) -> ImageQuery:
    return ImageQuery(job_id=job_id, statuses=statuses, sort="number")
