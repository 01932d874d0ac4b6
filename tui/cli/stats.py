"""`gimf stats`: the numbers of the statistics screen, as tables or as one document."""

from argparse import Namespace
from collections.abc import Iterator

from engine.statistics_views import ImageSums, StatisticsView
from tui.cli.output import Output
from tui.cli.parsing import UsageError
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.dates import Range, local_today, parse_range
from tui.format import money, percent, plural
from tui.statistics_text import NO_CONFIGURATION, STAGES, STEPS, step_time

_COUNTS = ("images", "approved", "rejected", "failed", "in work", "trashed", "success")


async def stats(options: Namespace, output: Output) -> int:
    """The statistics object."""
    created_from, created_to = _span(options.first, options.last)
    async with open_session(options, output).queries() as queries:
        view = await queries.statistics(created_from=created_from, created_to=created_to)
    output.result(view, _lines(view))
    return ExitStatus.OK


def _span(first: str | None, last: str | None) -> Range:
    if not first and not last:
        return None, None
    try:
        return parse_range(f"{first or ''}..{last or ''}", local_today())
    except ValueError as error:
        raise UsageError(f"gimf stats: {error}", hint="See `gimf stats --help`.") from error


def _lines(view: StatisticsView) -> Iterator[str]:
    yield (
        f"{plural(view.jobs, 'job')}, {plural(view.images, 'image')}, {view.approved:,} approved "
        f"({percent(view.success_rate)} of those finished), {money(view.spend_usd)} spent"
    )
    yield from _table(
        ("day",), [(_counts(one), (one.day,), one.spend_usd) for one in view.days], "Nothing in these days."
    )
    if view.failed_stages:
        yield ""
        yield from table(
            ("rejected or failed at", "images"),
            [(STAGES[one.stage], f"{one.images:,}") for one in view.failed_stages],
            right=("images",),
        )
        yield ""
        yield from table(
            ("images", "because"),
            [(f"{one.images:,}", one.reason or one.code or "-") for one in view.reasons],
            right=("images",),
        )
    if view.steps:
        yield ""
        yield from table(
            ("step", "half took at most", "nine of ten", "images"),
            [
                (STEPS[one.step], step_time(one.median_s), step_time(one.p90_s), f"{one.images:,}")
                for one in view.steps
            ],
            right=("half took at most", "nine of ten", "images"),
        )
    yield from _table(
        ("configuration", "jobs"),
        [
            (_counts(one), (one.configuration or NO_CONFIGURATION, f"{one.jobs:,}"), one.spend_usd)
            for one in view.configurations
        ],
    )
    yield from _table(
        ("service", "model"),
        [(_counts(one), (one.service, one.model), one.spend_usd) for one in view.models],
    )


def _counts(sums: ImageSums) -> tuple[str, ...]:
    numbers = (sums.images, sums.approved, sums.qc_failed, sums.failed, sums.pending, sums.trashed)
    return (*(f"{number:,}" for number in numbers), percent(sums.success_rate))


def _table(
    heads: tuple[str, ...], rows: list[tuple[tuple[str, ...], tuple[str, ...], float]], empty: str = ""
) -> Iterator[str]:
    """A table of image counts and money, each row under names of its own."""
    if rows:
        yield ""
        yield from table(
            (*heads, *_COUNTS, "spent"),
            [(*names, *counts, money(usd)) for counts, names, usd in rows],
            right=(*_COUNTS, "spent", "jobs"),
        )
    elif empty:
        yield empty
