"""The files that an old row points to: which of them exist and are pictures, and copies of them. Blocks: call in a
thread."""

import hashlib
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from engine.electron.source import OldImage
from engine.files import write_new
from engine.imaging.containers import check_container, sniff_format
from engine.imaging.faults import PictureError, PictureFault
from engine.imaging.open_checked import MAX_BYTES, MAX_PIXELS


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole picture file where it lies; its pixels were not decoded."""

    path: Path
    width: int
    height: int
    extension: str
    sha256: str

    @property
    def aspect_ratio(self) -> str:
        divisor = math.gcd(self.width, self.height)
        return f"{self.width // divisor}:{self.height // divisor}"


@dataclass(frozen=True, slots=True)
class Found:
    """`final` is the finished picture, `original` the one before processing; `why_not` says what stands in the way
    where neither is there."""

    image: OldImage
    final: Picture | None
    original: Picture | None
    why_not: str = ""

    @property
    def shown_path(self) -> str:
        return self.image.final_path or self.image.temp_path or ""


def look(image: OldImage, folder: Path) -> Found:
    """Relative paths count from `folder`."""
    reasons: list[str] = []
    final = _picture(image.final_path, folder, reasons)
    original = _picture(image.temp_path, folder, reasons) if image.temp_path != image.final_path else None
    if final is None and original is None:
        return Found(image, None, None, reasons[0] if reasons else "it names no file")
    return Found(image, final, original)


def copy_picture(picture: Picture, folder: Path, stem: str) -> Path:
    """A copy of its own, whole or not there; one that an earlier, cut off import made is found again."""
    folder.mkdir(parents=True, exist_ok=True)
    with picture.path.open("rb") as source:
        return write_new(
            folder,
            stem,
            picture.extension,
            lambda target: shutil.copyfileobj(source, target, 1 << 20),
            adopt_identical=True,
        )


def _picture(text: str | None, folder: Path, reasons: list[str]) -> Picture | None:
    if text is None:
        return None
    try:
        return _whole_picture(folder / text)
    except OSError as error:
        reasons.append(error.strerror or "it cannot be read")
    except PictureError as error:
        reasons.append(error.message)
    return None


def _whole_picture(path: Path) -> Picture:
    if not path.is_file():  # a pipe or a device would be read forever
        raise PictureError(PictureFault.MISSING, "there is no such file")
    if path.stat().st_size > MAX_BYTES:
        raise PictureError(PictureFault.TOO_LARGE, f"it is larger than {MAX_BYTES // 1_000_000} MB")
    data = path.read_bytes()
    kind = sniff_format(data)
    width, height = check_container(data, kind)
    if width * height > MAX_PIXELS:
        raise PictureError(PictureFault.BOMB, f"it has more than {MAX_PIXELS // 1_000_000} megapixels")
    return Picture(path, width, height, kind.value, hashlib.sha256(data).hexdigest())
