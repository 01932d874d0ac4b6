"""Other title, description, tags or category for an approved image: in its row and in its file, or in neither.

The row is written first and marked; the mark goes when the file has the texts too. What a kill leaves marked is
finished by `settle`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

from db import editing as editing_rows
from db import jobs as job_rows
from db.connection import Database
from db.records import ImageRecord, utc_text
from db.status import ImageStatus, Stage
from engine.bus import EventBus
from engine.clock import Clock
from engine.crash import crash_point
from engine.errors import ConflictError, FactoryError, InputError
from engine.events import ImageChanged
from engine.export.agencies import Agencies
from engine.export.requests import ImageEdit
from engine.imaging.embed import EmbeddedText, embed_file
from engine.logs import LogBook
from engine.review import Review
from engine.settings import merge_settings
from engine.text import clean_text
from engine.views import DecisionView

LIMITS = {"title": 500, "description": 4_000, "tag": 100}
MOST_TAGS = 100


class Editing:
    """Part of the Engine. Shares the locks of Review: nobody trashes an image while its texts are written."""

    def __init__(
        self,
        database: Database,
        review: Review,
        bus: EventBus,
        clock: Clock,
        log_book: LogBook,
        agencies: Callable[[], Awaitable[Agencies]],
    ) -> None:
        self._database = database
        self._review = review
        self._bus = bus
        self._clock = clock
        self._log_book = log_book
        self._agencies = agencies

    async def edit(self, image_ids: Sequence[int], edit: ImageEdit) -> DecisionView:
        """See EngineApi."""
        categories = (await self._agencies()).categories if edit.category else ()
        wanted = checked_edit(edit, categories)

        async def one(image: ImageRecord) -> None:
            await self._edit(image, wanted)

        return await self._review.change(image_ids, one)

    async def settle(self) -> None:
        """Write what a killed engine had not written into files; what cannot be is logged, and not tried again."""
        async with self._database.reading() as connection:
            stale = await editing_rows.stale(connection)
        for image in stale:
            try:
                await self._into_file(image)
            except (FactoryError, OSError) as error:
                self._log_book.for_job(image.job_id).warning(
                    f"Its file does not have the new texts: {error}",
                    Stage.METADATA,
                    image=image.image_number,
                    hint="Edit them once more.",
                )
            async with self._database.transaction() as connection:
                await editing_rows.file_follows(connection, image.image_id)

    async def _edit(self, image: ImageRecord, edit: ImageEdit) -> None:
        if image.status is not ImageStatus.APPROVED:
            raise ConflictError("It is not approved.", hint="Only approved images are edited.")
        changed = replace(
            image,
            title=image.title if edit.title is None else edit.title or None,
            description=image.description if edit.description is None else edit.description or None,
            tags=image.tags if edit.tags is None else edit.tags,
            category=image.category if edit.category is None else edit.category or None,
        )
        if changed == image:
            return
        is_embedding = replace(changed, category=image.category) != image and await self._embeds(image)
        await self._store(changed, is_file_stale=is_embedding)
        if is_embedding:
            crash_point("mid_edit")
            try:
                await self._into_file(changed)
            except Exception:
                await self._store(image, is_file_stale=False)
                raise
            async with self._database.transaction() as connection:
                await editing_rows.file_follows(connection, image.image_id)
        self._log_book.for_job(image.job_id).info(
            "Its title, description, tags or category were edited.", Stage.METADATA, image=image.image_number
        )
        self._bus.publish(ImageChanged(image.job_id, image.image_id, image.status))

    async def _embeds(self, image: ImageRecord) -> bool:
        """Whether the settings of its job put texts into files."""
        async with self._database.reading() as connection:
            snapshot = await job_rows.snapshot(connection, image.job_id)
        assert snapshot is not None, "every job has its snapshot"
        return merge_settings(snapshot.settings)[0].ai.embed_metadata

    async def _store(self, image: ImageRecord, *, is_file_stale: bool) -> None:
        async with self._database.transaction() as connection:
            is_done = await editing_rows.edit(
                connection,
                image.image_id,
                title=image.title,
                description=image.description,
                tags=image.tags,
                category=image.category,
                is_file_stale=is_file_stale,
                at=utc_text(self._clock.now()),
            )
        if not is_done:
            raise ConflictError("Its status changed meanwhile.")

    async def _into_file(self, image: ImageRecord) -> None:
        assert image.output_file is not None, "an approved image has a file"
        file = Path(image.output_file)
        text = EmbeddedText(image.title or "", image.description or "", image.tags)
        try:
            await asyncio.to_thread(embed_file, file, file, text)
        except FileNotFoundError as error:
            raise ConflictError("Its file is not there.", hint=str(file)) from error


def checked_edit(edit: ImageEdit, categories: Sequence[str]) -> ImageEdit:
    """The texts on one line each, cleaned, without empty and repeated tags. Raises InputError."""
    tags = None
    if edit.tags is not None:
        first: dict[str, str] = {}
        for tag in (_one_line(tag, "tag") for tag in edit.tags):
            first.setdefault(tag.casefold(), tag)
        tags = tuple(tag for tag in first.values() if tag)
        if len(tags) > MOST_TAGS:
            raise InputError(f"There are {len(tags)} tags; {MOST_TAGS} are the most.")
    category = edit.category
    if category:
        known = {name.casefold(): name for name in categories}
        if category.strip().casefold() not in known:
            raise InputError(
                f"There is no category “{clean_text(category)}”.", hint=f"One of: {', '.join(categories)}."
            )
        category = known[category.strip().casefold()]
    return ImageEdit(
        title=None if edit.title is None else _one_line(edit.title, "title"),
        description=None if edit.description is None else _one_line(edit.description, "description"),
        tags=tags,
        category=category,
    )


def _one_line(text: str, what: str) -> str:
    line = " ".join(clean_text(text).split())
    if len(line) > LIMITS[what]:
        raise InputError(f"The {what} has {len(line)} characters; {LIMITS[what]} are the most.")
    return line
