"""Where the money of a job's paid calls stands: reserved before a call leaves, settled, released or lost after it.

Every method takes the connection of the caller's transaction, so that a booking and what it pays for are one commit.
"""

from dataclasses import dataclass

import aiosqlite

from db import jobs, ledger
from db.records import NewLedgerEntry, utc_text
from db.status import LedgerAccount
from engine.clock import Clock
from engine.costs import usd
from engine.errors import PauseRequired
from engine.providers.base import Charge


@dataclass(frozen=True, slots=True)
class PaidCall:
    """`name` is the call's own in the ledger: `task:12`, `prompt:7`, `check:31`, `metadata:31`, `background:31`."""

    name: str
    service: str
    model: str
    estimate_micros: int


class Spending:
    """The bookings of one job."""

    def __init__(self, job_id: str, clock: Clock) -> None:
        self._job_id = job_id
        self._clock = clock

    async def reserve(self, connection: aiosqlite.Connection, call: PaidCall) -> None:
        """Commit the estimate. Raises PauseRequired (code budget) when it would pass the job's budget."""
        job = await jobs.get(connection, self._job_id)
        assert job is not None, "a job with paid calls exists"
        at_stake = job.actual_micros + job.committed_micros + job.unknown_micros
        if job.budget_micros is not None and at_stake + call.estimate_micros > job.budget_micros:
            raise PauseRequired(
                f"The next call ({call.model}, {usd(call.estimate_micros)}) would pass the budget: {usd(at_stake)} of "
                f"{usd(job.budget_micros)} are spent or on their way.",
                hint="Resume with a larger budget, or stop the job: everything paid for is kept.",
                code="budget",
            )
        await self._book(connection, call, (LedgerAccount.COMMITTED, call.estimate_micros))

    async def settle(self, connection: aiosqlite.Connection, call: PaidCall, charge: Charge | None) -> int:
        """The call was delivered: what is committed for it becomes actual, at the service's own price if it named
        one, else at the estimate. A call that had been lost and is found again settles what stands as unknown.

        Answers the micros booked as actual for this call in all. Settling the same delivery twice books it once.
        """
        committed, unknown, actual = await self._standing(connection, call)
        account, outstanding = (
            (LedgerAccount.COMMITTED, committed) if committed else (LedgerAccount.UNKNOWN, unknown)
        )
        if not outstanding and (actual or charge is None):
            return actual
        price = outstanding if charge is None else charge.micros
        await self._book(
            connection, call, (account, -outstanding), (LedgerAccount.ACTUAL, price), charge=charge
        )
        return actual + price

    async def release(self, connection: aiosqlite.Connection, call: PaidCall, note: str) -> None:
        """Nothing was bought after all."""
        committed, unknown, _ = await self._standing(connection, call)
        account, outstanding = (
            (LedgerAccount.COMMITTED, committed) if committed else (LedgerAccount.UNKNOWN, unknown)
        )
        await self._book(
            connection, call, (account, -outstanding), (LedgerAccount.REFUNDED, outstanding), note=note
        )

    async def lose(self, connection: aiosqlite.Connection, call: PaidCall, note: str) -> int:
        """Whether it was charged is not known. Answers the micros at stake."""
        committed, _, _ = await self._standing(connection, call)
        await self._book(
            connection,
            call,
            (LedgerAccount.COMMITTED, -committed),
            (LedgerAccount.UNKNOWN, committed),
            note=note,
        )
        return committed

    async def is_lost(self, connection: aiosqlite.Connection, call: PaidCall) -> bool:
        """Whether an earlier try of this call may have been charged without its result being here."""
        _, unknown, _ = await self._standing(connection, call)
        return unknown > 0

    async def _standing(self, connection: aiosqlite.Connection, call: PaidCall) -> tuple[int, int, int]:
        accounts = await ledger.by_call(connection, self._job_id, call.name)
        return (
            accounts.get(LedgerAccount.COMMITTED, 0),
            accounts.get(LedgerAccount.UNKNOWN, 0),
            accounts.get(LedgerAccount.ACTUAL, 0),
        )

    async def _book(
        self,
        connection: aiosqlite.Connection,
        call: PaidCall,
        *moves: tuple[LedgerAccount, int],
        charge: Charge | None = None,
        note: str | None = None,
    ) -> None:
        at = utc_text(self._clock.now())
        await ledger.add_many(
            connection,
            [
                NewLedgerEntry(
                    at=at,
                    job_id=self._job_id,
                    call=call.name,
                    service=call.service,
                    model=call.model,
                    account=account,
                    amount_micros=amount,
                    raw_amount=charge.raw_amount if charge and account is LedgerAccount.ACTUAL else None,
                    raw_unit=charge.raw_unit if charge and account is LedgerAccount.ACTUAL else None,
                    note=note,
                )
                for account, amount in moves
                if amount
            ],
        )
