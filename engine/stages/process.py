"""What is done to the pixels of a picture that may be sold: background, trim, sharpening, saturation, format."""

from decimal import Decimal
from pathlib import Path

from db import images as image_rows
from db.records import ImageRecord
from db.status import Stage
from engine.context import JobContext
from engine.crash import crash_point
from engine.errors import AnswerLostError, ServiceError, StageError
from engine.files import atomic_write
from engine.imaging.encode import Background
from engine.imaging.faults import PictureError
from engine.imaging.open_checked import PictureFormat
from engine.imaging.processing import ProcessingPlan, process_picture
from engine.imaging.thumbnail import make_previews
from engine.paid import paid_call
from engine.previews import preview_files
from engine.providers.base import Charge
from engine.providers.removebg import SERVICE, RemovedBackground
from engine.spending import PaidCall

_STAGE = Stage.REMOVE_BACKGROUND


async def process(context: JobContext, image: ImageRecord) -> None:
    """Run the switched-on steps on the provider's file and store where the result lies. Raises StageError."""
    assert image.original_file is not None, "a pending image has a file"
    source = Path(image.original_file)
    if context.settings.processing.remove_background:
        source = await _without_background(context, image, source)
    crash_point("mid_processing")
    target_stem = context.folders.work / f"{image.image_number:05d}_processed"
    try:
        result = await context.compute(process_picture, source, target_stem, _plan(context))
    except PictureError as error:
        raise StageError(Stage.CONVERT, error.message, code=error.code, hint=error.hint) from error
    if not result.is_original:  # whoever decides about the picture has to see what would be delivered
        previews = preview_files(context.folders.previews, context.job.job_id, image.image_number)
        await context.compute(make_previews, result.path, previews.preview, previews.thumbnail)
    warnings = tuple(f"{soft.stage} was left out: {soft.message}" for soft in result.warnings)
    async with context.database.transaction() as connection:
        for warning in warnings:
            await image_rows.add_warning(connection, image.image_id, warning, context.now())
        await image_rows.set_processed(
            connection,
            image.image_id,
            processed_file=None if result.path == Path(image.original_file) else str(result.path),
            width=result.width,
            height=result.height,
            at=context.now(),
        )
    await _drop_earlier(context, image, result.path)
    for warning in warnings:
        context.log.warning(warning, Stage.ENHANCE, image=image.image_number)
    if result.is_original:
        context.log.debug(
            "No processing: the provider's file is kept byte for byte.", image=image.image_number
        )
    else:
        context.log.info(
            f"Processed: {result.format} {result.width}x{result.height}.",
            Stage.CONVERT,
            image=image.image_number,
        )


async def _drop_earlier(context: JobContext, image: ImageRecord, kept: Path) -> None:
    """The result of an earlier try in another format goes once the new one is safely there; the original stays."""
    earlier = image.processed_file
    if earlier is not None and earlier != image.original_file and Path(earlier) != kept:
        await context.compute(Path(earlier).unlink, missing_ok=True)


def _plan(context: JobContext) -> ProcessingPlan:
    settings = context.settings.processing
    return ProcessingPlan(
        trim=settings.trim_transparent,
        convert=PictureFormat(settings.convert_format) if settings.convert else None,
        jpg_quality=settings.jpg_quality,
        webp_quality=settings.webp_quality,
        jpg_background=Background(settings.jpg_background),
        enhance=settings.enhance,
        sharpening=settings.sharpening,
        saturation=settings.saturation,
        on_trim_failure=context.rules.trim,
        on_enhance_failure=context.rules.enhance,
        on_convert_failure=context.rules.convert,
    )


async def _without_background(context: JobContext, image: ImageRecord, source: Path) -> Path:
    """The picture without its background, or, where a failure may be passed over, as it was.

    An answer that was lost is not asked for again: that would pay twice.
    """
    size = context.settings.processing.remove_background_size
    target = context.folders.work / f"{image.image_number:05d}_cutout_{size}.png"
    if target.exists():
        return target
    client = context.services.background()
    call = PaidCall(
        f"background:{image.image_id}", SERVICE, size, context.prices.background_cost_micros(size) or 0
    )
    data = await context.compute(source.read_bytes)

    async def send() -> RemovedBackground:
        crash_point("mid_background")
        return await client.remove(data, source.name, size)

    async def keep(removed: RemovedBackground) -> None:
        await context.compute(atomic_write, target, removed.data)
        async with context.database.transaction(durable=True) as connection:
            await context.spending.settle(connection, call, _credits_charge(context, removed))

    try:
        async with context.database.reading() as connection:
            if await context.spending.is_lost(connection, call):
                raise AnswerLostError(
                    SERVICE,
                    "The background may have been removed and paid for, but the answer was lost.",
                    hint="Retry the image to have it removed (and paid for) again.",
                )
        await context.caller.repeat(
            lambda: paid_call(context, call, send, keep),
            service=SERVICE,
            attempts=1,
            stage=_STAGE,
            image=image.image_number,
        )
    except ServiceError as error:
        if error.code in ("key", "credit"):
            raise
        return await _on_failure(context, image, source, error)
    context.log.info("Background removed.", _STAGE, image=image.image_number)
    return target


def _credits_charge(context: JobContext, removed: RemovedBackground) -> Charge | None:
    if removed.credits_charged is None:
        return None
    micros = context.prices.credits_cost_micros(Decimal(str(removed.credits_charged)))
    return None if micros is None else Charge(micros, float(removed.credits_charged), "credits")


async def _on_failure(context: JobContext, image: ImageRecord, source: Path, error: ServiceError) -> Path:
    if context.settings.processing.on_remove_background_failure == "fail":
        raise StageError(
            _STAGE, f"The background was not removed: {error.message}", code=error.code, hint=error.hint
        )
    warning = f"The background was not removed: {error.message}"
    async with context.database.transaction() as connection:
        await image_rows.add_warning(connection, image.image_id, warning, context.now())
    context.log.warning(warning, _STAGE, image=image.image_number, cause=error.code, hint=error.hint)
    return source
