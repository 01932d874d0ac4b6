import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db import jobs, ledger
from db.connection import Database
from db.records import JobRecord, NewJob
from db.status import JobKind, LedgerAccount
from db.totals import read_all
from engine.errors import PauseRequired
from engine.providers.base import Charge
from engine.spending import PaidCall, Spending
from tests.support.clock import FakeClock

JOB = "job00001"
TASK = PaidCall("task:1", "piapi", "flux-schnell", 2_000)
OTHER = PaidCall("task:2", "piapi", "flux-schnell", 3_000)
CHECK = PaidCall("check:1", "openai", "gpt-5.4-mini", 500)


class Books:
    """A job with a ledger in a real file; every booking is a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.spending = Spending(JOB, FakeClock())

    @classmethod
    async def open(cls, folder: Path, *, budget_micros: int | None = None) -> "Books":
        database = await Database.open(folder / "factory.db")
        async with database.transaction() as connection:
            job = NewJob(JOB, JobKind.GENERATE, "A", {}, {}, "out", budget_micros=budget_micros)
            await jobs.insert(connection, job, "2026-11-22T12:00:00.000Z")
        return cls(database)

    async def reserve(self, call: PaidCall) -> None:
        async with self.database.transaction() as connection:
            await self.spending.reserve(connection, call)

    async def settle(self, call: PaidCall, charge: Charge | None = None) -> int:
        async with self.database.transaction() as connection:
            return await self.spending.settle(connection, call, charge)

    async def release(self, call: PaidCall) -> None:
        async with self.database.transaction() as connection:
            await self.spending.release(connection, call, "not bought")

    async def lose(self, call: PaidCall) -> int:
        async with self.database.transaction() as connection:
            return await self.spending.lose(connection, call, "gone")

    async def is_lost(self, call: PaidCall) -> bool:
        async with self.database.reading() as connection:
            return await self.spending.is_lost(connection, call)

    async def job(self) -> JobRecord:
        async with self.database.reading() as connection:
            record = await jobs.get(connection, JOB)
        assert record is not None
        return record

    async def sums(self) -> tuple[int, int, int]:
        """actual, committed, unknown, as the job shows them."""
        job = await self.job()
        return job.actual_micros, job.committed_micros, job.unknown_micros

    async def accounts(self, call: PaidCall | None = None) -> dict[LedgerAccount, int]:
        async with self.database.reading() as connection:
            if call is None:
                return await ledger.totals_for_job(connection, JOB)
            return await ledger.by_call(connection, JOB, call.name)

    async def totals(self) -> dict[str, int]:
        async with self.database.reading() as connection:
            return await read_all(connection)


@pytest.fixture
async def books(tmp_path: Path) -> AsyncIterator[Books]:
    opened = await Books.open(tmp_path)
    yield opened
    await opened.database.close()


async def test_a_delivered_call_at_the_estimate(books: Books) -> None:
    await books.reserve(TASK)
    assert await books.sums() == (0, 2_000, 0)
    assert await books.settle(TASK) == 2_000
    assert await books.sums() == (2_000, 0, 0)


async def test_the_services_own_price_wins_over_the_estimate(books: Books) -> None:
    await books.reserve(TASK)
    assert await books.settle(TASK, Charge(1_500, 15.0, "credits")) == 1_500
    assert await books.sums() == (1_500, 0, 0)
    async with books.database.reading() as connection:
        entries = await ledger.for_job(connection, JOB)
    booked = [(entry.account, entry.raw_amount, entry.raw_unit) for entry in entries if entry.raw_amount]
    assert booked == [(LedgerAccount.ACTUAL, 15.0, "credits")]


async def test_settling_twice_books_once(books: Books) -> None:
    await books.reserve(TASK)
    first = await books.settle(TASK, Charge(1_500))
    assert await books.settle(TASK, Charge(1_500)) == first
    assert await books.settle(TASK) == first
    assert await books.sums() == (1_500, 0, 0)


async def test_a_call_without_an_estimate_is_booked_at_its_price(books: Books) -> None:
    free = PaidCall("task:9", "runware", "unlisted", 0)
    await books.reserve(free)
    assert await books.settle(free) == 0
    assert await books.settle(free, Charge(700)) == 700
    assert await books.sums() == (700, 0, 0)


async def test_what_was_not_bought_goes_back(books: Books) -> None:
    await books.reserve(TASK)
    await books.release(TASK)
    assert await books.sums() == (0, 0, 0)
    assert (await books.accounts())[LedgerAccount.REFUNDED] == 2_000
    await books.release(TASK)
    assert (await books.accounts())[LedgerAccount.REFUNDED] == 2_000


async def test_a_lost_answer_may_have_been_charged(books: Books) -> None:
    await books.reserve(TASK)
    assert not await books.is_lost(TASK)
    assert await books.lose(TASK) == 2_000
    assert await books.sums() == (0, 0, 2_000)
    assert await books.is_lost(TASK)
    assert not await books.is_lost(OTHER)
    assert await books.lose(TASK) == 0


async def test_a_lost_call_that_was_found_again_is_settled(books: Books) -> None:
    await books.reserve(TASK)
    await books.lose(TASK)
    assert await books.settle(TASK, Charge(1_800)) == 1_800
    assert await books.sums() == (1_800, 0, 0)


async def test_a_lost_call_that_never_arrived_is_released(books: Books) -> None:
    await books.reserve(TASK)
    await books.lose(TASK)
    await books.release(TASK)
    assert await books.sums() == (0, 0, 0)


async def test_a_lost_call_that_is_made_again_stays_lost(books: Books) -> None:
    """The first one may have been charged as well: the second one's price says nothing about it."""
    await books.reserve(CHECK)
    await books.lose(CHECK)
    await books.reserve(CHECK)
    assert await books.sums() == (0, 500, 500)
    assert await books.settle(CHECK, Charge(450)) == 450
    assert await books.sums() == (450, 0, 500)


async def test_a_second_try_that_was_refused_leaves_the_first_one_lost(books: Books) -> None:
    await books.reserve(CHECK)
    await books.lose(CHECK)
    await books.reserve(CHECK)
    await books.release(CHECK)
    assert await books.sums() == (0, 0, 500)


async def test_each_paid_answer_of_a_repeated_call_counts(books: Books) -> None:
    """An unreadable answer was paid for, and so is the one that came when it was asked again."""
    await books.reserve(CHECK)
    assert await books.settle(CHECK, Charge(400)) == 400
    await books.reserve(CHECK)
    assert await books.settle(CHECK, Charge(450)) == 850
    assert await books.sums() == (850, 0, 0)


async def test_the_budget_refuses_the_call_that_would_pass_it(tmp_path: Path) -> None:
    books = await Books.open(tmp_path, budget_micros=5_000)
    try:
        await books.reserve(TASK)
        await books.reserve(OTHER)  # exactly the budget is allowed
        with pytest.raises(PauseRequired) as caught:
            await books.reserve(CHECK)
        assert caught.value.code == "budget"
        assert "$0.005" in caught.value.message
        assert "$0.0005" in caught.value.message
        assert await books.sums() == (0, 5_000, 0)
        await books.release(OTHER)
        await books.reserve(CHECK)
        assert await books.sums() == (0, 2_500, 0)
    finally:
        await books.database.close()


@pytest.mark.parametrize("outcome", ["settle", "lose"])
async def test_the_budget_counts_what_is_paid_and_what_may_have_been(tmp_path: Path, outcome: str) -> None:
    books = await Books.open(tmp_path, budget_micros=4_000)
    try:
        await books.reserve(TASK)
        await getattr(books, outcome)(TASK)
        with pytest.raises(PauseRequired):
            await books.reserve(OTHER)
        async with books.database.transaction() as connection:
            await jobs.set_budget(connection, JOB, 5_000)
        await books.reserve(OTHER)
    finally:
        await books.database.close()


steps = st.lists(
    st.tuples(
        st.sampled_from(["reserve", "settle", "charge", "release", "lose"]),
        st.sampled_from([TASK, OTHER, CHECK]),
        st.integers(0, 5_000),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None)
@given(steps)
def test_the_books_always_balance(history: list[tuple[str, PaidCall, int]]) -> None:
    """In whatever order: the job's counters, the totals and the sums of the ledger are one, no account of a
    call is overdrawn, and what was reserved stands somewhere or was given back."""

    async def live() -> None:
        with TemporaryDirectory() as folder:
            books = await Books.open(Path(folder))
            charged = reserved = 0
            try:
                for act, call, micros in history:
                    if act == "reserve":
                        await books.reserve(call)
                        reserved += call.estimate_micros
                    elif act == "charge":
                        before = await books.accounts(call)
                        settled = await books.settle(call, Charge(micros))
                        after = await books.accounts(call)
                        assert settled == after[LedgerAccount.ACTUAL]
                        charged += after[LedgerAccount.ACTUAL] - before[LedgerAccount.ACTUAL]
                        reserved -= sum(
                            before[account] - after[account]
                            for account in (LedgerAccount.COMMITTED, LedgerAccount.UNKNOWN)
                        )
                    else:
                        await getattr(books, act)(call)
                    await check(books)
                sums = await books.accounts()
                standing = sum(sums[account] for account in LedgerAccount) - sums[LedgerAccount.ESTIMATED]
                assert standing == reserved + charged
            finally:
                await books.database.close()

    async def check(books: Books) -> None:
        accounts = [LedgerAccount.ACTUAL, LedgerAccount.COMMITTED, LedgerAccount.UNKNOWN]
        sums = await books.accounts()
        assert await books.sums() == tuple(sums[account] for account in accounts)
        totals = await books.totals()
        for account in LedgerAccount:
            assert totals[f"spend.{account}"] == sums[account]
        for call, account in itertools.product((TASK, OTHER, CHECK), LedgerAccount):
            assert (await books.accounts(call))[account] >= 0

    asyncio.run(live())
