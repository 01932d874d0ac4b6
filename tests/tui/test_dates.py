import os
import time
from collections.abc import Iterator
from datetime import date

import pytest

from tui.dates import parse_range

TODAY = date(2026, 11, 22)


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A zone with summer time."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    os.environ.pop("TZ", None)
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("today", "2026-11-21T23:00:00.000Z", None),
        ("week", "2026-11-15T23:00:00.000Z", None),
        ("2026-11-22", "2026-11-21T23:00:00.000Z", "2026-11-22T23:00:00.000Z"),
        ("2026-07-01", "2026-06-30T22:00:00.000Z", "2026-07-01T22:00:00.000Z"),
        ("2026-12", "2026-11-30T23:00:00.000Z", "2026-12-31T23:00:00.000Z"),
        (" 2026-3-1 .. 2026-04 ", "2026-02-28T23:00:00.000Z", "2026-04-30T22:00:00.000Z"),
        ("2026-11-01..", "2026-10-31T23:00:00.000Z", None),
        ("..2026-11-01", None, "2026-11-01T23:00:00.000Z"),
    ],
)
def test_days_are_days_of_this_machine(text: str, first: str | None, last: str | None) -> None:
    assert parse_range(text, TODAY) == (first, last)


@pytest.mark.parametrize(
    "text",
    ["", "..", "yesterday", "2026-13", "2026-02-30", "2026-11-02..2026-11-01", "0001-01-01", "2026-1-1-1"],
)
def test_what_is_no_range_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_range(text, TODAY)
