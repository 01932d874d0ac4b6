"""Old rows as the rows that they become here, and what makes a row the same one in a second import. Pure."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from db.imports import ImportedImage, ImportedJob
from db.records import utc_text
from db.status import Approval, ImageStatus, JobStatus, Progress, Stage
from engine.electron import values
from engine.electron.pictures import Found
from engine.electron.source import OldConfiguration, OldImage, OldJob
from engine.electron.statuses import Verdict, image_verdict
from engine.inputs import JobInputs
from engine.labels import LABEL_LIMIT
from engine.masking import Masker
from engine.settings import Settings, dump_settings
from engine.text import clean_text

SOURCE = "the Electron program"
APPROVED_THERE = "Approved in the Electron program; not checked here"
FILE_GONE = "It was approved in the Electron program, but its finished file is gone: this is the one before processing."
LONGEST_MS = 30 * 24 * 3_600_000
"""Of a job's time at work; a longer one is a clock that was set, or a row that was closed much later."""


@dataclass(frozen=True, slots=True)
class JobHome:
    """What the rows of one job have in common here."""

    job_id: str
    label: str
    provider: str
    model: str
    is_checking: bool
    """Whether the job's settings there had the quality check on."""


def configuration_origin(old: OldConfiguration) -> str:
    """The same for the same row in a copy of the file, and after its settings were changed."""
    return _origin("configuration", old.old_id, _time_key(old.created_at) or old.name)


def job_origin(old: OldJob) -> str:
    """As `configuration_origin`."""
    return _origin("job", old.old_id, _time_key(old.started_at) or old.label or "")


def image_origin(old: OldImage) -> str:
    """The program gave each image an id of its own; older rows have their number only."""
    if old.mapping_id is not None:
        return _origin("image", old.mapping_id)
    return _origin("image", old.old_id, old.execution_id, _time_key(old.created_at) or old.final_path or "")


ORPHANS = "electron:job:none"
"""The origin of the job that holds images whose job is gone."""


def make_job(
    old: OldJob | None,
    status: JobStatus,
    home: JobHome,
    settings: Settings,
    configuration_name: str | None,
    output_dir: Path,
    masker: Masker,
    now: datetime,
) -> ImportedJob:
    """`old` None: the job of images without one."""
    started = old.started_at if old is not None else None
    finished = old.completed_at if old is not None else None
    began = started or finished or now
    inputs = JobInputs(
        keyword_source=SOURCE, keyword_count=0, draw_seed=0, columns=(), template="", template_source=SOURCE
    )
    is_over = status is not JobStatus.INTERRUPTED
    error = old.error_message if old is not None and status is not JobStatus.COMPLETED else None
    if status is JobStatus.FAILED and error is None:
        error = "It failed in the Electron program, without a reason."
    return ImportedJob(
        job_id=home.job_id,
        label=home.label,
        status=status,
        configuration_name=configuration_name,
        output_dir=str(output_dir),
        error_message=None if error is None else masker.mask(error),
        created_at=utc_text(began),
        started_at=utc_text(began),
        finished_at=utc_text(max(finished or began, began)) if is_over else None,
        active_ms=_milliseconds(started, finished),
        settings=dump_settings(settings),
        inputs=inputs.model_dump(mode="json"),
    )


def make_image(
    found: Found,
    verdict: Verdict,
    home: JobHome,
    files: tuple[str | None, str | None],
    masker: Masker,
    now: datetime,
) -> ImportedImage:
    """`files` are the places of the finished picture and of the original, here."""
    old, (output_file, original_file) = found.image, files
    picture = found.final or found.original
    assert picture is not None, "an image that comes along has a file"
    is_approved = verdict.status is ImageStatus.APPROVED

    def clean(value: Any, limit: int = values.TEXT_LIMIT) -> str | None:
        text = values.text(value, limit=limit)
        return None if text is None else masker.mask(text)

    metadata = old.metadata
    return ImportedImage(
        job_id=home.job_id,
        request_key=image_origin(old),
        status=verdict.status,
        progress=Progress.SAVED if is_approved else Progress.DOWNLOADED,
        stage=verdict.stage,
        error_code="imported" if verdict.status in (ImageStatus.FAILED, ImageStatus.RETRY_FAILED) else None,
        reason=_reason(verdict, masker),
        approval=_approval(home) if is_approved else None,
        prompt=clean(old.prompt) or clean(metadata.get("prompt")) or "",
        provider=home.provider,
        model=home.model,
        seed=old.seed,
        width=picture.width,
        height=picture.height,
        aspect_ratio=picture.aspect_ratio,
        original_file=original_file,
        original_sha256=None if original_file is None else (found.original or picture).sha256,
        output_file=output_file if is_approved else None,
        title=clean(metadata.get("title"), 1_000),
        description=clean(metadata.get("description"), 5_000),
        tags=tuple(masker.mask(tag) for tag in _tags(metadata)),
        created_at=utc_text(old.created_at or now),
    )


def verdict_of(found: Found) -> Verdict:
    """What the image is here. Approved is only what has its finished file."""
    verdict = image_verdict(found.image.qc_status, found.image.qc_reason, found.image.metadata)
    if verdict.status is ImageStatus.APPROVED and found.final is None:
        return Verdict(ImageStatus.FAILED, Stage.SAVE, FILE_GONE)
    return verdict


def label_of(old: OldJob | None, masker: Masker) -> str:
    """Its own, or one made of its time as the program makes them."""
    if old is None:
        return "images without a job (imported)"
    label = clean_text(masker.mask(old.label or "")).strip()[:LABEL_LIMIT].strip()
    moment = old.started_at or old.completed_at
    if label or moment is None:
        return label or f"job {clean_text(masker.mask(old.old_id), limit=60)} (imported)"
    return f"job_{moment.astimezone():%Y%m%d_%H%M%S}"


def _approval(home: JobHome) -> Approval:
    """Never `checked`: no check of ours has seen it. The one who imports it vouches for it."""
    return Approval.MANUAL if home.is_checking else Approval.UNCHECKED_BY_SETTINGS


def _reason(verdict: Verdict, masker: Masker) -> str | None:
    if verdict.status is ImageStatus.APPROVED:
        return f"{APPROVED_THERE}. {masker.mask(verdict.reason)}" if verdict.reason else f"{APPROVED_THERE}."
    return None if verdict.reason is None else masker.mask(verdict.reason)


def _tags(metadata: dict[str, Any]) -> tuple[str, ...]:
    return values.tags(metadata.get("tags")) or values.tags(metadata.get("uploadTags"))


def _milliseconds(started: datetime | None, finished: datetime | None) -> int:
    if started is None or finished is None:
        return 0
    return min(max(0, round((finished - started).total_seconds() * 1000)), LONGEST_MS)


def _time_key(moment: datetime | None) -> str:
    return "" if moment is None else utc_text(moment)


def _origin(kind: str, *parts: str) -> str:
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"electron:{kind}:{digest[:32]}"
