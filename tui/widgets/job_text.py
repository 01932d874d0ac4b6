"""What there is to read about one job: facts, numbers, error, the settings it ran with and those of the next run. Pure
functions from views to text."""

from collections.abc import Iterator

from rich.text import Text

from engine.settings import Settings, describe_fields, dump_settings
from engine.text import clean_text
from engine.views import ErrorView, JobKind, JobStatus, JobView, ProgressView, SpaceView
from tui import format as fmt
from tui.widgets.field_text import value_text
from tui.widgets.job_family import JobFamily

NAME_CELLS = 22
_TEXT_LIMIT = 2_000


def title_text(job: JobView, progress: ProgressView | None, place: str) -> Text:
    """One line: number, label, status, progress where it runs, its place in the list it was opened from."""
    look = fmt.job_look(job.status)
    text = Text.assemble(
        (f" #{job.number} {clean_text(job.label, limit=60)}", "bold"), "  ", (str(look), look.style)
    )
    if job.deleted_at is not None:
        text.append("  deleted (u takes it back)", "yellow")
    if job.status is JobStatus.RUNNING and progress is not None:
        counts = progress.images
        text.append(f"  {fmt.bar(progress.fraction, 14)} {fmt.percent(progress.fraction)}", look.style)
        text.append(
            f"  {fmt.count(counts.finished)} of {fmt.count(counts.planned)}  ETA {fmt.eta(progress.eta_s)}"
        )
    if place:
        text.append(f"  {place}", "dim")
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def facts_text(
    job: JobView, progress: ProgressView | None, family: JobFamily, space: SpaceView | None = None
) -> Text:
    """Everything that changes while the job runs; `space` is told where it was measured."""
    text = Text()
    for error, heading, style in ((job.error, "Error", "red"), (job.pause, "Paused", "yellow")):
        if error is not None:
            text.append_text(_error_text(error, heading, style))
    _heading(text, "Job")
    for name, value in (*_facts(job, family), ("on the disk", _space(space))):
        if value:
            _line(text, name, Text(clean_text(value, limit=_TEXT_LIMIT)))
    _heading(text, "Images")
    for name, number, style in _counts(job):
        _line(text, name, Text(fmt.count(number), style if number else "dim"))
    _line(text, "success rate", Text(fmt.percent(job.images.success_rate)))
    if progress is not None:
        is_retry = job.kind is JobKind.RETRY
        orders = f"prompts {fmt.count(progress.prompted)}, submitted {fmt.count(progress.submitted)}, "
        steps = (
            f"{'' if is_retry else orders}"
            f"downloaded {fmt.count(progress.downloaded)}, checked {fmt.count(progress.checked)}, "
            f"done {fmt.count(progress.done)}, in flight {fmt.count(progress.in_flight)}"
        )
        _line(text, "steps", Text(steps))
        if progress.images_per_minute is not None:
            _line(text, "pace", Text(fmt.pace(progress.images_per_minute)))
    _heading(text, "Money")
    for name, usd in (
        ("spent", job.spend.actual),
        ("on its way", job.spend.committed),
        ("unknown", job.spend.unknown),
        ("estimated for all", job.spend.estimate),
    ):
        _line(text, name, Text(fmt.money(usd), "" if usd else "dim"))
    return text


def settings_text(settings: Settings, other: Settings | None = None) -> Text:
    """Every setting under its readable name, by group; `other`: where that one differs, it says so."""
    values = dump_settings(settings)
    others = None if other is None else dump_settings(other)
    text = Text()
    group = ""
    for field in describe_fields():
        if field.group != group:
            group = field.group
            _heading(text, field.group_title)
        _, _, name = field.path.partition(".")
        value = values[group][name]
        line = value_text(field, value)
        if others is not None and others[group][name] != value:
            line = Text.assemble(
                (line.plain, "bold"), ("   it ran with ", "dim"), value_text(field, others[group][name])
            )
        _line(text, field.title, line)
    return text


def next_run_text(job: JobView, *, is_draft: bool) -> Text:
    """What the settings of the next run are, and that the job does not change with them."""
    name = f"#{job.number}"
    if is_draft:
        source = f"These are your edits for the next run: r runs {name} again with them. E edits them again."
    elif job.configuration is None:
        source = (
            f"{name} has no configuration: the next run (r) takes the settings it ran with. E edits them."
        )
    else:
        source = (
            f"The next run (r) takes the configuration “{clean_text(job.configuration, limit=60)}” as it is now. "
            "E edits that configuration, for every job that is run with it from then on."
        )
    return Text.assemble(
        (f"{name} itself does not change: it keeps the settings it ran with (Overview).\n", "bold"), source
    )


def _facts(job: JobView, family: JobFamily) -> Iterator[tuple[str, str | None]]:
    yield "id", job.job_id
    yield "kind", job.kind.value
    yield "configuration", None if job.kind is JobKind.RETRY else job.configuration or "none"
    yield from family.facts(job)
    yield "created", fmt.local_time(job.created_at)
    yield "started", fmt.local_time(job.started_at)
    yield "finished", fmt.local_time(job.finished_at)
    yield "time at work", fmt.duration(job.duration_s)
    yield "output folder", job.output_dir
    yield "place in the queue", None if job.queue_position is None else str(job.queue_position)


def _space(space: SpaceView | None) -> str | None:
    if space is None or not space.total:
        return None
    parts = (("finished", space.output), ("originals", space.work), ("previews", space.previews))
    return f"{fmt.bytes_text(space.total)}: " + ", ".join(
        f"{name} {fmt.bytes_text(size)}" for name, size in parts
    )


def _counts(job: JobView) -> Iterator[tuple[str, int, str]]:
    counts = job.images
    yield "planned", counts.planned, ""
    yield "approved", counts.approved, "green"
    yield "rejected", counts.qc_failed, "yellow"
    yield "failed", counts.failed, "red"
    yield "in work", counts.pending, "cyan"
    if counts.unknown:
        yield "unknown", counts.unknown, "yellow"
    if counts.trashed:
        yield "in the trash", counts.trashed, ""


def _error_text(error: ErrorView, heading: str, style: str) -> Text:
    where = "" if error.stage is None else f" at {error.stage.replace('_', ' ')}"
    text = Text.assemble(
        (f"{heading}{where}: ", f"bold {style}"), clean_text(error.message, limit=_TEXT_LIMIT)
    )
    if error.hint:
        text.append(f"\nWhat to do: {clean_text(error.hint, limit=_TEXT_LIMIT)}")
    text.append(f"  ({clean_text(error.code)})\n\n", "dim")
    return text


def _heading(text: Text, title: str) -> None:
    if text.plain and not text.plain.endswith("\n\n"):
        text.append("\n")
    text.append(f"{title}\n", "bold underline")


def _line(text: Text, name: str, value: Text) -> None:
    text.append(f"{name:<{NAME_CELLS}} ", "dim")
    text.append_text(value)
    text.append("\n")
