"""Makes frames of pictures in threads: what is looked at before what may come next, each only once. Shows nothing."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

from tui.picture_work import DecodedPictures, Wish, draw_frame
from tui.pictures import Frame

logger = logging.getLogger(__name__)

KEPT_FRAMES = 12


class FrameMaker:
    """One thread for what is looked at, one for what is made ready in advance."""

    def __init__(self) -> None:
        self._now = ThreadPoolExecutor(1, thread_name_prefix="picture")
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="pictures ahead")
        self._pixels = DecodedPictures()
        self._lock = Lock()
        self._frames: OrderedDict[Wish, Frame] = OrderedDict()
        self._under_way: dict[Wish, Future[Frame]] = {}
        self._in_advance: set[Wish] = set()

    def close(self) -> None:
        """What has not begun is not done any more."""
        for pool in (self._now, self._ahead):
            pool.shutdown(wait=False, cancel_futures=True)

    def ready(self, wish: Wish) -> Frame | None:
        """The frame, if it has been made."""
        with self._lock:
            if wish in self._frames:
                self._frames.move_to_end(wish)
            return self._frames.get(wish)

    async def make(self, wish: Wish) -> Frame:
        """The frame as soon as can be. Raises PictureError, PauseRequired and OSError."""
        if (frame := self.ready(wish)) is not None:
            return frame
        future = self._under_way.get(wish)
        if future is None or future.cancel():  # it waited behind others
            future = self._begin(wish, self._now)
        return await asyncio.wrap_future(future)

    def want(self, wishes: Sequence[Wish]) -> None:
        """Make these ready in advance, in this order; what was wanted before and has not begun is forgotten."""
        wanted = set(wishes)
        for wish in self._in_advance - wanted:
            if (future := self._under_way.get(wish)) is not None:
                future.cancel()
        self._in_advance = wanted
        for wish in wishes:
            if self.ready(wish) is None and wish not in self._under_way:
                self._begin(wish, self._ahead)

    def _begin(self, wish: Wish, pool: ThreadPoolExecutor) -> Future[Frame]:
        future = pool.submit(self._draw, wish)
        self._under_way[wish] = future
        future.add_done_callback(lambda done: self._ended(wish, done))
        return future

    def _draw(self, wish: Wish) -> Frame:
        frame = draw_frame(self._pixels, wish)
        with self._lock:
            self._frames[wish] = frame
            while len(self._frames) > KEPT_FRAMES:
                self._frames.popitem(last=False)
        return frame

    def _ended(self, wish: Wish, future: Future[Frame]) -> None:
        if self._under_way.get(wish) is future:
            self._under_way.pop(wish, None)
        if not future.cancelled() and (error := future.exception()) is not None:
            logger.info("image %s cannot be drawn: %s", wish.picture.image_id, error)
