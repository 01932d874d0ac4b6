"""`gimf export`: job, images, csv, agencies; and `gimf images edit`."""

import asyncio
import secrets
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from engine.api import EngineApi, ImageQuery, WorkApi
from engine.errors import ConflictError
from engine.events import ExportProgressed
from engine.export.requests import ExportKind, ExportRequest, ImageEdit
from engine.export.views import AgencyView, ExportView, FitView, SheetNoteView
from tui.cli.images import report_decision
from tui.cli.interrupts import Interrupts, catching_signals, let_go
from tui.cli.output import Output
from tui.cli.parsing import UsageError
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.format import plural

_SHOWN = 20


async def export_jobs(options: Namespace, output: Output) -> int:
    """An export object: a workbook, or for several jobs or a place that ends in .zip an archive."""
    place = _place(options.to)
    is_archive = len(options.jobs) > 1 or (place or "").lower().endswith(".zip")
    kind = ExportKind.ARCHIVE if is_archive else ExportKind.WORKBOOK
    return await _export(options, output, ExportRequest(secrets.token_hex(8), kind, to=place))


async def export_images(options: Namespace, output: Output) -> int:
    """An export object; status 3 where pictures are missing."""
    _require_what(options, "images")
    request = ExportRequest(
        secrets.token_hex(8), ExportKind.IMAGES, to=_place(options.to), has_originals=options.originals
    )
    return await _export(options, output, request)


async def export_sheet(options: Namespace, output: Output) -> int:
    """An export object; status 2, and every problem, where a row breaks a limit."""
    _require_what(options, "csv")
    request = ExportRequest(
        secrets.token_hex(8),
        ExportKind.SHEET,
        to=_place(options.to),
        agency=options.agency,
        has_pictures=(options.to or "").lower().endswith(".zip"),
        is_fixing=options.fix,
        is_leaving_out=options.leave_out,
        is_forced=options.force,
    )
    return await _export(options, output, request)


async def list_agencies(options: Namespace, output: Output) -> int:
    """An array of agencies; with a job an array of what fits whom, an object for each image and agency."""
    async with open_session(options, output).engine(is_working=False) as engine:
        agencies = await engine.agencies()
        if not options.job:
            output.result(agencies, _agency_table(agencies))
            return ExitStatus.OK
        job_id = await engine.resolve_job(options.job)
        fits = await engine.agency_fits(await engine.image_ids(ImageQuery(job_id=job_id, sort="number")))
    output.result(fits, _fit_lines(agencies, fits))
    return ExitStatus.OK


async def edit_images(options: Namespace, output: Output) -> int:
    """A decision object, as `gimf images approve`."""
    edit = ImageEdit(
        title=options.title,
        description=options.description,
        tags=None if options.tags is None else tuple(options.tags.split(",")),
        category=options.category,
    )
    if edit == ImageEdit():
        raise UsageError(
            "gimf images edit: say what to change", hint="--title, --description, --tags, --category"
        )
    async with open_session(options, output).engine(is_working=False) as engine:
        decision = await engine.edit_images(options.images, edit)
    return report_decision(decision, "Edited", output)


async def _export(options: Namespace, output: Output, request: ExportRequest) -> int:
    session = open_session(options, output)
    async with (
        catching_signals(ends_on_hangup=True) as interrupts,
        session.engine(is_working=False) as engine,
    ):
        job_ids = [await engine.resolve_job(text) for text in options.jobs]
        fields = {name: getattr(request, name) for name in request.__dataclass_fields__}
        fields["job_ids"] = tuple(dict.fromkeys(job_ids))
        fields["image_ids"] = tuple(getattr(options, "images", ()))
        fields["is_overwriting"] = options.overwrite
        view = await _guarded(engine, ExportRequest(**fields), interrupts, output)
    if view is None:
        output.interrupted("Interrupted; no file was left.")
        return 128 + interrupts.received[0]
    output.result(view, _lines(view))
    return ExitStatus.IMAGES_FAILED if view.missing else ExitStatus.OK


async def _guarded(
    engine: WorkApi, request: ExportRequest, interrupts: Interrupts, output: Output
) -> ExportView | None:
    """The export; None where a signal ended it, and then nothing is left of it."""
    work = asyncio.create_task(engine.export(request))
    first = asyncio.create_task(interrupts.wait())
    telling = asyncio.create_task(_tell(engine, request.export_id, output))
    try:
        await asyncio.wait({work, first}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and await engine.cancel_export(request.export_id):
            await asyncio.wait([work])
        try:
            return await work
        except ConflictError as error:
            if error.code != "cancelled" or not interrupts.received:
                raise
            return None
    finally:
        await let_go(first, telling)
        output.redraw("")


async def _tell(engine: EngineApi, export_id: str, output: Output) -> None:
    """A line in place, where a person looks on."""
    if not output.is_terminal:
        return
    async with engine.subscribe() as subscription:
        async for event in subscription:
            if isinstance(event, ExportProgressed) and event.export_id == export_id:
                output.redraw(f"{event.phase} {event.done} of {event.total}")


def _place(text: str | None) -> str | None:
    """The engine works in another folder."""
    if text is None:
        return None
    place = str(Path(text).expanduser().absolute())
    return f"{place}/" if text.endswith("/") else place


def _require_what(options: Namespace, command: str) -> None:
    if not options.jobs and not options.images:
        raise UsageError(f"gimf export {command}: say which images", hint="--job ID or --image ID")


def _lines(view: ExportView) -> list[str]:
    lines = list(view.paths)
    if view.kind in (ExportKind.IMAGES, ExportKind.SHEET):
        lines.append(f"{plural(view.images, 'image')}.")
    lines += [
        f"missing: image {one.image_id}: {one.reason} ({one.file or 'no file'})" for one in view.missing
    ]
    lines += [f"changed: {_note(note)}" for note in view.changes]
    lines += [f"note: {_note(note)}" for note in view.problems]
    return lines


def _note(note: SheetNoteView) -> str:
    return note.message if note.image_id is None else f"image {note.image_id} ({note.file}): {note.message}"


def _agency_table(agencies: Sequence[AgencyView]) -> list[str]:
    rows = [
        (
            one.agency,
            one.name,
            str(one.generated),
            "own pages" if one.is_verified else "unverified",
            one.generated_note,
        )
        for one in agencies
    ]
    return table(("agency", "name", "generated images", "limits", "note"), rows)


def _fit_lines(agencies: Sequence[AgencyView], fits: Sequence[FitView]) -> list[str]:
    """How many images each agency takes, and why not the others, the most frequent reason first."""
    lines = []
    for agency in agencies:
        of_agency = [one for one in fits if one.agency == agency.agency]
        accepted = sum(one.is_accepted for one in of_agency)
        lines.append(f"{agency.agency}: takes {accepted} of {plural(len(of_agency), 'image')}")
        reasons = Counter(reason for one in of_agency for reason in one.reasons)
        lines += [f"    {count} × {reason}" for reason, count in reasons.most_common(_SHOWN)]
    return lines
