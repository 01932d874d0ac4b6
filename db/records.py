"""The rows as Python sees them: frozen records that mirror the columns, and what is needed to insert a new
one.

Times are text (see `utc_text`), money is whole micros (millionths of a US dollar), stored JSON comes decoded.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from db.status import (
    Approval,
    ImageStatus,
    JobKind,
    JobStatus,
    LedgerAccount,
    LogLevel,
    Progress,
    RetryState,
    Stage,
    TaskState,
)

JsonObject = dict[str, Any]


def utc_text(moment: datetime) -> str:
    """The one way in which times are stored: UTC, milliseconds, `2026-01-31T08:09:10.123Z`; such texts sort
    by time.

    Raises ValueError for a time without a zone, because nobody can say which moment it means.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; pass an aware datetime")
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class RecordedError:
    """Why a job or a task ended badly: `code` is for programs, `message` and `hint` are sentences for
    people."""

    stage: Stage
    code: str
    message: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ConfigurationRecord:
    configuration_id: int
    name: str
    settings: JsonObject
    is_default: bool
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job without its snapshot, which may be large and is read on its own (`jobs.snapshot`).

    The counters from `images` on are kept by the database. `images` counts the rows there are, of any status;
    `lost`, `missing` and `unknown` count images that were asked for and have no row.
    """

    job_number: int
    job_id: str
    kind: JobKind
    label: str
    status: JobStatus
    configuration_name: str | None
    parent_job_id: str | None
    planned_images: int
    estimate_micros: int
    budget_micros: int | None
    output_dir: str
    queue_position: int | None
    paused_at: str | None
    pause_code: str | None
    pause_message: str | None
    pause_hint: str | None
    error_stage: Stage | None
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    active_ms: int
    deleted_at: str | None
    images: int
    pending: int
    approved: int
    qc_failed: int
    failed: int
    retry_pending: int
    processing: int
    retry_failed: int
    trashed: int
    lost: int
    missing: int
    unknown: int
    actual_micros: int
    committed_micros: int
    unknown_micros: int


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """What a job runs with; never changes after the job was inserted."""

    settings: JsonObject
    inputs: JsonObject


@dataclass(frozen=True, slots=True)
class NewJob:
    """`job_id` is the caller's; `jobs.insert` raises sqlite3.IntegrityError when it is taken."""

    job_id: str
    kind: JobKind
    label: str
    settings: JsonObject
    inputs: JsonObject
    output_dir: str
    configuration_name: str | None = None
    parent_job_id: str | None = None
    planned_images: int = 0
    estimate_micros: int = 0
    budget_micros: int | None = None


@dataclass(frozen=True, slots=True)
class GenerationRecord:
    generation_id: int
    job_id: str
    generation_index: int
    keyword: str
    keyword_row: JsonObject
    prompt: str | None
    aspect_ratio: str
    width: int
    height: int
    seed: int | None
    created_at: str
    replaces_image_id: int | None
    """The image that this generation was ordered to replace."""


@dataclass(frozen=True, slots=True)
class NewGeneration:
    job_id: str
    generation_index: int
    keyword: str
    keyword_row: JsonObject
    aspect_ratio: str
    width: int
    height: int
    seed: int | None = None
    prompt: str | None = None
    replaces_image_id: int | None = None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """`outputs` is what the provider delivered, one object an image; empty until the task is ready."""

    task_id: int
    generation_id: int
    job_id: str
    task_index: int
    provider: str
    model: str
    state: TaskState
    request_key: str
    provider_task_id: str | None
    images_requested: int
    images_received: int | None
    outputs: list[JsonObject]
    estimate_micros: int
    cost_micros: int | None
    submissions: int
    error_stage: Stage | None
    error_code: str | None
    error_message: str | None
    error_hint: str | None
    submitted_at: str | None
    created_at: str
    updated_at: str
    decided_at: str | None
    """When a person decided about a task that ended without pictures."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """`state` is planned, or prompted where the generation already has its prompt."""

    generation_id: int
    job_id: str
    task_index: int
    provider: str
    model: str
    request_key: str
    images_requested: int
    estimate_micros: int = 0
    state: TaskState = TaskState.PLANNED


@dataclass(frozen=True, slots=True)
class ImageRecord:
    image_id: int
    job_id: str
    generation_id: int
    task_id: int
    task_position: int
    image_number: int
    status: ImageStatus
    previous_status: ImageStatus | None
    is_trashed_with_job: bool
    progress: Progress | None
    stage: Stage | None
    error_code: str | None
    reason: str | None
    warnings: tuple[str, ...]
    is_checked: bool
    approval: Approval | None
    prompt: str
    keyword: str
    provider: str
    model: str
    provider_task_id: str | None
    seed: int | None
    width: int | None
    height: int | None
    original_file: str | None
    original_sha256: str | None
    processed_file: str | None
    output_file: str | None
    title: str | None
    description: str | None
    tags: tuple[str, ...]
    cost_micros: int
    replaces_image_id: int | None
    created_at: str
    updated_at: str
    before_approval: JsonObject | None
    """What it was before a person approved it: status, stage, error_code, reason."""
    category: str | None = None
    is_file_stale: bool = False
    """Its texts were changed, and the delivered file may hold the old ones."""


@dataclass(frozen=True, slots=True)
class NewImage:
    """A picture that lies in the work folder; without `original_file` it is one whose download failed."""

    job_id: str
    generation_id: int
    task_id: int
    task_position: int
    image_number: int
    prompt: str
    keyword: str
    provider: str
    model: str
    original_file: str | None = None
    original_sha256: str | None = None
    provider_task_id: str | None = None
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    cost_micros: int = 0
    replaces_image_id: int | None = None
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class RetryRecord:
    """One image in one retry. `image_before` holds status, stage, error_code, reason, progress and is_checked as they
    were when the retry was asked for; stage, error_code and reason here are the outcome."""

    retry_id: int
    job_id: str
    image_id: int
    attempt: int
    state: RetryState
    image_before: JsonObject
    used: JsonObject
    stage: Stage | None
    error_code: str | None
    reason: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None


@dataclass(frozen=True, slots=True)
class LogRecord:
    entry_id: int
    job_id: str | None
    at: str
    level: LogLevel
    stage: str | None
    image_number: int | None
    message: str
    cause: str | None
    hint: str | None


@dataclass(frozen=True, slots=True)
class NewLogEntry:
    """Without `job_id` it is about the engine itself."""

    at: str
    level: LogLevel
    message: str
    job_id: str | None = None
    stage: str | None = None
    image_number: int | None = None
    cause: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    entry_id: int
    at: str
    job_id: str | None
    call: str
    service: str
    model: str
    account: LedgerAccount
    amount_micros: int
    raw_amount: float | None
    raw_unit: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class NewLedgerEntry:
    """One signed movement on one account; `call` names the paid call it belongs to, as `task:12` or
    `check:31`."""

    at: str
    call: str
    service: str
    model: str
    account: LedgerAccount
    amount_micros: int
    job_id: str | None = None
    raw_amount: float | None = None
    raw_unit: str | None = None
    note: str | None = None
