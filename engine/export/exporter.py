"""Carries exports out: each is a task of its own that outlives its caller, and can be watched and cancelled by its id.

A row tells of every export before it writes; what a killed one left is removed at the next start.
"""

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from db import exports as export_rows
from db.connection import Database
from db.records import utc_text
from engine.bus import EventBus
from engine.clock import Clock
from engine.errors import ConflictError, FactoryError, InputError, PauseRequired
from engine.events import ExportEnded
from engine.explain import explain
from engine.export.advice import Advice, choices_of
from engine.export.books import BookExport, Written
from engine.export.naming import export_stem
from engine.export.pictures import PictureExport
from engine.export.progress import ExportProgress
from engine.export.requests import ExportKind, ExportRequest
from engine.export.source import Source
from engine.export.target import Target, choose_target
from engine.export.threads import Threads
from engine.export.views import ExportView, MissingView, SheetNoteView
from engine.failures import pause_for
from engine.files import cleanup_partials
from engine.queries import Queries

logger = logging.getLogger(__name__)

AT_A_TIME = 2
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(slots=True)
class _Outcome:
    """What there is to tell besides the files."""

    problems: tuple[SheetNoteView, ...] = ()
    changes: tuple[SheetNoteView, ...] = ()
    missing: list[MissingView] = field(default_factory=list)


class Exporter:
    """Part of the Engine. `scratch` is a folder of its own; `default_folder` says where exports go that name no place;
    `hide` takes keys out of texts."""

    def __init__(
        self,
        database: Database,
        queries: Queries,
        source: Source,
        advice: Advice,
        bus: EventBus,
        clock: Clock,
        *,
        scratch: Path,
        default_folder: Callable[[], Path],
        hide: Callable[[str], str],
    ) -> None:
        self._database = database
        self._queries = queries
        self._source = source
        self._advice = advice
        self._bus = bus
        self._clock = clock
        self._scratch = scratch
        self._default_folder = default_folder
        self._hide = hide
        self._tasks: dict[str, asyncio.Task[ExportView]] = {}
        self._turns = asyncio.Semaphore(AT_A_TIME)
        self._is_closing = False

    # ---- exports

    async def export(self, request: ExportRequest) -> ExportView:
        """See EngineApi."""
        if self._is_closing:
            raise ConflictError("The engine is ending.", hint="Export again when it runs.")
        if not _ID.fullmatch(request.export_id) or request.export_id in self._tasks:
            raise InputError("An export's id is used already, or not of letters, digits, - and _.")
        task = asyncio.create_task(self._run(request), name=f"export {request.export_id}")
        self._tasks[request.export_id] = task
        task.add_done_callback(lambda done: self._ended(request.export_id, done))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise ConflictError("The export was cancelled; it left no file.", code="cancelled") from None
            raise  # the caller goes away, the export goes on

    async def cancel(self, export_id: str) -> bool:
        """See EngineApi."""
        task = self._tasks.get(export_id)
        if task is None:
            return False
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled()

    @property
    def is_idle(self) -> bool:
        """Whether no export is at work."""
        return not self._tasks

    async def close(self) -> None:
        """Cancel every export and wait until nothing is left of it."""
        self._is_closing = True
        for task in (tasks := list(self._tasks.values())):
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def settle(self) -> None:
        """Remove what killed exports left unfinished. The engine starts even where a folder is gone."""
        async with self._database.reading() as connection:
            unfinished = await export_rows.unfinished(connection)
        await asyncio.to_thread(_empty, self._scratch)
        for export_id, folder in unfinished:
            try:
                await asyncio.to_thread(cleanup_partials, Path(folder))
            except OSError as error:
                logger.warning("an unfinished export in %s: %s", folder, error)
            await self._note_end(export_id, None)

    # ---- carrying out

    async def _run(self, request: ExportRequest) -> ExportView:
        async with self._turns:
            try:
                return await self._carry_out(request)
            except Exception as error:
                known = pause_for(error) or explain(error)
                if isinstance(known, PauseRequired):
                    raise PauseRequired(
                        known.message, hint="Mend that, then export again. No file was left.", code=known.code
                    ) from error
                if known is None or known is error:
                    raise
                raise known from error

    async def _carry_out(self, request: ExportRequest) -> ExportView:
        _check(request)
        target = await self._target(request)
        async with self._database.transaction() as connection:
            is_new = await export_rows.begin(
                connection,
                request.export_id,
                str(target.folder),
                is_chosen=target.is_chosen,
                at=utc_text(self._clock.now()),
            )
        if not is_new:
            raise InputError(f"There was an export {request.export_id} already; every one has its own id.")
        path: Path | None = None
        try:
            await asyncio.to_thread(cleanup_partials, target.folder)
            outcome = _Outcome()
            written = await self._write(request, target, outcome)
            path = written.paths[0]
        finally:
            await self._note_end(request.export_id, path)
        return ExportView(
            export_id=request.export_id,
            kind=request.kind,
            path=str(written.paths[0]),
            files=written.files,
            missing=tuple(outcome.missing),
            paths=tuple(str(one) for one in written.paths),
            images=written.images,
            problems=outcome.problems,
            changes=outcome.changes,
        )

    async def _write(self, request: ExportRequest, target: Target, outcome: _Outcome) -> Written:
        threads = Threads()
        progress = ExportProgress(self._bus, request.export_id)
        if request.kind in (ExportKind.WORKBOOK, ExportKind.ARCHIVE):
            books = BookExport(
                self._queries,
                self._source,
                self._scratch,
                self._hide,
                progress,
                threads,
                target,
                self._clock.now(),
            )
            if request.kind is ExportKind.WORKBOOK:
                return await books.workbook(request.job_ids[0])
            return await books.archive(request.job_ids)
        pictures = self._pictures(progress, threads, outcome.missing)
        wanted = await self._source.wanted_ids(request)
        if request.kind is ExportKind.IMAGES:
            return await pictures.pictures(wanted, target, has_originals=request.has_originals)
        return await self._write_sheet(request, target, outcome, pictures, wanted)

    async def _write_sheet(
        self,
        request: ExportRequest,
        target: Target,
        outcome: _Outcome,
        pictures: PictureExport,
        wanted: Sequence[int],
    ) -> Written:
        agency, preset = await self._advice.preset(request)
        sheet, rows = await pictures.sheet(wanted, preset, choices_of(request), is_short=_is_zip(request))
        sheet.require_writable()
        outcome.problems, outcome.changes = sheet.notes(), tuple(sheet.changes)
        if _is_zip(request):
            return await pictures.pack_sheet(sheet, rows, agency, target)
        return await pictures.write_sheet(sheet, target)

    def _pictures(
        self, progress: ExportProgress, threads: Threads, missing: list[MissingView]
    ) -> PictureExport:
        return PictureExport(self._source, self._scratch, self._hide, progress, threads, missing)

    async def _target(self, request: ExportRequest) -> Target:
        what = {ExportKind.ARCHIVE: "jobs", ExportKind.IMAGES: "images"}.get(request.kind, "export")
        if len(request.job_ids) == 1:
            what = (await self._queries.job(request.job_ids[0])).label
        if request.kind is ExportKind.SHEET:
            agency, _ = await self._advice.preset(request)
            what = f"{agency}_{what}"
        extension = {ExportKind.WORKBOOK: "xlsx", ExportKind.SHEET: "csv"}.get(request.kind, "zip")
        return await asyncio.to_thread(
            choose_target,
            request.to,
            default_folder=self._default_folder(),
            stem=export_stem(what, self._clock.now()),
            extension="zip" if _is_zip(request) else extension,
            is_overwriting=request.is_overwriting,
        )

    async def _note_end(self, export_id: str, path: Path | None) -> None:
        async with self._database.transaction() as connection:
            await export_rows.end(
                connection, export_id, None if path is None else str(path), utc_text(self._clock.now())
            )

    def _ended(self, export_id: str, task: asyncio.Task[ExportView]) -> None:
        del self._tasks[export_id]
        state = "cancelled"
        if not task.cancelled():
            error = task.exception()
            state = "done" if error is None else "failed"
            if error is not None and not isinstance(error, FactoryError):
                logger.error("export %s", export_id, exc_info=error)
        self._bus.publish(ExportEnded(export_id, state))


def _check(request: ExportRequest) -> None:
    if request.kind is ExportKind.WORKBOOK and len(request.job_ids) != 1:
        raise InputError("A workbook is of one job.", hint="An archive (.zip) holds several.")
    if request.kind is ExportKind.ARCHIVE and not request.job_ids:
        raise InputError("An archive is of at least one job.")
    if not request.job_ids and not request.image_ids:
        raise InputError("Nothing was named that could be exported.", code="nothing")


def _is_zip(request: ExportRequest) -> bool:
    return request.kind is ExportKind.SHEET and request.has_pictures


def _empty(scratch: Path) -> None:
    """No other engine works in this folder: it lies in the data folder, which has one owner."""
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in scratch.iterdir():
        file.unlink(missing_ok=True)
