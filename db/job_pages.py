"""The job list: filters, sort orders and keyset pages over any number of jobs."""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

import aiosqlite

from db.paging import ListIndex, decode_cursor, encode_cursor, like_pattern
from db.query import fetch_all, fetch_rows, words
from db.records import JobRecord
from db.status import JobKind, JobStatus


@dataclass(frozen=True, slots=True)
class JobFilter:
    """What a job must be to be listed; None and empty mean anything. Times as `utc_text` writes them."""

    statuses: Collection[JobStatus] = ()
    text: str = ""
    """Part of the label or the id, letter case ignored."""
    created_from: str | None = None
    created_to: str | None = None
    """Jobs created at this very time are left out."""
    kind: JobKind | None = None
    parent_job_id: str | None = None
    include_deleted: bool = False
    only_deleted: bool = False


class JobSort(StrEnum):
    NEWEST = "newest"
    OLDEST = "oldest"
    NAME = "name"
    """A to Z, letter case ignored."""
    DURATION = "duration"
    """Longest time at work first."""
    IMAGES = "images"
    """Most images first."""


_SORT_KEYS = {
    JobSort.NEWEST: ("job_number", "DESC"),
    JobSort.OLDEST: ("job_number", "ASC"),
    JobSort.NAME: ("label COLLATE NOCASE", "ASC"),
    JobSort.DURATION: ("active_ms", "DESC"),
    JobSort.IMAGES: ("images", "DESC"),
}


async def page(
    connection: aiosqlite.Connection,
    where: JobFilter,
    *,
    sort: JobSort = JobSort.NEWEST,
    is_reversed: bool = False,
    cursor: str | None = None,
    limit: int = 50,
) -> tuple[list[JobRecord], str | None]:
    """Up to `limit` jobs after `cursor`, and the cursor of the next page, None at the end.

    A job whose sort key changes between two pages may be seen twice or not at all. Raises ValueError for a
    cursor that no page with this sort returned.
    """
    conditions, parameters = _conditions(where)
    key, direction = _order(sort, is_reversed=is_reversed)
    if cursor is not None:
        last_key, last_number = decode_cursor(cursor, 2)
        comparison = "<" if direction == "DESC" else ">"
        conditions.append(f"({key}, job_number) {comparison} (:last_key, :last_number)")
        parameters |= {"last_key": last_key, "last_number": last_number}
    order = f"{key} {direction}, job_number {direction}"
    tail = f"FROM jobs WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT :limit"
    rows = await fetch_all(connection, JobRecord, tail, parameters | {"limit": limit + 1})
    if len(rows) <= limit:
        return rows, None
    rows = rows[:limit]
    return rows, encode_cursor(_sort_value(rows[-1], sort), rows[-1].job_number)


async def index(
    connection: aiosqlite.Connection,
    where: JobFilter,
    *,
    sort: JobSort = JobSort.NEWEST,
    is_reversed: bool = False,
    limit: int = 50,
) -> ListIndex:
    """Where each page of `limit` jobs begins, so that any of them can be asked for without those before it."""
    conditions, parameters = _conditions(where)
    key, direction = _order(sort, is_reversed=is_reversed)
    found = f"FROM jobs WHERE {' AND '.join(conditions)}"
    statement = f"""SELECT key, job_number FROM (SELECT {key} AS key, job_number,
            row_number() OVER (ORDER BY {key} {direction}, job_number {direction}) AS place {found})
        WHERE place % :limit = 0 ORDER BY place"""  # noqa: S608 - conditions and keys are constants
    count: int = (await fetch_rows(connection, f"SELECT count(*) {found}", parameters))[0][0]
    rows = await fetch_rows(connection, statement, parameters | {"limit": limit})
    return ListIndex(count, [encode_cursor(*row) for row in rows[: max(0, (count - 1) // limit)]])


async def ids(
    connection: aiosqlite.Connection,
    where: JobFilter,
    *,
    sort: JobSort = JobSort.NEWEST,
    is_reversed: bool = False,
) -> list[str]:
    """The id of every job of the list, in its order."""
    conditions, parameters = _conditions(where)
    key, direction = _order(sort, is_reversed=is_reversed)
    statement = f"""SELECT job_id FROM jobs WHERE {" AND ".join(conditions)}
        ORDER BY {key} {direction}, job_number {direction}"""  # noqa: S608 - as above
    return [row[0] for row in await fetch_rows(connection, statement, parameters)]


def _order(sort: JobSort, *, is_reversed: bool) -> tuple[str, str]:
    key, direction = _SORT_KEYS[sort]
    return (key, "ASC" if direction == "DESC" else "DESC") if is_reversed else (key, direction)


def _conditions(where: JobFilter) -> tuple[list[str], dict[str, object]]:
    conditions = ["1"] if where.include_deleted else ["deleted_at IS NULL"]
    if where.only_deleted:
        conditions = ["deleted_at IS NOT NULL"]
    parameters: dict[str, object] = {}
    if where.statuses:
        conditions.append("status IN (SELECT value FROM json_each(:statuses))")
        parameters["statuses"] = words(where.statuses)
    if where.text:
        conditions.append("(label LIKE :text ESCAPE '!' OR job_id LIKE :text ESCAPE '!')")
        parameters["text"] = like_pattern(where.text)
    if where.created_from is not None:
        conditions.append("created_at >= :created_from")
        parameters["created_from"] = where.created_from
    if where.created_to is not None:
        conditions.append("created_at < :created_to")
        parameters["created_to"] = where.created_to
    if where.kind is not None:
        conditions.append("kind = :kind")
        parameters["kind"] = where.kind
    if where.parent_job_id is not None:
        conditions.append("parent_job_id = :parent_job_id")
        parameters["parent_job_id"] = where.parent_job_id
    return conditions, parameters


def _sort_value(job: JobRecord, sort: JobSort) -> str | int:
    match sort:
        case JobSort.NAME:
            return job.label
        case JobSort.DURATION:
            return job.active_ms
        case JobSort.IMAGES:
            return job.images
        case JobSort.NEWEST | JobSort.OLDEST:
            return job.job_number
