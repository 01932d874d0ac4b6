"""How numbers, times and statuses read for people: pure functions, used by the screens and the command line.

A status is always a glyph and a word, so that it needs no colour; styles are terminal colours, which every theme maps.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from engine.status import ImageStatus, JobStatus, LogLevel, TaskState

NOTHING = "-"


def money(usd: float) -> str:
    """Dollars with cents, and with as many places as a price below ten cents needs: `$1.20`, `$0.0015`."""
    if usd == 0 or abs(usd) >= 0.1:
        return f"${usd:,.2f}"
    return "$" + f"{usd:.4f}".rstrip("0").ljust(4, "0")


def duration(seconds: float | None) -> str:
    """`06:12`, `1:02:03`; a hyphen for what has not begun."""
    if seconds is None:
        return NOTHING
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def eta(seconds: float | None) -> str:
    """The time that is left, in steps that an estimate is good for; `estimating` until there is something to go by."""
    if seconds is None:
        return "estimating"
    step = 1 if seconds < 60 else 5 if seconds < 600 else 60
    return duration(math.ceil(seconds / step) * step)


def local_time(moment: str | None, *, seconds: bool = False) -> str:
    """A stored UTC time in the machine's own zone; a hyphen for none."""
    if moment is None:
        return NOTHING
    local = datetime.fromisoformat(moment).astimezone()
    return local.strftime("%Y-%m-%d %H:%M:%S %z" if seconds else "%Y-%m-%d %H:%M")


def clock_time(moment: str) -> str:
    """`12:04:01`, local."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")


def count(number: int) -> str:
    """`1,234`."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """`1 job`, `2 jobs`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(fraction: float | None) -> str:
    """`31 %`; 100 % only when it is all of it; a hyphen for none."""
    return NOTHING if fraction is None else f"{int(fraction * 100)} %"


def pace(images_per_minute: float | None) -> str:
    """`8.2 images/min`."""
    return f"{NOTHING if images_per_minute is None else f'{images_per_minute:.1f}'} images/min"


def advice(message: str, hint: str) -> str:
    """What is wrong and what to do, as sentences on one line."""
    if not hint:
        return message
    return f"{message} {hint}" if message.endswith((".", "!", "?", ":")) else f"{message}. {hint}"


def bytes_text(number: int) -> str:
    """In the largest unit that leaves at least 1: `3.2 GiB`."""
    size = float(number)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def bar(fraction: float, width: int) -> str:
    """A bar of `width` cells in half-cell steps, full only at 1: `━━━╸────`."""
    halves = width * 2 if fraction >= 1 else min(int(fraction * width * 2), width * 2 - 1)
    full, half = divmod(max(halves, 0), 2)
    return "━" * full + "╸" * half + "─" * (width - full - half)


def sparkline(values: Iterable[float], width: int) -> str:
    """The last `width` values as blocks, the largest as the highest."""
    shown = list(values)[-width:] if width > 0 else []
    top = max(shown, default=0.0)
    if top <= 0:
        return "▁" * len(shown)
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(value / top * 7.999))] for value in shown)


@dataclass(frozen=True, slots=True)
class Look:
    """How a status is shown."""

    glyph: str
    word: str
    style: str

    def __str__(self) -> str:
        return f"{self.glyph} {self.word}"


_JOBS = {
    JobStatus.QUEUED: Look("○", "waiting", ""),
    JobStatus.RUNNING: Look("●", "running", "green"),
    JobStatus.PAUSED: Look("‖", "paused", "yellow"),
    JobStatus.COMPLETED: Look("✓", "completed", "green"),
    JobStatus.FAILED: Look("✗", "failed", "red"),
    JobStatus.STOPPED: Look("■", "stopped", "yellow"),
    JobStatus.INTERRUPTED: Look("◌", "interrupted", "yellow"),
}
_IMAGES = {
    ImageStatus.PENDING: Look("…", "in work", "cyan"),
    ImageStatus.APPROVED: Look("✓", "approved", "green"),
    ImageStatus.QC_FAILED: Look("✗", "rejected", "yellow"),
    ImageStatus.FAILED: Look("!", "failed", "red"),
    ImageStatus.RETRY_PENDING: Look("○", "retry pending", ""),
    ImageStatus.PROCESSING: Look("●", "processing", "cyan"),
    ImageStatus.RETRY_FAILED: Look("!", "retry failed", "red"),
    ImageStatus.TRASHED: Look("~", "trashed", "dim"),
}
_TASKS = {TaskState.UNKNOWN: Look("?", "unknown", "yellow"), TaskState.FAILED: Look("✗", "failed", "red")}
_LEVELS = {
    LogLevel.DEBUG: Look("·", "debug", "dim"),
    LogLevel.INFO: Look(" ", "info", ""),
    LogLevel.WARNING: Look("!", "warning", "yellow"),
    LogLevel.ERROR: Look("✗", "error", "red"),
}


def job_look(status: JobStatus) -> Look:
    """Glyph, word and style of a job's status."""
    return _JOBS[status]


def image_look(status: ImageStatus) -> Look:
    """Glyph, word and style of an image's status."""
    return _IMAGES[status]


def task_look(state: TaskState) -> Look:
    """Glyph, word and style of the state of a paid call; those that nobody has to decide about are just named."""
    return _TASKS.get(state) or Look("·", state.value, "")


def level_look(level: LogLevel) -> Look:
    """Glyph, word and style of a log level."""
    return _LEVELS[level]
