"""Whether an image suits an agency, and what of it can be mended. Pure: it writes nothing and reads no file."""

import re
from dataclasses import dataclass, replace

from engine.export.agencies import ColumnValue, KeywordRule, Preset, TextRule
from engine.export.cells import csv_text, looks_like_formula
from engine.views import ImageView

_FORMULA_MARK = "begins like a formula: an apostrophe is put in front"


@dataclass(frozen=True, slots=True)
class SheetRow:
    """What a sheet says of one image. `pixels` is width × height, None where it is not known."""

    image_id: int
    file_name: str
    title: str
    description: str
    keywords: tuple[str, ...]
    category: str | None
    prompt: str
    model: str
    pixels: int | None


@dataclass(frozen=True, slots=True)
class Misfit:
    """One limit that a row breaks: `title` `74/70`."""

    field: str
    message: str
    is_fixable: bool = False


def sheet_row(image: ImageView, file_name: str) -> SheetRow:
    """What a sheet can say of an image."""
    known = image.width is not None and image.height is not None
    return SheetRow(
        image_id=image.image_id,
        file_name=file_name,
        title=image.title or "",
        description=image.description or "",
        keywords=image.tags,
        category=image.category,
        prompt=image.prompt,
        model=image.model,
        pixels=(image.width or 0) * (image.height or 0) if known else None,
    )


def fit(row: SheetRow, preset: Preset) -> tuple[Misfit, ...]:
    """Everything for which the agency would not take this image as it is; empty: it fits."""
    return (
        *_file_misfits(row, preset),
        *_text_misfits("title", row.title, preset.title, preset.has_column(ColumnValue.TITLE)),
        *_text_misfits(
            "description", row.description, preset.description, preset.has_column(ColumnValue.DESCRIPTION)
        ),
        *(_keyword_misfits(row.keywords, preset.keywords) if preset.has_column(ColumnValue.KEYWORDS) else ()),
        *_category_misfits(row, preset),
    )


def size_misfit(pixels: int, preset: Preset) -> Misfit | None:
    """Whether a picture of so many pixels, width × height, is below the agency's floor."""
    least = preset.min_megapixels
    if pixels >= least * 1_000_000:
        return None
    shown = round(pixels / 1_000_000, 2)
    if shown >= least:  # 5.999 is not to read as 6.00 of at least 6
        shown = pixels // 10_000 / 100
    return Misfit("size", f"{shown:.2f} of at least {least:g} megapixels")


def mend(row: SheetRow, preset: Preset) -> tuple[SheetRow, tuple[Misfit, ...]]:
    """The row with what can be mended mended, and what was changed: texts are shortened at a word, keywords cut to the
    most important ones, which come first."""
    changes: list[Misfit] = []
    fixed = row
    if (title := _mended_text(row.title, preset.title, ColumnValue.TITLE, preset)) != row.title:
        changes.append(Misfit("title", f"“{row.title}” became “{title}”"))
        fixed = replace(fixed, title=title)
    description = _mended_text(row.description, preset.description, ColumnValue.DESCRIPTION, preset)
    if description != row.description:
        changes.append(Misfit("description", f"“{row.description}” became “{description}”"))
        fixed = replace(fixed, description=description)
    if preset.has_column(ColumnValue.KEYWORDS):
        keywords = _mended_keywords(row.keywords, preset.keywords)
        if keywords != row.keywords:
            lost = [word for word in row.keywords if word not in keywords]
            what = f"left out: {', '.join(lost)}" if len(keywords) < len(row.keywords) else "commas taken out"
            changes.append(Misfit("keywords", what))
            fixed = replace(fixed, keywords=keywords)
    return fixed, tuple(changes)


def cells(row: SheetRow, preset: Preset) -> tuple[list[str], tuple[Misfit, ...]]:
    """The texts of a line in the order of the columns, harmless in a spreadsheet, and where that changed them."""
    texts: list[str] = []
    changes: list[Misfit] = []
    for column in preset.columns:
        text = column.text if column.value is ColumnValue.TEXT else _value(row, column.value, preset)
        safe = csv_text(text)
        if looks_like_formula(" ".join(text.split())):
            changes.append(Misfit(str(column.value), _FORMULA_MARK))
        texts.append(safe)
    return texts, tuple(changes)


def _value(row: SheetRow, value: ColumnValue, preset: Preset) -> str:
    match value:
        case ColumnValue.KEYWORDS:
            return ", ".join(row.keywords)
        case ColumnValue.CATEGORY:
            return preset.categories.get(row.category or "", "")
        case _:
            return str(getattr(row, value))


def _file_misfits(row: SheetRow, preset: Preset) -> list[Misfit]:
    found = []
    longest = preset.file_name_max
    if longest is not None and len(row.file_name) > longest:
        found.append(Misfit("file_name", f"file name {len(row.file_name)}/{longest}"))
    if preset.min_megapixels and row.pixels is None:
        least = f"{preset.min_megapixels:g}"
        found.append(Misfit("size", f"size not known, at least {least} megapixels are asked for"))
    elif row.pixels is not None and (misfit := size_misfit(row.pixels, preset)) is not None:
        found.append(misfit)
    return found


def _text_misfits(field: str, text: str, rule: TextRule, has_column: bool) -> list[Misfit]:
    if not has_column:
        return []
    if not text.strip():
        return [Misfit(field, f"no {field}")]
    found = []
    if rule.max is not None and len(text) > rule.max:
        found.append(Misfit(field, f"{field} {len(text)}/{rule.max}", is_fixable=True))
    if len(text) < rule.min:
        found.append(Misfit(field, f"{field} has {len(text)} characters, at least {rule.min} are asked for"))
    if forbidden := sorted(set(text) & set(rule.forbidden)):
        names = ", ".join(f"“{char}”" for char in forbidden)
        found.append(Misfit(field, f"{field} contains {names}", is_fixable=True))
    if not _says(text, rule):
        found.append(Misfit(field, f"{field} does not say “{rule.says}”", is_fixable=True))
    return found


def _says(text: str, rule: TextRule) -> bool:
    return not rule.says or rule.says.casefold() in text.casefold() or "generated" in text.casefold()


def _keyword_misfits(keywords: tuple[str, ...], rule: KeywordRule) -> list[Misfit]:
    found = []
    if rule.max is not None and len(keywords) > rule.max:
        found.append(Misfit("keywords", f"keywords {len(keywords)}/{rule.max}", is_fixable=True))
    if len(keywords) < max(rule.min, 1):
        found.append(Misfit("keywords", f"{len(keywords)} keywords of at least {max(rule.min, 1)}"))
    if split := [word for word in keywords if "," in word]:
        found.append(
            Misfit("keywords", f"a comma would split {', '.join(map(repr, split))}", is_fixable=True)
        )
    return found


def _category_misfits(row: SheetRow, preset: Preset) -> list[Misfit]:
    if not preset.has_column(ColumnValue.CATEGORY):
        return []
    if row.category is None:
        return [Misfit("category", "no category")] if preset.needs_category else []
    if row.category not in preset.categories:
        return [Misfit("category", f"{preset.name} has no category “{row.category}”")]
    return []


def _mended_text(text: str, rule: TextRule, value: ColumnValue, preset: Preset) -> str:
    if not text.strip() or not preset.has_column(value):
        return text
    if set(text) & set(rule.forbidden):
        text = " ".join(re.sub(f"[{re.escape(rule.forbidden)}]", " ", text).split())
    said = "" if _says(text, rule) else f" {rule.says}"
    if rule.max is not None and len(text) + len(said) > rule.max:
        text = shorten(text, rule.max - len(said))
    return text + said


def shorten(text: str, longest: int) -> str:
    """At most `longest` characters, cut behind a word; a word that is longer than all of it is cut itself."""
    if len(text) <= longest:
        return text
    words = text[: longest + 1].rsplit(maxsplit=1)
    kept = words[0] if len(words) > 1 or text[longest].isspace() else text[:longest]
    return kept[:longest].rstrip(" ,;:-–(")


def _mended_keywords(keywords: tuple[str, ...], rule: KeywordRule) -> tuple[str, ...]:
    plain = (" ".join(word.replace(",", " ").split()) for word in keywords)
    return tuple(dict.fromkeys(word for word in plain if word))[: rule.max]
