"""The money: entries are only ever added; sums per job and in all are kept by the database."""

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from db.query import fetch_all, fetch_rows, to_parameters
from db.records import LedgerRecord, NewLedgerEntry
from db.status import LedgerAccount

_INSERT = """INSERT INTO ledger (at, job_id, call, service, model, account, amount_micros, raw_amount,
    raw_unit, note)
VALUES (:at, :job_id, :call, :service, :model, :account, :amount_micros, :raw_amount, :raw_unit, :note)"""


@dataclass(frozen=True, slots=True)
class OpenCall:
    """A paid call whose money is still committed: its end was never booked."""

    job_id: str | None
    call: str
    service: str
    model: str
    micros: int


async def add_many(connection: aiosqlite.Connection, entries: Sequence[NewLedgerEntry]) -> None:
    """Book all of them. A booking that moves money is two entries, in one transaction."""
    await connection.executemany(_INSERT, [to_parameters(entry) for entry in entries])


async def for_job(
    connection: aiosqlite.Connection, job_id: str, after_entry_id: int = 0, limit: int = 200
) -> list[LedgerRecord]:
    """The next entries of a job, oldest first."""
    tail = "FROM ledger WHERE job_id = ? AND entry_id > ? ORDER BY entry_id LIMIT ?"
    return await fetch_all(connection, LedgerRecord, tail, (job_id, after_entry_id, limit))


async def totals_for_job(connection: aiosqlite.Connection, job_id: str) -> dict[LedgerAccount, int]:
    """Micros on each account of the job, every account named."""
    statement = "SELECT account, sum(amount_micros) FROM ledger WHERE job_id = ? GROUP BY account"
    return _by_account(await fetch_rows(connection, statement, (job_id,)))


async def by_call(connection: aiosqlite.Connection, job_id: str, call: str) -> dict[LedgerAccount, int]:
    """Micros on each account of one call, every account named."""
    statement = (
        "SELECT account, sum(amount_micros) FROM ledger WHERE job_id = ? AND call = ? GROUP BY account"
    )
    return _by_account(await fetch_rows(connection, statement, (job_id, call)))


async def open_calls(connection: aiosqlite.Connection, job_id: str | None = None) -> list[OpenCall]:
    """The calls of a job, or of all (which reads every committed entry there ever was), that have money
    committed."""
    of_job = "" if job_id is None else "AND job_id = :job_id"
    statement = f"""SELECT job_id, call, service, model, sum(amount_micros) FROM ledger
        WHERE account = 'committed' {of_job}
        GROUP BY job_id, call, service, model HAVING sum(amount_micros) > 0"""  # noqa: S608 - a constant condition
    return [OpenCall(*row) for row in await fetch_rows(connection, statement, {"job_id": job_id})]


async def spent_since(connection: aiosqlite.Connection, at: str) -> int:
    """By how many micros all spending has grown since `at`: paid, on its way, or possibly paid. Money that was on its
    way before counts only with what it turned out to be more or less."""
    statement = """SELECT coalesce(sum(amount_micros), 0) FROM ledger
        WHERE account IN ('actual', 'committed', 'unknown') AND at >= ?"""
    spent: int = (await fetch_rows(connection, statement, (at,)))[0][0]
    return spent


def _by_account(rows: Sequence[Sequence[object]]) -> dict[LedgerAccount, int]:
    sums = {str(account): micros for account, micros in rows}
    return {account: int(str(sums.get(account.value, 0))) for account in LedgerAccount}
