"""Sums over a span of time: of images, money, reasons and steps. Reads the sums by quarter of an hour that triggers
keep, never a million rows; knows no days and no zones.

An image is counted once, by its own job and the time at which it came; a retry has no images of its own. Images of
deleted jobs are images in the trash, as in the totals; their money stays spent.
"""

from dataclasses import dataclass

import aiosqlite

from db.query import fetch_rows, literals
from db.status import ImageStatus, Stage

_QUARTER = len("2026-01-31T08:15")
_SPAN = "quarter >= :since AND quarter < :until"
_REJECTED = literals(
    (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED, ImageStatus.TRASHED)
)
_FAILURES = f"""FROM images INDEXED BY images_by_reason WHERE stage IS NOT NULL AND status IN ({_REJECTED})
    AND created_at >= :since AND created_at < :until
    AND job_id NOT IN (SELECT job_id FROM jobs WHERE deleted_at IS NOT NULL)"""  # noqa: S608 - constants only


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


type ByStatus[Key] = dict[Key, dict[ImageStatus, int]]


async def images_by_quarter(connection: aiosqlite.Connection, span: Span) -> ByStatus[str]:
    """Images of each quarter in which some came."""
    statement = f"""SELECT quarter, status, sum(images) FROM image_quarters WHERE {_SPAN}
        GROUP BY quarter, status HAVING sum(images) > 0 ORDER BY quarter"""  # noqa: S608 - constants only
    sums: ByStatus[str] = {}
    for quarter, status, images in await fetch_rows(connection, statement, span.parameters):
        sums.setdefault(quarter, {})[ImageStatus(status)] = images
    return sums


async def images_by_configuration(connection: aiosqlite.Connection, span: Span) -> ByStatus[str | None]:
    """Images by the name of the configuration that their job ran with; None: it had none, or is gone for good."""
    statement = f"""SELECT configuration_name, of_job.status, sum(of_job.images) FROM
        (SELECT job_id, status, sum(images) AS images FROM image_quarters WHERE {_SPAN} GROUP BY job_id, status)
        AS of_job LEFT JOIN jobs USING (job_id)
        GROUP BY configuration_name, of_job.status HAVING sum(of_job.images) > 0"""  # noqa: S608 - constants only
    sums: ByStatus[str | None] = {}
    for name, status, images in await fetch_rows(connection, statement, span.parameters):
        sums.setdefault(name, {})[ImageStatus(status)] = images
    return sums


async def images_by_model(connection: aiosqlite.Connection, span: Span) -> ByStatus[tuple[str, str]]:
    """Images by provider and model."""
    statement = f"""SELECT provider, model, status, sum(images) FROM image_quarters WHERE {_SPAN}
        GROUP BY provider, model, status HAVING sum(images) > 0"""  # noqa: S608 - constants only
    sums: ByStatus[tuple[str, str]] = {}
    for provider, model, status, images in await fetch_rows(connection, statement, span.parameters):
        sums.setdefault((provider, model), {})[ImageStatus(status)] = images
    return sums


async def jobs_by_configuration(connection: aiosqlite.Connection, span: Span) -> dict[str | None, int]:
    """Jobs of every kind that were made in the span and are not deleted."""
    statement = """SELECT configuration_name, count(*) FROM jobs
        WHERE created_at >= :since AND created_at < :until AND deleted_at IS NULL GROUP BY configuration_name"""
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def spend_by_quarter(connection: aiosqlite.Connection, span: Span) -> dict[str, int]:
    """Micros booked as paid, on their way or possibly paid, as in `ledger.spent_since`."""
    statement = f"""SELECT quarter, sum(micros) FROM spend_quarters WHERE {_SPAN}
        GROUP BY quarter HAVING sum(micros) <> 0 ORDER BY quarter"""  # noqa: S608 - constants only
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def spend_by_configuration(connection: aiosqlite.Connection, span: Span) -> dict[str | None, int]:
    """Micros by the configuration of the job that spent them."""
    statement = f"""SELECT configuration_name, sum(micros) FROM
        (SELECT job_id, sum(micros) AS micros FROM spend_quarters WHERE {_SPAN} GROUP BY job_id)
        LEFT JOIN jobs USING (job_id)
        GROUP BY configuration_name HAVING sum(micros) <> 0"""  # noqa: S608 - constants only
    return {row[0]: row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def spend_by_model(connection: aiosqlite.Connection, span: Span) -> dict[tuple[str, str], int]:
    """Micros by service and model."""
    statement = f"""SELECT service, model, sum(micros) FROM spend_quarters WHERE {_SPAN}
        GROUP BY service, model HAVING sum(micros) <> 0"""  # noqa: S608 - constants only
    return {(row[0], row[1]): row[2] for row in await fetch_rows(connection, statement, span.parameters)}


async def failures_by_stage(connection: aiosqlite.Connection, span: Span) -> dict[Stage, int]:
    """Images that were rejected or failed and still stand so, or lie so in the trash, without those of deleted jobs."""
    statement = f"SELECT stage, count(*) {_FAILURES} GROUP BY stage"
    return {Stage(row[0]): row[1] for row in await fetch_rows(connection, statement, span.parameters)}


async def commonest_failures(connection: aiosqlite.Connection, span: Span, limit: int) -> list[Failures]:
    """The same images by the words of their reasons, the most frequent first."""
    statement = f"""SELECT stage, error_code, reason, count(*) AS images {_FAILURES}
        GROUP BY stage, reason, error_code ORDER BY images DESC, stage, reason LIMIT :limit"""
    rows = await fetch_rows(connection, statement, {**span.parameters, "limit": limit})
    return [Failures(Stage(row[0]), row[1], row[2], row[3]) for row in rows]


async def step_bands(connection: aiosqlite.Connection, span: Span) -> list[StepBand]:
    """The steps' times, for each step from the shortest to the longest; the span counts to the hour."""
    statement = """SELECT step, sum(images), sum(total_ms) FROM step_hours
        WHERE hour >= substr(:since, 1, 13) AND hour < substr(:until, 1, 13)
        GROUP BY step, band_ms ORDER BY step, band_ms"""
    return [StepBand(*row) for row in await fetch_rows(connection, statement, span.parameters)]
