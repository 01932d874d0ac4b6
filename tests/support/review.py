"""The review screen with a real engine behind it, for tests that press its keys."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

from textual.pilot import Pilot
from textual.widgets import Static

from engine.service import Engine
from engine.views import ImageStatus, ImageView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tests.support.images import finished_job
from tests.support.screen_text import text_of
from tui.app import FactoryApp
from tui.screens.review import ReviewScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.decision_panel import DecisionPanel
from tui.widgets.image_preview import ImagePreview
from tui.widgets.record_table import RecordTable


class Desk:
    """The screen with the engine behind it."""

    def __init__(self, pilot: Pilot[int], engine: Engine) -> None:
        self.pilot = pilot
        self.engine = engine
        self.app = cast("FactoryApp", pilot.app)

    @property
    def screen(self) -> ReviewScreen:
        assert isinstance(self.app.screen, ReviewScreen)
        return self.app.screen

    @property
    def table(self) -> RecordTable:
        return self.screen.query_one("ImageShelf RecordTable", RecordTable)

    @property
    def current(self) -> int | None:
        return cast("int | None", self.table.cursor_key)

    @property
    def count(self) -> int:
        return self.table.source.count

    @property
    def preview(self) -> ImagePreview:
        return self.screen.query_one(ImagePreview)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until_count(self, count: int) -> None:
        await wait_until(self.pilot, lambda: self.count == count)

    async def until_status(self, image_id: int, status: ImageStatus) -> None:
        for _ in range(400):
            if (await self.engine.image(image_id)).status is status:
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"image {image_id} did not become {status}")

    @property
    def bar(self) -> ConfirmBar:
        return self.screen.query_one(ConfirmBar)

    @property
    def panel(self) -> DecisionPanel:
        return self.screen.query_one(DecisionPanel)

    async def until_asked(self, words: str) -> str:
        """Wait for a question with these words; the whole of it."""
        await wait_until(self.pilot, lambda: self.bar.is_asking and words in str(self.bar.render()))
        return str(self.bar.render())

    async def until_told(self, words: str) -> None:
        """Wait for a toast with these words in its title or text."""
        await wait_until(
            self.pilot,
            lambda: any(words in f"{one.title} {one.message}" for one in self.app._notifications),
        )

    def words(self) -> str:
        """Under the list: reason or facts, as text."""
        return text_of(self.screen.query_one("#review-words", Static))

    def line(self, selector: str) -> str:
        return str(self.screen.query_one(selector).render())


@asynccontextmanager
async def desk(
    home: EngineHome, images: int = 4, size: tuple[int, int] = (120, 36), **groups: Any
) -> AsyncIterator[tuple[Desk, list[ImageView]]]:
    """The review screen with that many rejected images; they are given newest first, as shown."""
    async with home.open() as engine:
        made = await finished_job(engine, images, **groups)
        async with running(services_for(engine, home=home), size) as pilot:
            await pilot.press("3")
            at = Desk(pilot, engine)
            await wait_until(pilot, lambda: isinstance(at.app.screen, ReviewScreen) and at.count == images)
            yield at, sorted(made, key=lambda view: -view.image_id)
