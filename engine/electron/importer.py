"""The import itself: configurations, then job after job with its images, each in transactions of its own.

What a transaction has taken over is remembered with it, so that an import that was cut off goes on in the next one.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import batched
from pathlib import Path

from db import imports
from db import jobs as job_rows
from db.connection import Database
from db.records import utc_text
from db.status import ImageStatus, JobStatus
from engine.bus import EventBus
from engine.clock import Clock
from engine.electron import rows
from engine.electron.configurations import take_configuration
from engine.electron.keys import find_keys
from engine.electron.pictures import Found, copy_picture, look
from engine.electron.report import Report
from engine.electron.settings_map import MappedSettings, map_settings
from engine.electron.source import OldDatabase, OldJob, open_old
from engine.electron.statuses import job_status
from engine.electron.views import ImportView
from engine.errors import ConflictError
from engine.events import ConfigurationsChanged, ImportProgressed, JobCreated
from engine.ids import new_job_id
from engine.logs import LogBook
from engine.places import Places
from engine.settings import Settings
from engine.text import safe_label

AT_A_TIME = 100
"""Images that are read and looked at together."""
LABEL_BYTES = 60


@dataclass(frozen=True, slots=True)
class _Order:
    """What is asked for; relative paths of old rows count from `folder`."""

    folder: Path
    is_copying: bool
    is_dry_run: bool


class ElectronImport:
    """Part of the Engine: one import at a time."""

    def __init__(
        self, database: Database, log_book: LogBook, bus: EventBus, clock: Clock, places: Callable[[], Places]
    ) -> None:
        self._database = database
        self._log_book = log_book
        self._bus = bus
        self._clock = clock
        self._places = places
        self._is_at_work = False

    async def run(
        self, path: str, *, folder: str | None = None, is_copying: bool = False, is_dry_run: bool = False
    ) -> ImportView:
        """See EngineApi. Raises InputError for a file that is not the old program's, ConflictError beside another
        import, PauseRequired where there is no room for a copy."""
        if self._is_at_work:
            raise ConflictError("An import is at work already.", hint="Wait for its end.")
        self._is_at_work = True
        file = Path(path)
        order = _Order(file.parent if folder is None else Path(folder), is_copying, is_dry_run)
        stack = ExitStack()
        try:
            scratch = self._places().paths.data_dir
            old = await asyncio.to_thread(stack.enter_context, open_old(file, scratch))
            report = await self._import(old, order)
            await asyncio.to_thread(old.require_unchanged)
        finally:
            self._is_at_work = False
            await asyncio.to_thread(stack.close)
        return report.view(file, is_dry_run=is_dry_run, is_copying=is_copying)

    async def _import(self, old: OldDatabase, order: _Order) -> Report:
        configurations = await asyncio.to_thread(old.configurations)
        jobs = await asyncio.to_thread(old.jobs)
        documents = [*(one.settings for one in configurations), *(job.snapshot for job in jobs)]
        report = Report(*find_keys(documents))
        shelf: dict[str, tuple[str, MappedSettings]] = {}
        for configuration in configurations:
            shelf[configuration.old_id] = await take_configuration(
                self._database, configuration, order.folder, self._now(), report, is_dry_run=order.is_dry_run
            )
        if report.names and not order.is_dry_run:
            self._bus.publish(ConfigurationsChanged())
        images = await asyncio.to_thread(old.image_rows)
        report.total = sum(map(len, images.values()))
        known: set[str] = set()
        for job in jobs:
            if job.old_id in known:
                report.note(f"Two jobs have the id {job.old_id}; the second one is left out.")
                report.jobs.left_out += 1
                continue
            known.add(job.old_id)
            await self._job(
                old, job, images.get(job.old_id, []), shelf.get(job.configuration_id), order, report
            )
        lost = [place for owner, places in images.items() if owner not in known for place in places]
        if lost:
            await self._job(old, None, lost, None, order, report)
        return report

    # ---- jobs

    async def _job(
        self,
        old_database: OldDatabase,
        old: OldJob | None,
        places: Sequence[int],
        shelved: tuple[str, MappedSettings] | None,
        order: _Order,
        report: Report,
    ) -> None:
        origin = rows.ORPHANS if old is None else rows.job_origin(old)
        label = rows.label_of(old, report.masker)
        mapped = self._settings_of(old, shelved, label, report)
        async with self._database.reading() as connection:
            job_id = (await imports.targets(connection, [origin])).get(origin)
            record = None if job_id is None else await job_rows.get(connection, job_id)
        if job_id is None:
            report.jobs.imported += 1
            if old is not None and not job_status(old.status)[1]:
                report.note(f"The status of the job {label} is not known here; it counts as interrupted.")
        else:
            report.jobs.already += 1
        home = rows.JobHome(
            job_id=job_id or "",
            label=label,
            provider=mapped.settings.generation.provider,
            model=mapped.settings.generation.model,
            is_checking=mapped.settings.ai.quality_check,
        )
        if job_id is not None and (record is None or record.deleted_at is not None):
            report.images.already += len(places)  # the user deleted the job here: nothing of it comes back
            return
        is_begun = job_id is not None
        has_more = False
        for batch in batched(places, AT_A_TIME):
            self._bus.publish(ImportProgressed(report.looked_at, report.total))
            report.looked_at += len(batch)
            found = await self._new_pictures(old_database, batch, order, label, report)
            if order.is_dry_run:
                for one in found:
                    report.statuses[rows.verdict_of(one).status] += 1
                report.images.imported += len(found)
                continue
            if not is_begun:
                home = await self._begin_job(old, home, mapped, shelved, found, origin, order, report)
                is_begun = True
            has_more |= await self._images(found, home, order, report)
        if order.is_dry_run:
            return
        if not is_begun:
            home = await self._begin_job(old, home, mapped, shelved, [], origin, order, report)
        # It planned nothing yet where an earlier import was cut off.
        if has_more or record is None or record.planned_images == 0:
            await self._settle(old, home, len(places), origin)
        if job_id is None:
            self._tell(old, home)

    def _settings_of(
        self, old: OldJob | None, shelved: tuple[str, MappedSettings] | None, label: str, report: Report
    ) -> MappedSettings:
        """As it ran, where that was kept; else its configuration as it is there now."""
        if old is not None and old.snapshot:
            mapped = map_settings(old.snapshot, report.masker)
            report.add_settings(mapped, f"job {label}")
        elif shelved is not None:
            mapped = shelved[1]
        else:
            mapped = map_settings({}, report.masker)
        # Whatever is still done for its images is done in our own work folder.
        files = mapped.settings.files.model_copy(update={"work_dir": None})
        return MappedSettings(mapped.settings.model_copy(update={"files": files}), mapped.unmapped)

    async def _new_pictures(
        self, old: OldDatabase, places: Sequence[int], order: _Order, label: str, report: Report
    ) -> list[Found]:
        """The images there that were not taken over yet and have a file; the others are counted."""
        images = await asyncio.to_thread(old.images, places)
        origins = {rows.image_origin(image): image for image in images}
        report.images.already += len(images) - len(origins)  # the same image twice
        async with self._database.reading() as connection:
            seen = await imports.targets(connection, origins.keys())
        report.images.already += len(seen)
        new = [image for origin, image in origins.items() if origin not in seen]
        found = await asyncio.to_thread(lambda: [look(image, order.folder) for image in new])
        for one in found:
            if one.why_not:
                report.leave_out(one, label, one.why_not)
        return [one for one in found if not one.why_not]

    async def _begin_job(
        self,
        old: OldJob | None,
        home: rows.JobHome,
        mapped: MappedSettings,
        shelved: tuple[str, MappedSettings] | None,
        found: Sequence[Found],
        origin: str,
        order: _Order,
        report: Report,
    ) -> rows.JobHome:
        status = JobStatus.COMPLETED if old is None else job_status(old.status)[0]
        output_dir = self._output_dir(found, order)
        at = self._now()
        async with self._database.transaction() as connection:
            while True:
                job_id = new_job_id()
                home = rows.JobHome(job_id, home.label, home.provider, home.model, home.is_checking)
                name = None if shelved is None else shelved[0]
                job = rows.make_job(
                    old, status, home, mapped.settings, name, output_dir, report.masker, self._clock.now()
                )
                try:
                    await imports.insert_job(connection, job)
                    break
                except sqlite3.IntegrityError:
                    if await job_rows.get(connection, job_id) is None:
                        raise  # it is not the id
            await imports.remember(connection, origin, job_id, at)
        self._bus.publish(JobCreated(job_id))
        return home

    def _output_dir(self, found: Sequence[Found], order: _Order) -> Path:
        """Where a picture of the job belongs that is restored or approved later."""
        if not order.is_copying:
            finals = [one.final.path.parent for one in found if one.final is not None]
            if finals:
                return finals[0].absolute()
        return self._places().output(Settings())

    # ---- images

    async def _images(
        self, found: Sequence[Found], home: rows.JobHome, order: _Order, report: Report
    ) -> bool:
        """Whether any came."""
        has_any = False
        for one in found:
            verdict = rows.verdict_of(one)
            try:
                files = await asyncio.to_thread(self._files, one, verdict.status, home, order)
            except OSError as error:
                report.leave_out(one, home.label, error.strerror or str(error))
                continue
            image = rows.make_image(one, verdict, home, files, report.masker, self._clock.now())
            try:
                async with self._database.transaction() as connection:
                    image_id = await imports.insert_image(connection, image, self._now())
                    await imports.remember(connection, image.request_key, str(image_id), self._now())
            except sqlite3.IntegrityError as error:
                if "output_file" not in str(error):
                    raise
                report.leave_out(one, home.label, "another image has this very file")
                continue
            has_any = True
            report.images.imported += 1
            report.statuses[image.status] += 1
        return has_any

    def _files(
        self, found: Found, status: ImageStatus, home: rows.JobHome, order: _Order
    ) -> tuple[str | None, str | None]:
        """The finished picture and the original: where they lie, or where their copies do. Blocks."""
        is_approved = status is ImageStatus.APPROVED
        final = found.final if is_approved else None
        original = found.original or (None if is_approved else found.final)
        if not order.is_copying:
            return (
                None if final is None else str(final.path.absolute()),
                None if original is None else str(original.path.absolute()),
            )
        places = self._places()
        stem = f"{safe_label(home.label, LABEL_BYTES)}_{home.job_id}_{rows.image_origin(found.image)[-12:]}"
        work = places.work(Settings()) / home.job_id
        return (
            None if final is None else str(copy_picture(final, places.output(Settings()), stem)),
            None if original is None else str(copy_picture(original, work, f"{stem}_original")),
        )

    # ---- the end of a job

    async def _settle(self, old: OldJob | None, home: rows.JobHome, images: int, origin: str) -> None:
        planned = images if old is None or old.total is None else max(old.total, images)
        async with self._database.transaction() as connection:
            await imports.settle_job(
                connection,
                home.job_id,
                request_key=f"{origin}:rest",
                planned_images=planned,
                provider=home.provider,
                model=home.model,
                why="They failed in the Electron program, or their files are gone.",
                at=self._now(),
            )

    def _tell(self, old: OldJob | None, home: rows.JobHome) -> None:
        log = self._log_book.for_job(home.job_id)
        if old is None or old.total is None:
            log.info("Imported from the Electron program.")
            return
        log.info(
            f"Imported from the Electron program, which had counted {old.total} images: {old.successful or 0} "
            f"successful, {old.failed or 0} failed."
        )
        if not old.snapshot:
            log.warning(
                "What it ran with was not kept there: its settings are those of its configuration, or the defaults."
            )

    def _now(self) -> str:
        return utc_text(self._clock.now())
