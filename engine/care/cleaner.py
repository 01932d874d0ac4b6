"""Makes room: removes what belongs to nobody any more, and what has been in the trash for long.

A row goes before its files, so that nothing can be restored that is half gone; what a kill leaves between the two is
an orphan for the next time. Files that a row points to, and files outside our own folders, are never removed.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from db import care
from db import images as image_rows
from db import jobs as job_rows
from db.connection import Database
from db.records import ImageRecord, JobRecord, utc_text
from db.status import ImageStatus
from engine.bus import EventBus
from engine.care import finding
from engine.care.finding import FoundFile
from engine.care.views import CleanGroup, CleanKind, CleanView
from engine.clock import Clock
from engine.events import JobChanged
from engine.logs import LogBook
from engine.places import Places
from engine.settings import merge_settings
from engine.text import clean_text

EXAMPLES = 10
YOUNG_S = 600.0
"""A file without a row may be about to get one: younger ones are let alone."""
CHUNK = 20_000
BESIDE_WORK = timedelta(days=1)
AT_WORK = (
    "A job is at work: files without a row are not looked for, because some are about to get one, "
    "and what was put into the trash in the last 24 hours stays."
)


@dataclass
class _Haul:
    """What of one kind was found, and is removed."""

    kind: CleanKind
    count: int = 0
    files: list[FoundFile] = field(default_factory=list)
    is_removed: bool = True

    def view(self) -> CleanGroup:
        """As everyone sees it."""
        return CleanGroup(
            kind=self.kind,
            count=self.count,
            files=len(self.files),
            bytes=finding.size_of(self.files),
            is_removed=self.is_removed,
            examples=tuple(clean_text(str(file.path)) for file in self.files[:EXAMPLES]),
        )


class Cleaner:
    """Part of the Engine. `is_at_work` tells whether a job or a decision is."""

    def __init__(
        self,
        database: Database,
        log_book: LogBook,
        bus: EventBus,
        clock: Clock,
        places: Callable[[], Places],
        is_at_work: Callable[[], bool],
    ) -> None:
        self._database = database
        self._log_book = log_book
        self._bus = bus
        self._clock = clock
        self._places = places
        self._is_at_work = is_at_work
        self._lock = asyncio.Lock()

    async def clean(self, *, older_than_days: float, includes_caches: bool, is_dry_run: bool) -> CleanView:
        """See EngineApi."""
        async with self._lock:
            notes: list[str] = []
            now = self._clock.now()
            cutoff = now - timedelta(days=older_than_days)
            hauls = [await self._partials(is_dry_run, notes)]
            if self._is_at_work():
                notes.append(AT_WORK)
                # It may still be about to look at an image that was just trashed.
                cutoff = min(cutoff, now - BESIDE_WORK)
            else:
                hauls.append(await self._orphans(cutoff.timestamp(), is_dry_run, notes))
            hauls.append(await self._trash(utc_text(cutoff), is_dry_run, notes))
            hauls.append(await self._deleted_jobs(utc_text(cutoff), is_dry_run, notes))
            hauls.append(await self._caches(includes_caches, is_dry_run, notes))
        groups = tuple(haul.view() for haul in hauls)
        freed = sum(group.bytes for group in groups if group.is_removed)
        if not is_dry_run and freed:
            self._log_book.for_job(None).info(f"Cleaned: {freed / 1e6:,.1f} MB freed.")
        return CleanView(
            is_dry_run=is_dry_run,
            older_than_days=older_than_days,
            groups=groups,
            freed_bytes=freed,
            notes=tuple(clean_text(note) for note in notes[:100]),
        )

    # ---- unfinished files

    async def _partials(self, is_dry_run: bool, notes: list[str]) -> _Haul:
        paths = self._places().paths
        async with self._database.reading() as connection:
            outputs = await care.output_folders(connection)
        own = [paths.work_dir, paths.previews_dir, paths.trash_dir]

        def find() -> list[FoundFile]:
            files = [file for folder in own for file in finding.partials_in(folder, is_deep=True)]
            # An output folder is the user's: only what lies right in it, under names that only we give.
            files += [file for name in outputs for file in finding.partials_in(Path(name), is_deep=False)]
            return list({file.path: file for file in files}.values())

        return await self._remove(CleanKind.PARTIALS, await asyncio.to_thread(find), is_dry_run, notes)

    # ---- orphans

    async def _orphans(self, before: float, is_dry_run: bool, notes: list[str]) -> _Haul:
        paths = self._places().paths
        async with self._database.reading() as connection:
            job_ids = await care.all_job_ids(connection)
        candidates: list[FoundFile] = []
        for root in (paths.work_dir, paths.previews_dir):
            for folder in await asyncio.to_thread(finding.job_folders, root):
                files = await asyncio.to_thread(finding.all_below, folder)
                if folder.name not in job_ids:
                    # The database may be an older copy: what is recent may belong to a job that it does not know.
                    candidates += [file for file in files if file.modified < before]
                elif root == paths.previews_dir:
                    candidates += await self._strange_previews(folder.name, files)
                else:
                    candidates += await self._strange_work(folder.name, files)
        candidates += await self._strange_trash(paths.trash_dir, before)
        candidates = [file for file in candidates if self._is_old(file) and not finding.is_partial(file.path)]
        return await self._remove(
            CleanKind.ORPHANS, await self._pointed_at_by_none(candidates), is_dry_run, notes
        )

    async def _strange_previews(self, job_id: str, files: Sequence[FoundFile]) -> list[FoundFile]:
        async with self._database.reading() as connection:
            numbers = await care.image_numbers(connection, job_id)
        return [
            file
            for file in files
            if (number := finding.number_of_preview(file.path)) is not None and number not in numbers
        ]

    async def _strange_work(self, job_id: str, files: Sequence[FoundFile]) -> list[FoundFile]:
        """By name within the job: the data folder may have been moved since its paths were written down."""
        async with self._database.reading() as connection:
            rows = await care.files_of_job(connection, job_id)
            tasks = await care.open_tasks(connection, job_id)
        names = {Path(name).name for row in rows for name in row if name is not None}
        # What a paid task has brought and no row has yet: `incoming/<request key>...` and `task<id>.grid`.
        kept = tuple(mark for task_id, key in tasks for mark in (key, f"task{task_id}."))
        return [file for file in files if file.path.name not in names and not file.path.name.startswith(kept)]

    async def _strange_trash(self, root: Path, before: float) -> list[FoundFile]:
        """What images have there that are not trashed. The database may be an older copy: the only file that there is
        of a finished picture stays, and so does what is recent of images that the copy does not know."""
        folders = await asyncio.to_thread(finding.image_folders, root)
        async with self._database.reading() as connection:
            images = {one.image_id: one for one in await image_rows.get_many(connection, list(folders))}

        def find() -> list[FoundFile]:
            found: list[FoundFile] = []
            for image_id, folder in folders.items():
                image = images.get(image_id)
                if image is None:
                    found += [file for file in finding.files_below(folder) if file.modified < before]
                elif image.status is not ImageStatus.TRASHED and (
                    image.output_file is None or Path(image.output_file).exists()
                ):
                    found += finding.files_below(folder)
            return found

        return await asyncio.to_thread(find)

    # ---- the trash

    async def _trash(self, before: str, is_dry_run: bool, notes: list[str]) -> _Haul:
        haul = _Haul(CleanKind.TRASH)
        after = 0
        while True:
            async with self._database.reading() as connection:
                page = await care.old_trash(connection, before, after)
            if not page:
                return haul
            after = page[-1].image_id
            files: list[FoundFile] = []
            for image in page:
                of_image = await self._files_of(image)
                if not is_dry_run and not await self._drop(image):
                    continue
                haul.count += 1
                files += of_image
            await self._gather(haul, files, is_dry_run, notes)

    async def _drop(self, image: ImageRecord) -> bool:
        """Whether the row is gone; False where somebody has just restored it."""
        async with self._database.transaction() as connection:
            is_gone = await image_rows.delete(connection, image.image_id)
        if is_gone:
            self._bus.publish(JobChanged(image.job_id))
        return is_gone

    async def _files_of(self, image: ImageRecord) -> list[FoundFile]:
        """Those of its files that lie in our own folders."""
        places = self._places()
        work, previews = await self._work_folder(image.job_id), places.paths.previews_dir / image.job_id

        def find() -> list[FoundFile]:
            files = list(finding.files_below(places.paths.trash_dir / str(image.image_id)))
            names = [Path(name) for name in (image.original_file, image.processed_file) if name is not None]
            names = [name for name in names if name.is_relative_to(work)]
            names += [previews / f"{image.image_number:05d}_{side}.jpg" for side in (256, 512)]
            return files + [file for name in names if (file := finding.found(name)) is not None]

        return await asyncio.to_thread(find)

    # ---- deleted jobs

    async def _deleted_jobs(self, before: str, is_dry_run: bool, notes: list[str]) -> _Haul:
        haul = _Haul(CleanKind.DELETED_JOBS)
        async with self._database.reading() as connection:
            jobs = await care.old_deleted_jobs(connection, before)
        for job in jobs:
            files = await self._files_of_job(job)
            left = await self._left_outside(job)
            if not is_dry_run:
                async with self._database.transaction() as connection:
                    is_gone = await job_rows.purge(connection, job.job_id)
                if not is_gone:
                    continue
                self._bus.publish(JobChanged(job.job_id))
            haul.count += 1
            if left:
                notes.append(f"{left} of the finished pictures of {job.label} stay in {job.output_dir}.")
            await self._gather(haul, files, is_dry_run, notes)
        return haul

    async def _files_of_job(self, job: JobRecord) -> list[FoundFile]:
        paths = self._places().paths
        async with self._database.reading() as connection:
            image_ids = await care.image_ids_of_job(connection, job.job_id)
        folders = [await self._work_folder(job.job_id), paths.previews_dir / job.job_id]
        folders += [paths.trash_dir / str(image_id) for image_id in image_ids]
        return await asyncio.to_thread(finding.all_below, *folders)

    async def _left_outside(self, job: JobRecord) -> int:
        """How many finished pictures are not in the trash: the folder was not there, or they were restored alone."""
        async with self._database.reading() as connection:
            rows = await care.files_of_job(connection, job.job_id)
        trash = self._places().paths.trash_dir
        outside = [Path(output) for *_, output in rows if output is not None]
        outside = [path for path in outside if not path.is_relative_to(trash)]
        return await asyncio.to_thread(lambda: sum(path.exists() for path in outside))

    async def _work_folder(self, job_id: str) -> Path:
        async with self._database.reading() as connection:
            snapshot = await job_rows.snapshot(connection, job_id)
        places = self._places()
        if snapshot is None:
            return places.paths.work_dir / job_id
        return places.work(merge_settings(snapshot.settings)[0]) / job_id

    # ---- caches

    async def _caches(self, includes_caches: bool, is_dry_run: bool, notes: list[str]) -> _Haul:
        previews = self._places().paths.previews_dir

        def find() -> list[FoundFile]:
            files = finding.files_below(previews)
            return [file for file in files if finding.number_of_preview(file.path) is not None]

        files = await asyncio.to_thread(find)
        haul = await self._remove(CleanKind.CACHES, files, is_dry_run or not includes_caches, notes)
        haul.is_removed = includes_caches
        return haul

    # ---- removing

    def _is_old(self, file: FoundFile) -> bool:
        return file.modified < self._clock.now().timestamp() - YOUNG_S

    async def _pointed_at_by_none(self, files: Sequence[FoundFile]) -> list[FoundFile]:
        kept: set[str] = set()
        for start in range(0, len(files), CHUNK):
            names = [str(file.path) for file in files[start : start + CHUNK]]
            async with self._database.aggregating() as connection:
                kept |= await care.pointed_at(connection, names)
        return [file for file in files if str(file.path) not in kept]

    async def _gather(
        self, haul: _Haul, files: Sequence[FoundFile], is_dry_run: bool, notes: list[str]
    ) -> None:
        """Remove what no row points to, now that the rows that it belonged to are gone."""
        free = files if is_dry_run else await self._pointed_at_by_none(files)
        haul.files += (await self._remove(haul.kind, free, is_dry_run, notes)).files

    async def _remove(
        self, kind: CleanKind, files: Sequence[FoundFile], is_dry_run: bool, notes: list[str]
    ) -> _Haul:
        """What was found, or what was removed of it."""
        if not is_dry_run:
            paths = self._places().paths
            roots = (paths.work_dir, paths.previews_dir, paths.trash_dir)
            files, problems = await asyncio.to_thread(finding.remove, files, roots)
            notes += problems
        return _Haul(kind, count=len(files), files=list(files))
