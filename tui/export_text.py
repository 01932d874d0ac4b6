"""What the export dialog says: before, while and after. Pure; text from outside stays text."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from engine.export.views import ExportView, MissingView, SheetCheckView, SheetNoteView
from engine.text import clean_text
from tui import format as fmt

SHOWN = 200
"""Lines of one kind; the command line lists them all."""


def check_lines(check: SheetCheckView) -> list[Text]:
    """What a sheet would be like: what stands in its way, then what would be changed."""
    lines = []
    if check.refusal:
        lines.append(Text(f"✗ {clean_text(check.refusal)}", style="red"))
    if check.problems:
        lines.append(Text(f"✗ {fmt.plural(len(check.problems), 'limit')} broken", style="red"))
        lines += _notes(check.problems, "red")
    if not check.images:
        lines.append(Text("✗ No image would be in it.", style="red"))
    elif check.can_be_written:
        lines.append(Text(f"✓ {fmt.plural(check.images, 'image')}, nothing in the way", style="green"))
    if check.changes:
        lines.append(Text("Changed:"))
        lines += _notes(check.changes, "yellow")
    return lines + _missing(check.missing)


def result_lines(view: ExportView) -> list[Text]:
    """Where it is and what is not in it."""
    lines = [Text(f"✓ {clean_text(path)}", style="green") for path in view.paths]
    lines.append(Text(f"{fmt.plural(view.images, 'image')}, {fmt.plural(view.files, 'file')}"))
    if view.changes:
        lines.append(Text("Changed:"))
        lines += _notes(view.changes, "yellow")
    return lines + _missing(view.missing) + _notes(view.problems, "yellow")


def progress_line(phase: str, done: int, total: int, width: int = 30) -> Text:
    """`zipping  ━━━╸───  37 of 120`."""
    fraction = done / total if total else 0.0
    return Text.assemble(
        f"{phase:<10} ", (fmt.bar(fraction, width), "green"), f"  {fmt.count(done)} of {fmt.count(total)}"
    )


def _notes(notes: Sequence[SheetNoteView], style: str) -> list[Text]:
    return _cut(Text(f"  {_about(note)}{clean_text(note.message)}", style=style) for note in notes)


def _about(note: SheetNoteView) -> str:
    return "" if note.image_id is None else f"image {note.image_id}  {clean_text(note.file or '')}  "


def _missing(missing: Sequence[MissingView]) -> list[Text]:
    if not missing:
        return []
    head = Text(f"✗ {fmt.plural(len(missing), 'picture')} missing", style="red")
    lines = (
        Text(f"  image {one.image_id}  {clean_text(one.reason)}  {clean_text(one.file or '')}", style="red")
        for one in missing
    )
    return [head, *_cut(lines)]


def _cut(lines: Iterable[Text]) -> list[Text]:
    found = list(lines)
    if len(found) <= SHOWN:
        return found
    return [*found[:SHOWN], Text(f"  … and {fmt.count(len(found) - SHOWN)} more", style="dim")]
