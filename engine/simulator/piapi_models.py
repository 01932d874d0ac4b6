"""PiAPI's image models as the simulator serves them: what they accept, make and cost. Sends nothing.

Limits and prices: PiAPI's pages and its own command line client; a price that neither states is an estimate.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.simulator.drawing import Picture
from engine.simulator.world import World

_MEGAPIXEL = 1_048_576
_RESOLUTIONS = {"1K": 1, "2K": 4, "3K": 9, "4K": 16}


class InvalidInputError(ValueError):
    """The request's `input` is not one that the model takes; the message names the field."""


@dataclass(frozen=True, slots=True)
class PiapiModel:
    """`micros` is the price of one picture in millionths of a US dollar."""

    micros: int
    max_images: int = 1
    max_steps: int = 100
    max_pixels: int = _MEGAPIXEL
    count_field: str = ""
    """Where the number of pictures is asked for."""
    is_by_ratio: bool = False
    """Takes `aspect_ratio` instead of width and height."""


_DEV = PiapiModel(15_000, max_steps=50)
_LARGE = 16 * _MEGAPIXEL
MODELS: Mapping[tuple[str, str], PiapiModel] = {
    ("Qubico/flux1-schnell", "txt2img"): PiapiModel(1_500, 4, 10, count_field="batch_size"),
    ("Qubico/flux1-dev", "txt2img"): _DEV,
    ("Qubico/flux1-dev-advanced", "txt2img"): replace(_DEV, micros=20_000),
    ("Qubico/flux1-dev-advanced", "txt2img-lora"): replace(_DEV, micros=20_000),
    ("Qubico/qwen-image", "txt2img"): PiapiModel(20_000),
    ("Qubico/z-image", "txt2img"): PiapiModel(5_000, max_pixels=4 * _MEGAPIXEL),
    ("gemini", "gemini-2.5-flash-image"): PiapiModel(30_000, 4, count_field="num_images", is_by_ratio=True),
    ("gemini", "nano-banana-pro"): PiapiModel(105_000, max_pixels=_LARGE, is_by_ratio=True),
    ("gemini", "nano-banana-2"): PiapiModel(60_000, max_pixels=_LARGE, is_by_ratio=True),
    ("seedream", "seedream-5-lite"): PiapiModel(28_000, max_pixels=_LARGE, is_by_ratio=True),
    ("midjourney", "imagine"): PiapiModel(11_250, 4, is_by_ratio=True),
}
IMAGE_TOOLKIT = ("Qubico/image-toolkit", "background-remove")
CUT_OUT_MICROS = 1_000
"""One background removal."""


def plan(world: World, name: tuple[str, str], request: Mapping[str, Any]) -> tuple[tuple[Picture, ...], int]:
    """The pictures that a task will make, and its price in micros. Raises InvalidInputError.

    Midjourney's four single pictures are followed by the 2 x 2 grid.
    """
    model = MODELS[name]
    prompt = request.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        raise InvalidInputError("input.prompt is required")
    steps = _whole(request, "steps", 0)
    if not 0 <= steps <= model.max_steps:
        raise InvalidInputError(f"input.steps must be at most {model.max_steps}")
    width, height = _ratio_size(request) if model.is_by_ratio else _pixel_size(request, model)
    asked = _whole(request, "seed", -1)
    seed = world.fresh_seed(prompt) if asked < 0 else asked
    if name[0] == "midjourney":
        singles = [world.picture(prompt, seed, index, width, height) for index in range(4)]
        grid = replace(singles[0], width=2 * singles[0].width, height=2 * singles[0].height, is_grid=True)
        return (*singles, grid), 4 * model.micros
    count = _whole(request, model.count_field or "batch_size", 1)
    if not 1 <= count <= model.max_images:
        raise InvalidInputError(
            f"input.{model.count_field or 'batch_size'} must be from 1 to {model.max_images}"
        )
    pictures = tuple(world.picture(prompt, seed, index, width, height) for index in range(count))
    return pictures, count * model.micros


def _whole(request: Mapping[str, Any], name: str, default: int) -> int:
    value = request.get(name)
    if value is None:
        return default
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidInputError(f"input.{name} must be an integer")
    return value


def _pixel_size(request: Mapping[str, Any], model: PiapiModel) -> tuple[int, int]:
    width, height = _whole(request, "width", 1024), _whole(request, "height", 1024)
    if min(width, height) < 1 or width * height > model.max_pixels:
        raise InvalidInputError(f"input.width * input.height must be from 1 to {model.max_pixels}")
    return width, height


def _ratio_size(request: Mapping[str, Any]) -> tuple[int, int]:
    ratio = request.get("aspect_ratio", "1:1")
    parts = ratio.split(":") if isinstance(ratio, str) else []
    if len(parts) != 2 or not all(part.isdecimal() and int(part) for part in parts):
        raise InvalidInputError("input.aspect_ratio must look like 16:9")
    resolution = request.get("resolution") or request.get("size") or "1K"
    if resolution not in _RESOLUTIONS:
        raise InvalidInputError(f"input.resolution must be one of {', '.join(_RESOLUTIONS)}")
    shape = min(8.0, max(0.125, int(parts[0]) / int(parts[1])))
    pixels = _MEGAPIXEL * _RESOLUTIONS[resolution]
    return _side(pixels * shape), _side(pixels / shape)


def _side(square: float) -> int:
    """The side whose square is nearest, in steps of 16 pixels."""
    return max(16, round(math.sqrt(square) / 16) * 16)
