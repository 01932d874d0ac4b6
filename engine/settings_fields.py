"""What forms, `--help` and the documentation show of each setting, taken from the model itself."""

import types
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from engine.settings_model import Settings
from engine.settings_types import SettingsGroup


class FieldKind(StrEnum):
    """How a field is edited."""

    TEXT = "text"
    LINES = "lines"
    """Text of several lines."""
    FILE = "file"
    FOLDER = "folder"
    WHOLE = "whole"
    """A whole number."""
    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"
    LIST = "list"
    """Texts, comma separated where they stand on one line."""
    LORAS = "loras"
    """Groups of model and weight; `model:weight`, comma separated where they stand on one line."""
    KEY = "key"
    """A key of a service. Its value is only where the key comes from; no setting is of this kind."""


@dataclass(frozen=True, slots=True)
class FieldDescription:
    """One setting. Bounds are inclusive, in `unit`; `step` is what one press of a key adds."""

    path: str
    group: str
    group_title: str
    title: str
    description: str
    kind: FieldKind
    unit: str
    default: Any
    """As `dump_settings` gives it."""
    minimum: float | None
    maximum: float | None
    step: float | None
    choices: tuple[str, ...]
    is_optional: bool


@cache
def describe_fields() -> tuple[FieldDescription, ...]:
    """All settings in the model's order."""
    defaults = Settings().model_dump(mode="json")
    return tuple(
        describe(
            f"{group}.{name}", field, defaults[group][name], group=group, group_title=info.title or group
        )
        for group, info in Settings.model_fields.items()
        for name, field in _group_type(info).model_fields.items()
    )


def describe_field(path: str) -> FieldDescription:
    """The setting with this dotted path. Raises KeyError for any other text."""
    for field in describe_fields():
        if field.path == path:
            return field
    raise KeyError(path)


def describe(path: str, field: FieldInfo, default: Any, *, group: str, group_title: str) -> FieldDescription:
    """What a pydantic field made by `setting` says of itself; `path` is dotted and ends with its name."""
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    inner, is_optional = _strip(field.annotation)
    choices = _choices(inner)
    kind = FieldKind(str(extra["kind"])) if "kind" in extra else _kind(inner, choices)
    step = extra.get("step", _limit(field, "multiple_of"))
    return FieldDescription(
        path=path,
        group=group,
        group_title=group_title,
        title=field.title or path.rpartition(".")[2],
        description=field.description or "",
        kind=kind,
        unit=str(extra.get("unit", "")),
        default=default,
        minimum=_limit(field, "ge"),
        maximum=_limit(field, "le"),
        step=float(step) if isinstance(step, int | float) else 1.0 if kind is FieldKind.WHOLE else None,
        choices=choices,
        is_optional=is_optional,
    )


def _limit(field: FieldInfo, name: str) -> float | None:
    return next((getattr(limit, name) for limit in field.metadata if hasattr(limit, name)), None)


def _group_type(field: FieldInfo) -> type[SettingsGroup]:
    if isinstance(field.annotation, type) and issubclass(field.annotation, SettingsGroup):
        return field.annotation
    raise TypeError(f"{field.annotation} is no group of settings")


def _strip(annotation: Any) -> tuple[Any, bool]:
    """The type inside `Annotated` and `| None`, and whether None is allowed."""
    if get_origin(annotation) is Annotated:
        return _strip(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        (inner,) = (part for part in get_args(annotation) if part is not type(None))
        return _strip(inner)[0], True
    return annotation, False


def _choices(annotation: Any) -> tuple[str, ...]:
    if get_origin(annotation) is Literal:
        return tuple(str(choice) for choice in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    return ()


def _kind(annotation: Any, choices: tuple[str, ...]) -> FieldKind:
    if choices:
        return FieldKind.CHOICE
    if get_origin(annotation) is tuple:
        item, _ = _strip(get_args(annotation)[0])
        return FieldKind.LIST if item is str else FieldKind.LORAS
    kinds = {bool: FieldKind.SWITCH, int: FieldKind.WHOLE, float: FieldKind.NUMBER, str: FieldKind.TEXT}
    return kinds[annotation]
