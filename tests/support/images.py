"""Images for tests of lists and pictures: views by the thousand without an engine, and jobs with real ones."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from engine.api import ImageQuery
from engine.export.views import FitView
from engine.previews import preview_files
from engine.service import Engine
from engine.views import ImageStatus, ImageView
from tests.support.engine import request


def image_view(image_id: int, **fields: Any) -> ImageView:
    """An approved image without a file."""
    return ImageView(
        **{
            "image_id": image_id,
            "job_id": "j0b00001",
            "generation_id": image_id,
            "number": image_id,
            "status": ImageStatus.APPROVED,
            "stage": None,
            "reason": None,
            "warnings": (),
            "prompt": f"prompt {image_id}",
            "keyword": f"keyword {image_id}",
            "provider": "piapi",
            "model": "flux-schnell",
            "task_id": None,
            "width": 64,
            "height": 64,
            "seed": None,
            "file": None,
            "original_file": None,
            "title": f"Title {image_id}",
            "description": None,
            "tags": (),
            "cost_usd": 0.0,
            "created_at": "2026-11-22T11:00:00.000Z",
            "replaces_image_id": None,
            **fields,
        }
    )


class ManyImages:
    """The part of an EngineApi that an ImageSource asks; `asked` are the ids that it wanted to know of.

    Its agency takes the images in `taken`; `weighed` are the ids of each question which of them it takes.
    """

    def __init__(self, views: Sequence[ImageView]) -> None:
        self.views = {view.image_id: view for view in views}
        self.asked: list[int] = []
        self.fits_asked: list[int] = []
        self.weighed: list[list[int]] = []
        self.taken: set[int] = set()

    async def image_ids(self, query: ImageQuery) -> list[int]:
        return sorted(self.views, reverse=query.sort == "newest")

    async def images_by_id(self, image_ids: Sequence[int]) -> list[ImageView]:
        self.asked += image_ids
        return [self.views[image_id] for image_id in image_ids if image_id in self.views]

    async def agency_fits(self, image_ids: Sequence[int], agency: str | None = None) -> list[FitView]:
        self.fits_asked += image_ids
        return [
            FitView(image_id=one, agency=agency or "", is_accepted=one in self.taken, reasons=())
            for one in image_ids
        ]

    async def fitting_images(self, image_ids: Sequence[int], agency: str) -> list[int]:
        self.weighed.append(list(image_ids))
        return [image_id for image_id in image_ids if image_id in self.taken]


def draw(path: Path, size: tuple[int, int] = (64, 48), colour: tuple[int, ...] = (200, 40, 40)) -> Path:
    """A picture of one colour; with four numbers a colour may be transparent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB" if len(colour) == 3 else "RGBA", size, colour).save(path)
    return path


def draw_previews(previews_dir: Path, view: ImageView, colour: tuple[int, ...] = (40, 200, 40)) -> None:
    """The small copies of an image."""
    files = preview_files(previews_dir, view.job_id, view.number)
    draw(files.preview, (512, 384), colour)
    draw(files.thumbnail, (256, 192), colour)


async def finished_job(engine: Engine, images: int, label: str = "Cats", **groups: Any) -> list[ImageView]:
    """The images of a job that has ended, of every status, in its order."""
    generation = {"generations": images, "concurrency": 8, **groups.pop("generation", {})}
    job = await engine.start_job(request(label, generation=generation, **groups))
    await engine.wait_for_job(job.job_id)
    page = await engine.images(ImageQuery(job_id=job.job_id, statuses=(), sort="number", limit=1_000))
    return list(page.rows)
