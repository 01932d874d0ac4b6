"""`gimf images`: list."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace

from engine.api import ImageQuery
from engine.views import ImageStatus, ImageView, Stage
from tui.cli.output import Output
from tui.cli.pages import all_rows
from tui.cli.parsing import UsageError
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table

_SHOWN = 50


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
