"""Where the small copies of an image lie: made once when it arrives, so that no screen ever decodes an original."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class PreviewFiles:
    preview: Path
    """JPEG, at most 512 px."""
    thumbnail: Path
    """JPEG, at most 256 px."""


def preview_files(previews_dir: Path, job_id: str, image_number: int) -> PreviewFiles:
    """The two files of one image; they need not exist."""
    folder = previews_dir / job_id
    return PreviewFiles(folder / f"{image_number:05d}_512.jpg", folder / f"{image_number:05d}_256.jpg")
