"""The small copies of an image: made once when it arrives, so that no list ever decodes an original."""

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


def ensure_previews(files: PreviewFiles, source: Path) -> None:
    """Make both where one is missing, from the picture itself. Blocks: call it in a thread. Raises PictureError and
    PauseRequired."""
    if files.preview.exists() and files.thumbnail.exists():
        return
    from engine.imaging.thumbnail import make_previews  # noqa: PLC0415 - Pillow, only where it is needed

    make_previews(source, files.preview, files.thumbnail)
