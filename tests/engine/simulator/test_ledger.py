import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.simulator.actions import Service
from engine.simulator.ledger import Ledger, Payment

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def book(ledger: Ledger, task_id: str) -> Payment:
    return ledger.book(
        service=Service.PIAPI,
        operation="submit",
        amount_micros=1_500,
        prompt="a fox",
        model="m",
        task_id=task_id,
    )


def test_a_refund_is_given_once() -> None:
    ledger = Ledger(keep=10, state_file=None, now=lambda: NOON)
    book(ledger, "a")
    book(ledger, "b")
    assert [ledger.refund("a"), ledger.refund("a"), ledger.refund("c")] == [1_500, 0, 0]
    assert [item["is_refunded"] for item in ledger.payments()] == [True, False]
    assert ledger.counts() == {"piapi.submit": 2}


def test_a_line_is_on_disk_when_the_payment_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    ledger = Ledger(keep=1, state_file=path, now=lambda: NOON)
    payment = book(ledger, "a")
    (line,) = path.read_text().splitlines()
    assert json.loads(line) == {"event": "payment", **payment.to_json()}
    assert json.loads(line)["at"] == "2026-11-22T12:00:00+00:00"
    ledger.answered(payment)
    ledger.refund("a")
    ledger.close()
    ledger.close()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == [
        "payment",
        "answered",
        "refunded",
    ]


def test_a_file_that_exists_is_continued(tmp_path: Path) -> None:
    path = tmp_path / "state.jsonl"
    for _ in range(2):
        ledger = Ledger(keep=10, state_file=path, now=lambda: NOON)
        book(ledger, "a")
        ledger.close()
    assert len(path.read_text().splitlines()) == 2


@pytest.mark.parametrize("keep", [1, 3])
def test_only_the_last_payments_are_kept(keep: int) -> None:
    ledger = Ledger(keep=keep, state_file=None, now=lambda: NOON)
    for name in "abcde":
        book(ledger, name)
    assert [item["task_id"] for item in ledger.payments()] == list("abcde")[-keep:]
