"""Data from outside becomes settings here, and settings become data again."""

from collections.abc import Mapping
from typing import Any

from engine.errors import Problem
from engine.settings_model import Settings
from engine.validation import field_paths, validate_known


def merge_settings(data: Mapping[str, Any]) -> tuple[Settings, list[Problem]]:
    """Merge `data` (groups of fields) deeply over the defaults.

    Fields that there are not (an older or newer version's, or a slip) are left out and returned as warnings.
    Raises SettingsError with every bad field at once.
    """
    return validate_known(Settings, data)


def dump_settings(settings: Settings) -> dict[str, Any]:
    """All fields as plain JSON values, defaults too; `merge_settings` makes equal settings of it."""
    return settings.model_dump(mode="json")


def changed_fields(before: Settings, after: Settings) -> tuple[str, ...]:
    """The dotted paths of the fields in which two settings differ, in the model's order."""
    old, new = dump_settings(before), dump_settings(after)
    pairs = ((path, path.split(".")) for path in field_paths(Settings))
    return tuple(path for path, (group, name) in pairs if old[group][name] != new[group][name])
