"""PiAPI's unified task API as data: the body of a task, and the reading of its answers. Sends nothing.

Source: PiAPI's pages per model and its own command line client, which contradict each other; every spelling
that was seen in either is accepted.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto

from engine.providers.answers import (
    as_dict,
    as_list,
    as_number,
    as_text,
    as_whole_number,
    error_text,
    first_text,
)
from engine.providers.base import Charge, ImageRequest, ProviderName, RemoteImage
from engine.providers.catalogue import ModelSpec, Sizing, model_of

_COMPLETED = frozenset({"completed", "complete", "success", "succeeded", "finished"})
_FAILED = frozenset({"failed", "failure", "error", "canceled", "cancelled", "rejected"})
_WORKING = frozenset({"pending", "staged", "processing", "starting", "running", "retry"})
_SUCCESS_CODES = frozenset({0, 200})
_UNITS_PER_MICRO = 10
"""Usage of type `llm` counts 1/10,000,000 US dollar."""
_GRID_IMAGES = 4


class Phase(Enum):
    """What PiAPI's many status words come down to."""

    WORKING = auto()
    COMPLETED = auto()
    FAILED = auto()
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class TaskAnswer:
    """The `data` of one envelope. Empty texts and `None` stand for what it does not say."""

    task_id: str
    word: str
    phase: Phase
    error: str
    error_code: str
    images: tuple[RemoteImage, ...]
    charge: Charge | None
    model: str
    prompt: str
    images_asked: int | None
    created_at: datetime | None


def spec_of(request: ImageRequest) -> ModelSpec:
    """The catalogue's entry for the request's model."""
    return model_of(ProviderName.PIAPI, request.model)


def task_body(request: ImageRequest) -> dict[str, object]:
    """The JSON of POST /api/v1/task. What is not set, or what the model does not take, is left out."""
    spec = spec_of(request)
    fields: dict[str, object] = {"prompt": wire_prompt(request)}
    if spec.sizing is Sizing.RATIO:
        fields["aspect_ratio"] = request.aspect_ratio
    else:
        fields["width"] = request.width
        fields["height"] = request.height
    if spec.resolution_field:
        fields[spec.resolution_field] = spec.resolution_for(request.width, request.height)
    if spec.max_images > 1 and spec.fixed_images is None:
        fields["num_images" if spec.wire_model == "gemini" else "batch_size"] = request.images
    optional = (
        ("negative_prompt", spec.takes_negative_prompt, request.negative_prompt),
        ("guidance_scale", spec.takes_guidance, request.guidance),
        ("steps", spec.takes_steps, request.steps),
        ("seed", spec.takes_seed, request.seed),
        ("process_mode", spec.takes_process_mode, request.process_mode),
    )
    fields |= {name: value for name, is_taken, value in optional if is_taken and value is not None}
    if spec.wire_model == "midjourney":
        fields["skip_prompt_check"] = False
    task_type = spec.task_type
    if spec.takes_loras and request.loras:
        task_type = spec.lora_task_type or task_type
        fields["lora_settings"] = [
            {"lora_type": lora.model, "lora_strength": lora.weight} for lora in request.loras
        ]
    return {
        "model": spec.wire_model,
        "task_type": task_type,
        "input": fields,
        "config": {"service_mode": "public"},
    }


def wire_prompt(request: ImageRequest) -> str:
    """The prompt as it is sent: Midjourney takes its version as ` --v 6.1` at the end."""
    if not request.mj_version or spec_of(request).wire_model != "midjourney":
        return request.prompt
    if re.search(r"(?<!\S)--v(?:ersion)?\s", request.prompt):
        return request.prompt
    return f"{request.prompt} --v {request.mj_version}"


def status_of(http_status: int, envelope: Mapping[str, object]) -> int:
    """One status for HTTP's and the envelope's own `code`, which PiAPI also sets with HTTP 200.

    Success is 200 in PiAPI's pages and 0 in its client. A number that is no HTTP status is a refusal of the
    request (400); what is no number says nothing, least of all that nothing was bought.
    """
    if not 200 <= http_status < 300:
        return http_status
    code = as_whole_number(envelope.get("code"))
    if code is None or code in _SUCCESS_CODES:
        return http_status
    return code if 400 <= code <= 599 else 400


def envelope_error(envelope: Mapping[str, object], *, key: str) -> str:
    """The first non-empty of data.error.message, data.error.raw_message, message; without the key."""
    error = as_dict(as_dict(envelope.get("data")).get("error"))
    return error_text(
        first_text((error.get("message"), error.get("raw_message"), envelope.get("message"))), key=key
    )


def read_task(data: Mapping[str, object], *, spec: ModelSpec, key: str) -> TaskAnswer:
    """Read the `data` of an envelope; nothing in it is taken for granted."""
    word = as_text(data.get("status"))
    error = as_dict(data.get("error"))
    given = as_dict(data.get("input"))
    meta = as_dict(data.get("meta"))
    asked = given.get("batch_size", given.get("num_images"))
    return TaskAnswer(
        task_id=as_text(data.get("task_id")),
        word=error_text(word, key=key),
        phase=_phase_of(word),
        error=error_text(first_text((error.get("message"), error.get("raw_message"))), key=key),
        error_code=str(code) if (code := as_whole_number(error.get("code"))) else "",
        images=_images_of(as_dict(data.get("output")), spec),
        charge=_charge_of(as_dict(meta.get("usage"))),
        model=as_text(data.get("model")),
        prompt=as_text(given.get("prompt")),
        images_asked=as_whole_number(asked),
        created_at=moment_of(meta.get("created_at")),
    )


def moment_of(value: object) -> datetime | None:
    """A time in RFC 3339 (UTC where it names no zone) or in Unix seconds; None for Go's zero time and for
    anything else."""
    number = as_number(value)
    try:
        if number is not None:
            return datetime.fromtimestamp(number, UTC) if number > 0 else None
        moment = datetime.fromisoformat(as_text(value))
    except (ValueError, OverflowError, OSError):
        return None
    if moment.year <= 1:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _phase_of(word: str) -> Phase:
    lowered = word.lower()
    if lowered in _COMPLETED:
        return Phase.COMPLETED
    if lowered in _FAILED:
        return Phase.FAILED
    return Phase.WORKING if lowered in _WORKING else Phase.UNKNOWN


def _images_of(output: Mapping[str, object], spec: ModelSpec) -> tuple[RemoteImage, ...]:
    """The pictures of an output, by PiAPI's precedence of fields.

    A model that always makes a grid of four gives single pictures on some plans only; one URL alone is then
    the grid, and each picture a quarter of it.
    """
    choices = (
        _texts(output.get("temporary_image_urls")),
        _texts(output.get("image_urls")),
        _texts(output.get("image_url")),
        _texts(output.get("image_base64")),
    )
    seed = as_whole_number(output.get("seed"))
    if spec.fixed_images == _GRID_IMAGES:
        singles = next((texts for texts in choices[:2] if len(texts) > 1), ())
        if singles:
            return tuple(RemoteImage(url=url, seed=seed) for url in singles)
        choices = (choices[2], choices[1], choices[0], choices[3])
    found = next((texts for texts in choices if texts), ())
    images = [image for text in found if (image := _image(text, seed, is_data=found is choices[3]))]
    if spec.fixed_images == _GRID_IMAGES and len(images) == 1:
        grid = images[0]
        return tuple(
            RemoteImage(url=grid.url, data=grid.data, seed=seed, quarter=quarter)
            for quarter in range(_GRID_IMAGES)
        )
    return tuple(images)


def _texts(value: object) -> Sequence[str]:
    """One string or a list of strings or of {"url": string}, without blanks and repetitions."""
    items = [value] if isinstance(value, str) else as_list(value)
    texts = (as_text(as_dict(item).get("url")) if isinstance(item, dict) else as_text(item) for item in items)
    return tuple(dict.fromkeys(text for text in texts if text))


def _image(text: str, seed: int | None, *, is_data: bool) -> RemoteImage | None:
    if not is_data and not text.startswith("data:"):
        return RemoteImage(url=text, seed=seed)
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return RemoteImage(data=data, seed=seed) if data else None


def _charge_of(usage: Mapping[str, object]) -> Charge | None:
    """None where nothing was consumed yet, and for units whose worth PiAPI does not say."""
    consumed = as_number(usage.get("consume"))
    unit = as_text(usage.get("type"))
    if consumed is None or consumed <= 0 or unit.lower() != "llm":
        return None
    return Charge(micros=-int(-consumed // _UNITS_PER_MICRO), raw_amount=consumed, raw_unit=unit)
