"""The gallery: what was approved, as a wall or as a list; into the trash and back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from engine.service import Engine
from engine.views import ImageStatus, ImageView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tests.support.images import finished_job
from tui.app import FactoryApp
from tui.format import bytes_text
from tui.screens.gallery import GalleryScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.record_table import RecordTable

S = ImageStatus


class Gallery:
    """The screen with the engine behind it."""

    def __init__(self, pilot: Pilot[int], engine: Engine) -> None:
        self.pilot = pilot
        self.engine = engine
        self.app = cast("FactoryApp", pilot.app)

    @property
    def screen(self) -> GalleryScreen:
        assert isinstance(self.app.screen, GalleryScreen)
        return self.app.screen

    @property
    def grid(self) -> GalleryGrid:
        return self.screen.query_one(GalleryGrid)

    @property
    def table(self) -> RecordTable:
        return self.screen.query_one(RecordTable)

    @property
    def ids(self) -> list[int]:
        return list(self.screen._source.ids)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until_ids(self, ids: list[int]) -> None:
        await wait_until(self.pilot, lambda: self.ids == ids)

    async def until_statuses(self, image_ids: list[int], status: ImageStatus) -> None:
        for _ in range(400):
            if all(view.status is status for view in await self.engine.images_by_id(image_ids)):
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"images {image_ids} did not become {status}")


@asynccontextmanager
async def gallery(
    home: EngineHome, images: int = 4, size: tuple[int, int] = (120, 36), **groups: Any
) -> AsyncIterator[tuple[Gallery, list[ImageView]]]:
    """The gallery with that many approved images; they are given newest first, as shown."""
    async with home.open() as engine:
        made = await finished_job(engine, images, **groups) if images else []
        async with running(services_for(engine, home=home), size) as pilot:
            await pilot.press("4")
            at = Gallery(pilot, engine)
            await wait_until(
                pilot, lambda: isinstance(at.app.screen, GalleryScreen) and not at.screen.is_loading_now
            )
            yield at, sorted(made, key=lambda view: -view.image_id)


async def test_it_shows_what_was_approved(home: EngineHome) -> None:
    async with gallery(home) as (at, images):
        await at.until_ids([image.image_id for image in images])
        await wait_until(at.pilot, lambda: at.screen.current_image() is not None)
        assert (images[0].title or "missing") in str(at.screen.query_one("#gallery-line").render())


async def test_grid_and_list_share_cursor_and_marks(home: EngineHome) -> None:
    async with gallery(home) as (at, images):
        await at.press("l", "space", "v")
        assert not at.grid.display
        assert at.table.display
        assert at.table.has_focus
        assert at.table.cursor_key == images[2].image_id
        assert at.table.marks == {images[1].image_id}
        await at.press("k", "k", "v")
        assert at.grid.cursor_key == images[0].image_id
        assert at.grid.marks == {images[1].image_id}


async def test_trash_asks_for_several_and_can_be_taken_back(home: EngineHome) -> None:
    async with gallery(home) as (at, images):
        ids = [image.image_id for image in images]
        await at.press("d")
        await at.until_ids(ids[1:])
        await at.until_statuses(ids[:1], S.TRASHED)
        await wait_until(at.pilot, lambda: not Path(images[0].file or "").exists())
        await at.press("A", "d")
        bar = at.screen.query_one(ConfirmBar)
        await wait_until(at.pilot, lambda: bar.is_asking)
        files = [Path(name or "") for one in images[1:] for name in (one.file, one.original_file)]
        size = bytes_text(sum(file.stat().st_size for file in files))
        assert f"Move 3 images, {size}, to the trash?" in str(bar.render())
        await at.press("enter")
        await at.until_ids([])
        await at.until_statuses(ids, S.TRASHED)
        await at.press("u")
        await at.until_ids(ids[1:])
        await at.press("u")
        await at.until_ids(ids)
        assert all(Path(image.file or "").exists() for image in images)
        await wait_until(at.pilot, lambda: at.grid.cursor_key == ids[0])


async def test_the_list_trashes_too(home: EngineHome) -> None:
    async with gallery(home, 2) as (at, images):
        await at.press("v", "j", "d")
        await at.until_statuses([images[1].image_id], S.TRASHED)
        await at.until_ids([images[0].image_id])


async def test_images_of_a_running_job_appear(home: EngineHome) -> None:
    async with gallery(home, 1) as (at, images):
        job = await at.engine.start_job(request("More", generation={"generations": 3}))
        await at.engine.wait_for_job(job.job_id)
        await wait_until(at.pilot, lambda: len(at.ids) == 4)
        assert at.grid.cursor_key == images[0].image_id
        assert at.ids == sorted(at.ids, reverse=True)


async def test_filters_and_orders(home: EngineHome) -> None:
    async with gallery(home, 3) as (at, images):
        ids = [image.image_id for image in images]
        await at.press("o")
        await at.until_ids(ids[::-1])
        await at.press("O")
        await at.until_ids(ids)
        await at.press("slash", *"nowhere", "enter")
        await at.until_ids([])
        assert "No image fits" in at.grid.empty
        await at.press("escape")
        await wait_until(at.pilot, lambda: sorted(at.ids) == sorted(ids))
        other = await at.engine.start_job(request("Dogs"))
        await at.engine.wait_for_job(other.job_id)
        at.screen.show_job(other.job_id)
        await wait_until(at.pilot, lambda: len(at.ids) == 1)


async def test_enter_opens_the_viewer_and_its_end_comes_back(home: EngineHome) -> None:
    async with gallery(home, 3) as (at, images):
        await at.press("l", "enter")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, ViewerScreen))
        viewer = cast("ViewerScreen", at.app.screen)
        await wait_until(at.pilot, lambda: viewer.current_image() is not None)
        await at.press("d")
        await at.until_statuses([images[1].image_id], S.TRASHED)
        await at.press("q")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, GalleryScreen))
        await at.until_ids([images[0].image_id, images[2].image_id])


async def test_an_empty_gallery_says_what_to_press(home: EngineHome) -> None:
    async with gallery(home, 0) as (at, _):
        assert "1 goes to the dashboard" in at.grid.empty
        await at.press("j", "enter", "d", "v", "a", "space")
        assert isinstance(at.app.screen, GalleryScreen)


async def test_it_works_in_80_columns(home: EngineHome) -> None:
    async with gallery(home, 3, (80, 24)) as (at, images):
        await at.press("l", "l")
        assert at.grid.cursor_key == images[2].image_id
