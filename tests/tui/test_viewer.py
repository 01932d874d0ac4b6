"""The viewer: zoom, pan, the next and the one before, and an honest word where there is no picture."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from engine.service import Engine
from engine.views import ImageStatus, ImageView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job
from tests.support.screen_text import text_of
from tui.app import FactoryApp
from tui.messages import OpenImage
from tui.pictures import Backdrop
from tui.screens.viewer import ViewerScreen
from tui.widgets.image_preview import ImagePreview

S = ImageStatus


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """Pictures larger than the screen."""
    async with engine_home(tmp_path / "gimf", image_side_cap=None) as opened:
        yield opened


class Viewer:
    """The screen with the engine behind it."""

    def __init__(self, pilot: Pilot[int], engine: Engine) -> None:
        self.pilot = pilot
        self.engine = engine
        self.app = cast("FactoryApp", pilot.app)

    @property
    def screen(self) -> ViewerScreen:
        assert isinstance(self.app.screen, ViewerScreen)
        return self.app.screen

    @property
    def preview(self) -> ImagePreview:
        return self.screen.query_one(ImagePreview)

    @property
    def current(self) -> int | None:
        image = self.screen.current_image()
        return None if image is None else image.image_id

    @property
    def line(self) -> str:
        return str(self.screen.query_one("#viewer-line").render())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until_scale(self, scale: float) -> None:
        await wait_until(
            self.pilot,
            lambda: self.preview.frame is not None and abs(self.preview.frame.scale - scale) < 1e-6,
        )

    async def until_said(self, text: str) -> None:
        await wait_until(self.pilot, lambda: text in self.line)

    async def until_at(self, image_id: int) -> None:
        await wait_until(self.pilot, lambda: self.current == image_id and self.preview.frame is not None)


@asynccontextmanager
async def viewer(
    engine: Engine, home: EngineHome, image_id: int, neighbours: Sequence[int] = (), **options: Any
) -> AsyncIterator[Viewer]:
    async with running(services_for(engine, home=home), **options) as pilot:
        pilot.app.screen.post_message(OpenImage(image_id, neighbours))
        await wait_until(pilot, lambda: isinstance(pilot.app.screen, ViewerScreen))
        at = Viewer(pilot, engine)
        await wait_until(pilot, lambda: not at.screen.is_loading_now)
        yield at


@asynccontextmanager
async def opened(
    home: EngineHome, images: int = 1, first: int = 0
) -> AsyncIterator[tuple[Viewer, list[ImageView]]]:
    async with home.open() as engine:
        made = await finished_job(engine, images)
        ids = [image.image_id for image in made]
        async with viewer(engine, home, ids[first], ids) as at:
            await wait_until(at.pilot, lambda: at.preview.frame is not None)
            yield at, made


async def test_fit_actual_size_and_zoom(home: EngineHome) -> None:
    async with opened(home) as (at, (image,)):
        place, cell = at.preview.content_size, at.app.terminal.cell
        fit = min(place.width * cell[0] / (image.width or 1), place.height * cell[1] / (image.height or 1))
        await at.until_scale(fit)
        await at.until_said("fit")
        await at.press("z")
        await at.until_scale(1.0)
        await at.until_said("100%")
        await at.press("plus")
        await at.until_scale(1.25)
        await at.press("minus", "minus")
        await at.until_scale(0.8)
        await at.press("z")
        await at.until_scale(fit)


async def test_zoom_has_its_ends(home: EngineHome) -> None:
    async with opened(home) as (at, _):
        for _ in range(30):
            await at.press("plus")
            await wait_until(at.pilot, lambda: at.preview.frame is not None)
        await at.until_scale(16.0)


async def test_pan_stays_inside(home: EngineHome) -> None:
    async with opened(home) as (at, _):
        await at.press("right")
        assert at.preview.frame is not None
        assert at.preview.frame.window.x == 0.5, "there is nothing to move where all is seen"
        await at.press("z", "plus", "plus")
        await at.until_scale(1.5625)
        before = at.preview.frame.window
        await at.press("right")
        await wait_until(
            at.pilot, lambda: at.preview.frame is not None and at.preview.frame.window.x > before.x
        )
        for _ in range(12):
            await at.press("left", "up")
        await at.pilot.pause(0.1)
        await wait_until(
            at.pilot, lambda: at.preview.frame is not None and at.preview.frame.window.x < before.x
        )
        assert at.preview.frame.window.x > 0
        assert at.preview.frame.window.y > 0


async def test_next_and_before_stop_at_the_ends(home: EngineHome) -> None:
    async with opened(home, 3, first=1) as (at, images):
        await at.until_said("2 of 3")
        await at.press("l")
        await at.until_at(images[2].image_id)
        await at.press("l")
        assert at.current == images[2].image_id
        await at.press("h", "h", "h")
        await at.until_at(images[0].image_id)
        await at.until_said("1 of 3")


async def test_the_next_picture_begins_fitted(home: EngineHome) -> None:
    async with opened(home, 2) as (at, images):
        await at.press("z", "plus", "l")
        await at.until_at(images[1].image_id)
        await at.until_said("fit")


async def test_backdrops_facts_and_protocols(home: EngineHome) -> None:
    async with opened(home) as (at, (image,)):
        for backdrop in (Backdrop.BLACK, Backdrop.WHITE, Backdrop.CHECKER):
            await at.press("b")
            await at.until_said(backdrop)
        facts = at.screen.query_one("#viewer-facts")
        await at.press("i")
        assert facts.display
        assert image.prompt.split()[0] in text_of(at.screen.query_one("#viewer-words", Static))
        await at.press("escape")
        assert not facts.display
        seen = []
        for _ in range(4):
            await at.press("m")
            seen.append(at.app.terminal.protocol)
        assert seen == ["off", "kitty", "sixel", "blocks"]
        await at.until_said("blocks")


async def test_trash_undo_and_the_way_out(home: EngineHome) -> None:
    async with opened(home, 2) as (at, images):
        await at.press("d")
        await at.until_at(images[1].image_id)
        await at.until_said("1 of 1")
        await at.press("u")
        await at.until_at(images[0].image_id)
        await wait_until(at.pilot, lambda: not at.app.decisions.pending)
        assert (await at.engine.image(images[0].image_id)).status is S.APPROVED
        await at.press("d")
        await at.until_at(images[1].image_id)
        await at.press("d")
        await wait_until(at.pilot, lambda: not isinstance(at.app.screen, ViewerScreen))


async def test_an_approved_image_has_nothing_to_approve(home: EngineHome) -> None:
    async with opened(home) as (at, _):
        assert at.screen.check_action("approve", ()) is False
        assert at.screen.check_action("trash", ()) is True


async def test_a_broken_file_and_a_missing_image_are_told(home: EngineHome) -> None:
    async with home.open() as engine:
        one, two = await finished_job(engine, 2)
        Path(one.file or "").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
        Path(two.file or "").unlink()
        async with viewer(engine, home, one.image_id, [one.image_id, two.image_id, 999]) as at:
            await wait_until(at.pilot, lambda: "cannot be shown" in at.preview.message)
            await at.press("z", "plus", "right", "b", "m", "m", "m", "m")
            await at.press("l")
            await wait_until(at.pilot, lambda: "no such file" in at.preview.message)
            await at.press("l")
            await wait_until(at.pilot, lambda: "does not exist" in at.line)
            await at.press("a", "d", "i", "y", "Y", "h")
            await wait_until(at.pilot, lambda: at.current == two.image_id)


async def test_it_follows_what_happens_to_its_image(home: EngineHome) -> None:
    async with opened(home) as (at, (image,)):
        await engine_trashes(at, image)
        await wait_until(at.pilot, lambda: "trashed" in at.line)


async def engine_trashes(at: Viewer, image: ImageView) -> None:
    assert (await at.engine.trash_images([image.image_id])).done == (image.image_id,)
