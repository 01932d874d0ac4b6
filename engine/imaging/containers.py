"""The outer structure of PNG, JPEG and WebP files: kind, size, chunks, completeness. Decodes no pixel.

Sources: PNG, W3C recommendation (third edition), sections 5 and 11; JPEG, ITU-T T.81 annex B; WebP, RFC 9649.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from engine.imaging.faults import PictureError, PictureFault

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

JPEG_SOI = b"\xff\xd8"
JPEG_EOI = b"\xff\xd9"
JPEG_SOS_MARKER = 0xDA
_JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
_JPEG_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0-SOF15 without DHT, JPG and DAC, which share the range."""


class PictureFormat(StrEnum):
    """The accepted formats. The value is the settings' word and the file name extension."""

    PNG = "png"
    JPEG = "jpg"
    WEBP = "webp"

    @property
    def mime_type(self) -> str:
        return {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}[self.value]


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk or segment: data[start:end] is all of it, data[body_start:body_end] its payload."""

    name: bytes
    """PNG and RIFF: the four letters. JPEG: the marker's second byte."""
    start: int
    end: int
    body_start: int
    body_end: int

    def body(self, data: bytes) -> bytes:
        return data[self.body_start : self.body_end]


def sniff_format(data: bytes) -> PictureFormat:
    """Tell the format from the first bytes. Raises PictureError `not_a_picture`, which names what was
    found."""
    if data.startswith(PNG_SIGNATURE):
        return PictureFormat.PNG
    if data.startswith(b"\xff\xd8\xff"):
        return PictureFormat.JPEG
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return PictureFormat.WEBP
    raise PictureError(
        PictureFault.NOT_A_PICTURE,
        f"the file is {_foreign_kind(data)}, not a PNG, JPEG or WebP picture",
    )


def check_container(data: bytes, picture_format: PictureFormat) -> tuple[int, int]:
    """Walk through the whole file and return (width, height) in pixels as stored, before any rotation.

    Finds what decoders let pass: a missing end, a wrong PNG checksum, a RIFF length beyond the end of the
    file. Raises PictureError `truncated` or `damaged`.
    """
    match picture_format:
        case PictureFormat.PNG:
            chunks = list(png_chunks(data))
            if chunks[0].name != b"IHDR" or chunks[0].body_end - chunks[0].body_start != 13:
                raise PictureError(PictureFault.DAMAGED, "the PNG does not begin with its header")
            width, height = struct.unpack_from(">II", data, chunks[0].body_start)
        case PictureFormat.JPEG:
            width, height = _jpeg_size(data)
        case PictureFormat.WEBP:
            width, height = webp_size(data, list(riff_chunks(data)))
    if width == 0 or height == 0:
        raise PictureError(PictureFault.DAMAGED, f"the picture says that it is {width} x {height} pixels")
    return width, height


def png_chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk up to IEND, checksums verified. Raises PictureError `truncated` or `damaged`."""
    position = len(PNG_SIGNATURE)
    view = memoryview(data)
    while True:
        if position + 12 > len(data):
            raise _ends_early("PNG")
        length, name = struct.unpack_from(">I4s", data, position)
        body_end = position + 8 + length
        if body_end + 4 > len(data):
            raise _ends_early("PNG")
        (checksum,) = struct.unpack_from(">I", data, body_end)
        if zlib.crc32(view[position + 4 : body_end]) != checksum:
            raise PictureError(PictureFault.DAMAGED, f"the checksum of the PNG chunk {name!r} is wrong")
        yield Chunk(name, position, body_end + 4, position + 8, body_end)
        if name == b"IEND":
            return
        position = body_end + 4


def jpeg_segments(data: bytes) -> Iterator[Chunk]:
    """Every segment from behind SOI up to and with the first SOS. Raises PictureError `truncated` or
    `damaged`."""
    position = len(JPEG_SOI)
    while True:
        if position + 2 > len(data):
            raise _ends_early("JPEG")
        if data[position] != 0xFF:
            raise PictureError(PictureFault.DAMAGED, f"no JPEG marker at byte {position}")
        marker = data[position + 1]
        if marker == 0xFF:  # a fill byte
            position += 1
            continue
        if marker in _JPEG_BARE_MARKERS:
            yield Chunk(bytes([marker]), position, position + 2, position + 2, position + 2)
            position += 2
            continue
        if position + 4 > len(data):
            raise _ends_early("JPEG")
        (length,) = struct.unpack_from(">H", data, position + 2)
        end = position + 2 + length
        if length < 2:
            raise PictureError(PictureFault.DAMAGED, f"the JPEG segment at byte {position} has no length")
        if end > len(data):
            raise _ends_early("JPEG")
        yield Chunk(bytes([marker]), position, end, position + 4, end)
        if marker == JPEG_SOS_MARKER:
            return
        position = end


def riff_chunks(data: bytes) -> Iterator[Chunk]:
    """Every chunk of a WebP file, as far as the RIFF length goes. Raises PictureError `truncated`."""
    if len(data) < 20:
        raise _ends_early("WebP")
    (length,) = struct.unpack_from("<I", data, 4)
    riff_end = 8 + length
    if riff_end > len(data):
        raise _ends_early("WebP")
    position = 12
    while position + 8 <= riff_end:
        name, size = struct.unpack_from("<4sI", data, position)
        body_end = position + 8 + size
        if body_end > riff_end:
            raise _ends_early("WebP")
        end = min(body_end + size % 2, riff_end)
        yield Chunk(name, position, end, position + 8, body_end)
        position = end


def webp_size(data: bytes, chunks: list[Chunk]) -> tuple[int, int]:
    """(width, height) of a WebP canvas, from VP8X or, in a simple file, from the bitstream's own header."""
    for chunk in chunks:
        body = data[chunk.body_start : min(chunk.body_end, chunk.body_start + 10)]
        if chunk.name == b"VP8X" and len(body) >= 10:
            return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
        if chunk.name == b"VP8 " and body[3:6] == b"\x9d\x01\x2a" and len(body) >= 10:
            width, height = struct.unpack_from("<HH", body, 6)
            return width & 0x3FFF, height & 0x3FFF
        if chunk.name == b"VP8L" and body[:1] == b"\x2f" and len(body) >= 5:
            (bits,) = struct.unpack_from("<I", body, 1)
            return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    raise PictureError(PictureFault.DAMAGED, "the WebP file has no picture header")


def _jpeg_size(data: bytes) -> tuple[int, int]:
    size: tuple[int, int] | None = None
    scan_start = 0
    for segment in jpeg_segments(data):
        if segment.name[0] in _JPEG_FRAME_MARKERS and segment.body_end - segment.body_start >= 5:
            height, width = struct.unpack_from(">HH", data, segment.body_start + 1)
            size = width, height
        scan_start = segment.end
    if size is None:
        raise PictureError(PictureFault.DAMAGED, "the JPEG has no frame header")
    # libjpeg is content with every scan line and does not miss the end marker; a lost tail has none.
    if data.find(JPEG_EOI, scan_start) < 0:
        raise _ends_early("JPEG")
    return size


def _ends_early(kind: str) -> PictureError:
    return PictureError(PictureFault.TRUNCATED, f"the {kind} file ends too early", hint="Fetch it again.")


_FOREIGN_STARTS = (
    (b"GIF8", "a GIF"),
    (b"BM", "a BMP"),
    (b"%PDF", "a PDF document"),
    (b"II*\x00", "a TIFF"),
    (b"MM\x00*", "a TIFF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"RIFF", "a RIFF file without a picture"),
)
_ISO_BRANDS = ((b"avif", "an AVIF"), (b"heic", "a HEIC"), (b"heix", "a HEIC"), (b"mif1", "a HEIF"))
_TEXT_STARTS = (
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<head", "an HTML page"),
    (b"<body", "an HTML page"),
    (b"<?xml", "an XML document"),
    (b"{", "a JSON document"),
    (b"[", "a JSON document"),
)


def _foreign_kind(data: bytes) -> str:
    text = data[:2048].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    candidates = [kind for start, kind in _FOREIGN_STARTS if data.startswith(start)]
    if data[4:8] == b"ftyp":
        candidates += [kind for brand, kind in _ISO_BRANDS if data[8:12] == brand]
        candidates.append("a video")
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg", b"<!--")) and b"<svg" in text:
        candidates.append("an SVG drawing")
    candidates += [kind for start, kind in _TEXT_STARTS if text.startswith(start)]
    if not data:
        candidates.append("empty")
    elif text.isascii() and b"\x00" not in text:
        candidates.append("plain text")
    return candidates[0] if candidates else "of an unknown kind"
