"""`gimf images`: list, show, approve, trash, restore. What puts images to work again is retries.py's."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from engine.api import EngineApi, ImageQuery
from engine.views import DecisionView, ImageStatus, ImageView, Stage
from tui.cli.output import Output
from tui.cli.pages import all_rows
from tui.cli.parsing import UsageError
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.format import plural
from tui.image_facts import image_facts

_SHOWN = 50
_NAME_WIDTH = 11


async def list_images(options: Namespace, output: Output) -> int:
    """An array of image objects, all that fit unless there is a limit; a table of 50 for people."""
    limit = options.limit or (None if output.is_json else _SHOWN)
    stage = parse_stage(options.stage, "gimf images list") if options.stage else None
    query = ImageQuery(
        statuses=tuple(ImageStatus(word) for word in options.status),
        stage=stage,
        reason=options.reason,
        text=options.text,
    )
    session = open_session(options, output)
    images: list[ImageView] = []
    has_more = False
    if session.has_database or options.job:
        async with session.queries() as queries:
            if options.job:
                query = replace(query, job_id=await queries.resolve_job(options.job))
            images, has_more = await all_rows(
                lambda cursor, page: queries.images(replace(query, cursor=cursor, limit=page)), limit
            )
    output.result(images, _image_table(images))
    if has_more and not options.limit:
        output.note(f"Only the first {_SHOWN} are shown; --limit shows more.")
    return ExitStatus.OK


async def show_image(options: Namespace, output: Output) -> int:
    """The image object."""
    async with open_session(options, output).queries() as queries:
        image = await queries.image(options.image)
    output.result(
        image, [f"{name:<{_NAME_WIDTH}} {value}".replace("\n", " ") for name, value in image_facts(image)]
    )
    return ExitStatus.OK


async def approve_images(options: Namespace, output: Output) -> int:
    """A decision object; status 3 where some were refused, 1 where all were."""
    async with open_session(options, output).engine(is_working=False) as engine:
        decision = await engine.approve_images(await chosen_images(options, engine))
    return report_decision(decision, "Approved", output)


async def trash_images(options: Namespace, output: Output) -> int:
    """As `approve_images`."""
    async with open_session(options, output).engine(is_working=False) as engine:
        decision = await engine.trash_images(await chosen_images(options, engine))
    return report_decision(decision, "Moved to the trash:", output)


async def restore_images(options: Namespace, output: Output) -> int:
    """As `approve_images`."""
    async with open_session(options, output).engine(is_working=False) as engine:
        decision = await engine.restore_images(await chosen_images(options, engine))
    return report_decision(decision, "Restored", output)


async def chosen_images(options: Namespace, engine: EngineApi) -> list[int]:
    """The images that a command names, or all that its filters fit. Raises UsageError for neither."""
    has_filter = bool(options.job or options.status or options.reason or options.stage)
    if options.images and not has_filter:
        return list(options.images)
    if options.images or not has_filter:
        raise UsageError(
            f"gimf images {options.action}: name the images by their ids, or all by --job, --status, --reason, --stage",
            hint="`gimf images list` shows them.",
        )
    query = ImageQuery(
        job_id=await engine.resolve_job(options.job) if options.job else None,
        statuses=tuple(ImageStatus(word) for word in options.status or options.usual_statuses),
        stage=parse_stage(options.stage, f"gimf images {options.action}") if options.stage else None,
        reason=options.reason,
        sort="oldest",
    )
    return await engine.image_ids(query)


def report_decision(decision: DecisionView, word: str, output: Output) -> int:
    lines = [f"{word} {plural(len(decision.done), 'image')}."] if decision.done else []
    lines += [f"Image {one.image_id}: {one.message} {one.hint}".rstrip() for one in decision.refused]
    output.result(decision, lines)
    if not decision.refused:
        return ExitStatus.OK
    return ExitStatus.IMAGES_FAILED if decision.done else ExitStatus.FAILED


def parse_stage(text: str, command: str) -> Stage:
    """The stage of this name. Raises UsageError with the names there are."""
    try:
        return Stage(text)
    except ValueError as error:
        raise UsageError(f"{command}: argument --stage: {text!r} is none of {', '.join(Stage)}") from error


def _image_table(images: Sequence[ImageView]) -> list[str]:
    if not images:
        return ["No images."]
    rows = [
        (
            str(image.image_id),
            str(image.status),
            str(image.stage or ""),
            image.keyword,
            f"{image.width}x{image.height}" if image.width else "-",
            image.reason or "",
            image.title or "",
            image.file or "-",
        )
        for image in images
    ]
    headers = ("image", "status", "stage", "keyword", "size", "reason", "title", "file")
    lines = table(headers[:-1], [row[:-1] for row in rows], right=("image",))
    # A path is for copying, so it is never cut.
    return [f"{line}  {row[-1]}" for line, row in zip(_padded(lines), [headers, *rows], strict=True)]


def _padded(lines: Sequence[str]) -> list[str]:
    from tui.cli.output import display_width

    width = max(display_width(line) for line in lines)
    return [line + " " * (width - display_width(line)) for line in lines]
