"""The words of the statistics, shared by the screen and `gimf stats`."""

from collections.abc import Mapping

from engine.views import Stage

STEPS: Mapping[str, str] = {
    "generate": "generate and download",
    "quality_check": "quality check",
    "process": "processing",
    "metadata": "metadata",
    "save": "save",
}
STAGES: Mapping[Stage, str] = {stage: stage.value.replace("_", " ") for stage in Stage}
NO_CONFIGURATION = "(none)"
"""Jobs without a configuration, retries, and jobs that were removed for good."""


def step_time(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes_left} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
