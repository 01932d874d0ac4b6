"""Tells of images whose status was changed many at a time."""

from collections.abc import Sequence

from db import images as image_rows
from db.connection import Database
from engine.bus import EventBus
from engine.events import ImageChanged


async def announce_images(database: Database, bus: EventBus, image_ids: Sequence[int]) -> None:
    """One `ImageChanged` each, with the status as it is now."""
    if not image_ids:
        return
    async with database.reading() as connection:
        images = await image_rows.get_many(connection, image_ids)
    for image in images:
        bus.publish(ImageChanged(image.job_id, image.image_id, image.status))
