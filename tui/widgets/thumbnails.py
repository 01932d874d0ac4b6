"""Thumbnails as ready-made strips: made in threads, what is in sight first, and a bounded number of them kept."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rich.segment import Segment
from textual.strip import Strip

from engine.errors import FactoryError
from engine.previews import ensure_previews, preview_files
from engine.views import ImageView
from tui.pictures import thumbnail
from tui.widgets.list_source import Spawn

logger = logging.getLogger(__name__)

KEPT = 500
AT_A_TIME = 2

type Strips = tuple[Strip, ...]


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of one thumbnail: cells, and the pixels of a cell."""

    columns: int
    rows: int
    cell: tuple[int, int]


class Thumbnails:
    """Ask with `want`; `on_ready(image_id)` tells when one can be had from `get`."""

    def __init__(self, previews_dir: Path, spawn: Spawn, on_ready: Callable[[int], None]) -> None:
        self._previews_dir = previews_dir
        self._spawn = spawn
        self._on_ready = on_ready
        self._pool = ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="thumbnails")
        self._kept: OrderedDict[tuple[int, Tile], Strips] = OrderedDict()
        self._wanted: list[tuple[ImageView, Tile]] = []
        self._at_work: set[tuple[int, Tile]] = set()
        self._versions: dict[int, int] = {}

    def get(self, image_id: int, tile: Tile) -> Strips | None:
        """The strips, one a row of the tile; None while they are not ready."""
        strips = self._kept.get((image_id, tile))
        if strips is not None:
            self._kept.move_to_end((image_id, tile))
        return strips

    def want(self, views: Sequence[ImageView], tile: Tile) -> None:
        """Make these next, in this order; what was wanted before and is not begun is forgotten."""
        self._wanted = [(view, tile) for view in views if not self._is_known(view.image_id, tile)]
        for _ in range(min(len(self._wanted), AT_A_TIME - len(self._at_work))):
            self._begin()

    def forget(self, image_id: int) -> None:
        """The image has other pixels now."""
        self._versions[image_id] = self._versions.get(image_id, 0) + 1
        for key in [key for key in self._kept if key[0] == image_id]:
            del self._kept[key]

    def close(self) -> None:
        """Make no more."""
        self._wanted.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _is_known(self, image_id: int, tile: Tile) -> bool:
        return (image_id, tile) in self._kept or (image_id, tile) in self._at_work

    def _begin(self) -> None:
        view, tile = self._wanted.pop(0)
        self._at_work.add((view.image_id, tile))
        self._spawn(self._make(view, tile))

    async def _make(self, view: ImageView, tile: Tile) -> None:
        key, version = (view.image_id, tile), self._versions.get(view.image_id, 0)
        try:
            loop = asyncio.get_running_loop()
            strips = await loop.run_in_executor(self._pool, _strips, self._previews_dir, view, tile)
        finally:
            self._at_work.discard(key)
        if version == self._versions.get(view.image_id, 0):
            self._kept[key] = strips
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            self._on_ready(view.image_id)
        if self._wanted:
            self._begin()


def _strips(previews_dir: Path, view: ImageView, tile: Tile) -> Strips:
    """The thumbnail, made from the picture where it is missing; where that cannot be, what is the matter."""
    if view.file is None:
        return _said(tile, "no picture")
    files = preview_files(previews_dir, view.job_id, view.number)
    try:
        if not files.thumbnail.exists():
            ensure_previews(files, Path(view.file))
        return thumbnail(files.thumbnail, tile.cell, tile.columns, tile.rows)
    except (FactoryError, OSError) as error:
        logger.info("no thumbnail of image %s: %s", view.image_id, error)
        return _said(tile, "file is gone" if not Path(view.file).exists() else "cannot be shown")


def _said(tile: Tile, text: str) -> Strips:
    blank = Strip.blank(tile.columns)
    line = Strip([Segment(text[: tile.columns].center(tile.columns))], tile.columns)
    middle = tile.rows // 2
    return (*(blank,) * middle, line, *(blank,) * (tile.rows - middle - 1))
