"""Days put together so that a plot has room for them: days, weeks, months or years, with the empty ones between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from engine.statistics_views import DayView


@dataclass(frozen=True, slots=True)
class Period:
    """What came and was spent in one day, week, month or year."""

    label: str
    approved: int
    rejected: int
    """qc_failed + failed"""
    other: int
    """In work, or in the trash."""
    spend_usd: float


@dataclass(frozen=True, slots=True)
class Unit:
    """`noun`: a column is one of it. `begin` is its first day, `following` the first day of the next one."""

    noun: str
    begin: Callable[[date], date]
    following: Callable[[date], date]
    label: Callable[[date], str]


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


UNITS = (
    Unit("day", lambda day: day, lambda day: day + timedelta(days=1), lambda day: f"{day:%m-%d}"),
    Unit(
        "week",
        lambda day: day - timedelta(days=day.weekday()),
        lambda day: day + timedelta(days=7),
        lambda day: f"{day:%m-%d}",
    ),
    Unit("month", lambda day: day.replace(day=1), _next_month, lambda day: f"{day:%Y-%m}"),
    Unit(
        "year",
        lambda day: day.replace(month=1, day=1),
        lambda day: date(day.year + 1, 1, 1),
        lambda day: f"{day:%Y}",
    ),
)


def periods(days: Sequence[DayView], room: int) -> tuple[str, list[Period]]:
    """The noun of the smallest unit of which no more than `room` (else years) go from the first to the last day, and
    all of them in order."""
    if not days:
        return UNITS[0].noun, []
    first, last = date.fromisoformat(days[0].day), date.fromisoformat(days[-1].day)
    for unit in UNITS:
        begins = _begins(unit, first, last, room)
        if len(begins) <= room or unit is UNITS[-1]:
            break
    found: dict[date, list[DayView]] = {begin: [] for begin in begins}
    for day in days:
        found[unit.begin(date.fromisoformat(day.day))].append(day)
    return unit.noun, [_period(unit.label(begin), of_period) for begin, of_period in found.items()]


def _begins(unit: Unit, first: date, last: date, room: int) -> list[date]:
    """The first days of the units, no more than one too many where a larger unit comes after."""
    begins = [unit.begin(first)]
    while (begin := unit.following(begins[-1])) <= last and (len(begins) <= room or unit is UNITS[-1]):
        begins.append(begin)
    return begins


def _period(label: str, days: Sequence[DayView]) -> Period:
    return Period(
        label,
        sum(day.approved for day in days),
        sum(day.qc_failed + day.failed for day in days),
        sum(day.pending + day.trashed for day in days),
        sum(day.spend_usd for day in days),
    )
