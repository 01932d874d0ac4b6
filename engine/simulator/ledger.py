"""Every payment that the simulated services took, in memory and, where asked for, on disk as JSON lines."""

import json
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from engine.simulator.actions import Service


@dataclass(slots=True)
class Payment:
    """One accepted piece of work. `amount_micros` is in millionths of a US dollar."""

    number: int
    service: Service
    operation: str
    request_id: str | None
    """The client's own id: Runware's taskUUID, or a request id header."""
    task_id: str | None
    model: str
    prompt: str
    amount_micros: int
    at: str
    """RFC 3339, UTC."""
    is_answered: bool = False
    """Whether the answer was written to an open connection."""
    is_refunded: bool = False

    def to_json(self) -> dict[str, Any]:
        """As `GET /control/ledger` and the state file show it."""
        return asdict(self)


class Ledger:
    """Keeps the last `keep` payments; the totals count all of them."""

    def __init__(self, *, keep: int, state_file: Path | None, now: Callable[[], datetime]) -> None:
        self._payments: deque[Payment] = deque(maxlen=keep)
        self._now = now
        self._total = 0
        self._counts: Counter[str] = Counter()
        self._file: TextIO | None = None
        if state_file is not None:
            state_file.parent.mkdir(parents=True, exist_ok=True)
            self._file = state_file.open("a", encoding="utf-8", buffering=1)

    def book(
        self,
        *,
        service: Service,
        operation: str,
        amount_micros: int,
        prompt: str,
        model: str,
        task_id: str | None = None,
        request_id: str | None = None,
    ) -> Payment:
        """Take a payment; it is on disk when this returns."""
        self._total += 1
        self._counts[f"{service}.{operation}"] += 1
        at = self._now().isoformat()
        payment = Payment(
            self._total, service, operation, request_id, task_id, model, prompt, amount_micros, at
        )
        self._payments.append(payment)
        self._write("payment", payment.to_json())
        return payment

    def answered(self, payment: Payment) -> None:
        """The client's side of the connection was open when the answer left."""
        payment.is_answered = True
        self._write("answered", {"number": payment.number})

    def refund(self, task_id: str) -> int:
        """Give back what a task cost; the sum, 0 where there is nothing (left) to give back."""
        given = 0
        for payment in reversed(self._payments):
            if payment.task_id == task_id and not payment.is_refunded:
                payment.is_refunded = True
                given += payment.amount_micros
                self._write("refunded", {"number": payment.number})
        return given

    def payments(self) -> list[dict[str, Any]]:
        """The kept payments, oldest first."""
        return [payment.to_json() for payment in self._payments]

    def counts(self) -> dict[str, int]:
        """All payments ever taken, by `service.operation`."""
        return dict(self._counts)

    def clear(self) -> None:
        """Forget the payments; the file, a record of what happened, says so and keeps its lines."""
        self._payments.clear()
        self._counts.clear()
        self._total = 0
        self._write("reset", {})

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, event: str, data: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps({"event": event, **data}, ensure_ascii=False) + "\n")
