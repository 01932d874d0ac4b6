"""The Electron program's settings in ours, field by field; what has no counterpart is named with the reason.

No value is ever repeated in a reason: a key may stand in the wrong place.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engine.electron import values
from engine.electron.keys import KEY_GROUP, is_key
from engine.errors import SettingsError
from engine.masking import Masker
from engine.settings import Settings, merge_settings
from engine.text import clean_text

GROUPS = ("filePaths", "parameters", "processing", "ai", "advanced")

_NOT_HERE = "there is no such setting here"
_BAD_VALUE = "its value is none that the setting can have here"
_KEY_IN_IT = "a key stands in it"

type Convert = Callable[[Any], Any]


def _text(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else str(value) if type(value) in (int, float) else value


def _lower(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


def _number(value: Any) -> Any:
    found = values.plain_number(value)
    return value if found is None else found


def _switch(value: Any) -> Any:
    words = {"true": True, "false": False, 0: False, 1: True}
    try:
        return words.get(_lower(value), value)
    except TypeError:  # a list, an object
        return value


def _words(value: Any) -> Any:
    parts = value.split(",") if isinstance(value, str) else value
    return [part.strip() for part in parts if part.strip()] if _is_texts(parts) else value


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)


def _order(value: Any) -> Any:
    return (
        {True: "random", False: "sequential"}.get(is_on)
        if isinstance(is_on := _switch(value), bool)
        else value
    )


def _seconds(value: Any) -> Any:
    found = values.plain_number(value)
    return value if found is None else found / 1000


def _failure_mode(value: Any) -> Any:
    word = _lower(value)
    if not isinstance(word, str):
        return value
    return "continue" if word in ("approve", "continue", "soft") else "fail" if "fail" in word else value


_FIELDS: dict[str, tuple[str, Convert]] = {
    "outputDirectory": ("files.output_dir", _text),
    "tempDirectory": ("files.work_dir", _text),
    "systemPromptFile": ("files.system_prompt_file", _text),
    "keywordsFile": ("files.keywords_file", _text),
    "qualityCheckPromptFile": ("files.quality_prompt_file", _text),
    "metadataPromptFile": ("files.metadata_prompt_file", _text),
    "processMode": ("generation.process_mode", _lower),
    "aspectRatios": ("generation.aspect_ratios", _words),
    "mjVersion": ("generation.mj_version", _text),
    "openaiModel": ("prompt.openai_model", _text),
    "pollingTimeout": ("generation.timeout_minutes", _number),
    "keywordRandom": ("generation.keyword_order", _order),
    "count": ("generation.generations", _number),
    "variations": ("generation.variations", _number),
    "negativePrompt": ("generation.negative_prompt", _text),
    "generationRetryAttempts": ("generation.attempts", _number),
    "generationRetryBackoffMs": ("generation.backoff_seconds", _seconds),
    "runwareModel": ("generation.model", _text),
    "runwareDimensionsCsv": ("generation.dimensions", _words),
    "CFGScale": ("generation.guidance", _number),
    "steps": ("generation.steps", _number),
    "lora": ("generation.loras", lambda value: value),
    "removeBg": ("processing.remove_background", _switch),
    "removeBgSize": ("processing.remove_background_size", _text),
    "removeBgFailureMode": ("processing.on_remove_background_failure", _failure_mode),
    "trimTransparentBackground": ("processing.trim_transparent", _switch),
    "imageConvert": ("processing.convert", _switch),
    "jpgQuality": ("processing.jpg_quality", _number),
    "webpQuality": ("processing.webp_quality", _number),
    "jpgBackground": ("processing.jpg_background", _lower),
    "imageEnhancement": ("processing.enhance", _switch),
    "sharpening": ("processing.sharpening", _number),
    "saturation": ("processing.saturation", _number),
    "runQualityCheck": ("ai.quality_check", _switch),
    "runMetadataGen": ("ai.metadata", _switch),
    "debugMode": ("advanced.debug", _switch),
}
_SWITCHED = {"lora": "loraEnabled", "runwareAdvanced": "runwareAdvancedEnabled"}
"""Fields that count only where another one is on."""
_HANDLED = frozenset({"loraEnabled", "runwareAdvancedEnabled", "convertToJpg", "convertToWebp"})
_WHY_NOT = {
    "pollingInterval": "its unit is not certain; ours is seconds and keeps its default",
    "enablePollingTimeout": "how long a task may take is always limited here",
    "pngQuality": "PNG files lose nothing here, at any size",
    "runwareFormat": "the format is chosen by processing.convert_format here",
    "label": "each job is given its label when it is started",
}
_SAME_AS_OURS = {"enablePollingTimeout": True, "pngQuality": 100, "runwareFormat": "png", "label": ""}
"""Values that say what holds here anyway: nothing is lost with them."""


@dataclass(frozen=True, slots=True)
class MappedSettings:
    """`unmapped` are pairs of the old setting's name and why it has no place here."""

    settings: Settings
    unmapped: tuple[tuple[str, str], ...]


def map_settings(document: dict[str, Any], masker: Masker) -> MappedSettings:
    """Whole, flat or partial settings, over our defaults. Keys are left out, wherever they stand."""
    fields = {name: (path, value) for path, name, value in _leaves(document)}
    unmapped: list[tuple[str, str]] = []
    found: dict[str, tuple[str, Any]] = {}  # our field -> the old name, the value in our form
    for name, (path, value) in fields.items():
        if name in _HANDLED or value is None or is_key(name, value):
            continue
        if name not in _FIELDS:
            if not _is_same_as_ours(name, value):
                unmapped.append((path, _WHY_NOT.get(name, _NOT_HERE)))
            continue
        ours, convert = _FIELDS[name]
        if value in ("", []):  # "not set", there
            continue
        if (switch := _switch_of(path, name)) is not None and not _is_on(fields, switch):
            continue
        converted = convert(value)
        if masker.mask(str(converted)) != str(converted):
            unmapped.append((path, _KEY_IN_IT))
        elif not _fits({ours: converted}):
            unmapped.append((path, _BAD_VALUE))
        else:
            found[ours] = (path, converted)
    data = {ours: value for ours, (_, value) in found.items()} | _derived(fields, set(found))
    settings, dropped = _together(data)
    unmapped += [(found[ours][0], "it does not fit the others") for ours in dropped if ours in found]
    return MappedSettings(settings, tuple((_shown(path, masker), why) for path, why in unmapped))


def _derived(fields: dict[str, tuple[str, Any]], found: set[str]) -> dict[str, Any]:
    """What several of the old fields say together."""
    derived: dict[str, Any] = {}
    if "generation.model" in found:
        derived["generation.provider"] = "runware"
    else:
        derived |= {"generation.provider": "piapi", "generation.model": "midjourney"}
    for name, word in (("convertToJpg", "jpg"), ("convertToWebp", "webp")):
        if _is_on(fields, name):
            derived["processing.convert_format"] = word
            break
    return derived


def _leaves(document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Dotted name, last name and value of every setting; a group that is not known counts as one setting."""
    for name, value in document.items():
        if name == KEY_GROUP:
            continue
        if name in GROUPS and isinstance(value, dict):
            for inner, leaf in value.items():
                if inner == "runwareAdvanced" and isinstance(leaf, dict):
                    yield from ((f"{name}.{inner}.{last}", last, item) for last, item in leaf.items())
                else:
                    yield f"{name}.{inner}", inner, leaf
        else:
            yield name, name, value


def _switch_of(path: str, name: str) -> str | None:
    return _SWITCHED["runwareAdvanced"] if ".runwareAdvanced." in path else _SWITCHED.get(name)


def _is_on(fields: dict[str, tuple[str, Any]], name: str) -> bool:
    return name in fields and _switch(fields[name][1]) is True


def _is_same_as_ours(name: str, value: Any) -> bool:
    return name in _SAME_AS_OURS and _lower(value) == _SAME_AS_OURS[name]


def _nested(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    nested: dict[str, dict[str, Any]] = {}
    for path, value in data.items():
        group, _, field = path.partition(".")
        nested.setdefault(group, {})[field] = value
    return nested


def _fits(data: dict[str, Any]) -> bool:
    try:
        _, warnings = merge_settings(_nested(data))
    except (SettingsError, RecursionError):
        return False
    return not warnings


def _together(data: dict[str, Any]) -> tuple[Settings, list[str]]:
    """Fields that are each valid, without those that are not in company; and those."""
    kept = dict(data)
    dropped: list[str] = []
    while True:
        try:
            return merge_settings(_nested(kept))[0], dropped
        except SettingsError as error:
            culprits = [
                path for path in kept if any(problem.field.startswith(path) for problem in error.problems)
            ]
            dropped += culprits or list(kept)
            kept = {path: value for path, value in kept.items() if path not in dropped}


def _shown(path: str, masker: Masker) -> str:
    return masker.mask(clean_text(path, limit=80))
