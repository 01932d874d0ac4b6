"""Models that vendors switch off: warned of in time, and not before."""

from datetime import date, timedelta

import pytest

from engine.providers.retirement import NOTICE_DAYS, retirement_of

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("model", "day"),
    [
        ("gpt-4o", "2027-01-14"),
        ("gpt-4o-mini", "2027-01-14"),
        ("gpt-4.1", "2027-01-14"),
        ("gpt-4.1-mini-2025-04-14", "2027-01-14"),
        ("gpt-5", "2026-12-11"),
        ("gpt-5-mini", "2026-12-11"),
        ("gpt-5-nano-2025-08-07", "2026-12-11"),
    ],
)
def test_soon(model: str, day: str) -> None:
    text = retirement_of(model, TODAY)
    assert text is not None
    assert model in text
    assert f"will be shut down by its vendor on {day}" in text


def test_gone() -> None:
    assert "was shut down" in (retirement_of("gpt-4-turbo", TODAY) or "")
    assert "2026-10-23" in (retirement_of("gpt-4o-2024-05-13", TODAY) or "")


@pytest.mark.parametrize("model", ["gpt-5.4-mini", "gpt-6-luna", "qwen3-vl", "", "gpt-5.1"])
def test_nothing_to_say(model: str) -> None:
    assert retirement_of(model, TODAY) is None


def test_the_days_around() -> None:
    last_day = date(2026, 12, 11)
    assert retirement_of("gpt-5", last_day - timedelta(days=NOTICE_DAYS + 1)) is None
    assert "will be" in (retirement_of("gpt-5", last_day - timedelta(days=NOTICE_DAYS)) or "")
    assert "will be" in (retirement_of("gpt-5", last_day) or "")
    assert "was" in (retirement_of("gpt-5", last_day + timedelta(days=1)) or "")
