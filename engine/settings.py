"""The one door to a job's settings: the model, and what turns data and texts into it. Holds nothing."""

from engine.settings_fields import FieldDescription, FieldKind, describe_field, describe_fields
from engine.settings_generation import MAX_IMAGES, GenerationSettings, LoraSettings
from engine.settings_merge import changed_fields, dump_settings, merge_settings
from engine.settings_model import (
    AdvancedSettings,
    AiSettings,
    FilesSettings,
    ProcessingSettings,
    PromptSettings,
    Settings,
)
from engine.settings_overrides import format_value, override_settings, parse_value

__all__ = [
    "MAX_IMAGES",
    "AdvancedSettings",
    "AiSettings",
    "FieldDescription",
    "FieldKind",
    "FilesSettings",
    "GenerationSettings",
    "LoraSettings",
    "ProcessingSettings",
    "PromptSettings",
    "Settings",
    "changed_fields",
    "describe_field",
    "describe_fields",
    "dump_settings",
    "format_value",
    "merge_settings",
    "override_settings",
    "parse_value",
]
