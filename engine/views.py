"""What the engine shows: the JSON contract of the command line and what every query of the API answers.

Plain, serialisable, without a key in it. Field names are the contract; they are added to, never renamed.
Times are UTC, ISO 8601. Money is US dollars.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict

from engine.status import ImageStatus as ImageStatus
from engine.status import JobKind as JobKind
from engine.status import JobStatus as JobStatus
from engine.status import LogLevel as LogLevel
from engine.status import RetryState as RetryState
from engine.status import Stage as Stage
from engine.status import TaskState as TaskState


class View(BaseModel):
    """Base of all views: frozen, and strict about its own field names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageCounts(View):
    """All counts are of images. `failed` has those that never came too, `pending` those in a retry."""

    planned: int
    approved: int
    qc_failed: int
    failed: int
    pending: int
    unknown: int
    """Asked for by tasks whose answer was lost; they wait for a decision."""
    trashed: int

    @property
    def finished(self) -> int:
        """Images that need no more work."""
        return self.approved + self.qc_failed + self.failed + self.trashed

    @property
    def success_rate(self) -> float | None:
        """Approved of finished, 0-1; None before anything is finished."""
        return self.approved / self.finished if self.finished else None


class Spend(View):
    """Where the money of a job stands, in US dollars."""

    actual: float
    committed: float
    """For calls that are on their way."""
    unknown: float
    """For calls whose answer was lost: it may have been charged."""
    estimate: float
    """What the plan said the whole job would cost."""


class ErrorView(View):
    """Why a job failed, or why it is paused."""

    stage: str | None
    code: str
    message: str
    hint: str


class JobView(View):
    job_id: str
    number: int
    label: str
    kind: JobKind
    status: JobStatus
    created_at: str
    started_at: str | None
    finished_at: str | None
    duration_s: float | None
    """Seconds at work, without pauses; None before the start."""
    images: ImageCounts
    spend_usd: float
    """actual + committed + unknown: everything that may have left the account."""
    spend: Spend
    output_dir: str
    error: ErrorView | None
    pause: ErrorView | None
    configuration: str | None
    parent_job_id: str | None
    queue_position: int | None
    """1 is next; None when not waiting."""
    deleted_at: str | None = None
    budget_usd: float | None = None
    """What the job may cost; None: no limit."""


class TaskView(View):
    """One paid call to an image provider. `task_id` is the provider's, None until it has told it."""

    provider: str
    model: str
    task_id: str | None
    state: TaskState
    images: int
    """Delivered so far."""
    images_requested: int
    cost_usd: float | None
    submissions: int
    error: ErrorView | None


class GenerationView(View):
    generation_id: int
    index: int
    keyword: str
    prompt: str | None
    aspect_ratio: str
    width: int
    height: int
    seed: int | None
    tasks: tuple[TaskView, ...]


class SpaceView(View):
    """What a job takes on the disk, in bytes."""

    output: int
    """Finished pictures, in the output folder or in the trash."""
    work: int
    """Originals and pictures in the making."""
    previews: int

    @property
    def total(self) -> int:
        return self.output + self.work + self.previews


class JobDetailView(JobView):
    """`jobs show`: with the settings as run and every generation."""

    settings: dict[str, Any]
    """Empty for a retry: each of its images has the settings of its own job."""
    generations: tuple[GenerationView, ...]
    child_job_ids: tuple[str, ...] = ()
    """Its reruns, retries and regenerations, oldest first."""
    retry: dict[str, Any] | None = None
    """What a retry was asked to do: processing, on_failure, checks_again, writes_metadata_again."""
    space: SpaceView | None = None
    """What it takes on the disk; null where that was not looked at."""


class ImageView(View):
    image_id: int
    job_id: str
    generation_id: int
    number: int
    """Within its job, as in its file's name."""
    status: ImageStatus
    stage: Stage | None
    reason: str | None
    warnings: tuple[str, ...]
    prompt: str
    keyword: str
    provider: str
    model: str
    task_id: str | None
    width: int | None
    height: int | None
    seed: int | None
    file: str | None
    """Where the picture is now: in the output folder when approved, else in the work folder."""
    original_file: str | None
    title: str | None
    description: str | None
    tags: tuple[str, ...]
    cost_usd: float
    created_at: str
    replaces_image_id: int | None
    category: str | None = None
    """As the agencies' presets name it; only a person gives one."""
    replaced_by: tuple[int, ...] = ()
    """The images that were ordered anew from its prompt, oldest first."""


class RefusalView(View):
    """What a decision could not do, and why."""

    image_id: int
    message: str
    hint: str


class DecisionView(View):
    """What became of a decision about several images; each of them is in one of the two."""

    done: tuple[int, ...]
    refused: tuple[RefusalView, ...]


class StartedView(View):
    """What became of the images that a retry or a regeneration was asked for; each is in one of the two."""

    jobs: tuple[JobView, ...]
    """The jobs that were put into the queue for them."""
    done: tuple[int, ...]
    refused: tuple[RefusalView, ...]


class AttemptView(View):
    """One retry of an image."""

    attempt: int
    job_id: str
    """The retry's."""
    job_number: int
    state: RetryState
    asked_at: str
    finished_at: str | None
    stage: Stage | None
    """Where it failed, with `reason`; before it is over, where the image had failed."""
    reason: str | None
    before_status: ImageStatus
    before_stage: Stage | None
    before_reason: str | None
    used: dict[str, Any]
    """processing, on_failure, checks_again, writes_metadata_again."""


class UndecidedView(View):
    """A task that ended without pictures and waits for a person: its answer was lost, or it failed."""

    task: int
    """Our own number, as in the log; `task_id` is the provider's."""
    job_id: str
    job_number: int
    job_label: str
    generation_id: int
    state: TaskState
    provider: str
    model: str
    task_id: str | None
    keyword: str
    prompt: str | None
    images: int
    """That it was to bring."""
    price_usd: float
    """What it may have cost, and what submitting it again would."""
    submitted_at: str | None
    error: ErrorView | None
    choices: tuple[str, ...]
    """Of `lost`, `ask`, `submit`: those that make sense."""


class TaskRefusalView(View):
    task: int
    message: str
    hint: str


class TaskDecisionView(View):
    """What became of a decision about tasks; each is in one of the two."""

    done: tuple[int, ...]
    refused: tuple[TaskRefusalView, ...]
    job_ids: tuple[str, ...]
    """Jobs that go on because of it."""


class LogView(View):
    entry_id: int
    job_id: str | None
    at: str
    level: LogLevel
    stage: str | None
    image_number: int | None
    message: str
    cause: str | None
    hint: str | None


class ProblemView(View):
    """One thing that stands in the way of a job (or, as a warning, one to know about)."""

    field: str
    message: str
    hint: str
    is_warning: bool


class CostLine(View):
    what: str
    calls: int
    usd: float | None
    """None: no price is known for this model."""


class PlanView(View):
    """What a job would do: `run --dry-run`, and the start dialog."""

    provider: str
    model: str
    generations: int
    images: int
    tasks: int
    keyword_source: str
    keywords: tuple[str, ...]
    """The keyword of each generation in order, at most the first 20."""
    sizes: tuple[str, ...]
    """`WxH (ratio)` in the cycle in which they are used."""
    output_dir: str
    costs: tuple[CostLine, ...]
    estimate_usd: float
    budget_usd: float | None
    problems: tuple[ProblemView, ...]

    @property
    def can_start(self) -> bool:
        """Whether nothing but warnings stands in the way."""
        return all(problem.is_warning for problem in self.problems)


class RetryPlanView(View):
    """What a retry or a regeneration would do and cost, before anything is asked of anybody."""

    images: int
    refused: tuple[RefusalView, ...]
    costs: tuple[CostLine, ...]
    estimate_usd: float
    problems: tuple[ProblemView, ...]

    @property
    def can_start(self) -> bool:
        """Whether there is an image to work on and nothing but warnings stands in the way."""
        return self.images > 0 and all(problem.is_warning for problem in self.problems)


class ProgressView(View):
    """How the running job stands. Counts by step are of tasks up to `submitted`, of images from `downloaded` on."""

    job_id: str
    images: ImageCounts
    prompted: int
    submitted: int
    downloaded: int
    checked: int
    done: int
    in_flight: int
    images_per_minute: float | None
    eta_s: float | None
    """None: still estimating (fewer than two images are finished)."""
    spend_usd: float
    is_quiescent: bool
    """Paused or stopping, and nothing is on its way any more."""

    @property
    def fraction(self) -> float:
        """0-1; 1 only when every planned image is accounted for."""
        counts = self.images
        if counts.planned == 0:
            return 0.0
        return min(1.0, (counts.finished + counts.unknown) / counts.planned)


class TotalsView(View):
    """The dashboard's statistics over everything that is not deleted."""

    jobs: int
    jobs_completed: int
    jobs_failed: int
    jobs_running: int
    jobs_queued: int
    images: int
    approved: int
    failed: int
    """qc_failed + failed + retry_failed: what waits for review."""
    success_rate: float | None
    average_duration_s: float | None
    spend_usd: float
    spend_today_usd: float
    images_by_status: dict[ImageStatus, int] = {}
    """How many images there are of each status."""


class StandingView(View):
    """The queue (the job at work first) and the statistics, both of the same moment."""

    queue: tuple[JobView, ...]
    totals: TotalsView


class ConfigurationView(View):
    name: str
    is_default: bool
    settings: dict[str, Any]
    updated_at: str


class ListIndex(View):
    """A long list as a whole: with it any page can be asked for without those before it."""

    count: int
    cursors: tuple[str, ...]
    """The cursor of the second page, of the third and so on."""


class Page[T](BaseModel):
    """A part of a longer list; `next_cursor` asks for the part after it, None at the end."""

    model_config = ConfigDict(frozen=True)

    rows: tuple[T, ...]
    next_cursor: str | None = None
