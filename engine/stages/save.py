"""The last step: metadata into the file, the file into the output folder, and only then the status `approved`."""

from pathlib import Path

from db import images as image_rows
from db import tasks as task_rows
from db.records import ImageRecord
from db.status import Approval, ImageStatus, Stage
from engine.context import JobContext
from engine.crash import crash_point
from engine.errors import StageError
from engine.files import inside_folder, write_new
from engine.imaging.embed import EmbeddedText, embed
from engine.imaging.faults import PictureError
from engine.text import safe_label

LABEL_BYTES = 60
MANUAL_REASON = "Manually approved"


async def save(
    context: JobContext, image: ImageRecord, *, is_manual: bool = False, reason: str | None = None
) -> None:
    """Put the finished picture into the output folder and approve it; `is_manual`: a person has decided so, whatever
    the check says. `reason` replaces the one on the image. Raises StageError, or PauseRequired for the disk.

    A repeated save after a crash finds the file that it had written by its content and adopts it.
    """
    source = Path(image.processed_file or image.original_file or "")
    try:
        target = await context.compute(_place, context, image, source)
    except PictureError as error:
        raise StageError(Stage.SAVE, error.message, code=error.code, hint=error.hint) from error
    except OSError as error:
        raise StageError(
            Stage.SAVE,
            f"The picture could not be saved: {error.strerror or error}",
            code="file",
            hint="Retry it.",
        ) from error
    crash_point("mid_save")
    approval = Approval.CHECKED if image.is_checked else Approval.UNCHECKED_BY_SETTINGS
    if is_manual:
        approval = Approval.MANUAL
    async with context.database.transaction(durable=True) as connection:
        is_approved = await image_rows.approve(
            connection,
            image.image_id,
            output_file=str(target),
            approval=approval,
            reason=reason or (MANUAL_REASON if is_manual else None),
            at=context.now(),
        )
        await task_rows.mark_done_if_finished(connection, image.task_id, context.now())
    crash_point("after_save")
    if not is_approved:  # trashed, or decided by hand, while it was being saved
        target.unlink(missing_ok=True)
        context.log.warning("Not saved: its status changed meanwhile.", Stage.SAVE, image=image.image_number)
        return
    if image.processed_file and image.processed_file != image.original_file:
        await context.compute(Path(image.processed_file).unlink, missing_ok=True)
    context.log.info(f"Saved as {target}.", Stage.SAVE, image=image.image_number)
    context.image_changed(image.image_id, ImageStatus.APPROVED)


def _place(context: JobContext, image: ImageRecord, source: Path) -> Path:
    extension = source.suffix.lstrip(".")
    stem = f"{safe_label(context.job.label, LABEL_BYTES)}_{context.job.job_id}_{image.image_number}"
    data = source.read_bytes()
    if context.settings.ai.embed_metadata and image.title is not None:
        data = embed(data, EmbeddedText(image.title, image.description or "", image.tags))
    folder = context.folders.output
    path = write_new(folder, stem, extension, data, adopt_identical=True)
    return inside_folder(path, folder)
