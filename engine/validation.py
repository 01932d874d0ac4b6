"""From pydantic's errors to our problems: each field by its dotted path, in plain words. Reads no files."""

import difflib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from engine.errors import Problem, SettingsError
from engine.text import clean_text

Location = tuple[int | str, ...]

_KEY_GROUPS = frozenset({"keys", "apikeys", "api_keys", "api_key"})


_NOT_WHOLE = "{value} is not a whole number"
_NOT_A_NUMBER = "{value} is not a number"
_NOT_A_SWITCH = "{value} is neither true nor false"
_NOT_A_LIST = "{value} is not a list"
_NOT_A_GROUP = "{value} is not a group of fields"

# By pydantic's error type; its context (`ge`, `max_length` ...) and the value fill the sentence.
_SENTENCES = {
    "missing": "it is missing",
    "int_type": _NOT_WHOLE,
    "int_from_float": _NOT_WHOLE,
    "float_type": _NOT_A_NUMBER,
    "finite_number": _NOT_A_NUMBER,
    "bool_type": _NOT_A_SWITCH,
    "string_type": "{value} is not text",
    "string_unicode": "it is not valid Unicode text",
    "string_too_short": "it is empty",
    "string_too_long": "it is longer than {max_length:,} characters",
    "tuple_type": _NOT_A_LIST,
    "dict_type": _NOT_A_GROUP,
    "model_type": _NOT_A_GROUP,
    "model_attributes_type": _NOT_A_GROUP,
    "too_long": "it has more than {max_length:,} entries",
    "greater_than_equal": "{value} is less than {ge:,}, the smallest value allowed",
    "less_than_equal": "{value} is more than {le:,}, the largest value allowed",
    "multiple_of": "{value} is not a multiple of {multiple_of}",
}


def validate_known[Model: BaseModel](
    model: type[Model], data: Mapping[str, Any]
) -> tuple[Model, list[Problem]]:
    """`data` as a `model`; fields that it does not have are left out and reported as warnings.

    Whatever is missing gets its default, at every depth. Raises SettingsError with all bad fields at once.
    """
    known = deepcopy(dict(data))
    warnings: list[Problem] = []
    try:
        return model.model_validate(known), warnings
    except ValidationError as error:
        unknown = [details["loc"] for details in error.errors() if details["type"] == "extra_forbidden"]
        if not unknown:
            raise SettingsError(problems_of(error)) from error
    for location in unknown:
        warnings.append(_unknown_field(model, location))
        _remove(known, location)
    try:
        return model.model_validate(known), warnings
    except ValidationError as error:
        raise SettingsError([*problems_of(error), *warnings]) from error


def problems_of(error: ValidationError) -> list[Problem]:
    """One problem for each error, in the model's order."""
    return [_problem(details) for details in error.errors()]


def dotted(location: Location) -> str:
    """`("generation", "loras", 0, "weight")` as `generation.loras[0].weight`."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return clean_text(path, limit=120)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean x?` where something known is near enough, else an empty text."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.6)
    return f"Did you mean {names[near[0]]}?" if near else ""


def field_paths(model: type[BaseModel]) -> list[str]:
    """The dotted paths of all fields, groups opened, in the model's order."""
    paths: list[str] = []
    for name, field in model.model_fields.items():
        group = _model_in(field.annotation)
        is_group = group is not None and field.annotation is group
        paths += [f"{name}.{inner}" for inner in field_paths(group)] if group and is_group else [name]
    return paths


def shown(value: object) -> str:
    """A value from outside as an error message may quote it."""
    return f'"{clean_text(value, limit=60)}"' if isinstance(value, str) else clean_text(str(value), limit=60)


def _unknown_field(model: type[BaseModel], location: Location) -> Problem:
    name = str(location[-1])
    if len(location) == 1 and name.lower() in _KEY_GROUPS:
        return Problem(
            dotted(location),
            "keys are never part of these; it was left out",
            hint="Store them with `gimf keys set`, and remove them from where they stand.",
            is_warning=True,
        )
    holder: type[BaseModel] | None = model
    for part in location[:-1]:
        if isinstance(part, str) and holder is not None:
            holder = _model_in(holder.model_fields[part].annotation)
    hint = did_you_mean(name, holder.model_fields) if holder is not None else ""
    if hint and len(location) > 1:
        prefix = dotted(location[:-1])
        hint = hint.replace("Did you mean ", f"Did you mean {prefix}.")
    if not hint:
        hint = next((f"Did you mean {p}?" for p in field_paths(model) if p.rpartition(".")[2] == name), "")
    return Problem(dotted(location), "there is no such field; it was left out", hint=hint, is_warning=True)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part)) is not None), None)


def _remove(data: Any, location: Location) -> None:
    for part in location[:-1]:
        data = data[part]
    del data[location[-1]]


def _problem(details: ErrorDetails) -> Problem:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    location = (*details["loc"], context["field"]) if "field" in context else details["loc"]
    field = dotted(location) or "settings"
    if value is None and kind != "missing":
        return Problem(field, "it needs a value")
    if kind in {"literal_error", "enum"}:
        choices = _choices(str(context["expected"]))
        hint = did_you_mean(value, choices) if isinstance(value, str) else ""
        return Problem(field, f"{shown(value)} is not one of {', '.join(choices)}", hint=hint)
    if kind in _SENTENCES:
        bounds = {k: int(v) if isinstance(v, float) and v.is_integer() else v for k, v in context.items()}
        sentence = _SENTENCES[kind].format_map({**bounds, "value": shown(value)})
        return Problem(field, sentence, hint="Write it in quotes." if kind == "string_type" else "")
    return Problem(field, clean_text(details["msg"], limit=300), hint=str(context.get("hint", "")))


def _choices(expected: str) -> list[str]:
    return [word.strip("' ") for word in expected.replace(" or ", ", ").split(", ")]
