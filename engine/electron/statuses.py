"""The Electron program's words for what became of a job or an image, in ours. Nothing unknown becomes approved."""

import re
from dataclasses import dataclass
from typing import Any

from db.status import ImageStatus, JobStatus, Stage
from engine.electron import values

_JOBS = {
    "running": JobStatus.INTERRUPTED,
    "completed": JobStatus.COMPLETED,
    "failed": JobStatus.FAILED,
    "stopped": JobStatus.STOPPED,
    "aborted": JobStatus.STOPPED,
}
_APPROVED = frozenset({"approved", "complete", "completed", "passed"})
_REJECTED = frozenset({"qc_failed", "failed", "rejected"})
_IN_RETRY = frozenset({"retry_pending", "processing"})
_RETRY_FAILED = frozenset({"retry_failed", "failed_retry"})
_STAGES = {
    "download": Stage.DOWNLOAD,
    "remove_bg": Stage.REMOVE_BACKGROUND,
    "trim": Stage.TRIM,
    "enhancement": Stage.ENHANCE,
    "convert": Stage.CONVERT,
    "save_final": Stage.SAVE,
    "metadata": Stage.METADATA,
    "qc": Stage.QUALITY_CHECK,
    "processing": Stage.CONVERT,
}
NEVER_CHECKED = "It was still waiting in the Electron program and was never checked."
_TECHNICAL = re.compile(r"processing_failed(?::(\w*))?")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an image is here."""

    status: ImageStatus
    stage: Stage | None = None
    reason: str | None = None


def job_status(word: object) -> tuple[JobStatus, bool]:
    """Our status, and whether the word was known; a job of an unknown one was not seen to its end."""
    text = (values.text(word, limit=60) or "").lower()
    return _JOBS.get(text, JobStatus.INTERRUPTED), text in _JOBS


def image_verdict(word: object, why: object, metadata: dict[str, Any]) -> Verdict:
    """From `qc_status`, `qc_reason` and what `metadata` says of a failure."""
    status = (values.text(word, limit=60) or "pending").lower()
    reason = values.text(why)
    if status in _APPROVED:
        return Verdict(ImageStatus.APPROVED, reason=reason)
    if status == "pending":
        # Here a job would be at work on a pending image. No job of the old program goes on: a person decides.
        return Verdict(ImageStatus.FAILED, Stage.QUALITY_CHECK, f"{NEVER_CHECKED} {reason or ''}".strip())
    stage, told = _failure(reason, metadata)
    reason = told or reason
    if status in _REJECTED and stage is None:
        return Verdict(ImageStatus.QC_FAILED, Stage.QUALITY_CHECK, reason or "Rejected, without a reason.")
    if status in _REJECTED:
        ours, fallback = ImageStatus.FAILED, "It failed, without a reason."
    elif status in _RETRY_FAILED:
        ours, fallback = ImageStatus.RETRY_FAILED, "Its retry failed."
    elif status in _IN_RETRY:
        ours, fallback = ImageStatus.FAILED, "Its retry was not finished."
    else:
        unknown = f"Its status there, “{status}”, is not known here."
        ours, reason, fallback = ImageStatus.FAILED, f"{unknown} {reason or ''}".strip(), ""
    return Verdict(ours, stage or Stage.QUALITY_CHECK, reason or fallback)


def _failure(reason: str | None, metadata: dict[str, Any]) -> tuple[Stage | None, str | None]:
    """The stage of a technical failure and what is known of it; both None for a rejection by the check."""
    record = metadata.get("failure")
    record = record if isinstance(record, dict) else {}
    message = values.text(record.get("message"))
    if (match := _TECHNICAL.match(reason or "")) is not None:
        return _STAGES.get(match[1] or "", Stage.CONVERT), message or reason
    stage = _STAGES.get(values.text(record.get("stage"), limit=60) or "")
    return stage, message if stage is not None else None
