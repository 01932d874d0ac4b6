"""Tells on stderr how the work goes: a line redrawn in place for a terminal, plain lines otherwise."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from engine.api import EngineApi
from engine.events import Event, JobFinished, JobPaused, JobProgressed, JobStarted, LogRecorded
from engine.views import JobView, LogLevel, ProgressView
from tui.cli.interrupts import let_go
from tui.cli.output import Output, clip_to_width, display_width
from tui.format import duration, money

REDRAW_SECONDS = 0.25
PLAIN_SECONDS = 10.0
_SHORTEST_LABEL = 8
_PROBLEMS = (LogLevel.WARNING, LogLevel.ERROR)


class ProgressReporter:
    """Hears events and writes lines. `monotonic` gives seconds that only go forward."""

    def __init__(self, output: Output, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._output = output
        self._monotonic = monotonic
        self._labels: dict[str, str] = {}
        self._latest: ProgressView | None = None
        self._told_at = monotonic()
        self._told = ""

    def name(self, job: JobView) -> None:
        """Know how to call a job."""
        self._labels[job.job_id] = f"#{job.number} {job.label}"

    def hear(self, event: Event) -> None:
        """Take an event in; starts, ends and problems are told at once, progress when `tick` finds it due."""
        match event:
            case JobStarted(job_id=job_id, is_resumed=is_resumed):
                self._output.note(f"{self._label(job_id)}: {'goes on' if is_resumed else 'started'}")
            case JobProgressed(progress=progress):
                self._latest = progress
            case JobPaused(job_id=job_id, message=message, hint=hint):
                self._output.note(f"{self._label(job_id)}: paused: {message}{f' ({hint})' if hint else ''}")
            case JobFinished(job_id=job_id, status=status):
                self._latest = None
                self._output.note(f"{self._label(job_id)}: {status}")
            case LogRecorded(entry=entry) if entry.level in _PROBLEMS:
                image = f"image {entry.image_number}: " if entry.image_number is not None else ""
                hint = f" ({entry.hint})" if entry.hint else ""
                self._output.note(f"{entry.level}: {image}{entry.message}{hint}")
            case _:
                pass

    def tick(self) -> None:
        """Show the latest progress where it is due: at once on a terminal, every 10 s otherwise."""
        if self._latest is None:
            return
        label, facts = self._label(self._latest.job_id), progress_line(self._latest)
        if self._output.is_terminal:
            columns = self._output.terminal_columns - 1
            room = max(columns - display_width(facts) - 2, _SHORTEST_LABEL)
            self._output.redraw(clip_to_width(f"{clip_to_width(label, room)}  {facts}", columns))
            return
        line = f"{label}  {facts}"
        now = self._monotonic()
        if now - self._told_at >= PLAIN_SECONDS and line != self._told:
            self._told_at, self._told = now, line
            self._output.note(line)

    def _label(self, job_id: str) -> str:
        return self._labels.get(job_id, job_id)


def progress_line(progress: ProgressView) -> str:
    """`37 of 120  31 %  approved 33  rejected 3  failed 1  8.2/min  ETA 04:12  $0.18`."""
    counts = progress.images
    parts = [
        f"{counts.finished:,} of {counts.planned:,}",
        f"{int(progress.fraction * 100)} %",
        f"approved {counts.approved:,}",
    ]
    named = (("rejected", counts.qc_failed), ("failed", counts.failed), ("unknown", counts.unknown))
    parts += [f"{name} {number:,}" for name, number in named if number]
    if progress.images_per_minute is not None:
        parts.append(f"{progress.images_per_minute:.1f}/min")
    parts.append("ETA estimating" if progress.eta_s is None else f"ETA {duration(progress.eta_s)}")
    parts.append(money(progress.spend_usd))
    return "  ".join(parts)


@asynccontextmanager
async def reporting(engine: EngineApi, output: Output) -> AsyncIterator[ProgressReporter]:
    """Tell everything that happens while the block runs."""
    reporter = ProgressReporter(output)
    async with engine.subscribe() as subscription:

        async def listen() -> None:
            async for event in subscription:
                if isinstance(event, JobStarted):
                    reporter.name(await engine.job(event.job_id))
                reporter.hear(event)

        async def redraw() -> None:
            while True:
                await asyncio.sleep(REDRAW_SECONDS)
                reporter.tick()

        tasks = [asyncio.create_task(listen()), asyncio.create_task(redraw())]
        try:
            yield reporter
        finally:
            await let_go(*tasks)
            for event in subscription.drain():
                reporter.hear(event)
            output.redraw("")
