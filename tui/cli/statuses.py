"""The exit statuses, and how a job or an error becomes one. Owns the precedence; prints nothing."""

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from engine.errors import (
    ConflictError,
    EngineHeldError,
    FactoryError,
    InputError,
    NotFoundError,
    PauseRequired,
)

if TYPE_CHECKING:
    from engine.views import JobView


class ExitStatus(IntEnum):
    OK = 0
    FAILED = 1
    """The job failed, was stopped, or the command could not do its work."""
    WRONG_INPUT = 2
    """Wrong use, settings or input; nothing was spent."""
    IMAGES_FAILED = 3
    """Finished, but some images were rejected by the check or failed technically."""
    NEEDS_DECISION = 4
    """Finished, but the answer to a paid request was lost."""
    PAUSED = 5
    """Credit, key, disk, budget, or too many equal failures: `gimf run --resume` goes on."""
    HELD = 75
    """Another engine holds the folder (EX_TEMPFAIL: try again later)."""


INTERRUPTED = 130
"""128 + SIGINT."""

_MEANINGS = {
    ExitStatus.OK: "all well",
    ExitStatus.FAILED: "the job failed",
    ExitStatus.WRONG_INPUT: "wrong use, settings or input; nothing was sent",
    ExitStatus.IMAGES_FAILED: "finished, some images were rejected or failed",
    ExitStatus.NEEDS_DECISION: "finished, the answer to a paid request was lost and needs a decision",
    ExitStatus.PAUSED: "paused (credit, key, disk, budget, repeated failures)",
    ExitStatus.HELD: "another engine holds the data folder",
}
_BY_SEVERITY = (
    ExitStatus.OK,
    ExitStatus.IMAGES_FAILED,
    ExitStatus.NEEDS_DECISION,
    ExitStatus.PAUSED,
    ExitStatus.FAILED,
)


def describe_statuses() -> str:
    """The table for `--help`, a line each."""
    lines = [f"  {int(status):>3}  {meaning}" for status, meaning in _MEANINGS.items()]
    return "\n".join([*lines, "  130, 143  interrupted by Ctrl+C or SIGTERM; `gimf run --resume` goes on"])


def exit_status_of(job: "JobView") -> ExitStatus:
    """What a job that is no longer at work amounts to; a job that still waits in the queue is no failure.

    A lost answer comes before everything else that a finished job can be: whoever took a job of lost answers
    for a failed one and ran it again would pay twice. Rejected and failed images count alike: both wait for
    review.
    """
    counts = job.images
    if job.status in ("paused", "interrupted"):
        return ExitStatus.PAUSED
    if job.status in ("queued", "running"):
        return ExitStatus.OK
    if counts.unknown > 0:
        return ExitStatus.NEEDS_DECISION
    if job.status in ("failed", "stopped"):
        return ExitStatus.FAILED
    if counts.failed > 0 or counts.qc_failed > 0:
        return ExitStatus.IMAGES_FAILED
    return ExitStatus.OK


def worst_of(statuses: Iterable[ExitStatus]) -> ExitStatus:
    """The one status for several jobs; failed is worse than paused, then needs a decision, images failed."""
    return max(statuses, key=_BY_SEVERITY.index, default=ExitStatus.OK)


def exit_status_of_error(error: FactoryError) -> ExitStatus:
    """An error that ended the command."""
    match error:
        case EngineHeldError():
            return ExitStatus.HELD
        case InputError() | NotFoundError() | ConflictError():
            return ExitStatus.WRONG_INPUT
        case PauseRequired():
            return ExitStatus.PAUSED
        case _:
            return ExitStatus.FAILED
