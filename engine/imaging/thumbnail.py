"""Small JPEG copies: for the screen, and for the model that checks a picture. Always sRGB, never enlarged."""

from pathlib import Path

from PIL import Image

from engine.files import atomic_write
from engine.imaging.colour import to_srgb
from engine.imaging.encode import Background, encode_jpeg, flatten
from engine.imaging.open_checked import open_reduced

PREVIEW_SIDE = 512
THUMBNAIL_SIDE = 256
CHECK_SIDE = 1024
"""Longest sides in pixels."""

_QUALITY = 85
_CHECKER_SQUARE = 8
_CHECKER_GREYS = (112, 144)


def make_previews(source: Path, preview: Path, thumbnail: Path) -> None:
    """Write both JPEGs from one decoding, atomically, their folder made where it is missing. Transparency is shown as
    a mid-grey checkerboard.

    Raises PictureError and PauseRequired.
    """
    small = _shrink(open_reduced(source, PREVIEW_SIDE), PREVIEW_SIDE)
    smaller = _shrink(small, THUMBNAIL_SIDE)
    preview.parent.mkdir(parents=True, exist_ok=True)
    atomic_write(preview, encode_jpeg(_on_checkerboard(small), quality=_QUALITY))
    atomic_write(thumbnail, encode_jpeg(_on_checkerboard(smaller), quality=_QUALITY))


def check_jpeg(source: Path, max_side: int = CHECK_SIDE) -> bytes:
    """The JPEG that a vision model gets to see. Transparency is white, as on the pages of the stock
    libraries.

    Raises PictureError.
    """
    small = _shrink(open_reduced(source, max_side), max_side)
    return encode_jpeg(flatten(small, Background.WHITE), quality=_QUALITY)


def _shrink(image: Image.Image, max_side: int) -> Image.Image:
    """Scale so that the longer side is at most `max_side`; colours of transparent pixels do not bleed."""
    longest = max(image.size)
    if longest > max_side:
        size = tuple(max(1, round(side * max_side / longest)) for side in image.size)
        profile = image.info.get("icc_profile")
        image = image.resize((size[0], size[1]), Image.Resampling.LANCZOS, reducing_gap=2.0)
        image.info = {"icc_profile": profile} if profile else {}
    profile = image.info.get("icc_profile")
    return to_srgb(image, profile) if profile else image


def _on_checkerboard(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    columns, rows = (-(-side // _CHECKER_SQUARE) for side in image.size)
    greys = bytes(_CHECKER_GREYS[(column + row) % 2] for row in range(rows) for column in range(columns))
    squares = Image.frombytes("L", (columns, rows), greys)
    full = squares.resize((columns * _CHECKER_SQUARE, rows * _CHECKER_SQUARE), Image.Resampling.NEAREST)
    ground = full.crop((0, 0, *image.size)).convert("RGB")
    ground.paste(image, mask=image.getchannel("A"))
    return ground
