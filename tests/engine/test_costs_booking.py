"""The money of whole jobs: what the engine booked against what the services say they took."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from db import ledger
from db.records import LedgerRecord
from db.status import LedgerAccount
from engine.api import ImageQuery
from engine.costs import PriceBook
from engine.service import Engine
from engine.views import JobStatus, TaskState
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, request

BARE = {"quality_check": False, "metadata": False}


@pytest.fixture
async def engine(home: EngineHome, clock: FakeClock) -> AsyncIterator[Engine]:
    async with home.open(clock=clock) as opened:
        yield opened


async def entries(engine: Engine, job_id: str) -> list[LedgerRecord]:
    async with engine._database.reading() as connection:
        return await ledger.for_job(connection, job_id, limit=10_000)


def spent(booked: list[LedgerRecord], kind: str, account: LedgerAccount = LedgerAccount.ACTUAL) -> int:
    """Micros on an account for all calls of a kind, such as `task`."""
    return sum(
        entry.amount_micros
        for entry in booked
        if entry.call.partition(":")[0] == kind and entry.account is account
    )


def taken(home: EngineHome, service: str, operation: str | None = None) -> int:
    return sum(payment["amount_micros"] for payment in home.payments(service, operation))


@pytest.mark.parametrize(
    ("generation", "service"),
    [
        ({"generations": 3, "variations": 2}, "piapi"),
        ({"generations": 2, "provider": "runware", "model": "runware:100@1"}, "runware"),
    ],
)
async def test_images_cost_what_the_provider_took(
    engine: Engine, home: EngineHome, generation: dict[str, Any], service: str
) -> None:
    job = await engine.start_job(request("A", generation=generation, ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.COMPLETED
    booked = await entries(engine, job.job_id)
    assert spent(booked, "task") == taken(home, service) > 0
    page = await engine.images(ImageQuery(job_id=job.job_id))
    assert sum(image.cost_usd for image in page.rows) == pytest.approx(taken(home, service) / 1e6)
    detail = await engine.job_detail(job.job_id)
    costs = [task.cost_usd or 0 for one in detail.generations for task in one.tasks]
    assert sum(costs) == pytest.approx(taken(home, service) / 1e6)


async def test_every_paid_call_of_a_job_is_booked_once_under_its_name(
    engine: Engine, home: EngineHome
) -> None:
    job = await engine.start_job(
        request("A", generation={"generations": 2, "variations": 2}, processing={"remove_background": True})
    )
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 4
    booked = await entries(engine, job.job_id)
    names = {entry.call for entry in booked}
    kinds = sorted(name.partition(":")[0] for name in names)
    tasks = len(home.requests("piapi", "submit"))
    assert kinds == ["background"] * 4 + ["check"] * 4 + ["metadata"] * 4 + ["prompt"] * 2 + ["task"] * tasks
    for name in names:
        sums = {
            account: sum(e.amount_micros for e in booked if e.call == name and e.account is account)
            for account in LedgerAccount
        }
        assert sums[LedgerAccount.ACTUAL] > 0
        assert sums[LedgerAccount.COMMITTED] == sums[LedgerAccount.UNKNOWN] == 0
    price = PriceBook.load().credits_cost_micros(Decimal(4))  # remove.bg says credits, the price list dollars
    assert spent(booked, "background") == price
    assert sum(entry.raw_amount or 0 for entry in booked if entry.raw_unit == "credits") == 4
    assert view.spend.actual == view.spend_usd
    assert view.spend.committed == view.spend.unknown == 0
    actual = sum(e.amount_micros for e in booked if e.account is LedgerAccount.ACTUAL)
    assert view.spend_usd == pytest.approx(actual / 1e6)
    assert (await engine.totals()).spend_usd == pytest.approx(actual / 1e6)


async def test_the_language_model_is_booked_by_its_tokens(engine: Engine) -> None:
    job = await engine.start_job(request("A"))
    await engine.wait_for_job(job.job_id)
    for entry in await entries(engine, job.job_id):
        if entry.account is LedgerAccount.ACTUAL and not entry.call.startswith("task:"):
            assert entry.raw_unit == "tokens"
            assert entry.raw_amount
            assert (entry.service, entry.model) == ("openai", "gpt-5.4-mini")


async def test_what_the_provider_gave_back_is_not_spent(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "nth": 1, "action": "fail", "text": "GPU on fire"})
    job = await engine.start_job(request("A", generation={"generations": 2, "concurrency": 1}, ai=BARE))
    await engine.wait_for_job(job.job_id)
    booked = await entries(engine, job.job_id)
    assert spent(booked, "task") == taken(home, "piapi") > 0
    assert spent(booked, "task", LedgerAccount.REFUNDED) > 0
    assert spent(booked, "task", LedgerAccount.UNKNOWN) == 0


async def test_each_unreadable_answer_is_paid_for(engine: Engine, home: EngineHome) -> None:
    home.script(
        {"service": "openai", "operation": "chat.check", "action": "say", "text": "Lovely light!", "times": 2}
    )
    job = await engine.start_job(request("A"))
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 1
    booked = await entries(engine, job.job_id)
    paid = [e for e in booked if e.call.startswith("check:") and e.account is LedgerAccount.ACTUAL]
    assert len(paid) == len(home.requests("openai", "chat.check")) == 3
    assert all(entry.amount_micros > 0 for entry in paid)


async def test_a_lost_answer_of_the_model_stays_unknown_although_the_second_one_came(
    engine: Engine, home: EngineHome
) -> None:
    home.script({"service": "openai", "operation": "chat.prompt", "nth": 1, "action": "lose_answer"})
    job = await engine.start_job(request("A", ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 1
    booked = await entries(engine, job.job_id)
    assert len(home.payments("openai", "chat.prompt")) == 2
    assert spent(booked, "prompt") > 0
    assert spent(booked, "prompt", LedgerAccount.UNKNOWN) > 0
    assert view.spend.unknown > 0


async def test_a_lost_background_is_not_asked_for_twice(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "removebg", "operation": "remove", "action": "lose_answer"})
    job = await engine.start_job(request("A", processing={"remove_background": True}, ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.images.approved == 1
    assert len(home.requests("removebg", "remove")) == 1
    (image,) = (await engine.images(ImageQuery(job_id=job.job_id))).rows
    assert any("background" in warning for warning in image.warnings)
    assert spent(await entries(engine, job.job_id), "background", LedgerAccount.UNKNOWN) > 0


@pytest.mark.fault(9)
async def test_a_completed_task_without_a_picture_is_paid_for(engine: Engine, home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "poll", "action": "no_images"})
    job = await engine.start_job(request("A", ai=BARE))
    view = await engine.wait_for_job(job.job_id)
    assert view.status is JobStatus.FAILED
    assert spent(await entries(engine, job.job_id), "task") == taken(home, "piapi") > 0
    ((task,),) = [one.tasks for one in (await engine.job_detail(job.job_id)).generations]
    assert task.state is TaskState.FAILED


async def test_the_estimate_is_an_upper_bound_of_the_same_size(engine: Engine, home: EngineHome) -> None:
    wanted = request("A", generation={"generations": 3}, processing={"remove_background": True})
    plan = await engine.plan_job(wanted)
    view = await engine.wait_for_job((await engine.start_job(wanted)).job_id)
    assert view.spend.estimate == pytest.approx(plan.estimate_usd)
    assert 0 < view.spend_usd <= view.spend.estimate * 1.05
    assert view.spend_usd > view.spend.estimate / 10
    assert home.payments("piapi", "submit")
