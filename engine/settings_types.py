"""The kinds of value that settings are made of: checked, put into one form, refused in plain words."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, StringConstraints
from pydantic_core import PydanticCustomError

from engine.errors import Problem, SettingsError
from engine.text import clean_text

KeywordOrder = Literal["sequential", "random"]
ProcessMode = Literal["relax", "fast", "turbo"]
BackgroundSize = Literal["auto", "preview", "full", "50MP"]
BackgroundFailure = Literal["continue", "fail"]
ImageFormat = Literal["png", "jpg", "webp"]
JpgBackground = Literal["white", "black"]

_RATIO = re.compile(r"([1-9][0-9]{0,3})\s*:\s*([1-9][0-9]{0,3})")
_VERSION = re.compile(r"[0-9]{1,2}(\.[0-9]{1,2})?")
_DIMENSION = re.compile(r"([1-9][0-9]{0,4})\s*[xX\u00d7]\s*([1-9][0-9]{0,4})")


def _plain(text: str) -> str:
    if text != clean_text(text):
        raise PydanticCustomError("control_characters", "it contains line breaks or control characters")
    return text


def _plain_lines(text: str) -> str:
    return clean_text(text, keep_newlines=True)


def _blank_to_none(value: Any) -> Any:
    return None if isinstance(value, str) and not value.strip() else value


def _ratio(text: str) -> str:
    if (match := _RATIO.fullmatch(text.strip())) is None:
        raise PydanticCustomError(
            "aspect_ratio",
            '"{value}" is no aspect ratio',
            {"value": clean_text(text, limit=40), "hint": "Write it like 16:9."},
        )
    return f"{match[1]}:{match[2]}"


def _dimension(text: str) -> str:
    if (match := _DIMENSION.fullmatch(text.strip())) is None:
        raise PydanticCustomError(
            "dimension",
            '"{value}" is no size',
            {"value": clean_text(text, limit=40), "hint": "Write it like 1024x768, in pixels."},
        )
    return f"{match[1]}x{match[2]}"


def _mj_version(text: str) -> str:
    if _VERSION.fullmatch(text.strip()) is None:
        raise PydanticCustomError(
            "mj_version",
            '"{value}" is no version of Midjourney',
            {"value": clean_text(text, limit=40), "hint": "Write it like 6.1."},
        )
    return text.strip()


def _lora_name(text: str) -> str:
    if "," in text:
        raise PydanticCustomError("lora_model", "the name of a LoRA has no comma")
    return text


Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Switch = Annotated[bool, Strict()]
Name = Annotated[
    str,
    Strict(),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_plain),
]
OptionalName = Annotated[Name | None, BeforeValidator(_blank_to_none)]
OptionalPath = Annotated[
    Annotated[str, Strict(), StringConstraints(max_length=4096), AfterValidator(_plain)] | None,
    BeforeValidator(_blank_to_none),
]
OptionalLines = Annotated[
    Annotated[str, Strict(), StringConstraints(max_length=5000), AfterValidator(_plain_lines)] | None,
    BeforeValidator(_blank_to_none),
]
MjVersion = Annotated[str, Strict(), AfterValidator(_mj_version)]
LoraName = Annotated[Name, AfterValidator(_lora_name)]
AspectRatio = Annotated[str, Strict(), AfterValidator(_ratio)]
Dimension = Annotated[str, Strict(), AfterValidator(_dimension)]


def setting(
    default: Any,
    title: str,
    description: str,
    *,
    unit: str = "",
    kind: str = "",
    step: float | None = None,
    **limits: Any,
) -> Any:
    """A field with what forms, help and documentation show of it.

    `kind` says what the type does not (`file`, `folder`); `step` is what one press of a key adds;
    `limits` are pydantic's own (`ge`, `le`, `multiple_of` ...).
    """
    extra: dict[str, str | float] = {}
    if unit:
        extra["unit"] = unit
    if kind:
        extra["kind"] = kind
    if step is not None:
        extra["step"] = step
    return Field(default, title=title, description=description, json_schema_extra=dict(extra), **limits)


class SettingsGroup(BaseModel):
    """Frozen; refuses fields that it does not have, infinities and NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def resolve_in(folder: Path, text: str) -> str:
    """A relative path, from `folder`; an absolute one and one with `~` stay as they were typed."""
    if not text.strip() or text.startswith("~") or Path(text).is_absolute():
        return text
    return str(folder / text)


def expand_path(text: str, field: str) -> Path:
    """`text` with `~` replaced, absolute. Raises SettingsError naming `field` where that home is unknown."""
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise SettingsError(
            [Problem(field, f'the home folder in "{clean_text(text)}" is not known')]
        ) from error
