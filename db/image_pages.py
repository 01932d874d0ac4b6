"""Lists of images: filters, full text search and keyset pages over a million rows, and counts of reasons.

Newest means highest image_id: rows are never sorted by rank or time, so a page costs what it shows.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

import aiosqlite

from db.paging import decode_cursor, encode_cursor, like_pattern
from db.query import fetch_all, fetch_rows, words
from db.records import ImageRecord
from db.search import match_expression
from db.status import ImageStatus, Stage


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """What an image must be to be listed; None and empty mean anything. Times as `utc_text` writes them."""

    job_id: str | None = None
    retry_job_id: str | None = None
    """The images that this retry works on, whatever job they are from."""
    statuses: Collection[ImageStatus] = ()
    stage: Stage | None = None
    reason: str = ""
    """Part of the reason, letter case ignored."""
    created_from: str | None = None
    created_to: str | None = None
    """Images created at this very time are left out."""
    search: str = ""
    """Words that must all occur in prompt, keyword, title, description or tags; the last may be a
    beginning."""


class ImageOrder(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    JOB = "job"
    """By image number, within one job."""


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """How many rejected and failed images share status, stage and reason."""

    status: ImageStatus
    stage: Stage | None
    reason: str | None
    images: int


async def page(
    connection: aiosqlite.Connection,
    where: ImageFilter,
    *,
    order: ImageOrder = ImageOrder.NEWEST,
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[ImageRecord], str | None]:
    """Up to `limit` images after `cursor`, and the cursor of the next page, None at the end.

    Raises ValueError for a cursor that no page returned, and for order JOB without a job.
    """
    if order is ImageOrder.JOB and where.job_id is None:
        raise ValueError("order: images come in the order of a job only where the filter names the job")
    where = replace(where, search=where.search.strip())
    terms = await match_expression(connection, where.search)
    if where.search and not terms:
        return [], None
    key = "image_number" if order is ImageOrder.JOB else "image_id"
    comparison, direction = ("<", "DESC") if order is ImageOrder.NEWEST else (">", "ASC")
    conditions, parameters = await _conditions(connection, where)
    parameters |= {"limit": limit + 1, "terms": terms}
    if cursor is not None:
        (parameters["after"],) = decode_cursor(cursor, 1)
        conditions.append(f"images.{key} {comparison} :after")
    if where.search:
        if cursor is not None and key == "image_id":
            conditions.append(f"images_text.rowid {comparison} :after")
        wanted = _searched(conditions, direction, by_id=key == "image_id")
    elif where.statuses or (where.job_id is not None and key == "image_id"):
        wanted = _each_status(where, conditions, f"{key} {direction}", parameters)
    else:
        wanted = _limited(conditions, f"{key} {direction}")
    tail = f"FROM images WHERE image_id IN ({wanted}) ORDER BY {key} {direction} LIMIT :limit"
    rows = await fetch_all(connection, ImageRecord, tail, parameters)
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode_cursor(rows[-1].image_number if order is ImageOrder.JOB else rows[-1].image_id)


async def ids(
    connection: aiosqlite.Connection, where: ImageFilter, *, order: ImageOrder = ImageOrder.NEWEST
) -> list[int]:
    """The id of every image of the list, in its order."""
    wanted = await _all_wanted(connection, where, order)
    if wanted is None:
        return []
    found, parameters, key, direction = wanted
    statement = f"SELECT images.image_id {found} ORDER BY images.{key} {direction}"
    return [row[0] for row in await fetch_rows(connection, statement, parameters)]


async def _all_wanted(
    connection: aiosqlite.Connection, where: ImageFilter, order: ImageOrder
) -> tuple[str, dict[str, object], str, str] | None:
    """The whole list from its FROM on, with its parameters, its key and the direction; None: nothing fits."""
    if order is ImageOrder.JOB and where.job_id is None:
        raise ValueError("order: images come in the order of a job only where the filter names the job")
    where = replace(where, search=where.search.strip())
    terms = await match_expression(connection, where.search)
    if where.search and not terms:
        return None
    conditions, parameters = await _conditions(connection, where)
    if where.statuses and not where.search:
        conditions.append("images.status IN (SELECT value FROM json_each(:statuses))")
        parameters["statuses"] = words(where.statuses)
    source = "images"
    if where.search:
        source = "images_text CROSS JOIN images ON images.image_id = images_text.rowid"
        conditions.append("images_text MATCH :terms")
        parameters["terms"] = terms
    key = "image_number" if order is ImageOrder.JOB else "image_id"
    direction = "DESC" if order is ImageOrder.NEWEST else "ASC"
    return f"FROM {source} WHERE {_all(conditions)}", parameters, key, direction


def _searched(conditions: list[str], direction: str, *, by_id: bool) -> str:
    # CROSS JOIN keeps the index of words in front, which hands out its rows in the order of their ids, one
    # by one.
    order = f"ORDER BY images_text.rowid {direction} LIMIT :limit" if by_id else ""
    return f"""SELECT images.image_id
        FROM images_text CROSS JOIN images ON images.image_id = images_text.rowid
        WHERE images_text MATCH :terms AND {_all(conditions)} {order}"""  # noqa: S608 - conditions are constants


def _each_status(where: ImageFilter, conditions: list[str], order: str, parameters: dict[str, object]) -> str:
    """One index range a status, each cut at the limit: together they hold the page, in whatever order."""
    arms = []
    for index, status in enumerate(sorted(set(where.statuses or ImageStatus))):
        parameters[f"status_{index}"] = status
        one_status = [*conditions, f"images.status = :status_{index}"]
        arms.append(f"SELECT image_id FROM ({_limited(one_status, order)})")  # noqa: S608 - as above
    return " UNION ALL ".join(arms)


def _limited(conditions: list[str], order: str) -> str:
    where = _all(conditions)
    return f"SELECT image_id FROM images WHERE {where} ORDER BY {order} LIMIT :limit"  # noqa: S608 - as above


def _all(conditions: list[str]) -> str:
    return " AND ".join(conditions) or "1"


async def _conditions(
    connection: aiosqlite.Connection, where: ImageFilter
) -> tuple[list[str], dict[str, object]]:
    conditions: list[str] = []
    parameters: dict[str, object] = {}
    if where.search and where.statuses:
        conditions.append("images.status IN (SELECT value FROM json_each(:statuses))")
        parameters["statuses"] = words(where.statuses)
    if where.job_id is not None:
        conditions.append("images.job_id = :job_id")
        parameters["job_id"] = where.job_id
    if where.retry_job_id is not None:
        conditions.append("images.image_id IN (SELECT image_id FROM retries WHERE job_id = :retry_job_id)")
        parameters["retry_job_id"] = where.retry_job_id
    if where.stage is not None:
        conditions.append("images.stage = :stage")
        parameters["stage"] = where.stage
    if where.reason:
        conditions.append("images.reason LIKE :reason ESCAPE '!'")
        parameters["reason"] = like_pattern(where.reason)
    ranges = []
    if where.created_from is not None:
        ranges.append("created_at >= :created_from")
        parameters["created_from"] = where.created_from
    if where.created_to is not None:
        ranges.append("created_at < :created_to")
        parameters["created_to"] = where.created_to
    conditions += [f"images.{item}" for item in ranges]
    if where.search and where.job_id is not None:
        ranges.append("job_id = :job_id")
    if ranges and (where.search or where.job_id is None):
        # Ids nearly follow time and jobs, so their first and last id keep the walk along the ids short; the
        # conditions themselves stay, because a clock that was set back breaks the rule.
        statement = f"SELECT min(image_id), max(image_id) FROM images WHERE {_all(ranges)}"  # noqa: S608 - as above
        bounds = await fetch_rows(connection, statement, parameters)
        parameters["first_id"], parameters["last_id"] = bounds[0]
        table, column = ("images_text", "rowid") if where.search else ("images", "image_id")
        conditions.append(f"{table}.{column} BETWEEN :first_id AND :last_id")
    return conditions, parameters


async def count_by_reason(connection: aiosqlite.Connection, job_id: str | None = None) -> list[ReasonCount]:
    """Rejected and failed images of a job, or of all, grouped by status, stage and reason; the most frequent
    first."""
    of_job = "" if job_id is None else "job_id = :job_id AND"
    statement = f"""SELECT status, stage, reason, count(*) FROM images
        WHERE {of_job} status IN ('qc_failed', 'failed', 'retry_failed')
        GROUP BY status, stage, reason ORDER BY count(*) DESC, reason"""  # noqa: S608 - as above
    return [
        ReasonCount(ImageStatus(row[0]), Stage(row[1]) if row[1] else None, row[2], row[3])
        for row in await fetch_rows(connection, statement, {"job_id": job_id})
    ]
