"""What a form shows of each preference, taken from the model; the keymap is no form's business."""

from functools import cache
from typing import Any

from pydantic import BaseModel

from engine.preferences import Preferences
from engine.settings_fields import FieldDescription, describe

GROUP = "preferences"


@cache
def describe_preferences() -> tuple[FieldDescription, ...]:
    """All single values of `config.toml`, in the model's order; their paths are those of `save_preferences`."""
    return tuple(_fields(Preferences, Preferences().model_dump(mode="json"), ""))


def _fields(model: type[BaseModel], defaults: dict[str, Any], prefix: str) -> list[FieldDescription]:
    found: list[FieldDescription] = []
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found += _fields(kind, defaults[name], f"{name}.")
        elif field.title is not None:
            found.append(
                describe(f"{prefix}{name}", field, defaults[name], group=GROUP, group_title="Preferences")
            )
    return found
