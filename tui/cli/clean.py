"""`gimf clean`: what takes room that nobody needs, and its removal."""

from argparse import Namespace
from collections.abc import Iterator

from engine.care.views import CleanGroup, CleanKind, CleanView
from tui.cli.asking import confirm
from tui.cli.output import Output
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.format import bytes_text, plural

_WORDS = {
    CleanKind.PARTIALS: ("unfinished file", "of killed processes"),
    CleanKind.ORPHANS: ("file", "of no job or image"),
    CleanKind.TRASH: ("image", "in the trash"),
    CleanKind.DELETED_JOBS: ("deleted job", "with their originals and previews"),
    CleanKind.CACHES: ("preview", "(made anew when shown)"),
}


async def clean(options: Namespace, output: Output) -> int:
    """A cleaning object; status 1 where something could not be removed."""
    wish = {"older_than_days": options.older_than, "includes_caches": options.caches}
    async with open_session(options, output).engine(is_working=False) as engine:
        plan = await engine.clean(**wish, is_dry_run=True)
        removable = [group for group in plan.groups if group.is_removed and (group.count or group.files)]
        if options.dry_run or not removable:
            output.result(plan, _lines(plan))
            return ExitStatus.OK
        if not output.is_json:
            output.lines(_lines(plan))
        question = f"Remove this for good and free {bytes_text(plan.freed_bytes)}?"
        if not confirm(question, output, is_agreed=options.yes):
            output.result(plan, ["Nothing was removed."])
            return ExitStatus.OK
        done = await engine.clean(**wish, is_dry_run=False)
    output.result(done, [f"{bytes_text(done.freed_bytes)} freed.", *_problems(done)])
    return ExitStatus.FAILED if _problems(done) else ExitStatus.OK


def _lines(view: CleanView) -> Iterator[str]:
    if not any(group.count or group.files for group in view.groups):
        yield "There is nothing to remove."
    for group in view.groups:
        if group.count or group.files:
            yield _line(group)
            yield from (f"    {example}" for example in group.examples[:3])
    yield from view.notes


def _line(group: CleanGroup) -> str:
    noun, what = _WORDS[group.kind]
    line = f"{bytes_text(group.bytes):>9}  {plural(group.count, noun)} {what}"
    return line if group.is_removed else f"{line} (kept; --caches removes them)"


def _problems(view: CleanView) -> list[str]:
    return [note for note in view.notes if " stays: " in note]
