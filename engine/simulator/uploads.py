"""Looking at pictures that a client sends: what they are, and whether they are pictures at all."""

import base64
import binascii
import io
import re
from dataclasses import dataclass

from PIL import Image

_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+);base64,", re.ASCII)


class UnreadableImageError(ValueError):
    """The bytes, or the URL, are no picture; the message says in which way."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """`type` is the MIME type that the bytes themselves show; `size` is in bytes, sides in pixels."""

    type: str
    size: int
    width: int
    height: int


def facts_of(data: bytes, *, is_decoded: bool = False) -> ImageFacts:
    """What the header says, or, with `is_decoded`, what is still true after every pixel was read."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            if is_decoded:
                image.load()
            mime = image.get_format_mimetype() or "application/octet-stream"
            return ImageFacts(mime, len(data), image.width, image.height)
    except (
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise UnreadableImageError(f"not a picture that can be decoded: {error}") from error


def data_url_bytes(url: str) -> tuple[str, bytes]:
    """The declared type and the bytes of a base64 data URL. Raises UnreadableImageError."""
    head = _DATA_URL.match(url)
    if not head:
        raise UnreadableImageError("not a base64 data URL")
    try:
        return head[1], base64.b64decode(url[head.end() :], validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnreadableImageError(f"not valid base64: {error}") from error
