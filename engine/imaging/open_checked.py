"""The only way from a file to pixels: sniffed, limited, fully decoded, turned upright, as RGB or RGBA.

Nothing else in the program may call `Image.open` on a file that came from outside.
"""

import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from engine.imaging.colour import profile_space, to_srgb
from engine.imaging.containers import PictureFormat, check_container, sniff_format
from engine.imaging.faults import PictureError, PictureFault

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "PictureError",
    "PictureFault",
    "PictureFormat",
    "PictureInfo",
    "inspect_bytes",
    "inspect_file",
    "open_picture",
    "open_reduced",
    "open_with_info",
]

MAX_BYTES = 50_000_000
MAX_PIXELS = 100_000_000

# Pillow's own guard would warn from 89 megapixels on, also when cropping. Ours comes first, on the header.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation (Exif 3.0, 4.6.5.1) to the operation that undoes it."""

# Pillow's parsers let all of these through on damaged input.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    TypeError,
    ArithmeticError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


@dataclass(frozen=True, slots=True)
class PictureInfo:
    """What a fully decoded file is. Width and height in pixels, as shown (EXIF orientation applied)."""

    format: PictureFormat
    width: int
    height: int
    has_alpha: bool
    """There is an alpha channel or a transparent colour; it may still be opaque everywhere."""
    bytes: int


def inspect_file(path: Path) -> PictureInfo:
    """Decode the whole file and say what it is. Raises PictureError."""
    return inspect_bytes(_read(path))


def inspect_bytes(data: bytes) -> PictureInfo:
    """The same for bytes in memory. Raises PictureError."""
    return _decode(data)[1]


def open_picture(path: Path) -> Image.Image:
    """The picture, loaded and upright, mode RGB or RGBA, `info` holding nothing but an RGB `icc_profile`.

    16 bits a channel become 8. Grey and CMYK are converted to sRGB, through their ICC profile where they
    have one. Raises PictureError.
    """
    return open_with_info(path)[0]


def open_with_info(path: Path) -> tuple[Image.Image, PictureInfo]:
    """`open_picture` and `inspect_file` for the price of one decoding."""
    image, info = _decode(_read(path))
    return _normalise(image), info


def open_reduced(path: Path, max_side: int) -> Image.Image:
    """Like `open_picture`, for a result that is scaled to at most `max_side` pixels anyway.

    A JPEG is decoded at a half, a quarter or an eighth of its size, as long as twice `max_side` is left.
    """
    image, _ = _decode(_read(path), draft_side=2 * max_side)
    return _normalise(image)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise PictureError(PictureFault.MISSING, f"{path.name}: there is no such file") from error
    if len(data) > MAX_BYTES:
        raise PictureError(
            PictureFault.TOO_LARGE, f"{path.name}: the file is larger than {MAX_BYTES // 1_000_000} MB"
        )
    return data


def _decode(data: bytes, *, draft_side: int | None = None) -> tuple[Image.Image, PictureInfo]:
    picture_format = sniff_format(data)
    width, height = check_container(data, picture_format)
    if width * height > MAX_PIXELS:
        raise PictureError(
            PictureFault.BOMB,
            f"{width} x {height} pixels are more than the limit of {MAX_PIXELS // 1_000_000} megapixels",
        )
    kind = {"jpg": "JPEG"}.get(picture_format.value, picture_format.value.upper())
    try:
        image = Image.open(io.BytesIO(data), formats=(kind,))
        if image.size != (width, height):
            raise PictureError(PictureFault.DAMAGED, f"the {kind} file names two sizes for one picture")
        if kind != "JPEG" and getattr(image, "n_frames", 1) > 1:
            raise PictureError(PictureFault.ANIMATED, f"the {kind} file is an animation, not one picture")
        if draft_side is not None:
            image.draft(None, (draft_side, draft_side))
        image.load()
    except _DECODING_ERRORS as error:
        fault = PictureFault.TRUNCATED if "truncated" in str(error) else PictureFault.DAMAGED
        raise PictureError(
            fault, f"the {kind} file cannot be decoded: {error}", hint="Fetch it again."
        ) from error
    if _orientation(image) >= 5:
        width, height = height, width
    return image, PictureInfo(picture_format, width, height, image.has_transparency_data, len(data))


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except _DECODING_ERRORS:  # EXIF that cannot be read turns nothing
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _normalise(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    profile = profile if isinstance(profile, bytes) and profile else None
    turn = _UPRIGHT.get(_orientation(image))
    if image.mode.startswith("I"):
        # 16-bit grey; converting straight to L would clip in older versions of Pillow.
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    elif image.has_transparency_data and image.mode not in {"LA", "RGBA"}:
        image = image.convert("LA" if image.mode in {"1", "L"} else "RGBA")
    elif image.mode in {"1", "P"}:
        image = image.convert("L" if image.mode == "1" else "RGB")
    if image.mode not in {"RGB", "RGBA"}:
        image, profile = to_srgb(image, profile), None
    if turn is not None:
        image = image.transpose(turn)
    image.info = {"icc_profile": profile} if profile and profile_space(profile) == "RGB" else {}
    return image
