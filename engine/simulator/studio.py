"""The worker threads that draw and decode, with the cache of drawn pictures. Keeps the server's loop free."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.simulator.drawing import Picture, draw


class Studio:
    """Draws a picture when it is first asked for; `cache` of them are kept. Close it."""

    def __init__(self, *, text_share: float, cache: int) -> None:
        self._text_share = text_share
        self._keep = cache
        self._cache: OrderedDict[Picture, bytes] = OrderedDict()
        self._pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="simulator")

    async def picture(self, picture: Picture) -> bytes:
        """The encoded picture."""
        data = self._cache.get(picture)
        if data is None:
            data = await self.run(draw, picture, self._text_share)
            self._cache[picture] = data
            while len(self._cache) > self._keep:
                self._cache.popitem(last=False)
        else:
            self._cache.move_to_end(picture)
        return data

    async def run[**P, T](self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function that computes for long in a worker thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    def close(self) -> None:
        """End the threads; what is being drawn is finished first."""
        self._pool.shutdown(wait=True, cancel_futures=True)
