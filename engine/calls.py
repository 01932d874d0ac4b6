"""Calls to services that may be made again: when, how often, and how long a line that is down is waited for.

One `Caller` a job: a service that asked to wait is left alone by every stage until then.
"""

import random
from collections.abc import Awaitable, Callable

from db.status import Stage
from engine.clock import Clock
from engine.errors import BadAnswerError, NotSentError, PauseRequired, RateLimitedError, ServiceError
from engine.logs import JobLog
from engine.pipeline import Gate, Stopped

LONGEST_WAIT_S = 30.0


class Backoff:
    """Doubling waits with jitter: between half and the whole of `first`, then twice that, up to 30 s or to a
    `first` that is longer."""

    def __init__(self, first_s: float, rng: random.Random) -> None:
        self._next_s = max(first_s, 0.05)
        self._longest_s = max(LONGEST_WAIT_S, first_s)
        self._rng = rng

    def next_s(self) -> float:
        """Seconds to wait before the next try."""
        wait = self._next_s
        self._next_s = min(wait * 2, self._longest_s)
        return wait * self._rng.uniform(0.5, 1.0)


class Caller:
    """Waits and repeats on behalf of the stages of one job."""

    def __init__(
        self,
        *,
        clock: Clock,
        log: JobLog,
        gate: Gate,
        first_wait_s: float,
        patience_s: float,
        rng: random.Random | None = None,
    ) -> None:
        self.clock = clock
        self._log = log
        self._gate = gate
        self._first_wait_s = first_wait_s
        self._patience_s = patience_s
        self._rng = rng or random.Random()  # noqa: S311 - jitter
        self._not_before: dict[str, float] = {}

    def backoff(self, first_s: float | None = None) -> Backoff:
        """Fresh waits, beginning with the job's own backoff."""
        return Backoff(self._first_wait_s if first_s is None else first_s, self._rng)

    async def until_allowed(self, service: str) -> None:
        """Wait until the service may be called again."""
        while (left := self._not_before.get(service, 0.0) - self.clock.monotonic()) > 0:
            await self.clock.sleep(left)

    async def wait_out(
        self,
        error: ServiceError,
        backoff: Backoff,
        waited_s: float,
        stage: Stage,
        *,
        image: int | None = None,
    ) -> float:
        """Wait after a call that reached nobody (NotSentError) or was turned away (RateLimitedError).

        Answers the seconds waited for so far. Raises Stopped when the job is stopping, PauseRequired when
        patience is at its end.
        """
        if self._gate.is_stopping:
            raise Stopped from error
        if waited_s >= self._patience_s:
            raise PauseRequired(
                f"{error.service} could not be reached for {self._patience_s / 60:.0f} minutes: {error.message}",
                hint=error.hint or "Check the network and the base URL, then resume.",
                code="network" if isinstance(error, NotSentError) else "rate_limited",
            ) from error
        wait = backoff.next_s()
        if isinstance(error, RateLimitedError) and error.retry_after is not None:
            wait = error.retry_after
        if isinstance(error, RateLimitedError):
            allowed_at = self.clock.monotonic() + wait
            self._not_before[error.service] = max(self._not_before.get(error.service, 0.0), allowed_at)
        self._log.warning(
            f"{error.message} Waiting {wait:.1f} s before {error.service} is asked again.",
            stage,
            image=image,
            cause=error.code,
            hint=error.hint,
        )
        await self.clock.sleep(wait)
        return waited_s + wait

    async def repeat[T](
        self,
        call: Callable[[], Awaitable[T]],
        *,
        service: str,
        attempts: int,
        stage: Stage,
        image: int | None = None,
    ) -> T:
        """Make a call until it is answered, at most `attempts` times where it was answered badly.

        Raises the last BadAnswerError, and every ServiceError that waiting does not cure.
        """
        backoff = self.backoff()
        bad_answers = 0
        waited_s = 0.0
        while True:
            await self.until_allowed(service)
            try:
                return await call()
            except (NotSentError, RateLimitedError) as error:
                waited_s = await self.wait_out(error, backoff, waited_s, stage, image=image)
            except BadAnswerError as error:
                bad_answers += 1
                if bad_answers >= attempts:
                    raise
                wait = backoff.next_s()
                self._log.warning(
                    f"{error.message} Try {bad_answers + 1} of {attempts} in {wait:.1f} s.",
                    stage,
                    image=image,
                    cause=error.code,
                )
                await self.clock.sleep(wait)
