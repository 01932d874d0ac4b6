"""What lists of images show: their columns, their filters, and everything that is known of one image. Asks nothing."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from rich.table import Table
from rich.text import Text

from engine.api import ImageQuery
from engine.export.views import FitView
from engine.text import clean_text
from engine.views import ImageStatus, ImageView, Stage
from tui import format as fmt
from tui.dates import parse_range
from tui.image_facts import image_facts, size_of
from tui.widgets.agency_fit import fit_lines, fit_text
from tui.widgets.columns import Cell, Column
from tui.widgets.filter_state import Facet, FilterState, Option
from tui.widgets.job_rows import DAYS

REVIEW_COLUMNS = (
    Column("why", "why", width=14),
    Column("reason", "reason", ratio=3),
    Column("keyword", "keyword", ratio=2, min_terminal_width=150),
)
GALLERY_COLUMNS = (
    Column("number", "image", width=7, align="right"),
    Column("title", "title", ratio=3),
    Column("keyword", "keyword", ratio=2, min_terminal_width=100),
    Column("size", "size", width=11, min_terminal_width=100),
    Column("created", "made", width=16),
    Column("file", "file", ratio=2, min_terminal_width=140),
)
FIT_COLUMNS = (
    *GALLERY_COLUMNS[:2],
    Column("fit", "agency", ratio=4),
    *(replace(column, min_terminal_width=140 if column.ratio > 1 else 100) for column in GALLERY_COLUMNS[2:]),
)
"""Of the gallery's list where an agency is chosen."""
JOB = Facet("job", "Job", (), is_many=False, typed="job…", placeholder="its number, id or label")
MADE = Facet(
    "made",
    "Made",
    DAYS.options,
    is_many=False,
    typed=DAYS.typed,
    placeholder=DAYS.placeholder,
    check=DAYS.check,
)
WHY = Facet(
    "why",
    "Why",
    (Option("rejected", "rejected by the check"), Option("failed", "technical failure")),
    is_many=False,
)
_FAILING = (
    Stage.DOWNLOAD,
    Stage.QUALITY_CHECK,
    Stage.REMOVE_BACKGROUND,
    Stage.TRIM,
    Stage.ENHANCE,
    Stage.CONVERT,
    Stage.METADATA,
    Stage.SAVE,
)
STAGE = Facet(
    "stage",
    "At",
    tuple(Option(stage.value, stage.value.replace("_", " ")) for stage in _FAILING),
    is_many=False,
)
REASON = Facet("reason", "Reason", (), is_many=False, typed="reason…", placeholder="part of the reason")
REVIEW_FACETS = (WHY, STAGE, REASON, JOB, MADE)
GALLERY_FACETS = (JOB, MADE)
ORDERS = (Option("newest", "newest first"), Option("oldest", "oldest first"))


def image_query(
    state: FilterState, statuses: Sequence[ImageStatus], job_id: str | None, today: date
) -> ImageQuery:
    """What the filter bar wants, as the engine is asked for it; `job_id` is that of the facet `job`."""
    made = state.value("made")
    first, last = (None, None) if made is None else parse_range(made, today)
    stage = state.value("stage")
    only = {"rejected": ImageStatus.QC_FAILED, "failed": ImageStatus.FAILED}.get(state.value("why") or "")
    is_newest = (state.order != "oldest") != state.is_reversed
    return ImageQuery(
        job_id=job_id,
        statuses=tuple(statuses) if only is None or only not in statuses else (only,),
        stage=None if stage is None else Stage(stage),
        reason=state.value("reason") or "",
        text=state.text,
        created_from=first,
        created_to=last,
        sort="newest" if is_newest else "oldest",
    )


def review_cells(image: ImageView) -> Sequence[Cell]:
    """One for each of REVIEW_COLUMNS."""
    look = fmt.image_look(image.status)
    is_rejected = image.status is ImageStatus.QC_FAILED
    word = look.word if is_rejected or image.stage is None else image.stage.value.replace("_", " ")
    return (Text(f"{look.glyph} {word}", look.style), image.reason or "", image.keyword)


def gallery_cells(image: ImageView) -> Sequence[Cell]:
    """One for each of GALLERY_COLUMNS."""
    return (
        str(image.image_id),
        image.title or image.keyword,
        image.keyword,
        size_of(image),
        fmt.local_time(image.created_at),
        "" if image.file is None else image.file.rpartition("/")[2],
    )


def fit_cells(image: ImageView, fit: FitView | None) -> Sequence[Cell]:
    """One for each of FIT_COLUMNS."""
    number, title, *others = gallery_cells(image)
    return (number, title, fit_text(fit), *others)


def reason_text(image: ImageView) -> Text:
    """Why the image is where it is, whole, with its warnings."""
    look = fmt.image_look(image.status)
    where = "" if image.stage is None else f" at {image.stage.value.replace('_', ' ')}"
    text = Text.assemble(
        (f"{look}{where}: ", f"bold {look.style}".strip()), _clean(image.reason or "no reason given")
    )
    for warning in image.warnings:
        text.append("\n! ", "yellow")
        text.append(_clean(warning))
    return text


def facts_table(image: ImageView, fits: Sequence[FitView] = ()) -> Table:
    """Everything that is known of the image, a name and a value a line. `fits` is what the agencies say of it."""
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(width=11, no_wrap=True, style="bold")
    table.add_column(overflow="fold")
    for name, value in image_facts(image, agencies=fit_lines(fits)):
        table.add_row(name, Text(value))
    return table


def _clean(text: str) -> str:
    return clean_text(text, keep_newlines=True, limit=2_000)
