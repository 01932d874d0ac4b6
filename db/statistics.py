"""Sums over a span of time: of images, money, reasons and steps. Reads the sums by quarter of an hour that triggers
keep, never a million rows; knows no days and no zones.

An image is counted once, by its own job and the time at which it came; a retry has no images of its own. Images of
deleted jobs are images in the trash, as in the totals; their money stays spent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import aiosqlite

from db.query import fetch_rows, json_text, literals
from db.status import ImageStatus, Stage

_QUARTER = len("2026-01-31T08:15")
_SPAN = "quarter >= :since AND quarter < :until"
_REJECTED = literals(
    (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED, ImageStatus.TRASHED)
)
_FAILURES = f"""FROM images INDEXED BY images_by_reason WHERE stage IS NOT NULL AND status IN ({_REJECTED})
    AND created_at >= :since AND created_at < :until
    AND job_id NOT IN (SELECT job_id FROM jobs WHERE deleted_at IS NOT NULL)"""  # noqa: S608 - constants only


_SUMS = ", ".join(f"sum(of_job.{status.value})" for status in ImageStatus)
_SUMS_NAMED = ", ".join(f"sum({status.value}) AS {status.value}" for status in ImageStatus)
_DAYS = """(SELECT value ->> 0 AS name, value ->> 1 AS since, value ->> 2 AS until FROM json_each(:days))"""


@dataclass(frozen=True, slots=True)
class Span:
    """From a stored time on, and before another one, both to the quarter of an hour; None: no bound."""

    since: str | None = None
    until: str | None = None

    @property
    def parameters(self) -> dict[str, object]:
        """Texts that sort before and after every time stand for no bound."""
        return {"since": (self.since or "")[:_QUARTER], "until": (self.until or "~")[:_QUARTER]}


@dataclass(frozen=True, slots=True)
class Day:
    """A day of some zone: its name, and the stored times at which it begins and at which it is over."""

    name: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class ImageSum:
    """Images of one day, configuration (None: their job had none, or is gone for good) and model, by status."""

    day: str
    configuration: str | None
    provider: str
    model: str
    images: dict[ImageStatus, int]


@dataclass(frozen=True, slots=True)
class SpendSum:
    """Money of one day and model."""

    day: str
    service: str
    model: str
    micros: int


@dataclass(frozen=True, slots=True)
class Failures:
    """How many images were rejected or failed with the same words."""

    stage: Stage
    code: str | None
    reason: str | None
    images: int


@dataclass(frozen=True, slots=True)
class StepBand:
    """How many images a step took about equally long for; `total_ms` is the sum of their times."""

    step: str
    images: int
    total_ms: int


def _day_parameters(days: Sequence[Day]) -> dict[str, object]:
    return {"days": json_text([(day.name, day.since[:_QUARTER], day.until[:_QUARTER]) for day in days])}


async def dates(connection: aiosqlite.Connection, span: Span) -> list[str]:
    """The UTC dates on which an image came or money was booked; one step into the tables for each."""
    found: set[str] = set()
    for table in ("image_quarters", "spend_quarters"):
        statement = f"""WITH RECURSIVE steps (date) AS (
                SELECT substr(min(quarter), 1, 10) FROM {table} WHERE {_SPAN}
                UNION ALL
                SELECT (SELECT substr(min(quarter), 1, 10) FROM {table}
                    WHERE quarter > date || 'T~' AND quarter < :until)
                FROM steps WHERE date IS NOT NULL
            ) SELECT date FROM steps WHERE date IS NOT NULL"""  # noqa: S608 - constants only
        found.update(row[0] for row in await fetch_rows(connection, statement, span.parameters))
    return sorted(found)


async def images_by_day(connection: aiosqlite.Connection, days: Sequence[Day]) -> list[ImageSum]:
    """Images of these days by what became of them, by model and by the configuration of their job."""
    statement = f"""SELECT name, configuration_name, provider, model, {_SUMS} FROM
        (SELECT name, job_id, provider, model, {_SUMS_NAMED} FROM {_DAYS} CROSS JOIN image_quarters
            ON quarter >= since AND quarter < until GROUP BY name, job_id, provider, model) AS of_job
        LEFT JOIN jobs USING (job_id)
        GROUP BY name, configuration_name, provider, model"""  # noqa: S608 - constants only
    return [
        ImageSum(row[0], row[1], row[2], row[3], counts)
        for row in await fetch_rows(connection, statement, _day_parameters(days))
        if (counts := {status: number for status, number in zip(ImageStatus, row[4:], strict=True) if number})
    ]


async def spend_by_day(connection: aiosqlite.Connection, days: Sequence[Day]) -> list[SpendSum]:
    """Micros of these days booked as paid, on their way or possibly paid, as in `ledger.spent_since`, by model."""
    statement = f"""SELECT name, service, model, sum(micros) FROM {_DAYS} CROSS JOIN spend_quarters
        ON quarter >= since AND quarter < until
        GROUP BY name, service, model HAVING sum(micros) <> 0"""  # noqa: S608 - constants only
    rows = await fetch_rows(connection, statement, _day_parameters(days))
    return [SpendSum(*row) for row in rows]


async def jobs_by_configuration(connection: aiosqlite.Connection, span: Span) -> dict[str | None, int]:
    """Jobs of every kind that were made in the span and are not deleted."""
    statement = """SELECT configuration_name, count(*) FROM jobs
        WHERE created_at >= :since AND created_at < :until AND deleted_at IS NULL GROUP BY configuration_name"""
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def spend_by_configuration(connection: aiosqlite.Connection, span: Span) -> dict[str | None, int]:
    """Micros by the configuration of the job that spent them."""
    statement = f"""SELECT configuration_name, sum(micros) FROM
        (SELECT job_id, sum(micros) AS micros FROM spend_quarters WHERE {_SPAN} GROUP BY job_id)
        LEFT JOIN jobs USING (job_id)
        GROUP BY configuration_name HAVING sum(micros) <> 0"""  # noqa: S608 - constants only
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def failures(
    connection: aiosqlite.Connection, span: Span, limit: int
) -> tuple[dict[Stage, int], list[Failures]]:
    """Images that were rejected or failed and still stand so, or lie so in the trash, without those of deleted jobs: by
    stage, and by the words of their reasons, of these the `limit` most frequent, the most frequent first."""
    statement = f"""WITH alike AS MATERIALIZED
        (SELECT stage, error_code, reason, count(*) AS images {_FAILURES} GROUP BY stage, reason, error_code)
        SELECT 1, stage, NULL, NULL, sum(images) FROM alike GROUP BY stage
        UNION ALL
        SELECT * FROM (SELECT 2, * FROM alike ORDER BY images DESC, stage, reason LIMIT :limit)"""  # noqa: S608 - constants only
    rows = await fetch_rows(connection, statement, {**span.parameters, "limit": limit})
    stages = {Stage(row[1]): row[4] for row in rows if row[0] == 1}
    alike = [Failures(Stage(row[1]), row[2], row[3], row[4]) for row in rows if row[0] == 2]
    return stages, sorted(alike, key=lambda one: (-one.images, one.stage, one.reason or ""))


async def step_bands(connection: aiosqlite.Connection, span: Span) -> list[StepBand]:
    """The steps' times, for each step from the shortest to the longest, of the UTC days nearest to the span."""
    statement = """SELECT step, sum(images), sum(total_ms) FROM step_days
        WHERE day >= coalesce(date(:since, '+12 hours'), '') AND day < coalesce(date(:until, '+12 hours'), '~')
        GROUP BY step, band_ms ORDER BY step, band_ms"""
    return [StepBand(*row) for row in await fetch_rows(connection, statement, span.parameters)]
