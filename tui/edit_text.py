"""Edited texts of images in words: their lengths against an agency's limits, what an edit does. Pure functions."""

from collections.abc import Sequence
from pathlib import Path

from rich.text import Text

from engine.export.agencies import Policy, Preset
from engine.export.fit import Misfit, fit, sheet_row
from engine.export.requests import ImageEdit
from engine.text import clean_text
from engine.views import ImageView, RefusalView
from tui.format import plural

TEXTS = ("title", "description", "keywords")


def one_line(text: str) -> str:
    """As it will be kept."""
    return " ".join(clean_text(text).split())


def tags_of(text: str) -> tuple[str, ...]:
    """Comma separated tags, each once, letter case ignored."""
    first: dict[str, str] = {}
    for tag in map(one_line, text.split(",")):
        first.setdefault(tag.casefold(), tag)
    return tuple(tag for tag in first.values() if tag)


def edited(image: ImageView, edit: ImageEdit) -> ImageView:
    """The image as it would be."""
    given = {
        name: value
        for name in ("title", "description", "tags", "category")
        if (value := getattr(edit, name)) is not None
    }
    return image.model_copy(update=given)


def misfits_of(image: ImageView, preset: Preset) -> tuple[Misfit, ...]:
    """What keeps the agency from taking it, but for its policy."""
    return fit(sheet_row(image, Path(image.file or "").name), preset)


def length_text(field: str, length: int, preset: Preset | None, misfits: Sequence[Misfit]) -> Text:
    """`12/70`, in red where the agency would not take it; a field that its sheet does not have has no limit."""
    if preset is None:
        return Text(str(length), "dim")
    rule = getattr(preset, field)
    is_asked_for = any(str(column.value) == field for column in preset.columns)
    limit = f"/{rule.max}" if is_asked_for and rule.max is not None else ""
    return Text(f"{length}{limit}", "red" if any(one.field == field for one in misfits) else "dim")


def verdict_lines(preset: Preset, misfits: Sequence[Misfit]) -> list[Text]:
    """Whether the agency takes it so, and if not, everything that it would not take."""
    name = clean_text(preset.name)
    lines = [Text(f"✗ {clean_text(one.message)}", "red") for one in misfits]
    if preset.generated is Policy.REFUSED:
        lines.insert(0, Text(f"✗ {name} refuses generated images", "red"))
    return lines or [Text(f"✓ {name} takes it so", "green")]


def edit_question(edit: ImageEdit, images: int) -> str:
    """What is asked before several images are edited."""
    parts = []
    if edit.tags is not None:
        parts.append("Replace the tags")
    if edit.category is not None:
        verb = "set the category" if edit.category else "take the category"
        parts.append(verb if parts else verb.capitalize())
    to = "" if edit.category is None else f" {'to ' + edit.category if edit.category else 'away'}"
    return f"{' and '.join(parts)} of {plural(images, 'image')}{to}?"


def refusal_text(refused: Sequence[RefusalView]) -> str:
    """Why the first was not edited, and how many more."""
    first = refused[0]
    more = f" And {len(refused) - 1} more." if len(refused) > 1 else ""
    return f"Image {first.image_id}: {first.message} {first.hint}".rstrip() + more
