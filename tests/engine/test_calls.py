import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.records import NewLogEntry
from db.status import LogLevel, Stage
from engine.calls import LONGEST_WAIT_S, Backoff, Caller
from engine.errors import (
    BadAnswerError,
    BadRequestError,
    NotSentError,
    PauseRequired,
    RateLimitedError,
    ServiceError,
)
from engine.pipeline import Gate, Stopped
from tests.support.clock import FakeClock


class Notes:
    """Stands where a job's log book stands and keeps what was recorded."""

    def __init__(self) -> None:
        self.entries: list[NewLogEntry] = []

    def warning(
        self,
        message: str,
        stage: Stage | None = None,
        *,
        image: int | None = None,
        cause: str = "",
        hint: str = "",
    ) -> None:
        self.entries.append(
            NewLogEntry(
                "", LogLevel.WARNING, message, stage=stage, image_number=image, cause=cause, hint=hint or None
            )
        )


class Bench:
    def __init__(self, clock: FakeClock, *, first_wait_s: float = 2.0, patience_s: float = 600.0) -> None:
        self.clock = clock
        self.gate = Gate()
        self.notes = Notes()
        self.caller = Caller(
            clock=clock,
            log=self.notes,  # type: ignore[arg-type]
            gate=self.gate,
            first_wait_s=first_wait_s,
            patience_s=patience_s,
            rng=random.Random(7),
        )

    async def repeat(self, *outcomes: Exception | str, attempts: int = 2, service: str = "openai") -> str:
        """Call something that ends like `outcomes`, one after another; the last one stays."""
        return await self.caller.repeat(
            scripted(*outcomes), service=service, attempts=attempts, stage=Stage.QUALITY_CHECK, image=5
        )


def scripted(*outcomes: Exception | str) -> Callable[[], Awaitable[str]]:
    left = list(outcomes)

    async def call() -> str:
        outcome = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return call


@pytest.fixture
def bench(clock: FakeClock) -> Bench:
    return Bench(clock)


@given(st.floats(0, 60), st.integers(0, 2**32))
def test_backoff_doubles_with_jitter_up_to_the_longest_wait(first_s: float, seed: int) -> None:
    """Where the settings say more than the longest wait, that is the longest one."""
    backoff = Backoff(first_s, random.Random(seed))
    full = max(first_s, 0.05)
    for _ in range(20):
        wait = backoff.next_s()
        limit = min(full, max(LONGEST_WAIT_S, first_s))
        assert limit / 2 <= wait <= limit
        full *= 2


def test_the_jobs_own_backoff_is_where_waits_begin(bench: Bench) -> None:
    assert 1.0 <= bench.caller.backoff().next_s() <= 2.0
    assert 0.25 <= bench.caller.backoff(0.5).next_s() <= 0.5


async def test_an_answer_at_once_waits_for_nothing(bench: Bench) -> None:
    assert await bench.repeat("fine") == "fine"
    assert bench.clock.slept == []
    assert bench.notes.entries == []


async def test_bad_answers_are_counted_and_the_last_one_is_raised(bench: Bench) -> None:
    assert await bench.repeat(BadAnswerError("openai", "prose"), "fine") == "fine"
    assert len(bench.clock.slept) == 1
    with pytest.raises(BadAnswerError, match="second"):
        await bench.repeat(
            BadAnswerError("openai", "first"), BadAnswerError("openai", "second"), "too late", attempts=2
        )
    assert len(bench.clock.slept) == 2
    assert "Try 2 of 2" in bench.notes.entries[-1].message


@pytest.mark.fault(1)
async def test_what_was_not_sent_is_not_counted(bench: Bench) -> None:
    outcomes = [NotSentError("openai", "no line")] * 6 + [RateLimitedError("openai", "busy")] * 3
    assert await bench.repeat(*outcomes, "fine", attempts=1) == "fine"
    assert len(bench.clock.slept) >= 9


@pytest.mark.parametrize("error", [BadRequestError("openai", "no such model"), ServiceError("openai", "odd")])
async def test_what_waiting_does_not_cure_is_raised_at_once(bench: Bench, error: ServiceError) -> None:
    with pytest.raises(type(error)):
        await bench.repeat(error, "fine", attempts=5)
    assert bench.clock.slept == []


@pytest.mark.fault(4)
async def test_retry_after_is_obeyed_to_the_second(bench: Bench) -> None:
    began = bench.clock.monotonic()
    await bench.repeat(RateLimitedError("openai", "busy", retry_after=42.0), "fine")
    assert bench.clock.monotonic() - began == pytest.approx(42.0)
    (entry,) = bench.notes.entries
    assert (entry.level, entry.cause, entry.stage, entry.image_number) == (
        LogLevel.WARNING,
        "rate_limited",
        Stage.QUALITY_CHECK,
        5,
    )
    assert "42.0 s" in entry.message


@pytest.mark.fault(4)
async def test_a_service_that_asked_to_wait_is_left_alone_by_everybody(bench: Bench) -> None:
    times: dict[str, list[float]] = {"openai": [], "piapi": []}
    began = bench.clock.monotonic()

    async def call(service: str, *outcomes: Exception | str) -> None:
        answer = scripted(*outcomes)

        async def send() -> str:
            times[service].append(bench.clock.monotonic() - began)
            return await answer()

        await bench.caller.repeat(send, service=service, attempts=2, stage=Stage.PROMPT)

    limited = RateLimitedError("openai", "busy", retry_after=60.0)
    first = asyncio.create_task(call("openai", limited, "fine"))
    while not times["openai"]:
        await asyncio.sleep(0)
    others = [asyncio.create_task(call("openai", "fine")) for _ in range(3)]
    elsewhere = asyncio.create_task(call("piapi", "fine"))
    await asyncio.gather(first, *others, elsewhere)
    assert times["openai"][0] == 0.0
    assert times["openai"][1:] == pytest.approx([60.0] * 4)
    assert times["piapi"] == [0.0]


async def test_a_shorter_wait_does_not_shorten_a_longer_one(bench: Bench) -> None:
    began = bench.clock.monotonic()
    are_both_sent = asyncio.Barrier(2)

    async def call(retry_after: float) -> str:
        if bench.clock.monotonic() == began:
            await are_both_sent.wait()
            raise RateLimitedError("openai", "busy", retry_after=retry_after)
        return f"fine after {bench.clock.monotonic() - began:.0f} s"

    async def repeat(retry_after: float) -> str:
        return await bench.caller.repeat(
            lambda: call(retry_after), service="openai", attempts=1, stage=Stage.PROMPT
        )

    assert set(await asyncio.gather(repeat(50.0), repeat(1.0))) == {"fine after 50 s"}


async def test_a_wait_without_a_number_is_the_backoff(bench: Bench) -> None:
    await bench.repeat(RateLimitedError("openai", "busy"), "fine")
    assert 1.0 <= bench.clock.slept[0] <= 2.0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotSentError("openai", "openai cannot be reached: no route.", hint="Check the cable."), "network"),
        (RateLimitedError("openai", "openai asks to wait."), "rate_limited"),
    ],
)
async def test_patience_has_an_end(clock: FakeClock, error: ServiceError, code: str) -> None:
    bench = Bench(clock, patience_s=120.0)
    began = clock.monotonic()
    with pytest.raises(PauseRequired) as caught:
        await bench.repeat(error)
    assert caught.value.code == code
    assert caught.value.hint
    assert "openai" in caught.value.message
    assert 120.0 <= clock.monotonic() - began <= 120.0 + LONGEST_WAIT_S


async def test_a_stopping_job_waits_for_nobody(bench: Bench) -> None:
    bench.gate.stop()
    with pytest.raises(Stopped):
        await bench.repeat(NotSentError("openai", "no line"), "fine")
    assert bench.clock.slept == []
