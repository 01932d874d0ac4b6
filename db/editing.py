"""What a person changes in the texts of an approved image, and which files do not hold the change yet."""

from collections.abc import Sequence

import aiosqlite

from db.query import change, fetch_all, json_text
from db.records import ImageRecord

_EDIT = """UPDATE images SET title = :title, description = :description, tags = :tags, category = :category,
    is_file_stale = :is_file_stale, updated_at = :at
WHERE image_id = :image_id AND status = 'approved'"""


async def edit(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    title: str | None,
    description: str | None,
    tags: Sequence[str],
    category: str | None,
    is_file_stale: bool,
    at: str,
) -> bool:
    """Give an approved image these texts; `is_file_stale`: its file has to get them too."""
    parameters = {
        "image_id": image_id,
        "title": title,
        "description": description,
        "tags": json_text(list(tags)),
        "category": category,
        "is_file_stale": is_file_stale,
        "at": at,
    }
    return await change(connection, _EDIT, parameters) > 0


async def file_follows(connection: aiosqlite.Connection, image_id: int) -> bool:
    """The file holds what the row says."""
    statement = "UPDATE images SET is_file_stale = 0 WHERE image_id = ? AND is_file_stale = 1"
    return await change(connection, statement, (image_id,)) > 0


async def stale(connection: aiosqlite.Connection) -> list[ImageRecord]:
    """Approved images whose file may not hold what the row says."""
    tail = "FROM images WHERE is_file_stale = 1 AND status = 'approved' ORDER BY image_id"
    return await fetch_all(connection, ImageRecord, tail)
