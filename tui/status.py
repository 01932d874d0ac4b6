"""What the header and the dashboard show of everything: a few queries, and the newest progress put over them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from engine.api import EngineApi
from engine.events import (
    Event,
    ImageChanged,
    JobChanged,
    JobCreated,
    JobFinished,
    JobPaused,
    JobProgressed,
    JobStarted,
    JobStatusChanged,
    QueueChanged,
    Resynced,
    TaskChanged,
)
from engine.views import JobStatus, JobView, ProgressView, TotalsView

_AT_WORK = (JobStatus.RUNNING, JobStatus.PAUSED)
_TOLD_ABOUT = (
    JobCreated,
    JobStarted,
    JobStatusChanged,
    JobPaused,
    JobFinished,
    JobChanged,
    QueueChanged,
    ImageChanged,
    TaskChanged,
    Resynced,
)


class Link(StrEnum):
    """How the app stands to its engine."""

    STARTING = "starting"
    ATTACHED = "attached"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class FrameStatus:
    """The facts; replaced whole."""

    link: Link = Link.STARTING
    problem: str = ""
    """Why there is no engine, as a sentence."""
    job: JobView | None = None
    """The job at work, which may be paused."""
    progress: ProgressView | None = None
    waiting: tuple[JobView, ...] = ()
    """In the order of the queue."""
    totals: TotalsView | None = None
    undecided: int = 0
    """Tasks that ended without pictures and wait for a decision."""

    @property
    def to_review(self) -> int:
        """Images and tasks that wait for a decision."""
        return self.undecided if self.totals is None else self.totals.failed + self.undecided

    @property
    def spend_today_usd(self) -> float:
        """In all jobs."""
        return 0.0 if self.totals is None else self.totals.spend_today_usd


async def read_status(engine: EngineApi) -> FrameStatus:
    """The facts as they are now."""
    queue = await engine.queue()
    job = next((one for one in queue if one.status in _AT_WORK), None)
    return FrameStatus(
        link=Link.ATTACHED,
        job=job,
        progress=None if job is None else await engine.progress(job.job_id),
        waiting=tuple(one for one in queue if one.status is JobStatus.QUEUED),
        totals=await engine.totals(),
        undecided=await engine.undecided_count(),
    )


def with_progress(status: FrameStatus, events: Sequence[Event]) -> FrameStatus:
    """The status with the newest progress of its job; everything else is asked for again."""
    for event in reversed(events):
        if isinstance(event, JobProgressed) and status.job is not None and event.job_id == status.job.job_id:
            return replace(status, progress=event.progress)
    return status


def needs_query(events: Sequence[Event]) -> bool:
    """Whether anything happened that events alone do not tell enough about."""
    return any(isinstance(event, _TOLD_ABOUT) for event in events)
