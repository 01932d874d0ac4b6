import pytest

from db import ledger, totals
from db.ledger import OpenCall
from db.records import NewLedgerEntry
from db.status import LedgerAccount
from tests.db.rows import LATER, NOW, Rows

A = LedgerAccount


def entry(
    job_id: str | None, account: LedgerAccount, micros: int, call: str = "task:1", at: str = NOW
) -> NewLedgerEntry:
    return NewLedgerEntry(at, call, "piapi", "flux", account, micros, job_id=job_id)


@pytest.fixture
async def job_id(rows: Rows) -> str:
    """One call delivered, one on its way, one unknown, one refunded."""
    job_id = (await rows.job()).job_id
    await rows.do(
        ledger.add_many,
        [
            entry(job_id, A.ESTIMATED, 100),
            entry(job_id, A.COMMITTED, 10),
            entry(job_id, A.COMMITTED, -10, at=LATER),
            entry(job_id, A.ACTUAL, 12, at=LATER),
            entry(job_id, A.COMMITTED, 20, "task:2"),
            entry(job_id, A.COMMITTED, 30, "task:3"),
            entry(job_id, A.COMMITTED, -30, "task:3"),
            entry(job_id, A.UNKNOWN, 30, "task:3"),
            entry(job_id, A.COMMITTED, 40, "check:9"),
            entry(job_id, A.COMMITTED, -40, "check:9"),
            entry(job_id, A.REFUNDED, 40, "check:9"),
        ],
    )
    return job_id


async def test_sums_in_the_job_and_in_all(rows: Rows, job_id: str) -> None:
    await rows.do(ledger.add_many, [entry(None, A.ACTUAL, 1_000, "prompt:1")])
    job = await rows.job_now(job_id)
    assert (job.actual_micros, job.committed_micros, job.unknown_micros) == (12, 20, 30)
    sums = await rows.ask(ledger.totals_for_job, job_id)
    assert sums == {A.ESTIMATED: 100, A.COMMITTED: 20, A.ACTUAL: 12, A.REFUNDED: 40, A.UNKNOWN: 30}
    everything = await rows.ask(totals.read_all)
    assert everything["spend.actual"] == 1_012
    assert {
        f"spend.{account.value}": everything[f"spend.{account.value}"]
        for account in A
        if account is not A.ACTUAL
    } == {
        "spend.estimated": 100,
        "spend.committed": 20,
        "spend.refunded": 40,
        "spend.unknown": 30,
    }


async def test_by_call(rows: Rows, job_id: str) -> None:
    assert await rows.ask(ledger.by_call, job_id, "task:3") == dict.fromkeys(A, 0) | {A.UNKNOWN: 30}
    assert await rows.ask(ledger.by_call, job_id, "task:99") == dict.fromkeys(A, 0)


async def test_open_calls(rows: Rows, job_id: str) -> None:
    other = (await rows.job()).job_id
    await rows.do(ledger.add_many, [entry(other, A.COMMITTED, 5)])
    mine = OpenCall(job_id, "task:2", "piapi", "flux", 20)
    assert await rows.ask(ledger.open_calls, job_id) == [mine]
    assert await rows.ask(ledger.open_calls) == [mine, OpenCall(other, "task:1", "piapi", "flux", 5)]


async def test_spent_since(rows: Rows, job_id: str) -> None:
    await rows.do(ledger.add_many, [entry(job_id, A.ACTUAL, 1)])
    everything = await rows.ask(totals.read_all)
    spent = sum(everything[f"spend.{account.value}"] for account in (A.ACTUAL, A.COMMITTED, A.UNKNOWN))
    assert await rows.ask(ledger.spent_since, NOW) == spent == 63
    assert await rows.ask(ledger.spent_since, LATER) == 2, "12 paid, of which 10 were on their way before"
    assert await rows.ask(ledger.spent_since, "2030") == 0


async def test_entries_keep_what_the_service_said(rows: Rows) -> None:
    job_id = (await rows.job()).job_id
    said = NewLedgerEntry(NOW, "task:1", "piapi", "mj", A.ACTUAL, 70_000, job_id, 0.07, "usd", "grid of four")
    await rows.do(ledger.add_many, [said, entry(job_id, A.ACTUAL, 1)])
    first, second = await rows.ask(ledger.for_job, job_id)
    assert (first.raw_amount, first.raw_unit, first.note, first.account) == (
        0.07,
        "usd",
        "grid of four",
        A.ACTUAL,
    )
    assert await rows.ask(ledger.for_job, job_id, first.entry_id) == [second]
