"""The images of one job, as a list or as thumbnails, with filters. Shows what its source has; asks nobody else."""

from collections.abc import Coroutine, Sequence
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical

from engine.api import EngineApi, ImageQuery
from engine.events import Event, ImageChanged
from engine.views import ImageStatus, ImageView, Stage
from tui import format as fmt
from tui.image_facts import size_of
from tui.messages import OpenImage
from tui.widgets.columns import Cell, Column
from tui.widgets.filter_bar import FilterBar
from tui.widgets.filter_state import Facet, FilterState, Option
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.image_rows import REASON, STAGE
from tui.widgets.image_source import ImageSource
from tui.widgets.list_source import Spawn
from tui.widgets.record_table import RecordTable

COLUMNS = (
    Column("number", "no", width=6, align="right"),
    Column("status", "status", width=15),
    Column("stage", "at", width=17, min_terminal_width=120),
    Column("what", "title or reason", ratio=3),
    Column("keyword", "keyword", ratio=1, min_terminal_width=100),
    Column("size", "size", width=11, min_terminal_width=100),
    Column("cost", "cost", width=8, align="right"),
)
_SHOWN = {
    "approved": (ImageStatus.APPROVED,),
    "rejected": (ImageStatus.QC_FAILED,),
    "technical": (ImageStatus.FAILED, ImageStatus.RETRY_FAILED),
    "work": (ImageStatus.PENDING, ImageStatus.RETRY_PENDING, ImageStatus.PROCESSING),
    "trashed": (ImageStatus.TRASHED,),
}
FACETS = (
    Facet(
        "show",
        "Show",
        (
            Option("approved", "approved"),
            Option("rejected", "rejected by the check"),
            Option("technical", "technical failures"),
            Option("work", "in work"),
            Option("trashed", "in the trash"),
        ),
    ),
    STAGE,
    REASON,
)
ORDERS = (Option("number", "in the order of the job"), Option("newest", "newest first"))


def job_image_query(job_id: str, state: FilterState) -> ImageQuery:
    """What the filter bar wants, as the engine is asked for it. Nothing chosen: everything but the trash."""
    chosen = state.values("show") or frozenset(_SHOWN) - {"trashed"}
    stage = state.value("stage")
    is_up = state.order == "number"
    sort = {
        (True, False): "number",
        (True, True): "newest",
        (False, False): "newest",
        (False, True): "oldest",
    }
    return ImageQuery(
        job_id=job_id,
        statuses=tuple(status for name in sorted(chosen) for status in _SHOWN[name]),
        stage=None if stage is None else Stage(stage),
        reason=state.value("reason") or "",
        text=state.text,
        sort=sort[is_up, state.is_reversed],
    )


def image_cells(image: ImageView) -> Sequence[Cell]:
    """One for each of COLUMNS."""
    look = fmt.image_look(image.status)
    is_good = image.status is ImageStatus.APPROVED
    stage = "" if is_good or image.stage is None else image.stage.value.replace("_", " ")
    what = image.title or image.prompt if is_good else image.reason or image.prompt
    warning = "! " if image.warnings else ""
    return (
        str(image.number),
        Text(str(look), look.style),
        stage,
        f"{warning}{what}",
        image.keyword,
        size_of(image),
        fmt.money(image.cost_usd),
    )


class JobImages(Vertical):
    """The screen calls `load`, `apply_events` and `toggle_view`; FilterBar.Changed bubbles to it."""

    def __init__(self, spawn: Spawn, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._spawn_read = spawn
        self._rows = ImageSource(cells=image_cells, spawn=self._spawn, on_loaded=self._loaded)
        self._wall = ImageSource(cells=image_cells, spawn=self._spawn, on_loaded=self._loaded)
        self._is_grid = False

    def compose(self) -> ComposeResult:
        yield FilterBar(
            FACETS,
            ORDERS,
            nouns=("image", "images"),
            search_hint="prompt, title, keyword, tags",
            list_selector="JobImages RecordTable, JobImages GalleryGrid",
        )
        yield RecordTable(COLUMNS, self._rows, can_mark=False)
        yield GalleryGrid(self._wall)

    def on_mount(self) -> None:
        self.query_one(GalleryGrid).display = False

    @property
    def bar(self) -> FilterBar:
        """Its filters."""
        return self.query_one(FilterBar)

    @property
    def seen(self) -> GalleryGrid | RecordTable:
        """The list, or the grid."""
        return self.query_one(GalleryGrid) if self._is_grid else self.query_one(RecordTable)

    @property
    def image(self) -> ImageView | None:
        """The one at the cursor, as far as it is loaded."""
        key = self.seen.cursor_key
        return self._source.view(key) if isinstance(key, int) else None

    async def load(self, engine: EngineApi, job_id: str) -> None:
        """Ask for the images anew."""
        state = self.bar.state
        self.seen.empty = (
            "No image fits.\nesc takes the filters off." if state.is_filtered else "No images yet."
        )
        await self._source.show(engine, job_image_query(job_id, state))
        self.bar.show_count(self._source.count)

    def apply_events(self, events: Sequence[Event], job_id: str) -> bool:
        """Ask again for changed images in sight; True where the list itself may have changed."""
        is_changed = False
        for event in events:
            if not isinstance(event, ImageChanged):
                continue
            # The images of a retry are those of other jobs.
            if event.job_id == job_id or self._source.index_of(event.image_id) is not None:
                is_changed = True
                self._source.forget(event.image_id)
        return is_changed

    def toggle_view(self) -> None:
        """List or grid, at the same image."""
        before, source, key = self.seen, self._source, self.seen.cursor_key
        self._is_grid = not self._is_grid
        before.display, self.seen.display = False, True
        self._source.copy(source)
        if isinstance(key, int):
            self.seen.move_to_key(key)
        self.seen.focus()

    @property
    def _source(self) -> ImageSource:
        return self._wall if self._is_grid else self._rows

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self._spawn_read(work)

    def _loaded(self) -> None:
        if self.is_mounted:
            self.screen.refresh_bindings()

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        if isinstance(message.key, int):
            self.post_message(OpenImage(message.key, self._source.ids))

    def on_gallery_grid_image_opened(self, message: GalleryGrid.ImageOpened) -> None:
        message.stop()
        self.post_message(OpenImage(message.key, self._source.ids))
