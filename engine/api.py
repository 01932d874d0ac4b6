"""The one object that a front end holds: it asks through queries, tells through commands, hears through one stream.

Implemented by engine.service.Engine. Everything that crosses is plain, serialisable data, so that the same
Protocol can stand in front of a socket.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from engine.status import ImageStatus, JobKind, JobStatus, LogLevel, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from engine.bus import Subscription
    from engine.care.views import CleanView
    from engine.electron.views import ImportView
    from engine.export.requests import ExportRequest, ImageEdit
    from engine.export.views import AgencyView, ExportView, FitView, SheetCheckView
    from engine.places import Places
    from engine.settings import Settings
    from engine.statistics_views import StatisticsView
    from engine.views import (
        AttemptView,
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
        RetryPlanView,
        SpaceView,
        StandingView,
        StartedView,
        TaskDecisionView,
        TotalsView,
        UndecidedView,
    )


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as asked for. `settings` is a full or partial settings document, merged deeply over the defaults."""

    settings: dict[str, Any]
    label: str | None = None
    configuration: str | None = None
    parent_job_id: str | None = None


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Images that failed or were rejected, to be worked on once more. Without `processing`, `on_failure` and the two
    options each goes on from where it failed, with the settings of its own job."""

    image_ids: tuple[int, ...]
    processing: dict[str, Any] | None = None
    """Fields of the settings' group `processing`, for this batch only."""
    on_failure: dict[str, str] = field(default_factory=dict)
    """`fail` or `continue` by stage: remove_background, trim, enhance, convert, metadata."""
    checks_again: bool | None = None
    """None: where the check is what failed, or where an image never passed one and its job wants one."""
    writes_metadata_again: bool = False
    label: str | None = None
    budget_usd: float | None = None


class TaskChoice(StrEnum):
    """What is to become of a task that ended without pictures."""

    LOST = "lost"
    """Treat it as lost: it counts as failed, its money as possibly spent."""
    ASK = "ask"
    """Ask the provider once more what became of it. Costs nothing."""
    SUBMIT = "submit"
    """Send it anew. Where the first request had arrived, it is paid for twice."""


@dataclass(frozen=True, slots=True)
class JobQuery:
    statuses: tuple[JobStatus, ...] = ()
    kind: JobKind | None = None
    text: str = ""
    """In label or id."""
    parent_job_id: str | None = None
    """Only what was made from this job: its reruns, retries and regenerations."""
    created_from: str | None = None
    created_to: str | None = None
    sort: str = "newest"
    """newest, oldest, name, duration, images"""
    is_reversed: bool = False
    """The same order, from its other end."""
    includes_deleted: bool = False
    only_deleted: bool = False
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
        """A new job for each, in this order, with the configuration as it is now or exactly as it ran. One of several
        that cannot start becomes a failed job that says why; alone, it is a SettingsError."""
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
        """Hide jobs and move their images to the trash, with their delivered files; answers how many. Hidden at once,
        the files follow; where one cannot be moved its job is not deleted. A job at work is a ConflictError."""
        ...

    async def restore_jobs(self, job_ids: Sequence[str]) -> int:
        """Take deletions back: images are what they were, delivered files in the output folder again, under their
        names or the next free ones. An image whose file has gone from the trash stays there."""
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

    async def plan_retry(self, request: RetryRequest) -> RetryPlanView:
        """What the retry would do and cost. Raises SettingsError for wrong options."""
        ...

    async def retry_images(self, request: RetryRequest) -> StartedView:
        """Put a retry of the images into the queue, as one job. They are `retry_pending` then, and in no other retry.
        Raises SettingsError for wrong options, missing keys and folders."""
        ...

    async def plan_regeneration(self, image_ids: Sequence[int]) -> RetryPlanView:
        """What new pictures from the same prompts would cost."""
        ...

    async def regenerate_images(self, image_ids: Sequence[int]) -> StartedView:
        """Order a new picture from the prompt of each image: one job for each job that they are from. The new images
        refer to the old ones, which stay as they are. Raises SettingsError."""
        ...

    async def decide_tasks(self, task_ids: Sequence[int], choice: TaskChoice) -> TaskDecisionView:
        """Decide about tasks that ended without pictures; `task` of UndecidedView is their id. What has to be asked or
        sent puts the task's job into the queue again."""
        ...

    # ---- tells: configurations

    async def save_configuration(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """Make or overwrite a named configuration. Raises SettingsError."""
        ...

    async def delete_configuration(self, name: str) -> None: ...

    async def rename_configuration(self, name: str, new_name: str) -> None: ...

    # ---- tells: exports and texts

    async def export(self, request: ExportRequest) -> ExportView:
        """Carry an export out and answer when its file is there; nothing is there where it raises. It goes on where
        its caller goes away; ExportProgressed tells how far it is, ExportEnded that it is over.

        Raises InputError, NotFoundError, PauseRequired (disk, folder), SettingsError `limits` with every row that
        breaks a limit, ConflictError `cancelled`.
        """
        ...

    async def cancel_export(self, export_id: str) -> bool:
        """End an export at once; answers, when nothing is left of it, whether it was cancelled (else it has ended)."""
        ...

    async def check_sheet(self, request: ExportRequest) -> SheetCheckView:
        """What a sheet would be like: every limit that a row breaks; writes nothing."""
        ...

    async def agencies(self) -> list[AgencyView]:
        """The agencies whose sheets can be written."""
        ...

    async def agency_fits(self, image_ids: Sequence[int], agency: str | None = None) -> list[FitView]:
        """Which agency, or whether this one, takes which image as it is, and if not, why. Raises NotFoundError."""
        ...

    async def fitting_images(self, image_ids: Sequence[int], agency: str) -> list[int]:
        """Those of the images that the agency takes as they are, in this order, however many. Raises NotFoundError."""
        ...

    async def edit_images(self, image_ids: Sequence[int], edit: ImageEdit) -> DecisionView:
        """Give approved images other texts: in the row and, where the settings of their job embed metadata, in the
        file; or in neither. Raises InputError."""
        ...

    # ---- tells: the program

    async def reload_preferences(self) -> None:
        """Read config.toml and the keys anew; whatever begins from now on uses them. Raises SettingsError."""
        ...

    async def import_electron(
        self, path: str, *, folder: str | None = None, is_copying: bool = False, is_dry_run: bool = False
    ) -> ImportView:
        """Take over what the older Electron program kept in its database at `path`: configurations, jobs and images.
        What was taken over before stays as it is. Relative paths count from `folder`, else from the database's own.
        Raises InputError for another file, ConflictError beside another import."""
        ...

    async def clean(
        self, *, older_than_days: float = 30, includes_caches: bool = False, is_dry_run: bool = False
    ) -> CleanView:
        """Remove for good what was left unfinished, files that belong to nobody, and what has been in the trash, or
        was deleted, for longer than that. Files that a row points to stay, and so does every output folder."""
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

    async def job_space(self, job_id: str, places: Places) -> SpaceView:
        """What a job takes on the disk. Looks at every file of it."""
        ...

    async def images_space(self, image_ids: Sequence[int]) -> int:
        """What images take on the disk, in bytes, previews left out. Looks at every file of them."""
        ...

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

    async def image_attempts(self, image_id: int) -> list[AttemptView]:
        """Every retry that the image was in, the first one first."""
        ...

    async def undecided_tasks(
        self, *, job_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[UndecidedView]:
        """The next tasks that ended without pictures and that nobody has decided about, by their number."""
        ...

    async def undecided_count(self) -> int:
        """How many there are in all."""
        ...

    async def logs(self, query: LogQuery) -> list[LogView]:
        """Oldest first. Without `after_entry_id`: the newest `limit` entries (before `before_entry_id`)."""
        ...

    async def totals(self) -> TotalsView: ...

    async def last_export_folder(self) -> str | None:
        """The folder that was last chosen for an export; None: always the default one."""
        ...

    async def standing(self) -> StandingView:
        """`queue` and `totals` of one moment, so that their numbers agree while a job runs."""
        ...

    async def statistics(
        self, *, created_from: str | None = None, created_to: str | None = None
    ) -> StatisticsView:
        """Everything that came and was spent in a span of time: from a moment on, and before another one."""
        ...

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
