"""What a retry would do and cost, what it was asked for, and what became of an image's earlier ones, for people. Pure
functions."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from engine.settings import describe_fields
from engine.text import clean_text
from engine.views import (
    AttemptView,
    CostLine,
    ImageStatus,
    JobKind,
    JobStatus,
    ProblemView,
    RefusalView,
    RetryPlanView,
    RetryState,
)
from tui import format as fmt
from tui.status import FrameStatus
from tui.widgets.field_text import value_text

USUAL = frozenset({"checks", "metadata"})
"""What a retry may ask of a language model without a question first."""
NAME_CELLS = 22
_BAR = 8
_TEXT_LIMIT = 2_000
_CALLS = {"checks": "check", "metadata": "title", "backgrounds": "background removal", "images": "image"}
_STATES = {
    RetryState.WAITING: fmt.Look("○", "waiting", ""),
    RetryState.WORKING: fmt.Look("●", "at work", "cyan"),
    RetryState.APPROVED: fmt.Look("✓", "approved", "green"),
    RetryState.FAILED: fmt.Look("!", "failed again", "red"),
    RetryState.TRASHED: fmt.Look("~", "trashed meanwhile", "dim"),
    RetryState.CANCELLED: fmt.Look("■", "stopped before its turn", "yellow"),
}


def is_usual(plan: RetryPlanView) -> bool:
    """Whether it costs no more than checks and titles."""
    return {line.what for line in plan.costs} <= USUAL


def cost_words(plan: RetryPlanView) -> str:
    """`2 checks, 2 titles: about $0.0031.` or that it is free."""
    if not plan.costs:
        return "It costs nothing."
    calls = ", ".join(fmt.plural(line.calls, _CALLS.get(line.what, line.what)) for line in plan.costs)
    unknown = any(one.field == "prices" for one in plan.problems)
    more = " and what has no known price" if unknown else ""
    return f"{calls}: about {fmt.money(plan.estimate_usd)}{more}."


def refusal_words(refused: Sequence[RefusalView]) -> str:
    """What is not done with some images, and why: one sentence for the first of them; empty where all are fine."""
    if not refused:
        return ""
    first = refused[0]
    others = f" and {fmt.plural(len(refused) - 1, 'more image')}" if len(refused) > 1 else ""
    return fmt.advice(f"Not image {first.image_id}{others}: {first.message}", first.hint)


def hard_problems(problems: Iterable[ProblemView]) -> list[str]:
    """A sentence for each thing that stands in the way."""
    return [fmt.advice(one.message, one.hint) for one in problems if not one.is_warning]


def warning_words(problems: Iterable[ProblemView]) -> str:
    """What may not be wanted, in a line; prices that are not known are told with the costs."""
    warnings = [one for one in problems if one.is_warning and one.field != "prices"]
    return " ".join(fmt.advice(one.message, one.hint) for one in warnings)


def cost_lines(costs: Sequence[CostLine]) -> Iterator[str]:
    """`checks: 2 calls, $0.0012`."""
    for line in costs:
        price = "no price known" if line.usd is None else fmt.money(line.usd)
        yield f"{line.what}: {fmt.plural(line.calls, 'call')}, {price}"


def retrying_words(status: FrameStatus) -> str:
    """How the retry at work stands, and how many wait; empty where there is none."""
    parts, job = [], status.job
    if job is not None and job.kind is JobKind.RETRY:
        counts = job.images if status.progress is None else status.progress.images
        fraction = 0.0 if status.progress is None else status.progress.fraction
        look = "" if job.status is JobStatus.RUNNING else f" {fmt.job_look(job.status)}"
        done = f"{fmt.count(counts.finished)} of {fmt.count(counts.planned)}"
        parts.append(f"retry #{job.number}{look} {fmt.bar(fraction, _BAR)} {done}")
    if waiting := sum(one.kind is JobKind.RETRY for one in status.waiting):
        noun = "" if parts else " retry" if waiting == 1 else " retries"
        parts.append(f"{fmt.count(waiting)}{noun} waiting")
    return ", ".join(parts)


# ---- what a retry was asked for


def options_lines(options: Mapping[str, Any], *, own: str) -> Iterator[tuple[str, str]]:
    """Name and value of everything that a retry does otherwise than the jobs of its images; `own` is said where it
    works on them with their own settings."""
    processing = options.get("processing") or {}
    fields = {
        field.path.partition(".")[2]: field for field in describe_fields() if field.group == "processing"
    }
    if not processing:
        yield "processing", own
    for name, value in processing.items():
        field = fields.get(name)
        yield (name, str(value)) if field is None else (field.title, value_text(field, value).plain)
    for stage, rule in (options.get("on_failure") or {}).items():
        words = "goes on without it" if rule == "continue" else "fails the image"
        yield f"{stage.replace('_', ' ')} fails", words
    checks = {
        True: "yes",
        False: "no, the images are taken as they are",
        None: "where the check is what failed, or none was passed",
    }
    yield "checks again", checks[options.get("checks_again")]
    yield "titles", "written again" if options.get("writes_metadata_again") else "kept where there is one"


def retry_text(options: Mapping[str, Any]) -> Text:
    """Everything that a retry's job was asked to do, a line each."""
    text = Text()
    for name, value in options_lines(options, own="as in the job of each image"):
        text.append(f"{clean_text(name):<{NAME_CELLS}} ", "dim")
        text.append(f"{clean_text(value)}\n")
    return text


# ---- the earlier retries of an image


def attempts_text(attempts: Sequence[AttemptView], *, with_options: bool) -> Text:
    """The history of an image's retries, the newest first; empty without any."""
    text = Text()
    for one in reversed(attempts):
        look = _STATES[one.state]
        text.append(f"Retry {one.attempt}", "bold underline")
        text.append(f" in job #{one.job_number}, {fmt.local_time(one.finished_at or one.asked_at)}: ")
        text.append(f"{look}", look.style)
        if one.state is RetryState.FAILED:
            text.append(f"{_at(one.stage)}: {_clean(one.reason or 'no reason given')}")
        text.append("\n  before it: ", "dim")
        before = fmt.image_look(ImageStatus(one.before_status))
        text.append(f"{before}{_at(one.before_stage)}: {_clean(one.before_reason or 'no reason given')}\n")
        if with_options:
            lines = options_lines(_told(one.used), own="as before")
            used = ", ".join(f"{name.lower()} {value}" for name, value in lines)
            text.append("  used: ", "dim")
            text.append(f"{_clean(used)}\n")
    text.rstrip()
    return text


def _told(used: Mapping[str, Any]) -> dict[str, Any]:
    """Switches that are off and what belongs to them say nothing."""
    processing = used.get("processing") or {}
    needs = {
        "remove_background_size": "remove_background",
        "on_remove_background_failure": "remove_background",
        "convert_format": "convert",
        "jpg_quality": "convert",
        "webp_quality": "convert",
        "jpg_background": "convert",
        "sharpening": "enhance",
        "saturation": "enhance",
    }
    kept = {
        name: value
        for name, value in processing.items()
        if value is not False and (name not in needs or processing.get(needs[name]))
    }
    return {**used, "processing": kept}


def _at(stage: Any) -> str:
    return "" if stage is None else f" at {stage.value.replace('_', ' ')}"


def _clean(text: str) -> str:
    return clean_text(text, keep_newlines=True, limit=_TEXT_LIMIT)
