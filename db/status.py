"""The words in which the database keeps what became of things; every CHECK constraint lists exactly these."""

from enum import StrEnum


class JobKind(StrEnum):
    GENERATE = "generate"
    """New pictures from a configuration."""
    RETRY = "retry"
    """Work on images that failed in earlier jobs."""


class JobStatus(StrEnum):
    QUEUED = "queued"
    """Waits for its turn; has a queue position."""
    RUNNING = "running"
    """The one job at work."""
    PAUSED = "paused"
    """Holds the queue until the user resumes; a pause code says why."""
    COMPLETED = "completed"
    """Every generation was worked through and at least one image exists."""
    FAILED = "failed"
    """Worked through without a single image, or could not start; the error says why."""
    STOPPED = "stopped"
    """Ended by the user before its end; what was paid for is kept and can be resumed."""
    INTERRUPTED = "interrupted"
    """Was running when the engine died, and was not resumed by itself."""


UNFINISHED_JOBS = frozenset({JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.INTERRUPTED})
RESUMABLE_JOBS = frozenset({JobStatus.PAUSED, JobStatus.STOPPED, JobStatus.INTERRUPTED, JobStatus.FAILED})


class TaskState(StrEnum):
    """The states of one paid call to an image provider, in the order in which a healthy one passes them."""

    PLANNED = "planned"
    """The row exists; its generation has no prompt yet."""
    PROMPTED = "prompted"
    """Has a prompt; nothing was sent."""
    SUBMITTING = "submitting"
    """Committed right before the request leaves; found at start, it means that the answer was lost."""
    SUBMITTED = "submitted"
    """The provider's own task id is known."""
    READY = "ready"
    """The provider has finished; where the pictures are is known."""
    DOWNLOADED = "downloaded"
    """Every picture of it has an image row."""
    DONE = "done"
    """Every image of it reached a final status."""
    UNKNOWN = "unknown"
    """The answer to the submission was lost and could not be reconciled: the user decides."""
    FAILED = "failed"
    """Ended without a picture; the error columns say at which stage and why."""
    CANCELLED = "cancelled"
    """Never sent, or taken back by the provider before it cost anything."""


IN_FLIGHT_TASKS = frozenset({TaskState.SUBMITTING, TaskState.SUBMITTED, TaskState.READY})
OPEN_TASKS = frozenset({TaskState.PLANNED, TaskState.PROMPTED, *IN_FLIGHT_TASKS})


class ImageStatus(StrEnum):
    PENDING = "pending"
    """Has a file; the work on it is not finished."""
    APPROVED = "approved"
    """Its file lies in the output folder."""
    QC_FAILED = "qc_failed"
    """The quality check rejected it; the reason is the check's."""
    FAILED = "failed"
    """A technical failure; the stage says where."""
    RETRY_PENDING = "retry_pending"
    """Waits in a retry job."""
    PROCESSING = "processing"
    """A retry job is at work on it."""
    RETRY_FAILED = "retry_failed"
    """The retry failed too."""
    TRASHED = "trashed"
    """In the trash until it is emptied; previous_status says what it was."""


FINISHED_IMAGES = frozenset(
    {
        ImageStatus.APPROVED,
        ImageStatus.QC_FAILED,
        ImageStatus.FAILED,
        ImageStatus.RETRY_FAILED,
        ImageStatus.TRASHED,
    }
)


class RetryState(StrEnum):
    """What became of one image in one retry."""

    WAITING = "waiting"
    """In the queue; the image is retry_pending."""
    WORKING = "working"
    """At work; the image is processing."""
    APPROVED = "approved"
    FAILED = "failed"
    """Failed or rejected again; stage and reason say why."""
    TRASHED = "trashed"
    """The image was trashed meanwhile."""
    CANCELLED = "cancelled"
    """The retry was stopped before it came to this image, which is what it was before."""


class Stage(StrEnum):
    """Where in the work something happened, in the order of work."""

    PREFLIGHT = "preflight"
    PROMPT = "prompt"
    GENERATE = "generate"
    DOWNLOAD = "download"
    QUALITY_CHECK = "quality_check"
    REMOVE_BACKGROUND = "remove_background"
    TRIM = "trim"
    ENHANCE = "enhance"
    CONVERT = "convert"
    METADATA = "metadata"
    SAVE = "save"


class Progress(StrEnum):
    """The last step an image has passed, from which a resumed job goes on."""

    DOWNLOADED = "downloaded"
    CHECKED = "checked"
    PROCESSED = "processed"
    DESCRIBED = "described"
    """Metadata written, or left out as the settings say."""
    SAVED = "saved"


class Approval(StrEnum):
    """Why an image was allowed into the output folder."""

    CHECKED = "checked"
    """The quality check passed it."""
    UNCHECKED_BY_SETTINGS = "unchecked_by_settings"
    """The job's settings switch the check off."""
    MANUAL = "manual"
    """A person approved it."""


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LedgerAccount(StrEnum):
    """Where a sum of money stands. A booking moves it by adding to one account and taking from another."""

    ESTIMATED = "estimated"
    """What the plan said it would cost; never moved, kept to compare."""
    COMMITTED = "committed"
    """A paid call is on its way."""
    ACTUAL = "actual"
    """The service delivered; its own price where it names one, else the estimate."""
    REFUNDED = "refunded"
    """Given back or never charged after it had been committed."""
    UNKNOWN = "unknown"
    """The answer was lost: it may have been charged."""
