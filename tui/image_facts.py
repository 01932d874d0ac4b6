"""Everything that is known of one image, as names and values for people. Pure functions."""

from collections.abc import Iterable, Iterator

from engine.text import clean_text
from engine.views import ImageView
from tui import format as fmt

_TEXT_LIMIT = 2_000


def size_of(image: ImageView) -> str:
    """`1024x768`, or a hyphen while it is not known."""
    return fmt.NOTHING if image.width is None else f"{image.width}x{image.height}"


def image_facts(image: ImageView, agencies: str = "") -> Iterator[tuple[str, str]]:
    """In the order of a page; empty facts are left out. `agencies` is what they say of it."""
    facts = (
        ("image", f"{image.number} of its job, id {image.image_id}"),
        ("status", str(fmt.image_look(image.status))),
        ("reason", image.reason),
        ("title", image.title),
        ("description", image.description),
        ("tags", ", ".join(image.tags)),
        ("category", image.category),
        ("prompt", image.prompt),
        ("keyword", image.keyword),
        ("model", f"{image.model} ({image.provider})"),
        ("seed", None if image.seed is None else str(image.seed)),
        ("size", size_of(image)),
        ("cost", fmt.money(image.cost_usd)),
        ("made", fmt.local_time(image.created_at)),
        ("job", f"{image.job_id}, image {image.number}"),
        ("task", image.task_id),
        ("replaces", None if image.replaces_image_id is None else _names([image.replaces_image_id])),
        ("replaced by", _names(image.replaced_by)),
        ("file", image.file),
        ("agencies", agencies),
        *(("warning", warning) for warning in image.warnings),
    )
    for name, value in facts:
        if value:
            yield name, clean_text(value, keep_newlines=True, limit=_TEXT_LIMIT)


def _names(image_ids: Iterable[int]) -> str:
    return ", ".join(f"image {image_id}" for image_id in image_ids)
