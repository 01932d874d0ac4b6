"""The job list's columns, what a job says in each, and its filters. Asks nothing."""

from collections.abc import Sequence
from datetime import date

from rich.text import Text

from engine.api import JobQuery
from engine.text import clean_text
from engine.views import JobStatus, JobView
from tui import format as fmt
from tui.dates import HINT, local_today, parse_range
from tui.widgets.columns import Cell, Column
from tui.widgets.filter_state import Facet, FilterState, Option

COLUMNS = (
    Column("number", "job", width=7, align="right"),
    Column("label", "label"),
    Column("status", "status", width=13),
    Column("started", "started", width=16, min_terminal_width=100),
    Column("duration", "took", width=8, align="right"),
    Column("approved", "approved", width=11, align="right"),
    Column("failed", "failed", width=6, align="right"),
    Column("spend", "spent", width=8, align="right"),
    Column("job_id", "id", width=12, min_terminal_width=130),
)
DAYS = Facet(
    "created",
    "Created",
    (
        Option("today", "today"),
        Option("week", "7 days"),
        Option("month", "30 days"),
        Option("year", "365 days"),
    ),
    is_many=False,
    typed="dates…",
    placeholder=f"days: {HINT}",
    check=lambda text: parse_range(text, local_today()),
)
FACETS = (
    Facet("status", "Status", tuple(Option(status.value, str(fmt.job_look(status))) for status in JobStatus)),
    DAYS,
)
ORDERS = (
    Option("newest", "newest first"),
    Option("name", "by name"),
    Option("duration", "longest first"),
    Option("images", "most images first"),
)
ARROWS = {
    "newest": ("number", True),
    "name": ("label", False),
    "duration": ("duration", True),
    "images": ("approved", True),
}
"""The column of each order, and whether it goes down."""


def job_key(job: JobView) -> str:
    """Rows are known by it."""
    return job.job_id


def job_cells(job: JobView) -> Sequence[Cell]:
    """One for each of COLUMNS."""
    look = fmt.job_look(job.status)
    counts = job.images
    failed = counts.failed + counts.qc_failed
    label = Text(clean_text(job.label))
    if job.error is not None:
        label.append(f"  {clean_text(job.error.message)}", "dim")
    elif job.pause is not None:
        label.append(f"  {clean_text(job.pause.message)}", "dim")
    return (
        f"#{job.number}",
        label,
        Text(str(look), look.style),
        fmt.local_time(job.started_at),
        fmt.duration(job.duration_s),
        f"{fmt.count(counts.approved)}/{fmt.count(counts.planned)}",
        Text(fmt.count(failed), "yellow" if failed else "dim"),
        fmt.money(job.spend_usd),
        job.job_id,
    )


def job_query(state: FilterState, today: date) -> JobQuery:
    """What the filter bar wants, as the engine is asked for it."""
    created = state.value("created")
    first, last = (None, None) if created is None else parse_range(created, today)
    return JobQuery(
        statuses=tuple(JobStatus(value) for value in sorted(state.values("status"))),
        text=state.text,
        created_from=first,
        created_to=last,
        sort=state.order,
        is_reversed=state.is_reversed,
    )
