"""The Engine's commands on exports and on the texts of images, each handed on to its part."""

from collections.abc import Sequence

from engine.editing import Editing
from engine.export.advice import Advice
from engine.export.exporter import Exporter
from engine.export.requests import ExportRequest, ImageEdit
from engine.export.views import AgencyView, ExportView, FitView, SheetCheckView
from engine.views import DecisionView


class ExportCommands:
    """Part of what engine.service.Engine is."""

    _exporter: Exporter
    _advice: Advice
    _editing: Editing

    async def export(self, request: ExportRequest) -> ExportView:
        """See EngineApi."""
        return await self._exporter.export(request)

    async def cancel_export(self, export_id: str) -> bool:
        """See EngineApi."""
        return await self._exporter.cancel(export_id)

    async def check_sheet(self, request: ExportRequest) -> SheetCheckView:
        """See EngineApi."""
        return await self._advice.check_sheet(request)

    async def agencies(self) -> list[AgencyView]:
        """See EngineApi."""
        return await self._advice.views()

    async def agency_fits(self, image_ids: Sequence[int], agency: str | None = None) -> list[FitView]:
        """See EngineApi."""
        return await self._advice.fits(image_ids, agency)

    async def fitting_images(self, image_ids: Sequence[int], agency: str) -> list[int]:
        """See EngineApi."""
        return await self._advice.fitting(image_ids, agency)

    async def edit_images(self, image_ids: Sequence[int], edit: ImageEdit) -> DecisionView:
        """See EngineApi."""
        return await self._editing.edit(image_ids, edit)
