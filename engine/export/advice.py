"""What agencies take: their presets, which image suits whom, and what a sheet would be like. Writes nothing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.bus import EventBus
from engine.errors import NotFoundError, Problem, SettingsError
from engine.export.agencies import Agencies, Policy, Preset
from engine.export.fit import Misfit, fit, sheet_row, size_misfit
from engine.export.pictures import PictureExport
from engine.export.progress import ExportProgress
from engine.export.requests import ExportRequest
from engine.export.sheet import SheetChoices
from engine.export.source import Source
from engine.export.threads import Threads
from engine.export.views import AgencyView, FitView, MissingView, SheetCheckView
from engine.sizes import Size
from engine.views import ImageView


@dataclass(frozen=True, slots=True)
class Advice:
    """Part of the Engine. Reads `agencies_file` anew for every question."""

    source: Source
    agencies_file: Path

    async def agencies(self) -> Agencies:
        """The presets as the files have them now. Raises SettingsError."""
        return await asyncio.to_thread(Agencies.load, self.agencies_file)

    async def preset(self, request: ExportRequest) -> tuple[str, Preset]:
        """The agency that a sheet is for. Raises NotFoundError."""
        agency = (request.agency or "").strip().lower()
        return agency, (await self.agencies()).get(agency)

    async def views(self) -> list[AgencyView]:
        """See EngineApi.agencies."""
        return [
            AgencyView(
                agency=agency,
                name=preset.name,
                is_verified=preset.is_verified,
                generated=preset.generated,
                generated_note=preset.generated_note,
                columns=tuple(column.header for column in preset.columns),
                preset=preset,
            )
            for agency, preset in (await self.agencies()).presets.items()
        ]

    async def fits(self, image_ids: Sequence[int], agency: str | None = None) -> list[FitView]:
        """See EngineApi.agency_fits."""
        presets = await self._presets(agency)
        found: list[FitView] = []
        async for page in self.source.pages(image_ids):
            found += await asyncio.to_thread(_fit_views, page, presets)
        return found

    async def fitting(self, image_ids: Sequence[int], agency: str) -> list[int]:
        """See EngineApi.fitting_images."""
        presets = await self._presets(agency)
        found: list[int] = []
        async for page in self.source.pages(image_ids):
            views = await asyncio.to_thread(_fit_views, page, presets)
            found += [view.image_id for view in views if view.is_accepted]
        return found

    async def target_warnings(self, agency: str | None, sizes: Sequence[Size]) -> list[Problem]:
        """What stands between pictures of these sizes and the agency they are made for; nothing without one."""
        if not agency:
            return []
        try:
            preset = (await self.agencies()).get(agency)
        except NotFoundError as error:
            return [Problem("target_agency", error.message, hint=error.hint, is_warning=True)]
        except SettingsError as error:
            return [replace(problem, is_warning=True) for problem in error.problems]
        return _target_warnings(preset, sizes)

    async def _presets(self, agency: str | None) -> Mapping[str, Preset]:
        agencies = await self.agencies()
        return agencies.presets if agency is None else {agency.strip().lower(): agencies.get(agency)}

    async def check_sheet(self, request: ExportRequest) -> SheetCheckView:
        """See EngineApi."""
        missing: list[MissingView] = []
        agency, preset = await self.preset(request)
        unheard = ExportProgress(EventBus(), request.export_id)
        pictures = PictureExport(self.source, Path(), str, unheard, Threads(), missing)
        wanted = await self.source.wanted_ids(request)
        sheet, rows = await pictures.sheet(wanted, preset, choices_of(request), is_short=request.has_pictures)
        return SheetCheckView(
            agency=agency,
            images=len(rows),
            problems=sheet.all_problems,
            changes=tuple(sheet.changes),
            missing=tuple(missing),
            refusal=sheet.refusal,
        )


def choices_of(request: ExportRequest) -> SheetChoices:
    """What is to become of rows that break a limit."""
    return SheetChoices(
        is_fixing=request.is_fixing, is_forced=request.is_forced, is_leaving_out=request.is_leaving_out
    )


def _fit_views(images: Iterable[ImageView], presets: Mapping[str, Preset]) -> list[FitView]:
    return [
        _fit_view(image.image_id, agency, preset, fit(sheet_row(image, Path(image.file or "").name), preset))
        for image in images
        for agency, preset in presets.items()
    ]


def _fit_view(image_id: int, agency: str, preset: Preset, misfits: Sequence[Misfit]) -> FitView:
    reasons = [misfit.message for misfit in misfits]
    if preset.generated is Policy.REFUSED:
        reasons.insert(0, f"{preset.name} refuses generated images")
    return FitView(image_id=image_id, agency=agency, is_accepted=not reasons, reasons=tuple(reasons))


def _target_warnings(preset: Preset, sizes: Sequence[Size]) -> list[Problem]:
    """One for the policy, one for all sizes below the floor."""
    found: list[Problem] = []
    if preset.generated is Policy.REFUSED:
        message = f"{preset.name} refuses generated images."
        found.append(Problem("target_agency", message, hint=preset.generated_note, is_warning=True))
    small = {
        f"{size.width}x{size.height} is {misfit.message}": None
        for size in sizes
        if size.width and (misfit := size_misfit(size.width * size.height, preset)) is not None
    }
    if small:
        message = f"{'; '.join(small)}: {preset.name} would not take such pictures."
        hint = "Choose larger dimensions, or a model that makes larger pictures."
        found.append(Problem("generation.dimensions", message, hint=hint, is_warning=True))
    return found
