"""The job at work in a few lines: bar, stages, counts, money. Shows what it is given, asks nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from engine.status import JobKind, JobStatus
from engine.text import clean_text
from tui import format as fmt
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from engine.views import JobView, ProgressView

_LINES = 5
_RATES_KEPT = 40
_LABEL_LIMIT = 60
_NARROWEST_BAR = 8


class ProgressPanel(Lines):
    """Title, bar, steps, counts; then why the job is paused, or its pace."""

    def __init__(self) -> None:
        super().__init__(_LINES, title="Current job", id="progress-panel")
        self._job: JobView | None = None
        self._progress: ProgressView | None = None
        self._rates: deque[float] = deque(maxlen=_RATES_KEPT)
        """The pace each time when images were finished: it changes all the time, but only then is it news."""
        self._finished = 0
        self._instead: Sequence[Text] = ()

    @property
    def job(self) -> JobView | None:
        """The job shown."""
        return self._job

    def show(
        self, job: JobView | None, progress: ProgressView | None, *, instead: Sequence[Text] = ()
    ) -> None:
        """Show this job; None: the lines that are shown `instead`."""
        self._instead = instead
        if job is None or self._job is None or job.job_id != self._job.job_id:
            self._rates.clear()
            self._finished = 0
        if progress is not None and progress.images.finished != self._finished:
            self._finished = progress.images.finished
            if progress.images_per_minute is not None:
                self._rates.append(progress.images_per_minute)
        self._job, self._progress = job, progress
        self._draw()

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if self._job is None:
            self.show_lines(self._instead)
        else:
            lines = (self._title(self._job), self._bar(self._job), self._steps(), self._counts(self._job))
            self.show_lines([*lines, self._last(self._job)])

    def _title(self, job: JobView) -> Text:
        look = fmt.job_look(job.status)
        is_pausing = (
            job.status is JobStatus.PAUSED and self._progress is not None and not self._progress.is_quiescent
        )
        left = Text.assemble(
            (f"#{job.number} ", "dim"),
            (clean_text(job.label, limit=_LABEL_LIMIT), "bold"),
            f"   {look.glyph} ",
            ("pausing" if is_pausing else look.word, look.style),
        )
        if job.status is not JobStatus.RUNNING:
            return left
        right = f"ETA {fmt.eta(None if self._progress is None else self._progress.eta_s)}"
        left.truncate(max(self.content_size.width - len(right) - 2, 0), overflow="ellipsis")
        return Text.assemble(left, " " * (self.content_size.width - left.cell_len - len(right)), right)

    def _bar(self, job: JobView) -> Text:
        counts = job.images if self._progress is None else self._progress.images
        fraction = 0.0 if self._progress is None else self._progress.fraction
        right = f"  {fmt.percent(fraction):>5}   {fmt.count(counts.finished)} of {fmt.count(counts.planned)}"
        width = max(self.content_size.width - len(right), _NARROWEST_BAR)
        return Text.assemble((fmt.bar(fraction, width), fmt.job_look(job.status).style), right)

    def _steps(self) -> Text:
        progress = self._progress
        if progress is None:
            return Text()
        is_retry = self._job is not None and self._job.kind is JobKind.RETRY
        orders = (("prompt", progress.prompted), ("submitted", progress.submitted))
        steps = (
            *(() if is_retry else orders),
            ("image", progress.downloaded),
            ("checked", progress.checked),
            ("done", progress.done),
        )
        return Text(" › ", "dim").join(
            Text.assemble((f"{name} ", "dim"), fmt.count(number)) for name, number in steps
        )

    def _counts(self, job: JobView) -> Text:
        counts = job.images if self._progress is None else self._progress.images
        spend = job.spend_usd if self._progress is None else self._progress.spend_usd
        budget = "" if job.budget_usd is None else f" of {fmt.money(job.budget_usd)}"
        return Text.assemble(
            f"approved {fmt.count(counts.approved)}",
            (f"   rejected {fmt.count(counts.qc_failed)}", "yellow" if counts.qc_failed else ""),
            (f"   failed {fmt.count(counts.failed)}", "red" if counts.failed else ""),
            (f"   unknown {fmt.count(counts.unknown)}", "yellow") if counts.unknown else "",
            f"   spent {fmt.money(spend)}{budget}",
        )

    def _last(self, job: JobView) -> Text:
        if job.pause is not None and job.status is JobStatus.PAUSED:
            return Text(clean_text(f"{job.pause.message} {job.pause.hint}"), style="yellow")
        if self._rates:
            return Text(
                f"{fmt.sparkline(self._rates, _RATES_KEPT)}  {fmt.pace(self._rates[-1])}", style="dim"
            )
        return Text()
