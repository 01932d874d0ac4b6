"""One picture: the one that was asked for last, in the terminal's way, or the reason why there is none."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual.app import ComposeResult
from textual.containers import Container
from textual.pilot import Pilot
from textual.screen import ModalScreen

from engine.api import EngineApi
from engine.previews import preview_files
from tests.support.app import services_for, wait_until
from tests.support.images import draw, image_view
from tui.host import FactoryHost
from tui.picture_work import DecodedPictures, Picture, Wish, draw_frame
from tui.pictures import Frame, Window
from tui.terminal import Protocol, TerminalFacts
from tui.widgets.image_preview import ImagePreview


class PreviewApp(FactoryHost):
    """A preview and nothing else, and what it sends to the terminal."""

    sent: list[str]

    def compose(self) -> ComposeResult:
        self.sent = []
        with Container():
            yield ImagePreview()

    def write_sequence(self, sequence: str) -> None:
        self.sent.append(sequence)


class Shown:
    """A preview in a terminal with these facts."""

    def __init__(self, pilot: Pilot[int], root: Path) -> None:
        self.pilot = pilot
        self.root = root
        self.app = cast("PreviewApp", pilot.app)
        self.preview = self.app.query_one(ImagePreview)

    def picture(self, number: int, size: tuple[int, int] = (64, 48), **fields: Any) -> Picture:
        """A picture with its file."""
        view = image_view(number)
        previews = preview_files(self.app.services.paths.previews_dir, view.job_id, view.number)
        file = fields.pop("file", None) or draw(self.root / f"{number}.png", size)
        return Picture(number, file, previews, **fields)

    async def until_shown(self, picture: Picture, **options: Any) -> None:
        self.preview.show(picture, **options)
        await wait_until(self.pilot, lambda: self.preview.frame is not None or self.is_said)

    @property
    def is_said(self) -> bool:
        return bool(self.preview.message) and not self.preview.message.startswith("loading")

    @property
    def text(self) -> str:
        lines = [self.preview.render_line(y).text for y in range(self.preview.size.height)]
        return " ".join(" ".join(lines).split())


@asynccontextmanager
async def shown(root: Path, protocol: str = "blocks") -> AsyncIterator[Shown]:
    services = services_for(cast("EngineApi", None), root)
    preferences = services.preferences.model_copy(update={"image_protocol": protocol})
    services = replace(services, terminal=TerminalFacts(), preferences=preferences)
    async with PreviewApp(services).run_test(size=(60, 20)) as pilot:
        yield Shown(pilot, root)


async def test_a_picture_comes_from_its_preview_which_is_made_where_it_is_missing(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        picture = it.picture(1)
        await it.until_shown(picture)
        assert it.preview.frame is not None
        assert it.preview.frame.protocol is Protocol.BLOCKS
        assert picture.previews.preview.exists()
        assert picture.previews.thumbnail.exists()


async def test_the_last_wish_wins(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        pictures = [it.picture(number, (64 + 32 * number, 64), is_full=True) for number in range(1, 8)]
        for picture in pictures:
            it.preview.show(picture)
        assert it.preview.frame is None, "nothing is shown in place of what is wanted"
        await wait_until(it.pilot, lambda: it.preview.frame is not None)
        assert it.preview.frame is not None
        assert it.preview.picture == pictures[-1]
        wide = 64 + 32 * 7
        assert it.preview.frame.scale == min(600 / wide, 400 / 64)


async def test_what_was_prefetched_is_there_at_once(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        await it.until_shown(it.picture(1))

        def is_ready() -> bool:
            it.preview.prefetch([it.picture(2)])  # again, should the room for it have changed meanwhile
            return it.preview.is_ready(it.picture(2))

        await wait_until(it.pilot, is_ready)
        it.preview.show(it.picture(2))
        assert it.preview.frame is not None
        assert it.preview.message == ""


async def test_what_cannot_be_shown_says_why(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        broken = tmp_path / "broken.png"
        broken.write_bytes(b"\x89PNG\r\n\x1a\n\x1b[31m")
        await it.until_shown(it.picture(1, file=broken))
        assert "cannot be shown" in it.text
        assert "broken.png" in it.text
        assert "\x1b" not in it.text
        await it.until_shown(it.picture(2, file=tmp_path / "gone.png"))
        assert "there is no such file" in it.text
        await it.until_shown(Picture(3, None, it.picture(3).previews, note="Its download failed."))
        assert "Its download failed." in it.text
        await it.until_shown(it.picture(4))
        assert it.preview.frame is not None


async def test_kitty_gets_each_picture_once_and_drops_it_at_the_end(tmp_path: Path) -> None:
    async with shown(tmp_path, "kitty") as it:
        first, second = it.picture(1), it.picture(2)
        await it.until_shown(first)
        assert it.preview.frame is not None
        number = it.preview.frame.number
        await it.until_shown(second)
        it.preview.show(first)
        assert sum(f"i={number}," in sequence and "f=100" in sequence for sequence in it.app.sent) == 1
        assert len(it.app.sent) == 2
        await it.preview.remove()
        assert f"a=d,d=I,i={number}" in it.app.sent[-1]


async def test_only_a_few_pictures_stay_in_kittys_memory(tmp_path: Path) -> None:
    async with shown(tmp_path, "kitty") as it:
        for number in range(1, 8):
            await it.until_shown(it.picture(number))
            await wait_until(it.pilot, lambda: it.preview.frame is not None)
        assert sum(sequence.count("a=d,") for sequence in it.app.sent) == 3


async def test_sixels_are_drawn_where_the_blanks_are(tmp_path: Path) -> None:
    async with shown(tmp_path, "sixel") as it:
        await it.until_shown(it.picture(1, (64, 64)))
        await wait_until(it.pilot, lambda: bool(it.app.sent))
        assert it.app.sent[-1].startswith("\x1b7\x1b[1;11H\x1bP"), "400 of 600 pixels wide, in the middle"
        assert it.app.sent[-1].endswith("\x1b\\\x1b8")
        drawn = len(it.app.sent)
        await it.pilot.pause(0.2)
        assert len(it.app.sent) == drawn, "and not again while nothing changes"


async def test_nothing_is_drawn_under_a_dialog(tmp_path: Path) -> None:
    for protocol in ("sixel", "kitty"):
        async with shown(tmp_path, protocol) as it:
            await it.until_shown(it.picture(1))
            await it.pilot.pause()
            await it.app.push_screen(ModalScreen())
            await it.pilot.pause()
            before = len(it.app.sent)
            it.preview.refresh()
            await it.pilot.pause()
            assert len(it.app.sent) == before
            assert it.text == ""
            await it.app.pop_screen()
            await it.pilot.pause()
            assert it.text != "" or len(it.app.sent) > before


async def test_another_protocol_draws_the_same_picture_anew(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        await it.until_shown(it.picture(1))
        for protocol in (Protocol.SIXEL, Protocol.KITTY, Protocol.BLOCKS):
            it.app.terminal = it.app.terminal.with_setting(protocol)
            await wait_until(it.pilot, lambda: it.preview.frame is not None)
            assert it.preview.frame is not None
            assert it.preview.frame.protocol is protocol
        it.app.terminal = it.app.terminal.with_setting("off")
        await wait_until(it.pilot, lambda: it.preview.frame is None)
        assert "switched off" in it.text


async def test_a_window_shows_actual_pixels(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        await it.until_shown(it.picture(1, (2000, 1000), is_full=True), window=Window(1.0, 0.0, 0.0))
        assert it.preview.frame is not None
        assert it.preview.frame.scale == 1.0
        assert (it.preview.frame.columns, it.preview.frame.rows) == (60, 20)


async def test_a_resize_fits_it_again(tmp_path: Path) -> None:
    async with shown(tmp_path) as it:
        await it.until_shown(it.picture(1))
        await it.pilot.resize_terminal(30, 10)
        await wait_until(it.pilot, lambda: it.preview.frame is not None and it.preview.frame.columns <= 30)


async def test_what_is_looked_at_does_not_wait_for_what_may_come_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    gate = threading.Event()

    def draw_slowly(pixels: DecodedPictures, wish: Wish) -> Frame:
        number = wish.picture.image_id
        if number == 2:
            gate.wait(30)
        drawn.append(number)
        return draw_frame(pixels, wish)

    monkeypatch.setattr("tui.widgets.frame_maker.draw_frame", draw_slowly)
    async with shown(tmp_path) as it:
        pictures = {number: it.picture(number) for number in range(1, 7)}
        await it.until_shown(pictures[1])
        it.preview.prefetch([pictures[2], pictures[3], pictures[4], pictures[5]])
        it.preview.show(pictures[4])
        await wait_until(it.pilot, lambda: it.preview.frame is not None)
        assert drawn == [1, 4], "it went ahead of those that were to be made ready before it"
        it.preview.prefetch([pictures[5], pictures[6]])
        gate.set()
        await wait_until(it.pilot, lambda: it.preview.is_ready(pictures[6]))
        assert drawn == [1, 4, 2, 5, 6], "3 is not wanted any more, and nothing is drawn twice"
