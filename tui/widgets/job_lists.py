"""The dashboard's two short lists of jobs: their columns and what a job says in each. Asks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from engine.text import clean_text
from tui import format as fmt
from tui.widgets.columns import Cell, Column
from tui.widgets.memory_source import MemorySource
from tui.widgets.record_table import RecordTable

if TYPE_CHECKING:
    from engine.views import JobView

QUEUE_COLUMNS = (
    Column("place", "", width=3, align="right"),
    Column("label", "label"),
    Column("images", "images", width=7, align="right"),
    Column("status", "status", width=11),
)
RECENT_COLUMNS = (
    Column("status", "status", width=11),
    Column("label", "label"),
    Column("images", "approved", width=8, align="right"),
    Column("note", "took", width=10),
)


def queue_table() -> RecordTable:
    """The waiting jobs in their order."""
    return RecordTable(
        QUEUE_COLUMNS,
        MemorySource(key=job_key, cells=queue_cells),
        empty="No job waits.",
        can_mark=False,
        id="queue",
    )


def recent_table() -> RecordTable:
    """The jobs that ended last."""
    return RecordTable(
        RECENT_COLUMNS,
        MemorySource(key=job_key, cells=recent_cells),
        empty="No job has ended yet.",
        id="recent",
    )


def job_key(job: JobView) -> str:
    """Rows are known by it."""
    return job.job_id


def queue_cells(job: JobView) -> Sequence[Cell]:
    """One for each of QUEUE_COLUMNS."""
    look = fmt.job_look(job.status)
    place = "" if job.queue_position is None else str(job.queue_position)
    return (place, _name(job), fmt.count(job.images.planned), Text(str(look), look.style))


def recent_cells(job: JobView) -> Sequence[Cell]:
    """One for each of RECENT_COLUMNS; a job that failed says why instead of how long it took."""
    look = fmt.job_look(job.status)
    images = f"{fmt.count(job.images.approved)}/{fmt.count(job.images.planned)}"
    note = fmt.duration(job.duration_s) if job.error is None else job.error.code.replace("_", " ")
    return (Text(str(look), look.style), _name(job), images, note)


def _name(job: JobView) -> Text:
    return Text.assemble((f"#{job.number} ", "dim"), clean_text(job.label))
