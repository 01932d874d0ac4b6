"""The one small interface of every image provider, and the plain data that crosses it.

A provider speaks one wire format and nothing more: no retries, no waiting, no database. Each method makes
one HTTP call (or none) and raises a `ServiceError` from engine.errors; the pipeline decides what follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class ProviderName(StrEnum):
    PIAPI = "piapi"
    OPENAI = "openai"
    RUNWARE = "runware"


@dataclass(frozen=True, slots=True)
class Lora:
    model: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """Everything a provider may need for one task. `None` means: leave it out of the request."""

    request_key: str
    """Our own uuid4 for this task; stays the same over every attempt to send it."""
    model: str
    """The alias of engine.providers.catalogue, or the provider's own name for a model that is not in it."""
    prompt: str
    width: int
    height: int
    aspect_ratio: str
    images: int = 1
    negative_prompt: str | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    process_mode: str | None = None
    mj_version: str | None = None
    loras: tuple[Lora, ...] = ()
    transparent: bool = False
    """Ask for a transparent background where the provider can make one."""


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """One picture as the provider names it: a URL to fetch, or the bytes themselves (synchronous providers)."""

    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    seed: int | None = None
    quarter: int | None = None
    """0-3 (reading order) where the URL is a 2 x 2 grid of which this picture is one quarter."""


@dataclass(frozen=True, slots=True)
class Charge:
    """What the service says a call cost; `micros` is millionths of a US dollar."""

    micros: int
    raw_amount: float | None = None
    raw_unit: str | None = None


class RemoteState(StrEnum):
    WORKING = "working"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class RemoteTask:
    """What a provider says about a task. `images` only when finished; a failed task is raised, not returned."""

    task_id: str
    state: RemoteState
    images: tuple[RemoteImage, ...] = ()
    charge: Charge | None = None
    status_word: str = ""
    """The provider's own word, for the log."""
    is_known_status: bool = True


class Lookup(StrEnum):
    """What reconciliation found out about a submission whose answer was lost."""

    FOUND = "found"
    NOT_THERE = "not_there"
    """The provider never received it: safe to send again."""
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    lookup: Lookup
    task: RemoteTask | None = None
    detail: str = ""
    """One sentence for the user: what was asked and what came back."""


@dataclass(frozen=True, slots=True)
class KeyReport:
    """The outcome of one cheap call with a key."""

    service: str
    is_accepted: bool
    detail: str


class ImageProvider(Protocol):
    """Errors of `submit`: NotSentError, RateLimitedError, KeyRefusedError, CreditExhaustedError, BadRequestError,
    PolicyRefusedError mean that nothing was bought; AnswerLostError that it may have been. No other."""

    name: ProviderName
    is_synchronous: bool
    """True where `submit` itself returns the finished pictures and there is no task to poll."""

    async def submit(self, request: ImageRequest) -> RemoteTask:
        """Send one paid request, once, and wait for its answer."""
        ...

    async def poll(self, task_id: str, request: ImageRequest) -> RemoteTask:
        """Ask how a task stands. Raises BadAnswerError, RateLimitedError, KeyRefusedError, NotSentError,
        TaskMissingError, TaskFailedError, PolicyRefusedError, CreditExhaustedError."""
        ...

    async def reconcile(
        self, request: ImageRequest, sent_after: datetime, known_task_ids: Sequence[str]
    ) -> Reconciliation:
        """Find out what became of a submission whose answer was lost. `known_task_ids` belong to other tasks of
        ours and are never the answer. Never pays. Raises nothing but NotSentError, RateLimitedError, KeyRefusedError
        and BadAnswerError (all mean: ask later)."""
        ...

    async def cancel(self, task_id: str) -> bool:
        """Ask the provider to take a pending task back; True if it says that it did. Never raises a ServiceError."""
        ...

    async def test_key(self) -> KeyReport:
        """One cheap call. Raises NotSentError or BadAnswerError where no answer came."""
        ...

    async def close(self) -> None:
        """Close connections. Safe to call twice."""
        ...
