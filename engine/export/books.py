"""Exports of workbooks: one job as .xlsx, several as a .zip of them with a summary."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from engine.crash import crash_point
from engine.export.archive import Archive
from engine.export.columns import open_book
from engine.export.job_book import JobBook
from engine.export.naming import UniqueNames
from engine.export.progress import ExportPhase, ExportProgress
from engine.export.source import Source
from engine.export.target import Draft, Target, drafting
from engine.export.threads import Threads
from engine.files import partial_path, storage_errors
from engine.queries import Queries
from engine.views import JobView


@dataclass(frozen=True, slots=True)
class Written:
    """What an export left: its files in order, and how many things are in them."""

    paths: tuple[Path, ...]
    files: int
    images: int


@dataclass(frozen=True, slots=True)
class BookExport:
    """One export at work. Raises NotFoundError, PauseRequired; leaves nothing where it raises or is cancelled."""

    queries: Queries
    source: Source
    scratch: Path
    hide: Callable[[str], str]
    progress: ExportProgress
    threads: Threads
    target: Target
    now: datetime

    async def workbook(self, job_id: str) -> Written:
        """The workbook of one job."""
        async with drafting(self.target, self.threads) as draft:
            images = await self._write_book(job_id, draft.file, self.target.folder)
            crash_point("mid_export")
            await self.threads.do(draft.finish)
            return Written((await self.threads.finish(draft.place),), 1, images)

    async def archive(self, job_ids: Sequence[str]) -> Written:
        """A workbook of each job and `export_summary.txt`."""
        jobs = [await self.queries.job(job_id) for job_id in job_ids]
        names, packed, images = UniqueNames(), [], 0
        async with drafting(self.target, self.threads) as draft:
            with contextlib.closing(Archive(draft.file)) as archive:
                for job in jobs:
                    name = names.take(f"{job.number:04d}_{job.label}_{job.job_id}.xlsx")
                    images += await self._pack_book(archive, job, name)
                    packed.append((job, name))
                    crash_point("mid_export")
                await self.threads.do(self._finish, archive, draft, summary(packed, self.now))
            return Written((await self.threads.finish(draft.place),), len(packed), images)

    async def _pack_book(self, archive: Archive, job: JobView, name: str) -> int:
        place = partial_path(self.scratch)
        try:
            with storage_errors(self.scratch):
                file = place.open("xb")
            with file:
                images = await self._write_book(job.job_id, file, self.scratch)
            self.progress.begin(ExportPhase.ZIPPING, images)
            with storage_errors(self.target.folder):
                await self.threads.do(archive.add_file, place, name, is_cancelled=self.threads.is_cancelled)
            self.progress.step(images)
            return images
        finally:
            place.unlink(missing_ok=True)

    def _finish(self, archive: Archive, draft: Draft, text: str) -> None:
        with storage_errors(self.target.folder):
            archive.add_bytes("export_summary.txt", text.encode(errors="replace"))
            archive.finish()
        draft.finish()

    async def _write_book(self, job_id: str, file: BinaryIO, folder: Path) -> int:
        """Write a job's workbook to `file`, which lies in `folder`; how many images it lists."""
        do = self.threads.do
        self.progress.begin(ExportPhase.GATHERING, 0)
        job = await self.queries.job(job_id)
        settings = await self.queries.job_settings(job_id)
        indexes = await self.source.generation_indexes(job_id)
        book = await do(open_book, self.scratch, self.hide)
        images = 0
        try:
            with storage_errors(self.scratch):
                sheets = await do(JobBook, book, job, settings, indexes)
                self.progress.begin(ExportPhase.WORKBOOK, job.images.finished + job.images.pending)
                async for page in self.source.job_images(job_id):
                    await do(sheets.add_images, page)
                    images += len(page)
                    self.progress.step(len(page))
                async for entries in self.source.job_log(job_id):
                    await do(sheets.add_log, entries)
                async for bookings in self.source.job_spend(job_id):
                    await do(sheets.add_spend, bookings)
            with storage_errors(folder):
                await do(book.save, file, is_cancelled=self.threads.is_cancelled)
        finally:
            await self.threads.clean_up(book.discard)
        return images


def summary(packed: Sequence[tuple[JobView, str]], now: datetime) -> str:
    """`export_summary.txt`: what is in the archive, for people."""
    lines = [
        "Gen Image Factory: export of jobs",
        f"Written {now.astimezone():%Y-%m-%d %H:%M:%S %z}",
        f"{len(packed)} jobs, {sum(job.images.approved for job, _ in packed)} approved images, "
        f"${sum(job.spend_usd for job, _ in packed):.4f} spent",
        "",
    ]
    for job, name in packed:
        counts = job.images
        lines += [
            f"#{job.number} {' '.join(job.label.split())}",
            f"  workbook  {name}",
            f"  job id    {job.job_id}",
            f"  status    {job.status}",
            f"  images    {counts.approved} approved, {counts.qc_failed} rejected, {counts.failed} failed, "
            f"{counts.unknown} unknown, {counts.trashed} trashed of {counts.planned} planned",
            f"  spend     ${job.spend_usd:.4f}",
            *([f"  error     {job.error.message}"] if job.error else []),
            "",
        ]
    return "\n".join(lines)
