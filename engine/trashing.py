"""Moves images into the trash and back, one or many: the row and the delivered file, in an order that a kill cannot
harm. Who decides about an image holds its lock meanwhile; what a kill leaves half done is put right at the next start
(`db.review.misplaced`).

Into the trash: the row says `trashed`, then the file goes. Out of it: the file is in the output folder again, then
the row says so, and only then it leaves the trash.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from db import images as image_rows
from db import jobs as job_rows
from db import tasks as task_rows
from db.connection import Database
from db.records import ImageRecord, utc_text
from engine.clock import Clock
from engine.crash import crash_point
from engine.errors import ConflictError
from engine.logs import LogBook
from engine.trash import Trash

AT_ONCE = 50
"""Files that are moved before their rows are written."""


class Trashing:
    """Part of the Engine. Nobody is told of anything: that is done by who decides."""

    def __init__(self, database: Database, clock: Clock, log_book: LogBook, trash_dir: Path) -> None:
        self._database = database
        self._clock = clock
        self._log_book = log_book
        self._trash = Trash(trash_dir)

    @property
    def prefix(self) -> str:
        """What the path of every file in the trash begins with."""
        return self._trash.prefix

    # ---- one image

    async def put(self, image: ImageRecord) -> None:
        """Trash an image of any status, and take its delivered file out of the output folder."""
        async with self._database.transaction() as connection:
            if not await image_rows.trash(connection, image.image_id, self._now()):
                raise ConflictError("It is in the trash already.")
            await task_rows.mark_done_if_finished(connection, image.task_id, self._now())
        try:
            await self.move_in([image])
        except Exception:
            async with self._database.transaction() as connection:
                await image_rows.restore(connection, image.image_id, self._now())
            raise
        self._log_book.for_job(image.job_id).info("Moved to the trash.", image=image.image_number)

    async def take_out(self, image: ImageRecord) -> None:
        """Give a trashed image its status and its delivered file back."""
        if not await self.move_out([image]):
            raise ConflictError("Its file is no longer in the trash.", hint=str(image.output_file))
        async with self._database.transaction() as connection:
            if not await image_rows.restore(connection, image.image_id, self._now()):
                raise ConflictError("Its status changed meanwhile.")
        await self.drop([image])
        self._log_book.for_job(image.job_id).info("Restored from the trash.", image=image.image_number)

    # ---- files of images that are trashed, and their rows

    async def move_in(self, images: Sequence[ImageRecord]) -> None:
        """The delivered files leave the output folder; one that is gone already is no obstacle. Raises PauseRequired
        and OSError; what was moved until then is written down."""
        outside = [
            image
            for image in images
            if image.output_file is not None and not self._trash.holds(image.output_file)
        ]
        for start in range(0, len(outside), AT_ONCE):
            places, error = await asyncio.to_thread(self._put_files, outside[start : start + AT_ONCE])
            await self._write_down(places)
            if error is not None:
                raise error

    async def move_out(self, images: Sequence[ImageRecord]) -> list[ImageRecord]:
        """The delivered files are in the output folder again; they leave the trash with `drop`. Answers the images
        that can be restored now: not those whose file has gone from the trash. Raises as `move_in`."""
        back: list[ImageRecord] = []
        folders: dict[str, Path] = {}
        for image in images:
            if self._trash.holds(image.output_file):
                if image.job_id not in folders:
                    folders[image.job_id] = await self._output_folder(image.job_id)
                place = await asyncio.to_thread(self._copy_file, image, folders[image.job_id])
                if place is None:
                    continue
                # One by one: a kill leaves no more than one file in the output folder that no row tells of.
                await self._write_down({image.image_id: place})
                crash_point("mid_restore")
            back.append(image)
        return back

    async def drop(self, images: Sequence[ImageRecord]) -> None:
        """The trash forgets images that were restored."""

        def drop() -> None:
            for image in images:
                if self._trash.holds(image.output_file):
                    self._trash.drop(image.image_id)

        await asyncio.to_thread(drop)

    # ---- inside

    def _put_files(self, images: Sequence[ImageRecord]) -> tuple[dict[int, Path], Exception | None]:
        """The new places by image, and what ended it before all were moved."""
        places: dict[int, Path] = {}
        for image in images:
            assert image.output_file is not None, "those without were left out"
            try:
                place = self._trash.put(image.image_id, Path(image.output_file))
            except Exception as error:  # noqa: BLE001 - raised when the others are written down
                return places, error
            if place is not None:
                places[image.image_id] = place
            crash_point("mid_trash")
        return places, None

    def _copy_file(self, image: ImageRecord, folder: Path) -> Path | None:
        """Its place in the output folder; None where the trash does not have it any more."""
        file = Path(image.output_file or "")
        return self._trash.copy_back(file, folder) if file.exists() else None

    async def _write_down(self, places: dict[int, Path]) -> None:
        if not places:
            return
        async with self._database.transaction() as connection:
            for image_id, place in places.items():
                await image_rows.set_output_file(connection, image_id, str(place), self._now())

    async def _output_folder(self, job_id: str) -> Path:
        async with self._database.reading() as connection:
            job = await job_rows.get(connection, job_id)
        assert job is not None, "an image's job exists"
        return Path(job.output_dir)

    def _now(self) -> str:
        return utc_text(self._clock.now())
