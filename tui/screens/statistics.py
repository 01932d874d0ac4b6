"""What was made and spent, as plots: by day, reason, step of the work, configuration and model."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from engine.events import Event, ImageChanged, JobChanged, JobCreated, JobFinished, JobStatusChanged
from engine.statistics_views import StatisticsView
from tui.dates import local_today, parse_range
from tui.factory_screen import FactoryScreen
from tui.format import count, money, percent, plural
from tui.keys import bindings_for
from tui.widgets.input_bar import InputBar
from tui.widgets.slowly import Slowly
from tui.widgets.statistics_pane import PAGES, StatisticsPane
from tui.widgets.tab_line import TabLine

RELOAD_S = 10.0
"""While a job runs every image changes the numbers; they are added up at most so often."""
SPANS = (("", "all days"), ("week", "last 7 days"), ("month", "last 30 days"), ("year", "last 365 days"))
"""What tui.dates understands, and how people call it."""
_COUNTED = (ImageChanged, JobChanged, JobCreated, JobFinished, JobStatusChanged)


class StatisticsScreen(FactoryScreen):
    """Pushed from the dashboard; the same numbers as `gimf stats`."""

    SECTION = "statistics"
    BINDINGS = bindings_for("statistics")
    AUTO_FOCUS = "StatisticsPane"

    def __init__(self) -> None:
        super().__init__()
        self._span = ""
        self._changed = Slowly(self, self.reload, RELOAD_S)

    def compose_body(self) -> ComposeResult:
        yield Static(id="statistics-title", markup=False)
        yield TabLine(PAGES)
        yield StatisticsPane()
        yield InputBar()

    @property
    def _pane(self) -> StatisticsPane:
        return self.query_one(StatisticsPane)

    # ---- what is shown

    async def load(self) -> None:
        created_from, created_to = parse_range(self._span, local_today()) if self._span else (None, None)
        view = await self.engine.statistics(created_from=created_from, created_to=created_to)
        self.query_one("#statistics-title", Static).update(_title(self._span, view))
        self._pane.show(view)

    def apply_events(self, events: Sequence[Event]) -> None:
        if any(isinstance(event, _COUNTED) for event in events):
            self._changed.ask()

    def step_back(self) -> bool:
        if self.query_one(InputBar).cancel():
            return True
        if self._span:
            self._choose("")
            return True
        return False

    # ---- keys

    def action_next_tab(self) -> None:
        self._turn(1)

    def action_previous_tab(self) -> None:
        self._turn(-1)

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        message.stop()
        self._show_page(message.tab)

    def _turn(self, step: int) -> None:
        self._show_page(self.query_one(TabLine).neighbour(step))

    def _show_page(self, page: str) -> None:
        self.query_one(TabLine).show(page)
        self._pane.show(page=page)

    def action_span(self) -> None:
        """All days, then less and less of the last ones; after dates that were typed all days again."""
        values = [value for value, _ in SPANS]
        at = values.index(self._span) + 1 if self._span in values else 0
        self._choose(values[at % len(values)])

    def action_dates(self) -> None:
        self.run_query(self._ask_dates(), "choose the days")

    async def _ask_dates(self) -> None:
        text = await self.query_one(InputBar).ask("Days", self._span)
        if text is None:
            return
        try:
            parse_range(text, local_today())
        except ValueError as error:
            self.host.toast(str(error), severity="warning")
            return
        self._choose(text)

    def _choose(self, span: str) -> None:
        self._span = span
        self.reload()


def _title(span: str, view: StatisticsView) -> Text:
    """The span, and its numbers in one line."""
    words = (
        dict(SPANS).get(span, span),
        plural(view.images, "image"),
        money(view.spend_usd),
        f"{percent(view.success_rate)} approved",
        f"{count(view.qc_failed)} rejected",
        f"{count(view.failed)} failed",
    )
    return Text(" " + " · ".join(words), style="bold" if span else "")
