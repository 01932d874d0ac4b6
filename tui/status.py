"""What the header and the dashboard show of everything: a few queries whose answers belong to one moment, so that no
two numbers on a screen contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

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
from engine.status import JobStatus

if TYPE_CHECKING:
    from engine.views import JobView, ProgressView, TotalsView

_AT_WORK = (JobStatus.RUNNING, JobStatus.PAUSED)
_TOLD_ABOUT = (
    JobCreated,
    JobStarted,
    JobStatusChanged,
    JobPaused,
    JobProgressed,
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
    SILENT = "silent"
    """It is there and does not answer; what can be read is shown."""


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
    standing = await engine.standing()
    job = next((one for one in standing.queue if one.status in _AT_WORK), None)
    return FrameStatus(
        link=Link.ATTACHED,
        job=job,
        progress=None if job is None else _as_counted(await engine.progress(job.job_id), job),
        waiting=tuple(one for one in standing.queue if one.status is JobStatus.QUEUED),
        totals=standing.totals,
        undecided=await engine.undecided_count(),
    )


def _as_counted(progress: ProgressView, job: JobView) -> ProgressView:
    """The job may have gone on since it was counted: what the statistics count too is shown as of their moment."""
    counts = job.images
    return progress.model_copy(update={"images": counts, "done": counts.finished, "spend_usd": job.spend_usd})


def needs_query(events: Sequence[Event]) -> bool:
    """Whether anything happened that events alone do not tell enough about."""
    return any(isinstance(event, _TOLD_ABOUT) for event in events)
