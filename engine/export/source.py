"""What an export reads: pages of rows, in a fixed order, however many there are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import batched
from pathlib import Path

from db import exports as export_rows
from db import ledger as ledger_rows
from db.connection import Database
from db.records import LedgerRecord
from engine.api import ImageQuery, LogQuery
from engine.export.requests import ExportRequest
from engine.export.views import MissingView
from engine.queries import Queries
from engine.views import ImageStatus, ImageView, LogView

PAGE = 500


class Source:
    """Asks, never changes."""

    def __init__(self, database: Database, queries: Queries) -> None:
        self._database = database
        self._queries = queries

    async def wanted_ids(self, request: ExportRequest) -> list[int]:
        """The images that a request for pictures or a sheet is about: the approved ones of its jobs, in their order,
        then those it names, each once. Raises NotFoundError for a job that is not there."""
        found: dict[int, None] = {}
        for job_id in request.job_ids:
            await self._queries.job(job_id)
            query = ImageQuery(job_id=job_id, statuses=(ImageStatus.APPROVED,), sort="number")
            found |= dict.fromkeys(await self._queries.image_ids(query))
        return list(found | dict.fromkeys(request.image_ids))

    async def pages(self, image_ids: Sequence[int]) -> AsyncIterator[list[ImageView]]:
        """Those of the images that exist, in this order."""
        for some in batched(image_ids, PAGE, strict=False):
            yield await self._queries.images_by_id(some)

    async def job_images(self, job_id: str) -> AsyncIterator[list[ImageView]]:
        """All images of a job, of every status."""
        query = ImageQuery(job_id=job_id, statuses=(), sort="number", limit=PAGE)
        while True:
            page = await self._queries.images(query)
            yield list(page.rows)
            if page.next_cursor is None:
                return
            query = replace(query, cursor=page.next_cursor)

    async def job_log(self, job_id: str) -> AsyncIterator[list[LogView]]:
        """Its log from level info on, oldest first."""
        last = 0
        while entries := await self._queries.logs(LogQuery(job_id=job_id, after_entry_id=last, limit=PAGE)):
            yield entries
            last = entries[-1].entry_id

    async def job_spend(self, job_id: str) -> AsyncIterator[list[LedgerRecord]]:
        """Its entries in the ledger, oldest first."""
        last = 0
        while True:
            async with self._database.reading() as connection:
                entries = await ledger_rows.for_job(connection, job_id, last, PAGE)
            if not entries:
                return
            yield entries
            last = entries[-1].entry_id

    async def generation_indexes(self, job_id: str) -> dict[int, int]:
        """Generation id -> index in its job."""
        async with self._database.reading() as connection:
            return await export_rows.generation_indexes(connection, job_id)


def why_missing(image: ImageView) -> MissingView | None:
    """Why an image has no picture to export; None where it has. Looks at the disk."""
    reason = ""
    if image.status is not ImageStatus.APPROVED:
        reason = f"it is not approved ({image.status})"
    elif image.file is None:
        reason = "it has no file"
    elif not Path(image.file).is_file():
        reason = "the file is not there"
    if not reason:
        return None
    return MissingView(image_id=image.image_id, file=image.file, reason=reason)
