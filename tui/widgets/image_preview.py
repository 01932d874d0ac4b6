"""One picture in the terminal's best way: decoded, scaled and encoded in threads, shown when it is ready.

It shows what it was told to show last and never a picture for another: until it is ready it says so. Asks nobody.
Give it a container of its own: then nothing but its own pictures repaints it.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from engine.errors import FactoryError
from engine.text import clean_text
from tui import kitty
from tui.host import FactoryHost
from tui.picture_work import Picture, Wish
from tui.pictures import WHOLE, Backdrop, Frame, Window
from tui.terminal import Protocol
from tui.widgets.frame_maker import FrameMaker

logger = logging.getLogger(__name__)

DEBOUNCE_S = 0.08
"""Who walks through a list quickly sees the picture where they stop."""
KEPT_IN_KITTY = 4
SETTLE_S = 0.2


class ImagePreview(Widget):
    """Shows one picture, or why it cannot."""

    class Shown(Message):
        """The picture that was wanted is on the screen, or what is said in its place."""

        def __init__(self, preview: "ImagePreview", frame: Frame | None) -> None:
            super().__init__()
            self.preview = preview
            self.frame = frame

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes="picture")
        self._picture: Picture | None = None
        self._window = WHOLE
        self._backdrop = Backdrop.CHECKER
        self._frame: Frame | None = None
        self._message = ""
        self._maker: FrameMaker | None = None
        self._showing: asyncio.Task[None] | None = None
        self._asked_at = 0.0
        self._in_kitty: OrderedDict[int, None] = OrderedDict()
        self._is_settling = False

    # ---- what screens use

    @property
    def picture(self) -> Picture | None:
        """What is to be shown."""
        return self._picture

    @property
    def frame(self) -> Frame | None:
        """What is on the screen; None while nothing is."""
        return self._frame

    @property
    def message(self) -> str:
        """What is said in place of a picture."""
        return self._message

    def show(
        self, picture: Picture | None, *, window: Window = WHOLE, backdrop: Backdrop | None = None
    ) -> None:
        """Show this picture from now on, as soon as it is ready; None: nothing."""
        self._backdrop = backdrop or self._backdrop
        is_same = picture == self._picture
        self._picture, self._window = picture, window
        self._begin(keeps_frame=is_same)

    def prefetch(self, pictures: Sequence[Picture]) -> None:
        """Make these ready in advance, so that showing them takes no time."""
        wishes = [wish for one in pictures if (wish := self._wish(one, WHOLE)) is not None]
        if wishes and self._maker is not None:
            self._maker.want(wishes)

    def is_ready(self, picture: Picture) -> bool:
        """Whether showing it, whole, would take no time."""
        wish = self._wish(picture, WHOLE)
        return wish is not None and self._maker is not None and self._maker.ready(wish) is not None

    # ---- getting a picture ready

    def on_mount(self) -> None:
        self._maker = FrameMaker()
        self.watch(self.app, "terminal", self._terminal_changed, init=False)
        # A terminal that leaves its alternate screen may forget the pictures that it was sent.
        self.app.app_resume_signal.subscribe(self, lambda _: self._terminal_changed())

    def on_unmount(self) -> None:
        if self._showing is not None:
            self._showing.cancel()
        if self._maker is not None:
            self._maker.close()
        self._send("".join(kitty.deletion(number) for number in self._in_kitty))

    def on_resize(self, event: events.Resize) -> None:
        self._begin(keeps_frame=False)

    def _terminal_changed(self) -> None:
        self._send("".join(kitty.deletion(number) for number in self._in_kitty))
        self._in_kitty.clear()
        self._begin(keeps_frame=False)

    @property
    def _host(self) -> FactoryHost:
        return cast("FactoryHost", self.app)

    def _wish(self, picture: Picture, window: Window) -> Wish | None:
        """None: there is nothing to get ready, or no place to show it."""
        facts, size = self._host.terminal, self.content_size
        if facts.protocol is Protocol.OFF or picture.file is None or not size.width or not size.height:
            return None
        ground = self.background_colors[1].rgb
        return Wish(picture, facts, size.width, size.height, window, self._backdrop, ground)

    def _begin(self, *, keeps_frame: bool) -> None:
        maker = self._maker
        if not self.is_attached or maker is None:
            return
        if self._showing is not None:
            self._showing.cancel()
            self._showing = None
        picture = self._picture
        wish = None if picture is None else self._wish(picture, self._window)
        if wish is None:
            if self.content_size.width or picture is None:
                self._take(None, "" if picture is None else self._text_of(picture))
        elif (frame := maker.ready(wish)) is not None:
            self._take(frame, "")
        else:
            if not keeps_frame:
                self._take(None, "loading …", is_done=False)
            now = asyncio.get_running_loop().time()
            is_quick, self._asked_at = now - self._asked_at < DEBOUNCE_S * 2, now
            wait_s = DEBOUNCE_S if is_quick else 0
            self._showing = asyncio.create_task(self._prepare_shown(maker, wish, wait_s))

    def _text_of(self, picture: Picture) -> str:
        if picture.file is None:
            return picture.note or "There is no picture: its download failed."
        return f"Pictures are switched off.\n{picture.file.name}"

    async def _prepare_shown(self, maker: FrameMaker, wish: Wish, wait_s: float) -> None:
        await asyncio.sleep(wait_s)
        try:
            frame, problem = await maker.make(wish), ""
        except FactoryError as error:
            frame, problem = None, _sentence(wish.picture, error.message)
        except FileNotFoundError:
            frame, problem = None, _sentence(wish.picture, "there is no such file")
        except OSError as error:
            frame, problem = None, _sentence(wish.picture, error.strerror or str(error))
        except Exception as error:
            logger.exception("image %s cannot be drawn", wish.picture.image_id)
            frame, problem = None, _sentence(wish.picture, f"{type(error).__name__}: {error}")
        self._showing = None
        self._take(frame, problem)

    def _take(self, frame: Frame | None, message: str, *, is_done: bool = True) -> None:
        if frame is not None and frame.number and frame.number not in self._in_kitty:
            self._in_kitty[frame.number] = None
            dropped = [
                self._in_kitty.popitem(last=False)[0] for _ in range(len(self._in_kitty) - KEPT_IN_KITTY)
            ]
            self._send("".join(kitty.deletion(number) for number in dropped) + frame.sequence)
        if (frame, message) != (self._frame, self._message):
            self._frame, self._message = frame, message
            self.refresh()
        if is_done:
            self.post_message(self.Shown(self, frame))

    def _send(self, sequence: str) -> None:
        if sequence:
            self._host.write_sequence(sequence)

    # ---- drawing

    def render_line(self, y: int) -> Strip:
        width, height = self.content_size
        style = self.rich_style
        frame = self._frame
        if frame is None:
            lines = self._message.split("\n") if self._message else []
            at = y - (height - len(lines)) // 2
            text = clean_text(lines[at], limit=width).center(width) if 0 <= at < len(lines) else " " * width
            return Strip([Segment(text, style)]).adjust_cell_length(width, style)
        left, top = self._corner(frame)
        if (
            not top <= y < top + frame.rows or not self.screen.is_active
        ):  # a dialog's tint would spoil kitty's colours
            return Strip.blank(width, style)
        strip = frame.strips[y - top]
        blank = Segment(" " * left, style)
        return Strip([blank, *strip], left + frame.columns).adjust_cell_length(width, style)

    def _corner(self, frame: Frame) -> tuple[int, int]:
        """Column and row of the picture's first cell; it stands in the middle."""
        width, height = self.content_size
        return max(0, (width - frame.columns) // 2), max(0, (height - frame.rows) // 2)

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._frame is not None and self._frame.protocol is Protocol.SIXEL and not self._is_settling:
            self.call_later(self._draw_sixels)
        return super().render_lines(crop)

    def _draw_sixels(self) -> None:
        """Draw over the blanks of the frame that was just sent. Notices are drawn again over it."""
        frame = self._frame
        if (
            frame is None
            or frame.protocol is not Protocol.SIXEL
            or not self.is_attached
            or not self.screen.is_active
            or not self.visible
        ):
            return
        left, top = self._corner(frame)
        place = self.content_region
        self._send(f"\x1b7\x1b[{place.y + top + 1};{place.x + left + 1}H{frame.sequence}\x1b8")
        covered = [toast for toast in self.screen.query("Toast") if toast.region.overlaps(place)]
        if covered:
            self._is_settling = True
            self.set_timer(SETTLE_S, self._settle)
            for toast in covered:
                toast.refresh()

    def _settle(self) -> None:
        self._is_settling = False


def _sentence(picture: Picture, why: str) -> str:
    name = "" if picture.file is None else picture.file.name
    why = why if why.startswith(name) or not name else f"{name}: {why}"
    return f"This picture cannot be shown.\n{why}"
