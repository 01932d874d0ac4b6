"""The plots of the statistics, one page at a time, drawn anew for every width. Shows what it is given, asks nothing."""

from collections.abc import Callable, Sequence

from rich.text import Text
from textual import events

from engine.statistics_views import ImageSums, StatisticsView
from engine.text import clean_text
from tui.charts import Bar, Column, Part, bars, columns, legend, margin_of
from tui.format import count, money, percent, plural
from tui.statistics_days import periods
from tui.statistics_text import NO_CONFIGURATION, STAGES, STEPS, step_time
from tui.widgets.text_pane import TextPane

PAGES = (
    ("days", "Days"),
    ("reasons", "Reasons"),
    ("steps", "Steps"),
    ("configurations", "Configurations"),
    ("models", "Models"),
)
IMAGE_PARTS = (
    Part("█", "green", "approved"),
    Part("▒", "yellow", "rejected or failed"),
    Part("░", "cyan", "in work or trashed"),
)
SPEND_PARTS = (Part("█", "blue", "spent"),)
REASON_PARTS = (Part("▒", "yellow", "rejected or failed"),)
STEP_PARTS = (Part("█", "blue", "half of the images took at most"), Part("░", "cyan", "nine of ten"))
EDGE = 2
"""Columns left free: one on the left, one for the scrollbar."""
WIDEST_MARGIN = 11
"""As much as `$99,999.99` takes beside the columns."""
NARROWEST_COLUMN = 2
LOWEST, HIGHEST = 3, 10


class StatisticsPane(TextPane):
    """One page of `PAGES`."""

    def __init__(self) -> None:
        super().__init__(id="statistics-pane")
        self._view: StatisticsView | None = None
        self._page = PAGES[0][0]

    @property
    def page(self) -> str:
        """The id of the page that is shown."""
        return self._page

    def show(self, view: StatisticsView | None = None, page: str | None = None) -> None:
        """Other numbers, another page, or both; another page begins at its top."""
        self._view = view or self._view
        if page is not None and page != self._page:
            self._page = page
            self.scroll_to(y=0, animate=False)
        self._draw()

    def on_resize(self, event: events.Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.scrollable_content_region.width - EDGE
        if self._view is None or width <= 0:
            return
        lines = PAGE_LINES[self._page](self._view, width, self.size.height)
        self.show_text(Text("\n").join(Text(" ").append_text(line) for line in lines))


def _days(view: StatisticsView, width: int, height: int) -> list[Text]:
    """Two plots that fill the height, and below them every day as numbers."""
    noun, shown = periods(view.days, max(1, (width - WIDEST_MARGIN) // NARROWEST_COLUMN))
    if not shown:
        return _nothing(view)
    tall = min(HIGHEST, max(LOWEST, (height - 5) // 2))
    images = [Column(one.label, (one.approved, one.rejected, one.other)) for one in shown]
    spend = [Column(one.label, (one.spend_usd,)) for one in shown]
    margin = max(margin_of(images, _whole), margin_of(spend, money))
    size = {"width": width, "height": tall, "margin": margin}
    return [
        Text.assemble((f"Images a {noun}   ", "bold"), legend(IMAGE_PARTS)),
        *columns(images, IMAGE_PARTS, scale=_whole, **size),
        Text(f"Spent a {noun}", "bold"),
        *columns(spend, SPEND_PARTS, scale=money, **size),
        Text(),
        Text(f"{'day':<10}{'images':>9}{'approved':>10}{'rejected':>10}{'failed':>8}{'spent':>12}", "bold"),
        *(
            Text(
                f"{day.day:<10}{count(day.images):>9}{count(day.approved):>10}{count(day.qc_failed):>10}"
                f"{count(day.failed):>8}{money(day.spend_usd):>12}"
            )
            for day in reversed(view.days)
        ),
    ]


def _reasons(view: StatisticsView, width: int, height: int) -> list[Text]:
    if not view.failed_stages:
        return [Text("No image was rejected and none failed in these days.")]
    stages = [Bar(STAGES[one.stage], (one.images,), count(one.images)) for one in view.failed_stages]
    most = max(len(count(one.images)) for one in view.reasons)
    return [
        Text("Rejected or failed at", "bold"),
        *bars(stages, REASON_PARTS, width=width),
        Text(),
        Text("Because", "bold"),
        *(
            _clipped(Text(f"{count(one.images):>{most}}  {clean_text(one.reason or one.code or '-')}"), width)
            for one in view.reasons
        ),
    ]


def _steps(view: StatisticsView, width: int, height: int) -> list[Text]:
    if not view.steps:
        return [Text("No image went through a step of the work in these days.")]
    shown = [
        Bar(
            STEPS[one.step],
            (one.median_s, max(0.0, one.p90_s - one.median_s)),
            f"{step_time(one.median_s)}, {step_time(one.p90_s)}",
        )
        for one in view.steps
    ]
    return [
        Text.assemble(("How long a step takes   ", "bold"), legend(STEP_PARTS)),
        *bars(shown, STEP_PARTS, width=width),
        Text(),
        Text("From the end of the step before to its own, waiting included.", "dim"),
        Text("Only the first work on images without a warning counts.", "dim"),
    ]


def _configurations(view: StatisticsView, width: int, height: int) -> list[Text]:
    names = [one.configuration or NO_CONFIGURATION for one in view.configurations]
    notes = [f"{plural(one.jobs, 'job')}, {money(one.spend_usd)}" for one in view.configurations]
    lines = _image_bars(view, names, view.configurations, notes, width)
    if not any(one.configuration is None for one in view.configurations):
        return lines
    return [
        *lines,
        Text(),
        Text(f"{NO_CONFIGURATION}: jobs without one, retries, and jobs that were removed for good.", "dim"),
    ]


def _models(view: StatisticsView, width: int, height: int) -> list[Text]:
    names = [f"{one.service} {one.model}" for one in view.models]
    notes = [money(one.spend_usd) for one in view.models]
    return _image_bars(view, names, view.models, notes, width)


def _image_bars(
    view: StatisticsView, names: Sequence[str], sums: Sequence[ImageSums], notes: Sequence[str], width: int
) -> list[Text]:
    if not sums:
        return _nothing(view)
    shown = [
        Bar(
            name,
            (one.approved, one.qc_failed + one.failed, one.pending + one.trashed),
            f"{plural(one.images, 'image')}, {percent(one.success_rate)}, {note}" if one.images else note,
        )
        for name, one, note in zip(names, sums, notes, strict=True)
    ]
    return [
        Text.assemble(("Images   ", "bold"), legend(IMAGE_PARTS)),
        *bars(shown, IMAGE_PARTS, width=width),
    ]


def _whole(number: float) -> str:
    return count(int(number))


def _nothing(view: StatisticsView) -> list[Text]:
    if view.created_from is None and view.created_to is None:
        return [
            Text("Nothing yet: no image came and nothing was spent."),
            Text("1 goes to the dashboard, where s starts a job.", "dim"),
        ]
    return [
        Text("No image came and nothing was spent in these days."),
        Text("esc shows all days.", "dim"),
    ]


def _clipped(line: Text, width: int) -> Text:
    line.truncate(width, overflow="ellipsis")
    return line


PAGE_LINES: dict[str, Callable[[StatisticsView, int, int], list[Text]]] = {
    "days": _days,
    "reasons": _reasons,
    "steps": _steps,
    "configurations": _configurations,
    "models": _models,
}
