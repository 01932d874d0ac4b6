"""The images that were approved last, for the dashboard. What draws them is imported when there are some."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from tui.host import FactoryHost
from tui.messages import OpenImage

if TYPE_CHECKING:
    from engine.views import ImageView

if TYPE_CHECKING:
    from tui.widgets.gallery_grid import GalleryGrid
    from tui.widgets.image_source import ImageSource

_MODULE = "tui.widgets.gallery_grid"


class LatestImages(Vertical):
    """A short wall of thumbnails; enter opens one."""

    def __init__(self) -> None:
        super().__init__(id="latest")
        self.border_title = "Latest approved"
        self._source: ImageSource | None = None
        self._turn = asyncio.Lock()
        """The grid is made once, however many want to show something meanwhile."""

    @property
    def image_ids(self) -> Sequence[int]:
        """The images shown."""
        return () if self._source is None else self._source.ids

    def compose(self) -> ComposeResult:
        yield Static("No image is approved yet.", markup=False)

    async def show(self, images: Sequence[ImageView]) -> None:
        """Show these, the newest first."""
        async with self._turn:
            if self._source is None and images:
                self._source = await self._begin()
            if self._source is not None:
                self._source.show_views(images)

    async def _begin(self) -> ImageSource:
        await asyncio.to_thread(importlib.import_module, _MODULE)
        from tui.widgets.gallery_grid import GalleryGrid  # noqa: PLC0415 - Pillow is not needed for the first paint
        from tui.widgets.image_source import ImageSource  # noqa: PLC0415 - comes with it

        source = ImageSource(cells=lambda image: (image.prompt,), spawn=self._spawn)
        await self.query_one(Static).remove()
        await self.mount(GalleryGrid(source))
        return source

    def _spawn(self, work: Coroutine[Any, Any, None]) -> object:
        assert isinstance(self.app, FactoryHost)
        return self.app.run_command(work, "show the latest images")

    def on_gallery_grid_image_opened(self, message: GalleryGrid.ImageOpened) -> None:
        message.stop()
        if self._source is not None:
            self.post_message(OpenImage(message.key, self._source.ids))
