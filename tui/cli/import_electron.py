"""`gimf import-electron`: what came over from the older program, and by name everything that did not."""

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

from engine.api import EngineApi
from engine.electron.views import ImportCounts, ImportView
from engine.events import ImportProgressed
from tui.cli.output import Output
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.format import plural

_SHOWN = 20


async def import_electron(options: Namespace, output: Output) -> int:
    """An import object; status 3 where images were left out."""
    session = open_session(options, output)
    folder = None if options.folder is None else str(_absolute(options.folder))
    async with session.engine(is_working=False) as engine, _reporting(engine, output):
        view = await engine.import_electron(
            str(_absolute(options.file)), folder=folder, is_copying=options.copy, is_dry_run=options.dry_run
        )
    output.result(view, _lines(view))
    return ExitStatus.IMAGES_FAILED if view.images.left_out else ExitStatus.OK


@asynccontextmanager
async def _reporting(engine: EngineApi, output: Output) -> AsyncIterator[None]:
    """A line that says how far it is, where a person watches."""
    async with engine.subscribe() as subscription:

        async def listen() -> None:
            async for event in subscription:
                if isinstance(event, ImportProgressed) and output.is_terminal:
                    output.redraw(f"{event.done:,} of {event.total:,} images")

        task = asyncio.create_task(listen())
        try:
            yield
        finally:
            subscription.close()
            await task
            output.redraw("")


def _absolute(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _lines(view: ImportView) -> Iterator[str]:
    yield f"{'Would be taken over' if view.is_dry_run else 'Taken over'} from {view.source}:"
    for word, counts in (
        ("configurations", view.configurations),
        ("jobs", view.jobs),
        ("images", view.images),
    ):
        yield f"  {word:<15} {_counts(counts)}"
    if view.images_by_status:
        yield "    " + ", ".join(f"{count:,} {status}" for status, count in view.images_by_status.items())
        yield "    Approved is what the old program had approved; no check of this program has seen it."
    if view.configuration_names:
        yield f"  configurations here: {', '.join(view.configuration_names)}"
    if view.keys_in_clear:
        yield ""
        yield f"Keys lie in clear text in {view.source}: {', '.join(view.keys_in_clear)}."
        yield "They were not taken over. Store them with `gimf keys set`, then delete that file or replace the keys."
    yield from _list(
        "Settings that have no place here",
        [
            f"{one.setting}: {one.why} ({one.where}{f' and {one.count - 1} more' if one.count > 1 else ''})"
            for one in view.unmapped
        ],
    )
    yield from _list(
        "Files and folders that configurations name and that are not there",
        [f"{one.configuration}, {one.setting}: {one.path}" for one in view.missing_paths],
    )
    yield from _list(
        f"{plural(view.images.left_out, 'image')} left out",
        [f"{one.file or one.image} ({one.job}): {one.why}" for one in view.left_out],
        count=view.images.left_out,
    )
    yield from _list("To know", view.notes)


def _counts(counts: ImportCounts) -> str:
    parts = [f"{counts.imported:,}"]
    if counts.already:
        parts.append(f"{counts.already:,} were here already")
    if counts.left_out:
        parts.append(f"{counts.left_out:,} left out")
    return ", ".join(parts)


def _list(title: str, items: "list[str] | tuple[str, ...]", *, count: int | None = None) -> Iterator[str]:
    if not items:
        return
    yield ""
    yield f"{title}:"
    yield from (f"  {item}" for item in items[:_SHOWN])
    more = (len(items) if count is None else count) - len(items[:_SHOWN])
    if more > 0:
        yield f"  and {more:,} more; --json lists them"
