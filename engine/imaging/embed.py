"""Title, description and tags inside the file: an XMP packet and EXIF's ImageDescription. Re-encodes no
pixel.

Sources: XMP specification part 1 (ISO 16684-1) and part 3 (where the packet lies in JPEG and PNG), IPTC Photo
Metadata Standard 2025.1 (DigitalSourceType), PNG third edition 11.3.4.1 (eXIf), RFC 9649 2.7 (WebP).
"""

import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image

from engine.files import atomic_write
from engine.imaging.containers import (
    JPEG_SOI,
    PNG_SIGNATURE,
    Chunk,
    PictureFormat,
    jpeg_segments,
    png_chunks,
    riff_chunks,
    sniff_format,
    webp_size,
)
from engine.imaging.faults import PictureError, PictureFault

DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
CREATOR_TOOL = "Gen Image Factory"

_XMP_KEYWORD = b"XML:com.adobe.xmp"
_XMP_HEADER = b"http://ns.adobe.com/xap/1.0/\x00"
_XMP_EXTENSION_HEADER = b"http://ns.adobe.com/xmp/extension/\x00"
_EXIF_HEADER = b"Exif\x00\x00"
_JPEG_PAYLOAD_LIMIT = 65_533
_IMAGE_DESCRIPTION = 0x010E

_VP8X_EXIF, _VP8X_XMP, _VP8X_ALPHA, _VP8X_ICC = 0x08, 0x04, 0x10, 0x20

# What XML 1.0 forbids, and the control characters that it allows but nobody reads: C0, DEL, C1.
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]+")


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """What is written into a file; `tags` in the order of their importance."""

    title: str
    description: str
    tags: Sequence[str] = ()


def embed_file(source: Path, target: Path, text: EmbeddedText) -> None:
    """Write a copy of `source` with `text` in it to `target`, which may be the same file, atomically.

    Raises PictureError and PauseRequired.
    """
    atomic_write(target, embed(source.read_bytes(), text))


def embed(data: bytes, text: EmbeddedText) -> bytes:
    """The bytes of the same PNG, JPEG or WebP picture with `text` in it, in place of the XMP that it had.

    Other EXIF tags stay. A C2PA manifest is taken out: its signature is over the file as it was, so it
    would only be reported as tampering. Raises PictureError (`text_too_long`: a JPEG segment holds 64 KB).
    """
    packet = xmp_packet(text)
    match sniff_format(data):
        case PictureFormat.PNG:
            return _into_png(data, packet, text)
        case PictureFormat.JPEG:
            return _into_jpeg(data, packet, text)
        case PictureFormat.WEBP:
            return _into_webp(data, packet, text)


def xmp_packet(text: EmbeddedText) -> bytes:
    """The XMP packet, UTF-8. Values are XML-escaped; control characters become spaces."""
    title, description = _plain(text.title), _plain(text.description)
    tags = "".join(f"<rdf:li>{escape(tag)}</rdf:li>" for tag in map(_plain, text.tags) if tag)
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        '<rdf:Description rdf:about=""\n'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"\n'
        ' xmlns:xmp="http://ns.adobe.com/xap/1.0/"\n'
        ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"\n'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">\n'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{escape(title)}</rdf:li></rdf:Alt></dc:title>\n'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{escape(description)}</rdf:li></rdf:Alt>'
        "</dc:description>\n"
        f"<dc:subject><rdf:Bag>{tags}</rdf:Bag></dc:subject>\n"
        f"<photoshop:Headline>{escape(title)}</photoshop:Headline>\n"
        f"<Iptc4xmpExt:DigitalSourceType>{DIGITAL_SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>\n"
        f"<xmp:CreatorTool>{CREATOR_TOOL}</xmp:CreatorTool>\n"
        "</rdf:Description>\n</rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="w"?>'
    ).encode()


def _plain(value: str) -> str:
    return _NOT_TEXT.sub(" ", value).strip()


def _exif(existing: bytes | None, text: EmbeddedText) -> bytes:
    """A TIFF structure without the `Exif` prefix: the picture's own tags with ImageDescription set, in
    UTF-8."""
    exif = Image.Exif()
    if existing:
        try:
            exif.load(existing)
            exif[_IMAGE_DESCRIPTION] = _plain(text.description).encode()
            return exif.tobytes().removeprefix(_EXIF_HEADER)
        except (OSError, SyntaxError, ValueError, LookupError, TypeError, struct.error):
            exif = Image.Exif()  # EXIF that cannot be read is replaced
    exif[_IMAGE_DESCRIPTION] = _plain(text.description).encode()
    return exif.tobytes().removeprefix(_EXIF_HEADER)


def _into_png(data: bytes, packet: bytes, text: EmbeddedText) -> bytes:
    existing: bytes | None = None
    kept: list[Chunk] = []
    for chunk in png_chunks(data):
        if chunk.name == b"eXIf":
            existing = chunk.body(data)
        elif chunk.name != b"caBX" and not (
            chunk.name == b"iTXt" and chunk.body(data).startswith(_XMP_KEYWORD + b"\x00")
        ):
            kept.append(chunk)
    # iTXt: keyword, NUL, uncompressed, method 0, no language, no translated keyword, text (PNG 11.3.3.4).
    text_chunk = _png_chunk(b"iTXt", _XMP_KEYWORD + bytes(5) + packet)
    added = text_chunk + _png_chunk(b"eXIf", _exif(existing, text))
    parts = [PNG_SIGNATURE]
    is_added = False
    for chunk in kept:
        if chunk.name == b"IDAT" and not is_added:
            parts.append(added)
            is_added = True
        parts.append(data[chunk.start : chunk.end])
    return b"".join(parts)


def _png_chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _into_jpeg(data: bytes, packet: bytes, text: EmbeddedText) -> bytes:
    existing: bytes | None = None
    leading: list[bytes] = []
    kept: list[bytes] = []
    rest = len(JPEG_SOI)
    for segment in jpeg_segments(data):
        body = segment.body(data)
        rest = segment.end
        if segment.name == b"\xe1" and body.startswith(_EXIF_HEADER):
            existing = existing or body
        elif segment.name == b"\xe1" and body.startswith((_XMP_HEADER, _XMP_EXTENSION_HEADER)):
            continue
        elif segment.name == b"\xeb" and body[:2] == b"JP" and body[12:16] == b"jumb":
            continue  # C2PA's JUMBF box; each of its segments repeats this header
        elif segment.name == b"\xe0" and not kept:
            leading.append(data[segment.start : segment.end])  # JFIF has to come first
        else:
            kept.append(data[segment.start : segment.end])
    added = [
        _app1(_EXIF_HEADER + _exif(existing, text), "the description"),
        _app1(_XMP_HEADER + packet, "the title, description and tags"),
    ]
    return b"".join([JPEG_SOI, *leading, *added, *kept, data[rest:]])


def _app1(body: bytes, what: str) -> bytes:
    if len(body) > _JPEG_PAYLOAD_LIMIT:
        raise PictureError(
            PictureFault.TEXT_TOO_LONG,
            f"{what} need {len(body)} bytes, a JPEG holds at most {_JPEG_PAYLOAD_LIMIT}",
            hint="Shorten the text, or convert to PNG.",
        )
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


def _into_webp(data: bytes, packet: bytes, text: EmbeddedText) -> bytes:
    chunks = list(riff_chunks(data))
    width, height = webp_size(data, chunks)
    existing: bytes | None = None
    flags = 0
    kept: list[bytes] = []
    for chunk in chunks:
        body = chunk.body(data)
        if chunk.name == b"VP8X":
            flags |= body[0]
        elif chunk.name == b"EXIF":
            existing = body
        elif chunk.name not in {b"XMP ", b"C2PA"}:
            kept.append(_riff_chunk(chunk.name, body))
        if chunk.name == b"ALPH" or (chunk.name == b"VP8L" and _vp8l_has_alpha(body)):
            flags |= _VP8X_ALPHA
        elif chunk.name == b"ICCP":
            flags |= _VP8X_ICC
    flags |= _VP8X_EXIF | _VP8X_XMP
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = _riff_chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas)
    added = _riff_chunk(b"EXIF", _exif(existing, text)) + _riff_chunk(b"XMP ", packet)
    body = b"WEBP" + extended + b"".join(kept) + added
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _vp8l_has_alpha(body: bytes) -> bool:
    """alpha_is_used, the bit behind the 14 + 14 bits of the size (RFC 9649 3.4)."""
    return bool(struct.unpack_from("<I", body, 1)[0] >> 28 & 1)


def _riff_chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2)
