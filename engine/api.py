"""The one object that a front end holds: it asks through queries, tells through commands, hears through one stream.

Implemented by engine.service.Engine. Everything that crosses is plain, serialisable data, so that the same
Protocol can stand in front of a socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from engine.status import ImageStatus, JobKind, JobStatus, LogLevel, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from engine.bus import Subscription
    from engine.settings import Settings
    from engine.views import (
        ConfigurationView,
        DecisionView,
        ImageView,
        JobDetailView,
        JobView,
        ListIndex,
        LogView,
        Page,
        PlanView,
        ProgressView,
        TotalsView,
    )


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as asked for. `settings` is a full or partial settings document, merged deeply over the defaults."""

    settings: dict[str, Any]
    label: str | None = None
    configuration: str | None = None
    parent_job_id: str | None = None


@dataclass(frozen=True, slots=True)
class JobQuery:
    statuses: tuple[JobStatus, ...] = ()
    kind: JobKind | None = None
    text: str = ""
    """In label or id."""
    created_from: str | None = None
    created_to: str | None = None
    sort: str = "newest"
    """newest, oldest, name, duration, images"""
    is_reversed: bool = False
    """The same order, from its other end."""
    includes_deleted: bool = False
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class ImageQuery:
    job_id: str | None = None
    statuses: tuple[ImageStatus, ...] = (ImageStatus.APPROVED,)
    """Empty: every status."""
    stage: Stage | None = None
    reason: str = ""
    text: str = ""
    """Full text over prompt, keyword, title, description, tags."""
    created_from: str | None = None
    created_to: str | None = None
    sort: str = "newest"
    """newest, oldest, number (in the order of the job)"""
    cursor: str | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True)
class LogQuery:
    job_id: str | None = None
    min_level: LogLevel = LogLevel.INFO
    stage: str | None = None
    text: str = ""
    after_entry_id: int | None = None
    before_entry_id: int | None = None
    limit: int = field(default=500)


class EngineApi(Protocol):
    """Errors: FactoryError's tree. A command returns when what it promises is committed."""

    # ---- hears

    def subscribe(self, capacity: int = 2_000) -> AbstractAsyncContextManager[Subscription]:
        """Everything that happens from now on."""
        ...

    # ---- tells: jobs and the queue

    async def plan_job(self, request: JobRequest) -> PlanView:
        """What the job would do and cost, and everything that stands in its way. Sends nothing."""
        ...

    async def start_job(self, request: JobRequest) -> JobView:
        """Put a new job at the end of the queue. Raises SettingsError with every problem at once."""
        ...

    async def rerun_jobs(self, job_ids: Sequence[str], *, is_as_run: bool) -> list[JobView]:
        """A new job for each, in this order, with the configuration as it is now or exactly as it ran."""
        ...

    async def pause_job(self, job_id: str) -> None:
        """Submit nothing new; what is on its way is worked through."""
        ...

    async def resume_job(self, job_id: str, *, budget_usd: float | None = None) -> None:
        """Go on with a paused, stopped, interrupted or failed job; `budget_usd` replaces its budget."""
        ...

    async def stop_job(self, job_id: str, *, is_forced: bool = False) -> None:
        """End a job after what is already paid for; forced: at once, keeping the ids for a later resume."""
        ...

    async def remove_from_queue(self, job_id: str) -> None:
        """Take a waiting job out; it becomes stopped."""
        ...

    async def move_in_queue(self, job_id: str, position: int) -> None:
        """Make a waiting job the `position`-th, counted from 1."""
        ...

    async def rename_job(self, job_id: str, label: str) -> None: ...

    async def delete_jobs(self, job_ids: Sequence[str]) -> int:
        """Hide jobs and move their images to the trash; answers how many. A job at work is a ConflictError."""
        ...

    async def restore_jobs(self, job_ids: Sequence[str]) -> int:
        """Take a deletion back."""
        ...

    # ---- tells: decisions about images; each image stands for itself, and all outlive the caller

    async def approve_images(self, image_ids: Sequence[int]) -> DecisionView:
        """Approve rejected and failed images by hand: what is left to do is done with the settings of each image's own
        job, without the check; the file is in the output folder before the status says so."""
        ...

    async def unapprove_images(self, image_ids: Sequence[int]) -> DecisionView:
        """Take manual approvals back: the images are what they were, and their files leave the output folder."""
        ...

    async def trash_images(self, image_ids: Sequence[int]) -> DecisionView:
        """Move images to the trash, and their delivered files out of the output folder."""
        ...

    async def restore_images(self, image_ids: Sequence[int]) -> DecisionView:
        """Give trashed images the status that they had; a delivered file comes back under its name, or under the next
        free one."""
        ...

    # ---- tells: configurations

    async def save_configuration(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """Make or overwrite a named configuration. Raises SettingsError."""
        ...

    async def delete_configuration(self, name: str) -> None: ...

    async def rename_configuration(self, name: str, new_name: str) -> None: ...

    # ---- tells: the program

    async def reload_preferences(self) -> None:
        """Read config.toml and the keys anew; whatever begins from now on uses them. Raises SettingsError."""
        ...

    # ---- asks

    async def resolve_job(self, text: str) -> str:
        """The job_id meant by an id, a unique beginning of one, a number (`42`, `#42`) or an exact label.
        Raises NotFoundError, or ConflictError naming the candidates."""
        ...

    async def jobs(self, query: JobQuery) -> Page[JobView]: ...

    async def job_index(self, query: JobQuery) -> ListIndex:
        """How many jobs there are, and where each page of `query.limit` of them begins; its cursor is not looked at."""
        ...

    async def job_ids(self, query: JobQuery) -> list[str]:
        """All of them, in the order of the list; limit and cursor are not looked at."""
        ...

    async def job(self, job_id: str) -> JobView: ...

    async def job_detail(self, job_id: str) -> JobDetailView: ...

    async def job_settings(self, job_id: str) -> Settings:
        """The settings that the job ran with, or runs with."""
        ...

    async def queue(self) -> list[JobView]:
        """The job at work first (if any), then the waiting ones in order."""
        ...

    async def progress(self, job_id: str) -> ProgressView: ...

    async def images(self, query: ImageQuery) -> Page[ImageView]: ...

    async def image_ids(self, query: ImageQuery) -> list[int]:
        """As `job_ids`, of images."""
        ...

    async def image(self, image_id: int) -> ImageView: ...

    async def images_by_id(self, image_ids: Sequence[int]) -> list[ImageView]:
        """Those of the images that exist, in the order asked for."""
        ...

    async def logs(self, query: LogQuery) -> list[LogView]:
        """Oldest first. Without `after_entry_id`: the newest `limit` entries (before `before_entry_id`)."""
        ...

    async def totals(self) -> TotalsView: ...

    async def configurations(self) -> list[ConfigurationView]: ...

    async def configuration(self, name: str | None) -> ConfigurationView:
        """By name; None: the default one."""
        ...


class WorkApi(EngineApi, Protocol):
    """What a front end needs besides, that sees jobs through to their end."""

    async def wait_for_job(self, job_id: str) -> JobView:
        """Return when the job has finished, or when a pause holds the queue and nothing is on its way any more."""
        ...

    async def unfinished_jobs(self) -> list[JobView]:
        """Queued, running, paused and interrupted jobs, oldest first."""
        ...

    async def shut_down(self, *, at_once: bool) -> None:
        """Send nothing new. Answers to paid requests that are on their way are awaited, unless `at_once`."""
        ...
