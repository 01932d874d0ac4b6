"""The wall of thumbnails: ten thousand images cost what forty cost, keys move, marks mark, nothing breaks it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

from textual.app import ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from engine.api import EngineApi, ImageQuery
from engine.views import ImageView
from tests.support.app import services_for, wait_until
from tests.support.images import ManyImages, draw, draw_previews, image_view
from tui.host import FactoryHost
from tui.services import AppServices
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.image_rows import gallery_cells
from tui.widgets.image_source import ImageSource


class GridApp(FactoryHost):
    """A grid and nothing else."""

    def __init__(self, services: AppServices) -> None:
        super().__init__(services)
        self.source = ImageSource(cells=gallery_cells, spawn=self.run_worker)

    def compose(self) -> ComposeResult:
        yield GalleryGrid(self.source, empty="Nothing here.")


class Wall:
    """A grid with what it was asked and what it told."""

    def __init__(self, pilot: Pilot[int], images: ManyImages, heard: list[Message]) -> None:
        self.pilot = pilot
        self.images = images
        self.heard = heard
        self.app = cast("GridApp", pilot.app)
        self.grid = self.app.query_one(GalleryGrid)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def text(self) -> str:
        """The lines in sight."""
        return "\n".join(self.grid.render_line(y).text for y in range(self.grid.size.height))

    async def until_seen(self, text: str) -> None:
        await wait_until(self.pilot, lambda: text in self.text)

    def opened(self) -> list[int]:
        once = {id(message): message for message in self.heard}  # it is heard at every step up
        return [message.key for message in once.values() if isinstance(message, GalleryGrid.ImageOpened)]


@asynccontextmanager
async def wall(
    root: Path, views: Sequence[ImageView], size: tuple[int, int] = (100, 40), **options: Any
) -> AsyncIterator[Wall]:
    images = ManyImages(views)
    heard: list[Message] = []
    app = GridApp(services_for(cast("EngineApi", images), root, **options))
    async with app.run_test(size=size, message_hook=heard.append) as pilot:
        await app.source.show(cast("EngineApi", images), ImageQuery())
        yield Wall(pilot, images, heard)


def many(count: int) -> list[ImageView]:
    return [image_view(number) for number in range(1, count + 1)]


async def test_only_what_is_in_sight_is_asked_for(tmp_path: Path) -> None:
    async with wall(tmp_path, many(10_000)) as seen:
        await seen.until_seen("Title 10000")
        assert len(seen.images.asked) < 200
        await seen.press("G")
        await seen.until_seen("Title 1 ")
        assert seen.grid.cursor_key == 1
        assert len(seen.images.asked) < 400


async def test_keys_move_by_pictures_and_rows(tmp_path: Path) -> None:
    async with wall(tmp_path, many(12)) as seen:  # five in a row
        places = []
        for key in ("l", "j", "h", "k", "left", "down", "down", "G", "g", "right", "pagedown", "ctrl+u"):
            await seen.press(key)
            places.append(seen.grid.cursor_key)
        assert places == [11, 6, 7, 12, 12, 7, 2, 1, 12, 11, 1, 6]


async def test_the_last_row_may_be_short(tmp_path: Path) -> None:
    async with wall(tmp_path, many(7)) as seen:
        await seen.press("l", "l", "l", "j")
        assert seen.grid.cursor_key == 1, "there is no picture right below, so the last one"
        await seen.press("j")
        assert seen.grid.cursor_key == 1


async def test_marks(tmp_path: Path) -> None:
    async with wall(tmp_path, many(12)) as seen:
        await seen.press("space", "l", "space")
        assert seen.grid.marks == {12, 10}
        await seen.until_seen("*Title 12")
        await seen.press("j", "V")
        assert seen.grid.marks == {12, *range(4, 11)}
        await seen.press("A")
        assert seen.grid.marks == set(range(1, 13))
        await seen.press("A")
        assert seen.grid.marks == frozenset()


async def test_enter_opens_and_so_do_two_clicks(tmp_path: Path) -> None:
    async with wall(tmp_path, many(12)) as seen:
        await seen.press("l", "enter")
        assert seen.opened() == [11]
        await seen.pilot.click(GalleryGrid, offset=(45, 2), times=2)
        assert seen.opened() == [11, 10]


async def test_thumbnails_come_from_their_files(tmp_path: Path) -> None:
    file = draw(tmp_path / "picture.png")
    made, unmade, gone, broken = (image_view(number, file=str(file)) for number in (9, 8, 7, 6))
    gone = image_view(7, file=str(tmp_path / "gone.png"))
    (tmp_path / "broken.png").write_bytes(b"GIF89a")
    broken = image_view(6, file=str(tmp_path / "broken.png"))
    nothing = image_view(5)
    services = services_for(cast("EngineApi", None), tmp_path)
    draw_previews(services.paths.previews_dir, made)
    async with wall(tmp_path, [made, unmade, gone, broken, nothing]) as seen:
        await seen.until_seen("file is gone")
        await seen.until_seen("cannot be shown")
        await seen.until_seen("no picture")
        line = seen.grid.render_line(seen.grid._layout.tile.rows // 2 - 1)
        coloured = {
            segment.style.bgcolor.triplet
            for segment in line
            if segment.style is not None and segment.style.bgcolor is not None
        }
        assert any(colour is not None and colour.green > 150 > colour.red for colour in coloured), (
            "its preview"
        )
        await wait_until(
            seen.pilot,
            lambda: any(
                segment.style is not None
                and segment.style.bgcolor is not None
                and segment.style.bgcolor.triplet is not None
                and segment.style.bgcolor.triplet.red > 150
                for segment in seen.grid.render_line(seen.grid._layout.tile.rows // 2 - 1)
            ),
        )
        assert (services.paths.previews_dir / unmade.job_id / "00008_256.jpg").exists()


async def test_the_cursor_stays_with_its_picture(tmp_path: Path) -> None:
    async with wall(tmp_path, many(30)) as seen:
        await seen.press("j", "l")
        assert seen.grid.cursor_key == 24
        seen.app.source.change(added=[31, 32], removed=[30])
        await seen.pilot.pause()
        assert seen.grid.cursor_key == 24
        await seen.pilot.resize_terminal(60, 24)
        await seen.pilot.pause()
        assert seen.grid.cursor_key == 24
        await seen.until_seen(">Title 24")
        seen.app.source.change(removed=[24])
        await seen.pilot.pause()
        assert seen.grid.cursor_key == 23, "the next one takes its place"


async def test_an_empty_wall_says_so(tmp_path: Path) -> None:
    async with wall(tmp_path, []) as seen:
        await seen.until_seen("Nothing here.")
        await seen.press("j", "l", "G", "enter", "space", "V", "A")
        assert seen.grid.cursor_key is None
        assert seen.opened() == []


async def test_text_from_outside_stays_text(tmp_path: Path) -> None:
    views = [image_view(1, title="\x1b[31m[bold]x[/")]
    async with wall(tmp_path, views) as seen:
        await seen.until_seen("[31m[bold]x[/")
        assert "\x1b" not in seen.text
