"""From pixels to the bytes of a PNG, JPEG or WebP file. Takes RGB and RGBA images; keeps their ICC
profile."""

import io
import os
import tempfile
from enum import StrEnum
from typing import BinaryIO

from PIL import Image

from engine.imaging.containers import PictureFormat
from engine.imaging.faults import PictureError, PictureFault

DELIVERY_PNG_LEVEL = 6
WORKING_PNG_LEVEL = 3
"""Costs half of level 6; for files that only this program reads."""

JPEG_MAX_SIDE = 65_500
"""libjpeg's JPEG_MAX_DIMENSION."""
WEBP_MAX_SIDE = 16_383


class Background(StrEnum):
    """What transparent pixels are laid on where the format has no transparency."""

    WHITE = "white"
    BLACK = "black"


def encode_png(image: Image.Image, *, level: int = DELIVERY_PNG_LEVEL) -> bytes:
    """Lossless, 8 bits a channel, never a palette. `level` is zlib's, 0-9."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level, icc_profile=_profile(image))
    return buffer.getvalue()


def encode_jpeg(image: Image.Image, *, quality: int, background: Background = Background.WHITE) -> bytes:
    """Baseline, 4:4:4, flattened on `background`; `quality` 1-100. Raises PictureError `side_too_long`."""
    _check_side(image, JPEG_MAX_SIDE, "JPEG")
    with _memory_file() as file:
        flatten(image, background).save(
            file, "JPEG", quality=quality, subsampling=0, icc_profile=_profile(image)
        )
        file.seek(0)
        return file.read()


def encode_webp(image: Image.Image, *, quality: int) -> bytes:
    """Lossy with lossless alpha; `quality` 1-100. Raises PictureError `side_too_long`."""
    _check_side(image, WEBP_MAX_SIDE, "WebP")
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=quality, method=4, icc_profile=_profile(image) or b"")
    return buffer.getvalue()


def encode(
    image: Image.Image,
    picture_format: PictureFormat,
    *,
    jpg_quality: int,
    webp_quality: int,
    background: Background,
) -> bytes:
    """Encode for delivery in the given format. Raises PictureError `side_too_long`."""
    match picture_format:
        case PictureFormat.PNG:
            return encode_png(image)
        case PictureFormat.JPEG:
            return encode_jpeg(image, quality=jpg_quality, background=background)
        case PictureFormat.WEBP:
            return encode_webp(image, quality=webp_quality)


def flatten(image: Image.Image, background: Background) -> Image.Image:
    """Lay the picture on an opaque background. Returns the image itself where it has no alpha channel."""
    if image.mode != "RGBA":
        return image
    ground = Image.new("RGB", image.size, background.value)
    ground.paste(image, mask=image.getchannel("A"))
    return ground


def _memory_file() -> BinaryIO:
    """A file that the operating system knows. Pillow's JPEG encoder lets other threads run only while it writes to
    such a one; PNG's does so always."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("picture"), "w+b")
    return tempfile.TemporaryFile()


def _profile(image: Image.Image) -> bytes | None:
    profile = image.info.get("icc_profile")
    return profile if isinstance(profile, bytes) else None


def _check_side(image: Image.Image, limit: int, kind: str) -> None:
    if max(image.size) > limit:
        raise PictureError(
            PictureFault.SIDE_TOO_LONG,
            f"{image.width} x {image.height} pixels are too many for {kind}, whose sides end at {limit}",
            hint="Convert to PNG.",
        )
