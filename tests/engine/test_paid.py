import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import aiosqlite
import pytest

from db import jobs, ledger
from db.connection import Database
from db.records import NewJob
from db.status import JobKind, LedgerAccount
from engine.bus import EventBus
from engine.calls import Caller
from engine.context import JobContext, JobFolders
from engine.costs import PriceBook
from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    KeyRefusedError,
    NotSentError,
    PauseRequired,
    RateLimitedError,
    ServiceError,
)
from engine.inputs import JobInputs
from engine.logs import LogBook
from engine.masking import Masker
from engine.paid import language_charge, paid_call
from engine.paths import Paths
from engine.pipeline import Gate
from engine.preferences import Preferences
from engine.providers.chat import ModelRefusedError, UnreadableAnswerError, Usage
from engine.providers.http import HttpGateway
from engine.providers.language import Answer
from engine.secrets import KeyStore
from engine.services import Services
from engine.settings import Settings
from engine.spending import PaidCall, Spending
from tests.support.clock import FakeClock

MODEL = "gpt-5.4-mini"
CALL = PaidCall("check:1", "openai", MODEL, 2_000)


class Bench:
    """The context of a job without the job's work, and what was kept of the answers."""

    def __init__(self, context: JobContext) -> None:
        self.context = context
        self.kept: list[str] = []

    async def keep(self, answer: str) -> None:
        async with self.context.database.transaction() as connection:
            await self._settle(connection)
            self.kept.append(answer)

    async def _settle(self, connection: aiosqlite.Connection) -> None:
        await self.context.spending.settle(connection, CALL, None)

    async def pay(self, outcome: str | Exception) -> str:
        async def send() -> str:
            if isinstance(outcome, Exception):
                raise outcome
            return outcome

        return await paid_call(self.context, CALL, send, self.keep)

    async def money(self) -> dict[LedgerAccount, int]:
        """What stands on each account that has anything."""
        async with self.context.database.reading() as connection:
            sums = await ledger.totals_for_job(connection, self.context.job.job_id)
        return {account: micros for account, micros in sums.items() if micros}


@pytest.fixture
async def bench(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Bench]:
    paths = Paths.resolve(tmp_path, {})
    database = await Database.open(paths.database_file)
    async with database.transaction() as connection:
        new = NewJob("job00001", JobKind.GENERATE, "A", {}, {}, "out", budget_micros=5_000)
        job = await jobs.insert(connection, new, "2026-11-22T12:00:00.000Z")
    bus, gate = EventBus(), Gate()
    log = LogBook(database, bus, clock, Masker()).for_job(job.job_id)
    services = Services(
        Preferences(), KeyStore(paths.keys_file, {}, load=lambda: None).get, await HttpGateway.open()
    )
    inputs = JobInputs(
        keyword_source="built-in list",
        keyword_count=1,
        draw_seed=1,
        columns=("keyword",),
        template="{keyword}",
        template_source="built-in template",
    )
    with ThreadPoolExecutor(1) as pool:
        yield Bench(
            JobContext(
                job=job,
                settings=Settings(),
                inputs=inputs,
                database=database,
                bus=bus,
                log=log,
                clock=clock,
                services=services,
                prices=PriceBook.load(),
                spending=Spending(job.job_id, clock),
                caller=Caller(clock=clock, log=log, gate=gate, first_wait_s=1, patience_s=60),
                gate=gate,
                folders=JobFolders(tmp_path / "w", tmp_path / "o", tmp_path / "p"),
                pool=pool,
            )
        )
    await services.close()
    await database.close()


async def test_an_answer_is_kept_and_settled_in_one(bench: Bench) -> None:
    assert await bench.pay("fine") == "fine"
    assert bench.kept == ["fine"]
    assert await bench.money() == {LedgerAccount.ACTUAL: 2_000}
    assert bench.context.paid_calls == set()


async def test_the_money_is_reserved_before_anything_is_sent(bench: Bench) -> None:
    seen: list[dict[LedgerAccount, int]] = []

    async def send() -> str:
        seen.append(await bench.money())
        return "fine"

    await paid_call(bench.context, CALL, send, bench.keep)
    assert seen == [{LedgerAccount.COMMITTED: 2_000}]


@pytest.mark.parametrize(
    "error",
    [
        NotSentError("openai", "no line"),
        RateLimitedError("openai", "busy"),
        KeyRefusedError("openai", "401"),
        BadRequestError("openai", "400"),
    ],
)
async def test_a_refusal_gives_the_money_back(bench: Bench, error: ServiceError) -> None:
    with pytest.raises(type(error)):
        await bench.pay(error)
    assert await bench.money() == {LedgerAccount.REFUNDED: 2_000}
    assert bench.kept == []


@pytest.mark.parametrize("error", [AnswerLostError("remove.bg", "gone"), BadAnswerError("openai", "500")])
async def test_a_lost_answer_may_have_been_charged(bench: Bench, error: ServiceError) -> None:
    with pytest.raises(type(error)):
        await bench.pay(error)
    assert await bench.money() == {LedgerAccount.UNKNOWN: 2_000}


@pytest.mark.parametrize("kind", [UnreadableAnswerError, ModelRefusedError])
async def test_an_answer_of_no_use_costs_its_tokens(
    bench: Bench, kind: type[UnreadableAnswerError | ModelRefusedError]
) -> None:
    usage = Usage(MODEL, input_tokens=1_000, output_tokens=100)
    with pytest.raises(kind):
        await bench.pay(kind("openai", "no use", usage=usage))
    price = bench.context.prices.language_cost_micros(MODEL, 1_000, 100)
    assert price
    assert await bench.money() == {LedgerAccount.ACTUAL: price}


async def test_the_budget_keeps_the_call_back(bench: Bench) -> None:
    for _ in range(2):
        await bench.pay("fine")
    with pytest.raises(PauseRequired) as caught:
        await bench.pay("too much")
    assert caught.value.code == "budget"
    assert bench.kept == ["fine", "fine"]
    assert await bench.money() == {LedgerAccount.ACTUAL: 4_000}


async def test_a_cancelled_worker_does_not_take_the_request_and_its_answer_with_it(bench: Bench) -> None:
    is_sent, may_answer = asyncio.Event(), asyncio.Event()

    async def send() -> str:
        is_sent.set()
        await may_answer.wait()
        return "fine"

    worker = asyncio.create_task(paid_call(bench.context, CALL, send, bench.keep))
    await is_sent.wait()
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await worker
    (request,) = bench.context.paid_calls
    may_answer.set()
    assert await request == "fine"
    assert bench.kept == ["fine"]
    assert await bench.money() == {LedgerAccount.ACTUAL: 2_000}


async def test_what_cannot_be_kept_stays_reserved(bench: Bench) -> None:
    """The next start finds it and says that it may be paid twice."""

    async def send() -> str:
        return "fine"

    async def keep(answer: str) -> None:
        raise OSError(28, f"no room for {answer}")

    with pytest.raises(OSError, match="no room"):
        await paid_call(bench.context, CALL, send, keep)
    assert await bench.money() == {LedgerAccount.COMMITTED: 2_000}


def test_a_call_is_charged_by_its_tokens(bench: Bench) -> None:
    answer = Answer("fine", 1_000, 100, MODEL)
    charge = language_charge(bench.context, MODEL, answer)
    assert charge is not None
    assert charge.micros == bench.context.prices.language_cost_micros(MODEL, 1_000, 100)
    assert (charge.raw_amount, charge.raw_unit) == (1_100.0, "tokens")
    assert language_charge(bench.context, "some/local-model", answer) is None
