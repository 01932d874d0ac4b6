"""The sheets of a workbook: which columns there are and what of a job, an image, a log entry goes into them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from db.records import LedgerRecord
from engine.export.columns import Column, Format, Value
from engine.settings import Settings, describe_fields, dump_settings
from engine.views import ErrorView, ImageView, JobView, LogView

if TYPE_CHECKING:
    from engine.export.workbook import Book, Sheet


JOB_COLUMNS = (Column("Field", 34), Column("Value", 90))
IMAGE_COLUMNS = (
    Column("Image", 9),
    Column("Number", 9),
    Column("Generation", 11),
    Column("Keyword", 24),
    Column("Prompt", 60),
    Column("Provider", 10),
    Column("Model", 20),
    Column("Task id", 24),
    Column("Seed", 13, Format.WHOLE),
    Column("Width", 8),
    Column("Height", 8),
    Column("Status", 13),
    Column("Reason", 40),
    Column("Stage", 16),
    Column("Warnings", 30),
    Column("Title", 40),
    Column("Description", 60),
    Column("Tags", 50),
    Column("Category", 20),
    Column("File", 60),
    Column("Original", 60),
    Column("Created (UTC)", 20, Format.DATE),
    Column("Cost (USD)", 12, Format.MONEY),
)
LOG_COLUMNS = (
    Column("Time (UTC)", 20, Format.DATE),
    Column("Level", 9),
    Column("Stage", 16),
    Column("Image", 8),
    Column("Message", 90),
    Column("Cause", 40),
    Column("What to do", 40),
)
SPEND_COLUMNS = (
    Column("Time (UTC)", 20, Format.DATE),
    Column("Call", 18),
    Column("Service", 12),
    Column("Model", 24),
    Column("Account", 12),
    Column("Amount (USD)", 14, Format.MONEY),
    Column("As billed", 12, Format.NUMBER),
    Column("Unit", 10),
    Column("Note", 40),
)
METADATA_COLUMNS = (
    Column("Image name", 40),
    Column("Title", 40),
    Column("Description", 60),
    Column("Tags", 50),
    Column("Date (UTC)", 20, Format.DATE),
)


def moment(text: str | None) -> datetime | None:
    """A stored time as a spreadsheet knows it: UTC, without a zone."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=None)


class JobBook:
    """A job's four sheets, filled page by page."""

    def __init__(self, book: "Book", job: JobView, settings: Settings, generations: dict[int, int]) -> None:
        self._generations = generations
        about = book.sheet("Job", JOB_COLUMNS)
        for row in (*_job_rows(job), *_settings_rows(settings)):
            about.add(row)
        self._images = book.sheet("Images", IMAGE_COLUMNS)
        self._log = book.sheet("Log", LOG_COLUMNS)
        self._spend = book.sheet("Spend", SPEND_COLUMNS)

    def add_images(self, images: Iterable[ImageView]) -> None:
        """A page of them, in the order of the job."""
        for image in images:
            self._images.add(
                (
                    image.image_id,
                    image.number,
                    self._generations.get(image.generation_id, -1) + 1,
                    image.keyword,
                    image.prompt,
                    image.provider,
                    image.model,
                    image.task_id,
                    _number(image.seed),
                    image.width,
                    image.height,
                    str(image.status),
                    image.reason,
                    None if image.stage is None else str(image.stage),
                    "\n".join(image.warnings),
                    image.title,
                    image.description,
                    ", ".join(image.tags),
                    image.category,
                    _file(image.file),
                    _file(image.original_file),
                    moment(image.created_at),
                    image.cost_usd,
                )
            )

    def add_log(self, entries: Iterable[LogView]) -> None:
        """A page of entries, oldest first."""
        for entry in entries:
            self._log.add(
                (
                    moment(entry.at),
                    str(entry.level),
                    entry.stage,
                    entry.image_number,
                    entry.message,
                    entry.cause,
                    entry.hint,
                )
            )

    def add_spend(self, entries: Iterable[LedgerRecord]) -> None:
        """A page of the ledger, oldest first."""
        for entry in entries:
            self._spend.add(
                (
                    moment(entry.at),
                    entry.call,
                    entry.service,
                    entry.model,
                    str(entry.account),
                    entry.amount_micros / 1_000_000,
                    entry.raw_amount,
                    entry.raw_unit,
                    entry.note,
                )
            )


def add_metadata(sheet: "Sheet", name: str, image: ImageView) -> None:
    """A row of `metadata.xlsx`."""
    sheet.add((name, image.title, image.description, ", ".join(image.tags), moment(image.created_at)))


def _job_rows(job: JobView) -> list[Sequence[Value]]:
    counts, spend = job.images, job.spend
    return [
        ("Job id", job.job_id),
        ("Number", job.number),
        ("Label", job.label),
        ("Kind", str(job.kind)),
        ("Status", str(job.status)),
        ("Configuration", job.configuration),
        ("Made from job", job.parent_job_id),
        ("Created (UTC)", moment(job.created_at)),
        ("Started (UTC)", moment(job.started_at)),
        ("Finished (UTC)", moment(job.finished_at)),
        ("Duration (seconds at work)", job.duration_s),
        ("Images planned", counts.planned),
        ("Images approved", counts.approved),
        ("Images rejected by the check", counts.qc_failed),
        ("Images failed", counts.failed),
        ("Images pending", counts.pending),
        ("Images unknown", counts.unknown),
        ("Images in the trash", counts.trashed),
        ("Spend (USD)", job.spend_usd),
        ("Spend: booked (USD)", spend.actual),
        ("Spend: on its way (USD)", spend.committed),
        ("Spend: answer lost (USD)", spend.unknown),
        ("Estimate (USD)", spend.estimate),
        ("Budget (USD)", job.budget_usd),
        ("Output folder", Path(job.output_dir) if job.output_dir.startswith("/") else job.output_dir),
        *_error_rows("Error", job.error),
        *_error_rows("Pause", job.pause),
    ]


def _error_rows(what: str, error: ErrorView | None) -> list[Sequence[Value]]:
    if error is None:
        return [(what, None)]
    return [
        (what, error.message),
        (f"{what}: what to do", error.hint),
        (f"{what}: code", error.code),
        (f"{what}: stage", error.stage),
    ]


def _settings_rows(settings: Settings) -> list[Sequence[Value]]:
    document = dump_settings(settings)
    rows: list[Sequence[Value]] = []
    for field in describe_fields():
        group, _, name = field.path.partition(".")
        unit = f" ({field.unit})" if field.unit else ""
        rows.append((f"{field.group_title}: {field.title}{unit}", _setting(document[group][name])))
    return rows


def _setting(value: object) -> Value:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case list():
            return ", ".join(_setting_item(item) for item in value)
        case _:
            return str(value)


def _setting_item(item: object) -> str:
    if isinstance(item, dict):
        return ":".join(str(part) for part in item.values())
    return str(item)


def _number(value: int | None) -> Value:
    """A whole number as far as a spreadsheet keeps all of its digits, a text beyond."""
    return value if value is None or abs(value) < 10**15 else str(value)


def _file(text: str | None) -> Value:
    return None if text is None else Path(text) if text.startswith("/") else text
