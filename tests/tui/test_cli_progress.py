"""tui.cli.progress: what is told while a job runs, and how often."""

import io
from collections.abc import Callable

import pytest

from engine.events import JobFinished, JobPaused, JobProgressed, JobStarted, LogRecorded
from engine.views import ImageCounts, JobView, LogLevel, LogView, ProgressView
from tui.cli.output import Output, display_width
from tui.cli.progress import PLAIN_SECONDS, ProgressReporter, progress_line

JOB = "j8k2m4n6"


class Stopwatch:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(finished: int, **changes: object) -> ProgressView:
    counts = ImageCounts(
        planned=120, approved=finished, qc_failed=0, failed=0, pending=0, unknown=0, trashed=0
    )
    facts = {
        "job_id": JOB,
        "images": counts,
        "prompted": 60,
        "submitted": 56,
        "downloaded": 50,
        "checked": 44,
        "done": finished,
        "in_flight": 4,
        "images_per_minute": 8.2,
        "eta_s": 252.0,
        "spend_usd": 0.18,
        "is_quiescent": False,
    }
    return ProgressView.model_validate({**facts, **changes})


def entry(level: LogLevel, message: str) -> LogRecorded:
    return LogRecorded(
        LogView(
            entry_id=1,
            job_id=JOB,
            at="2026-11-22T11:00:00.000Z",
            level=level,
            stage="metadata",
            image_number=3,
            message=message,
            cause=None,
            hint="Try again.",
        )
    )


@pytest.fixture
def watch() -> Stopwatch:
    return Stopwatch()


def test_the_line_holds_all_that_matters() -> None:
    assert progress_line(progress(37)) == "37 of 120  30 %  approved 37  8.2/min  ETA 04:12  $0.18"
    assert "ETA estimating" in progress_line(progress(1, eta_s=None, images_per_minute=None))
    counts = ImageCounts(planned=9, approved=1, qc_failed=2, failed=3, pending=0, unknown=1, trashed=0)
    assert "rejected 2  failed 3  unknown 1" in progress_line(progress(0, images=counts))


def test_without_a_terminal_progress_comes_every_ten_seconds(watch: Stopwatch) -> None:
    stderr = io.StringIO()
    reporter = ProgressReporter(Output(io.StringIO(), stderr, is_json=False), monotonic=watch)
    for finished in range(1, 41):
        watch.seconds += 1
        reporter.hear(JobProgressed(JOB, progress(finished)))
        reporter.tick()
    lines = stderr.getvalue().splitlines()
    assert len(lines) == 40 / PLAIN_SECONDS
    assert "10 of 120" in lines[0]


def test_nothing_new_is_not_told_again(watch: Stopwatch) -> None:
    stderr = io.StringIO()
    reporter = ProgressReporter(Output(io.StringIO(), stderr, is_json=False), monotonic=watch)
    for _ in range(5):
        watch.seconds += PLAIN_SECONDS
        reporter.hear(JobProgressed(JOB, progress(7)))
        reporter.tick()
    assert len(stderr.getvalue().splitlines()) == 1


def test_on_a_terminal_one_line_is_redrawn_within_its_width(watch: Stopwatch) -> None:
    stderr = Terminal()
    output = Output(io.StringIO(), stderr, is_json=False)
    reporter = ProgressReporter(output, monotonic=watch)
    for finished in (1, 2, 2, 3):
        reporter.hear(JobProgressed(JOB * 20, progress(finished, job_id=JOB * 20)))
        reporter.tick()
    shown = [part for part in stderr.getvalue().split("\r") if part.strip()]
    assert len(shown) == 3  # the same line is not written twice
    assert "\n" not in stderr.getvalue()
    assert all(display_width(part) < output.terminal_columns for part in shown)


def test_starts_pauses_problems_and_ends_are_told_at_once(
    watch: Stopwatch, make_job: Callable[..., JobView]
) -> None:
    stderr = io.StringIO()
    reporter = ProgressReporter(Output(io.StringIO(), stderr, is_json=False), monotonic=watch)
    reporter.name(make_job())
    reporter.hear(JobStarted(JOB, is_resumed=True))
    reporter.hear(JobPaused(JOB, "credit", "no credit left", "Add credit"))
    reporter.hear(entry(LogLevel.WARNING, "no title was written"))
    reporter.hear(entry(LogLevel.INFO, "submitted"))
    reporter.hear(JobFinished(JOB, "completed"))
    assert stderr.getvalue().splitlines() == [
        "#42 landscapes: goes on",
        "#42 landscapes: paused: no credit left (Add credit)",
        "warning: image 3: no title was written (Try again.)",
        "#42 landscapes: completed",
    ]
