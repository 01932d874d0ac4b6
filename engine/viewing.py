"""Rows as everyone sees them: one definition of every count, sum and field, for all screens and commands."""

from collections.abc import Sequence
from typing import Any

from db.records import ImageRecord, JobRecord, LogRecord, TaskRecord
from engine.errors import Problem
from engine.views import (
    ErrorView,
    ImageCounts,
    ImageView,
    JobView,
    LogView,
    ProblemView,
    Spend,
    TaskView,
)


def image_counts(job: JobRecord) -> ImageCounts:
    """One definition of every count, for all screens and commands."""
    return ImageCounts(
        planned=job.planned_images,
        approved=job.approved,
        qc_failed=job.qc_failed,
        failed=job.failed + job.retry_failed + job.lost + job.missing,
        pending=job.pending + job.retry_pending + job.processing,
        unknown=job.unknown,
        trashed=job.trashed,
    )


def job_view(job: JobRecord, queue_place: int | None = None) -> JobView:
    """A job as everyone sees it."""
    spend = Spend(
        actual=dollars(job.actual_micros),
        committed=dollars(job.committed_micros),
        unknown=dollars(job.unknown_micros),
        estimate=dollars(job.estimate_micros),
    )
    return JobView(
        job_id=job.job_id,
        number=job.job_number,
        label=job.label,
        kind=job.kind,
        status=job.status,
        created_at=job.created_at,
        started_at=job.started_at,
        finished_at=job.finished_at,
        duration_s=None if job.started_at is None else job.active_ms / 1000,
        images=image_counts(job),
        spend_usd=dollars(job.actual_micros + job.committed_micros + job.unknown_micros),
        spend=spend,
        output_dir=job.output_dir,
        error=error_view(job.error_stage, job.error_code, job.error_message, job.error_hint),
        pause=error_view(None, job.pause_code, job.pause_message, job.pause_hint),
        configuration=job.configuration_name,
        parent_job_id=job.parent_job_id,
        queue_position=queue_place,
        deleted_at=job.deleted_at,
        budget_usd=None if job.budget_micros is None else dollars(job.budget_micros),
    )


def image_view(image: ImageRecord, replaced_by: tuple[int, ...] = ()) -> ImageView:
    """An image as everyone sees it, with the images that were made anew from its prompt."""
    return ImageView(
        image_id=image.image_id,
        job_id=image.job_id,
        generation_id=image.generation_id,
        number=image.image_number,
        status=image.status,
        stage=image.stage,
        reason=image.reason,
        warnings=image.warnings,
        prompt=image.prompt,
        keyword=image.keyword,
        provider=image.provider,
        model=image.model,
        task_id=image.provider_task_id,
        width=image.width,
        height=image.height,
        seed=image.seed,
        file=image.output_file or image.processed_file or image.original_file,
        original_file=image.original_file,
        title=image.title,
        description=image.description,
        tags=image.tags,
        cost_usd=dollars(image.cost_micros),
        created_at=image.created_at,
        replaces_image_id=image.replaces_image_id,
        category=image.category,
        replaced_by=replaced_by,
    )


def log_view(entry: LogRecord) -> LogView:
    """A log entry as everyone sees it."""
    return LogView(
        entry_id=entry.entry_id,
        job_id=entry.job_id,
        at=entry.at,
        level=entry.level,
        stage=entry.stage,
        image_number=entry.image_number,
        message=entry.message,
        cause=entry.cause,
        hint=entry.hint,
    )


def task_view(task: TaskRecord) -> TaskView:
    """One paid call to an image provider."""
    return TaskView(
        provider=task.provider,
        model=task.model,
        task_id=task.provider_task_id,
        state=task.state,
        images=task.images_received or 0,
        images_requested=task.images_requested,
        cost_usd=None if task.cost_micros is None else dollars(task.cost_micros),
        submissions=task.submissions,
        error=error_view(task.error_stage, task.error_code, task.error_message, task.error_hint),
    )


def error_view(stage: Any, code: str | None, message: str | None, hint: str | None) -> ErrorView | None:
    """What went wrong; None where nothing did."""
    if code is None:
        return None
    return ErrorView(stage=stage, code=code, message=message or "", hint=hint or "")


def dollars(micros: int) -> float:
    """Millionths of a dollar as dollars."""
    return micros / 1_000_000


def problem_views(problems: Sequence[Problem]) -> tuple[ProblemView, ...]:
    """What stands in the way of a plan."""
    return tuple(
        ProblemView(field=one.field, message=one.message, hint=one.hint, is_warning=one.is_warning)
        for one in problems
    )
