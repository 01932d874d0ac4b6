"""The approved images as a wall of thumbnails or as a list: filtered, marked, opened, put into the trash."""

from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.timer import Timer
from textual.widgets import Static

from engine.errors import EngineUnreachableError
from engine.events import Event, ImageChanged
from engine.export.views import AgencyView
from engine.text import clean_text
from engine.views import ImageStatus, ImageView
from tui.dates import local_today
from tui.decisions import Outcome
from tui.edit_actions import EditActions
from tui.format import count, plural
from tui.image_actions import JobFilter
from tui.image_facts import size_of
from tui.keys import bindings_for
from tui.messages import OpenImage
from tui.screens.export_dialog import ExportDialog
from tui.widgets.agency_fit import TAKES, AgencyChoice, agency_choice, agency_facets, fit_text
from tui.widgets.columns import Cell
from tui.widgets.filter_bar import FilterBar, FilterKeys
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.image_rows import (
    FIT_COLUMNS,
    GALLERY_COLUMNS,
    GALLERY_FACETS,
    ORDERS,
    fit_cells,
    gallery_cells,
    image_query,
)
from tui.widgets.image_source import ImageSource
from tui.widgets.record_table import RecordTable

RELOAD_S = 0.5
"""A filtered list is read anew at most so often."""


class GalleryScreen(FilterKeys, EditActions, JobFilter):
    """The section Gallery. The grid and the list show the same images; only the one that is seen is kept up to date."""

    SECTION = "gallery"
    BINDINGS = bindings_for("gallery", "filter")
    AUTO_FOCUS = "GalleryGrid"

    def __init__(self) -> None:
        super().__init__()
        self._wall = ImageSource(cells=gallery_cells, spawn=self._spawn, on_loaded=self._show_line)
        self._rows = ImageSource(cells=self._row_cells, spawn=self._spawn, on_loaded=self._show_line)
        self._agencies: Sequence[AgencyView] = ()
        self._has_asked_agencies = False
        self._keeps_fits = False
        """Whether the next load need not ask the agency again about images that did not change."""
        self._is_list = False
        self._return_to: int | None = None
        self._reload_timer: Timer | None = None

    def compose_body(self) -> ComposeResult:
        yield FilterBar(
            GALLERY_FACETS,
            ORDERS,
            nouns=("image", "images"),
            search_hint="title, prompt, keyword, tags",
            list_selector="GalleryGrid, RecordTable",
        )
        yield GalleryGrid(self._wall)
        yield RecordTable(GALLERY_COLUMNS, self._rows)
        yield Static(id="gallery-line", markup=False)

    def on_mount(self) -> None:
        self._table.display = False
        self.host.decisions.outcome.subscribe(self, self._decision_ended)

    @property
    def _grid(self) -> GalleryGrid:
        return self.query_one(GalleryGrid)

    @property
    def _table(self) -> RecordTable:
        return self.query_one(RecordTable)

    @property
    def _seen(self) -> GalleryGrid | RecordTable:
        return self._table if self._is_list else self._grid

    @property
    def _source(self) -> ImageSource:
        return self._rows if self._is_list else self._wall

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        return self.run_query(work, "read the images")

    # ---- what is shown

    async def load(self) -> None:
        job_id = await self.chosen_job(self._bar)
        state = self._bar.state
        empty = (
            "No image fits.\nesc takes the filters off."
            if state.is_filtered
            else "No approved images yet.\n1 goes to the dashboard, where s starts a job."
        )
        self._grid.empty = self._table.empty = empty
        if not self._keeps_fits:
            self._source.forget_fits()
        self._keeps_fits = False
        agency = self._agency_wanted()
        if agency.only is not None:
            self._bar.show_count(None, f"asking what {clean_text(agency.name)} takes")
        query = image_query(state, (ImageStatus.APPROVED,), job_id, local_today())
        pending = self.host.decisions.pending
        await self._source.show(self.engine, query, without=pending, agency=agency)
        self._show_columns()
        if self._return_to is not None and self._seen.move_to_key(self._return_to):
            self._return_to = None
        self._show_count()
        self._show_line()
        if not self._has_asked_agencies:
            self._has_asked_agencies = True  # a file that cannot be read is said once, not at every reload
            self.run_query(self._load_agencies(), "read the agencies")

    async def _load_agencies(self) -> None:
        try:
            self._agencies = await self.engine.agencies()
        except EngineUnreachableError:
            self._has_asked_agencies = False
            raise
        self._bar.offer((*GALLERY_FACETS, *agency_facets(self._agencies)))
        if self._agency_wanted() != self._source.agency:
            self.reload()

    def _agency_wanted(self) -> AgencyChoice:
        return agency_choice(self._bar.state, self._agencies, self.host.preferences.target_agency or "")

    def _row_cells(self, image: ImageView) -> Sequence[Cell]:
        if not self._rows.agency.agency:
            return gallery_cells(image)
        return fit_cells(image, self._rows.fit(image.image_id))

    def _show_columns(self) -> None:
        """As many as the rows have cells."""
        self._table.show_columns(FIT_COLUMNS if self._rows.agency.agency else GALLERY_COLUMNS)

    def apply_events(self, events: Sequence[Event]) -> None:
        changed = {event.image_id: event.status for event in events if isinstance(event, ImageChanged)}
        pending = self.host.decisions.pending
        fitting = {
            one for one, status in changed.items() if status == ImageStatus.APPROVED and one not in pending
        }
        new = {one for one in fitting if self._source.index_of(one) is None}
        self._source.forget_fits(changed)
        if new and self._bar.state.is_filtered:
            self._reload_soon()
            fitting -= new
        elif fitting and self._source.agency.only is not None:
            self._reload_soon()
        self._source.change(added=fitting, removed=changed.keys() - fitting - new)
        for image_id in fitting - new:
            self._source.forget(image_id)
            self._grid.forget(image_id)
        if changed:
            self._show_count()

    def _reload_soon(self) -> None:
        if self._reload_timer is None:
            self._reload_timer = self.set_timer(RELOAD_S, self._reload_now)

    def _reload_now(self) -> None:
        self._reload_timer = None
        self._keeps_fits = True
        self.reload()

    def _show_count(self) -> None:
        marks = len(self._seen.marks)
        self._bar.show_count(self._source.count, f"{count(marks)} marked" if marks else "")

    def _show_line(self) -> None:
        """One line about the image at the cursor."""
        if not self.is_mounted:
            return
        image = self.current_image()
        text = Text(no_wrap=True, overflow="ellipsis")
        if image is not None:
            name = clean_text(image.title or image.keyword, limit=120)
            file = "" if image.file is None else clean_text(image.file.rpartition("/")[2])
            if self._source.agency.agency:
                text.append(f" {clean_text(self._source.agency.name)}: ")
                text.append_text(fit_text(self._source.fit(image.image_id)))
                text.append("  ")
            text.append(f" {name}", "bold")
            text.append(f"   {size_of(image)}   {file}")
        self.query_one("#gallery-line", Static).update(text)
        self.refresh_bindings()

    # ---- which images are meant, and what becomes of them

    def current_image(self) -> ImageView | None:
        key = self._seen.cursor_key if self.is_mounted else None
        return self._source.view(key) if isinstance(key, int) else None

    def current_id(self) -> int | None:
        key = self._seen.cursor_key if self.is_mounted else None
        return key if isinstance(key, int) else None

    def chosen_images(self) -> Sequence[int]:
        marks = self._seen.marks
        if marks:
            return [image_id for image_id in self._source.ids if image_id in marks]
        return super().chosen_images()

    def images_decided(self, image_ids: Sequence[int]) -> None:
        self._seen.set_marks(self._seen.marks - set(image_ids))
        self._source.change(removed=image_ids)
        self._show_count()

    def _decision_ended(self, outcome: Outcome) -> None:
        if outcome.is_undo and outcome.done:
            self._return_to = outcome.done[0]
        if outcome.is_undo or outcome.refused:
            self.reload()

    # ---- keys

    def action_view(self) -> None:
        """Show the same images the other way, at the same place and with the same marks."""
        before, source, key = self._seen, self._source, self._seen.cursor_key
        self._is_list = not self._is_list
        before.display, self._seen.display = False, True
        self._source.copy(source)
        self._show_columns()
        self._seen.set_marks(before.marks)
        if isinstance(key, int):
            self._seen.move_to_key(key)
        self._seen.focus()
        self._show_line()

    def action_export(self) -> None:
        """The marked images, or the one at the cursor."""
        if image_ids := list(self.chosen_images()):
            self.app.push_screen(ExportDialog(plural(len(image_ids), "image"), image_ids=image_ids))

    def agency_in_sight(self) -> str:
        return self._source.agency.agency

    def step_back(self) -> bool:
        if self._bar.step_back():
            return True
        if self._seen.marks:
            self._seen.clear_marks()
            return True
        return False

    # ---- what the widgets tell

    def on_gallery_grid_cursor_moved(self) -> None:
        self._show_line()

    def on_record_table_cursor_moved(self) -> None:
        self._show_line()

    def on_gallery_grid_marks_changed(self) -> None:
        self._show_count()

    def on_record_table_marks_changed(self) -> None:
        self._show_count()

    def on_gallery_grid_image_opened(self, message: GalleryGrid.ImageOpened) -> None:
        message.stop()
        self.post_message(OpenImage(message.key, self._source.ids))

    def on_record_table_row_opened(self, message: RecordTable.RowOpened) -> None:
        message.stop()
        if isinstance(message.key, int):
            self.post_message(OpenImage(message.key, self._source.ids))

    def on_filter_bar_changed(self, message: FilterBar.Changed) -> None:
        message.stop()
        if message.state.value(TAKES) and not self._agency_wanted().agency:
            self.host.toast("Choose an agency first.")
            self._bar.change(replace(message.state, chosen={**message.state.chosen, TAKES: frozenset()}))
            return
        self.reload()
