"""From a finished task to whole pictures in the work folder, each with its row. Asks the provider for fresh links,
never for new pictures."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from db import generations as generation_rows
from db import images as image_rows
from db import tasks as task_rows
from db.records import GenerationRecord, ImageRecord, JsonObject, NewImage, TaskRecord
from db.status import ImageStatus, Stage, TaskState
from engine.addresses import hosts_of
from engine.announce import announce_images
from engine.context import JobContext
from engine.errors import FactoryError, PauseRequired, ServiceError, StageError
from engine.fetch import ExpiredLinkError, Fetched, FetchPolicy, fetch_picture, store_picture
from engine.files import sha256_of
from engine.imaging.grid import cut_quarter
from engine.imaging.open_checked import PictureError
from engine.imaging.thumbnail import make_previews
from engine.previews import preview_files
from engine.providers.base import ImageRequest, RemoteState
from engine.spool import Spool

TRIES = 3
"""A download that breaks or brings no whole picture is made again twice."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """A whole picture in the work folder."""

    path: Path
    sha256: str
    width: int
    height: int


async def download(
    context: JobContext, task_id: int, arrived: Callable[[int], Awaitable[None]]
) -> list[StageError]:
    """Fetch every picture of a task that has no row yet; `arrived(image_id)` is called for each that came.

    Answers the failures; each has its own image row, failed at stage download, so that it can be fetched later.
    """
    async with context.database.reading() as connection:
        task = await task_rows.get(connection, task_id)
        assert task is not None, f"task {task_id} is in the pipeline, so it has a row"
        generation = await generation_rows.get(connection, task.generation_id)
        assert generation is not None, "a task's generation exists"
        siblings = await task_rows.for_generation(connection, task.generation_id)
        there = {image.task_position for image in await image_rows.for_task(connection, task_id)}
    if task.state is not TaskState.READY:
        return []
    per_generation = sum(sibling.images_requested for sibling in siblings)
    before = sum(sibling.images_requested for sibling in siblings if sibling.task_index < task.task_index)
    first_number = generation.generation_index * per_generation + before + 1
    failures: list[StageError] = []
    outputs = task.outputs
    for position in range(len(outputs)):
        if position in there:
            continue
        number = first_number + position if position < task.images_requested else await _spare_number(context)
        try:
            outputs, picture = await _fetch(context, task, outputs, position, number)
        except StageError as error:
            failures.append(error)
            image = await _insert(context, task, generation, outputs, position, before, number, None)
            await _fail(context, image, error)
            continue
        image = await _insert(context, task, generation, outputs, position, before, number, picture)
        context.log.info(f"Downloaded {picture.width}x{picture.height}.", Stage.DOWNLOAD, image=number)
        context.image_changed(image.image_id, ImageStatus.PENDING)
        await arrived(image.image_id)
    async with context.database.transaction() as connection:
        await task_rows.mark_downloaded(connection, task_id, len(outputs), context.now())
        await task_rows.mark_done_if_finished(connection, task_id, context.now())
    if generation.replaces_image_id is not None:  # its facts name the new ones
        await announce_images(context.database, context.bus, [generation.replaces_image_id])
    if not failures:  # else a retry fetches the rest from there
        _clear(context, task)
    context.task_changed(task.generation_id, TaskState.DOWNLOADED)
    return failures


async def fetch_again(context: JobContext, image: ImageRecord) -> None:
    """Fetch the picture of an image whose download had failed; asks for fresh links where the old ones are dead, and
    never pays. Raises StageError."""
    async with context.database.reading() as connection:
        task = await task_rows.get(connection, image.task_id)
        siblings = await image_rows.for_task(connection, image.task_id)
    assert task is not None, "an image's task exists"
    if image.task_position >= len(task.outputs):
        raise StageError(
            Stage.DOWNLOAD,
            f"{task.provider} named no place for this picture.",
            code="no_link",
            hint="Regenerate it.",
        )
    _, picture = await _fetch(context, task, task.outputs, image.task_position, image.image_number)
    async with context.database.transaction() as connection:
        await image_rows.set_original(
            connection,
            image.image_id,
            original_file=str(picture.path),
            original_sha256=picture.sha256,
            width=picture.width,
            height=picture.height,
            at=context.now(),
        )
    context.log.info(
        f"Downloaded {picture.width}x{picture.height}.", Stage.DOWNLOAD, image=image.image_number
    )
    if all(one.original_file is not None or one.image_id == image.image_id for one in siblings):
        _clear(context, task)


def _clear(context: JobContext, task: TaskRecord) -> None:
    """Every picture of the task lies under its own name: what they came from goes."""
    Spool(context.folders.work).clear(task.request_key)
    (context.folders.work / _grid_name(task.task_id)).unlink(missing_ok=True)


async def _spare_number(context: JobContext) -> int:
    """A number of its own for a picture that came unasked: it is paid for, so it is kept."""
    async with context.database.reading() as connection:
        number = await image_rows.next_image_number(connection, context.job.job_id)
    number = max(number, context.job.planned_images + 1)
    while number in context.spare_numbers:
        number += 1
    context.spare_numbers.add(number)
    return number


async def _insert(
    context: JobContext,
    task: TaskRecord,
    generation: GenerationRecord,
    outputs: list[JsonObject],
    position: int,
    before: int,
    number: int,
    picture: _Picture | None,
) -> ImageRecord:
    share, rest = divmod(task.cost_micros or 0, len(outputs))
    seed = outputs[position].get("seed")
    if seed is None and generation.seed is not None:
        seed = generation.seed + before + position  # the generation's seed is that of its first image
    async with context.database.transaction() as connection:
        return await image_rows.insert(
            connection,
            NewImage(
                job_id=context.job.job_id,
                generation_id=generation.generation_id,
                task_id=task.task_id,
                task_position=position,
                image_number=number,
                prompt=generation.prompt or "",
                keyword=generation.keyword,
                provider=task.provider,
                model=task.model,
                provider_task_id=task.provider_task_id,
                original_file=str(picture.path) if picture else None,
                original_sha256=picture.sha256 if picture else None,
                seed=seed,
                width=picture.width if picture else None,
                height=picture.height if picture else None,
                cost_micros=share + (rest if position == 0 else 0),
                replaces_image_id=generation.replaces_image_id,
            ),
            context.now(),
        )


async def _fail(context: JobContext, image: ImageRecord, error: StageError) -> None:
    async with context.database.transaction() as connection:
        await image_rows.fail(
            connection,
            image.image_id,
            Stage.DOWNLOAD,
            code=error.code,
            reason=error.message,
            at=context.now(),
        )
    context.image_changed(image.image_id, ImageStatus.FAILED)


async def _fetch(
    context: JobContext, task: TaskRecord, outputs: list[JsonObject], position: int, number: int
) -> tuple[list[JsonObject], _Picture]:
    """One picture, with the outputs as they are now: fresh links may have been asked for. Raises StageError."""
    has_fresh_links = False
    tries = 0
    backoff = context.caller.backoff()
    while True:
        tries += 1
        try:
            picture = await _store(context, task, outputs[position], number)
            files = preview_files(context.folders.previews, context.job.job_id, number)
            await context.compute(make_previews, picture.path, files.preview, files.thumbnail)
            return outputs, picture
        except ExpiredLinkError as error:
            if has_fresh_links:
                raise _failure(error) from error
            outputs = await _fresh_links(context, task, outputs, error)
            has_fresh_links = True
        except PauseRequired:
            raise
        except (ServiceError, PictureError) as error:
            if tries >= TRIES or error.code == "unsafe_url":
                raise _failure(error) from error
            wait = backoff.next_s()
            context.log.warning(
                f"{error.message} Fetching it again in {wait:.1f} s.",
                Stage.DOWNLOAD,
                image=number,
                cause=error.code,
            )
            await context.clock.sleep(wait)


async def _store(context: JobContext, task: TaskRecord, output: JsonObject, number: int) -> _Picture:
    stem = context.folders.work / f"{number:05d}_original"
    if output.get("file"):
        data = await context.compute(Path(output["file"]).read_bytes)
        return _picture(await context.compute(store_picture, data, stem))
    if output.get("quarter") is None:
        return _picture(await _get(context, str(output["url"]), stem))
    grid = context.folders.work / _grid_name(task.task_id)
    if not grid.exists():
        fetched = await _get(context, str(output["url"]), grid.with_suffix(".fetched"))
        fetched.path.replace(grid)
    target = stem.with_suffix(".png")
    info = await context.compute(cut_quarter, grid, int(output["quarter"]), target)
    return _Picture(target, await context.compute(sha256_of, target), info.width, info.height)


async def _get(context: JobContext, url: str, stem: Path) -> Fetched:
    policy = FetchPolicy(allowed_private_hosts=hosts_of(context.services.base_urls))

    async def call() -> Fetched:
        return await fetch_picture(
            context.services.http.client, url, stem, policy=policy, executor=context.pool
        )

    return await context.caller.repeat(call, service="download", attempts=1, stage=Stage.DOWNLOAD)


async def _fresh_links(
    context: JobContext, task: TaskRecord, outputs: list[JsonObject], error: ExpiredLinkError
) -> list[JsonObject]:
    """Ask for the task again; this never pays. Raises StageError where that brings no links."""
    if task.provider_task_id is None:
        raise _failure(error)
    request = ImageRequest(task.request_key, task.model, "", 0, 0, "", images=task.images_requested)
    provider = context.services.images(task.provider)
    task_id = task.provider_task_id
    try:
        remote = await context.caller.repeat(
            lambda: provider.poll(task_id, request),
            service=task.provider,
            attempts=TRIES,
            stage=Stage.DOWNLOAD,
        )
    except ServiceError as problem:
        if problem.code in ("key", "credit"):
            raise
        raise _failure(problem) from problem
    if remote.state is not RemoteState.FINISHED or len(remote.images) < len(outputs):
        raise _failure(error)
    fresh: list[dict[str, Any]] = [
        {"url": image.url, "seed": image.seed, "quarter": image.quarter} for image in remote.images
    ]
    async with context.database.transaction() as connection:
        await task_rows.mark_ready(connection, task.task_id, fresh, None, context.now())
    context.log.info(f"Fresh links for task {task.task_id}.", Stage.DOWNLOAD)
    return fresh


def _picture(fetched: Fetched) -> _Picture:
    return _Picture(fetched.path, fetched.sha256, fetched.info.width, fetched.info.height)


def _grid_name(task_id: int) -> str:
    return f"task{task_id}.grid"


def _failure(error: FactoryError) -> StageError:
    return StageError(
        Stage.DOWNLOAD,
        f"The picture could not be fetched: {error.message}",
        code=error.code,
        hint=error.hint or "Its address is kept: retry it.",
    )
