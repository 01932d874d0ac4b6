"""Cutting a 2 x 2 grid of pictures into its quarters."""

from pathlib import Path

from engine.files import atomic_write
from engine.imaging.encode import encode_png
from engine.imaging.open_checked import PictureError, PictureFault, PictureFormat, PictureInfo, open_picture


def cut_quarter(source: Path, quarter: int, target: Path) -> PictureInfo:
    """Write quarter 0-3 (reading order) of the grid as a lossless PNG to `target`, atomically.

    All four have the same size. Of an odd side, the middle line belongs to nobody and is dropped.
    Raises PictureError, PauseRequired, and ValueError for another quarter.
    """
    if not 0 <= quarter <= 3:
        raise ValueError(f"a grid has the quarters 0 to 3, not {quarter}")
    grid = open_picture(source)
    width, height = grid.width // 2, grid.height // 2
    if width == 0 or height == 0:
        raise PictureError(
            PictureFault.EMPTY, f"a picture of {grid.width} x {grid.height} pixels has no quarters"
        )
    left = grid.width - width if quarter % 2 else 0
    top = grid.height - height if quarter >= 2 else 0
    data = encode_png(grid.crop((left, top, left + width, top + height)))
    atomic_write(target, data)
    return PictureInfo(PictureFormat.PNG, width, height, grid.mode == "RGBA", len(data))
