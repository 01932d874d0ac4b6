"""What a person decides about images, beyond db.images: approvals that can be taken back, and what a kill left
half done. Every update says from which statuses it may happen and returns whether it did."""

import aiosqlite

from db.query import change, fetch_all
from db.records import ImageRecord
from db.status import Progress

_DECIDABLE = "status IN ('qc_failed', 'failed', 'retry_failed')"

_BEGIN_APPROVAL = f"""UPDATE images SET updated_at = :at, before_approval =
    json_object('status', status, 'stage', stage, 'error_code', error_code, 'reason', reason)
WHERE image_id = :image_id AND {_DECIDABLE}"""  # noqa: S608 - constants only

_CANCEL_APPROVAL = """UPDATE images SET before_approval = NULL, updated_at = :at
WHERE image_id = :image_id AND status <> 'approved' AND before_approval IS NOT NULL"""

_TAKE_BACK_APPROVAL = """UPDATE images SET approval = NULL, before_approval = NULL, progress = 'described',
    status = before_approval ->> 'status', stage = before_approval ->> 'stage',
    error_code = before_approval ->> 'error_code', reason = before_approval ->> 'reason', updated_at = :at
WHERE image_id = :image_id AND status = 'approved' AND approval = 'manual' AND before_approval IS NOT NULL"""

_TAKE_BACK_FILE = f"""UPDATE images SET output_file = NULL, processed_file = :processed_file, progress = :progress,
    updated_at = :at
WHERE image_id = :image_id AND output_file IS NOT NULL AND {_DECIDABLE}"""  # noqa: S608 - constants only


async def begin_approval(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """Remember what a rejected or failed image is, before its file is put into the output folder."""
    return await change(connection, _BEGIN_APPROVAL, {"image_id": image_id, "at": at}) > 0


async def cancel_approval(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """The approval came to nothing: the image stays what it is."""
    return await change(connection, _CANCEL_APPROVAL, {"image_id": image_id, "at": at}) > 0


async def take_back_approval(connection: aiosqlite.Connection, image_id: int, at: str) -> bool:
    """Make an image that was approved by hand what it was before. Its output file stays known until it is gone."""
    return await change(connection, _TAKE_BACK_APPROVAL, {"image_id": image_id, "at": at}) > 0


async def take_back_file(
    connection: aiosqlite.Connection,
    image_id: int,
    *,
    processed_file: str | None,
    progress: Progress,
    at: str,
) -> bool:
    """The file of an approval that was taken back has left the output folder; `progress` is what is still done."""
    parameters = {"image_id": image_id, "processed_file": processed_file, "progress": progress, "at": at}
    return await change(connection, _TAKE_BACK_FILE, parameters) > 0


async def misplaced(connection: aiosqlite.Connection, trash_folder: str) -> list[ImageRecord]:
    """Images that were trashed, or whose approval was taken back, while their file still is in the output folder.
    `trash_folder`, with the slash at its end, is where the files of trashed images belong."""
    tail = f"""FROM images WHERE output_file IS NOT NULL AND ({_DECIDABLE} OR status = 'trashed'
            AND substr(output_file, 1, length(:trash)) <> :trash)
        ORDER BY image_id"""
    return await fetch_all(connection, ImageRecord, tail, {"trash": trash_folder})


async def half_approved(connection: aiosqlite.Connection) -> list[ImageRecord]:
    """Images whose approval by hand was cut off while their file was being put into the output folder."""
    tail = f"FROM images WHERE before_approval IS NOT NULL AND {_DECIDABLE} ORDER BY image_id"
    return await fetch_all(connection, ImageRecord, tail)
