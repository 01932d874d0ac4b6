"""Text files from anywhere, whatever their encoding. Knows nothing of keywords or templates."""

import codecs
import re
from dataclasses import dataclass
from pathlib import Path

from engine.errors import InputError

MAX_PROMPT_BYTES = 1_000_000
"""The largest prompt or template file that is read."""

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_UTF8_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_SAMPLE = 4096


@dataclass(frozen=True, slots=True)
class TextFile:
    """`text` has `\\n` as its only line end and no byte order mark."""

    path: Path
    text: str
    encoding: str
    """Python's name of it; `cp1252` is a fallback that the user should hear of."""


def read_text_file(
    path: Path, *, max_bytes: int = MAX_PROMPT_BYTES, error: type[InputError] = InputError
) -> TextFile:
    """Read UTF-8, UTF-16 or UTF-32 (with or without a mark for UTF-8 and UTF-16), else Windows-1252.

    Windows-1252 is only taken where nothing speaks for UTF-8: a file with UTF-8 sequences and one bad
    byte is a damaged one, not another encoding. Raises `error` naming the file, and the line of a bad
    byte or a NUL.
    """
    raw = _read_bytes(path, max_bytes, error)
    text, encoding = _decode(raw, path, error)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if (position := text.find("\0")) >= 0:
        line = text.count("\n", 0, position) + 1
        raise error(
            f"{path}, line {line}: there is a NUL character; this is no text file.",
            hint="Save it again as UTF-8 text.",
        )
    return TextFile(path, text, encoding)


def _read_bytes(path: Path, max_bytes: int, error: type[InputError]) -> bytes:
    try:
        if not path.is_file():
            raise error(f"{path}: {'this is no file' if path.exists() else 'there is no such file'}.")
        if path.stat().st_size > max_bytes:
            raise error(f"{path} is larger than {max_bytes:,} bytes.")
        return path.read_bytes()
    except OSError as reason:
        raise error(f"{path} cannot be read: {reason.strerror}.") from reason


def _decode(raw: bytes, path: Path, error: type[InputError]) -> tuple[str, str]:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return _decode_as(raw[len(mark) :], encoding, path, error), encoding
    if encoding := _unmarked_utf16(raw[:_SAMPLE]):
        return _decode_as(raw, encoding, path, error), encoding
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as reason:
        if _UTF8_SEQUENCE.search(raw):
            raise _bad_byte(raw, reason, "UTF-8", path, error) from reason
    return _decode_as(raw, "cp1252", path, error), "cp1252"


def _unmarked_utf16(sample: bytes) -> str:
    """Text of Latin letters in UTF-16 has a zero in nearly every second byte and none between."""
    pairs = len(sample) // 2
    if pairs == 0:
        return ""
    even, odd = sample[0 : pairs * 2 : 2].count(0), sample[1 : pairs * 2 : 2].count(0)
    if odd > pairs * 0.7 and even == 0:
        return "utf-16-le"
    if even > pairs * 0.7 and odd == 0:
        return "utf-16-be"
    return ""


def _decode_as(raw: bytes, encoding: str, path: Path, error: type[InputError]) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as reason:
        names = {"cp1252": "UTF-8 nor Windows-1252"}
        raise _bad_byte(raw, reason, names.get(encoding, encoding.upper()), path, error) from reason


def _bad_byte(
    raw: bytes, reason: UnicodeDecodeError, encoding: str, path: Path, error: type[InputError]
) -> InputError:
    before = raw[: reason.start]
    if encoding.startswith(("UTF-16", "UTF-32")):
        before = before.decode(encoding, errors="replace").encode()
    line = before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n") + 1
    neither = "neither " if " nor " in encoding else "not "
    return error(
        f"{path}, line {line}: the byte 0x{raw[reason.start]:02x} is {neither}{encoding}.",
        hint="Save the file as UTF-8.",
    )
