"""Width and height of a generation, and the images of each of its tasks. Pure arithmetic on a `ModelSpec`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import gcd, isqrt, log

from engine.errors import Problem, SettingsError
from engine.providers.model_spec import ModelSpec, Sizing

_RATIO_WEIGHT = 20
"""In a computed size, one per cent of ratio error weighs as much as twenty per cent of the pixels."""
_SEARCH_STEPS = 24
"""How many multiples below the ideal width are tried."""
_RATIO_TOLERANCE = 0.03
"""How far (log scale) the ratio of a dimension may be from one that a RATIO model knows: 1344x768 is 16:9."""


@dataclass(frozen=True, slots=True)
class Size:
    """What is sent and what is recorded; in pixels, nominal where the model is sized by ratio."""

    width: int
    height: int
    aspect_ratio: str


def parse_pair(text: str, separator: str, *, field: str) -> tuple[int, int]:
    """Two positive whole numbers out of `16:9` or `1024x768` (blanks and capitals allowed).

    Raises SettingsError naming `field`.
    """
    first, found, second = text.strip().lower().partition(separator)
    first, second = first.strip(), second.strip()
    if found and all(part.isascii() and part.isdigit() and len(part) <= 6 for part in (first, second)):
        pair = int(first), int(second)
        if min(pair) > 0:
            return pair
    example = "16:9" if separator == ":" else "1024x768"
    raise SettingsError([Problem(field, f"{text!r} is not of the form {example}.")])


def size_for(spec: ModelSpec, aspect_ratio: str, *, field: str = "generation.aspect_ratios") -> Size:
    """The size for a ratio `W:H`, as near to the model's target pixels as its multiples and limits allow.

    PIXELS: among the legal sizes near the ideal one, the best trade of ratio error against pixels lost.
    FIXED: the size whose ratio is nearest; the recorded ratio is then that of the size, since that is what is
    sent (`size_warnings` tells the user). RATIO: nominal pixels. Raises SettingsError naming `field` for a
    ratio that the model cannot make.
    """
    wide, high = parse_pair(aspect_ratio, ":", field=field)
    if spec.sizing is Sizing.FIXED:
        width, height = _nearest(spec.sizes, wide, high)
        return Size(width, height, _ratio_name(width, height))
    name = f"{wide}:{high}"
    if spec.ratios and name not in spec.ratios:
        message = f"{spec.alias} makes no {name}; it makes {', '.join(spec.ratios)}."
        hint = f"The nearest is {_nearest_ratio(spec.ratios, wide, high)}."
        raise SettingsError([Problem(field, message, hint=hint)])
    longest = spec.max_ratio or spec.max_side / spec.min_side
    fitted = _fit(spec, wide, high) if max(wide, high) <= longest * min(wide, high) else None
    if fitted is None:
        message = f"{spec.alias} cannot make {name}: one side may be at most {longest:g} times the other."
        raise SettingsError([Problem(field, message)])
    return Size(*fitted, name)


def size_from_dimension(spec: ModelSpec, dimension: str, *, field: str = "generation.dimensions") -> Size:
    """The size that a dimension `WxH` asks for, unchanged.

    Raises SettingsError naming `field`, the limit that it breaks, and the nearest legal size.
    """
    width, height = parse_pair(dimension, "x", field=field)
    broken = _broken_limit(spec, width, height)
    if broken is None:
        return Size(width, height, _sent_ratio(spec, width, height))
    near_width, near_height = _nearest_legal(spec, width, height)
    raise SettingsError(
        [
            Problem(
                field,
                f"{width}x{height} does not fit {spec.alias}: {broken}.",
                hint=f"The nearest size that does is {near_width}x{near_height}.",
            )
        ]
    )


def sizes_of(spec: ModelSpec, aspect_ratios: Sequence[str], dimensions: Sequence[str]) -> tuple[Size, ...]:
    """The sizes that generations take in turn; dimensions win over ratios, neither means 1:1.

    Raises one SettingsError with every value that does not fit.
    """
    sizes: list[Size] = []
    problems: list[Problem] = []
    asked = [(True, text) for text in dimensions] or [(False, text) for text in aspect_ratios or ("1:1",)]
    for is_dimension, text in asked:
        try:
            sizes.append(size_from_dimension(spec, text) if is_dimension else size_for(spec, text))
        except SettingsError as error:
            problems.extend(error.problems)
    if problems:
        raise SettingsError(problems)
    return tuple(sizes)


def size_warnings(spec: ModelSpec, aspect_ratios: Sequence[str]) -> tuple[Problem, ...]:
    """Ratios that a FIXED model replaces by its nearest size: legal, but not what was asked for."""
    if spec.sizing is not Sizing.FIXED:
        return ()
    problems = []
    for text in aspect_ratios:
        wide, high = parse_pair(text, ":", field="generation.aspect_ratios")
        size = size_for(spec, text)
        if wide * size.height != high * size.width:
            sent = f"{size.width}x{size.height} ({size.aspect_ratio})"
            message = f"{spec.alias} makes no {text}; {sent} is sent instead."
            problems.append(Problem("generation.aspect_ratios", message, is_warning=True))
    return tuple(problems)


def size_at(sizes: Sequence[Size], index: int) -> Size:
    """The size of generation `index` (from 0): item `index` mod n."""
    return sizes[index % len(sizes)]


def tasks_for(spec: ModelSpec, variations: int) -> tuple[int, ...]:
    """How many images each task of one generation makes: 6 variations at most 4 a task are (4, 2).

    A model that always makes `fixed_images` makes no fewer, so the sum may be more than `variations`.
    """
    if spec.fixed_images is not None:
        return (spec.fixed_images,) * -(-variations // spec.fixed_images)
    full, rest = divmod(variations, spec.max_images)
    return (spec.max_images,) * full + ((rest,) if rest else ())


def _ratio_name(width: int, height: int) -> str:
    divisor = gcd(width, height)
    return f"{width // divisor}:{height // divisor}"


def _ratio_error(width: int, height: int, wide: int, high: int) -> float:
    """Distance of two ratios on a log scale: the same for 2:1 against 1:1 as for 1:2."""
    return abs(log(width * high / (height * wide)))


def _nearest(sizes: Iterable[tuple[int, int]], wide: int, high: int) -> tuple[int, int]:
    return min(sizes, key=lambda size: _ratio_error(size[0], size[1], wide, high))


def _nearest_ratio(ratios: Iterable[str], wide: int, high: int) -> str:
    return min(ratios, key=lambda name: _ratio_error(*_pair_of(name), wide, high))


def _sent_ratio(spec: ModelSpec, width: int, height: int) -> str:
    """The ratio that goes with these pixels: one of the model's own where it has a choice of them."""
    return _nearest_ratio(spec.ratios, width, height) if spec.ratios else _ratio_name(width, height)


def _fit(spec: ModelSpec, wide: int, high: int, pixels: int | None = None) -> tuple[int, int] | None:
    """The best legal size for a ratio with at most `pixels` pixels (default: the model's target)."""
    step = spec.side_multiple
    area = min(pixels or spec.target_pixels, spec.max_pixels)
    ideal = min(isqrt(area * wide // high), spec.max_side, spec.max_side * wide // high)
    best: tuple[float, int, int] | None = None
    for width in range(max(step, ideal // step * step - _SEARCH_STEPS * step), ideal + step, step):
        below = width * high // wide // step * step
        for height in (below, below + step):
            if height == 0 or width * height > area or _broken_limit(spec, width, height) is not None:
                continue
            cost = _RATIO_WEIGHT * _ratio_error(width, height, wide, high) + log(area / (width * height))
            if best is None or cost < best[0]:
                best = cost, width, height
    return None if best is None else best[1:]


def _nearest_legal(spec: ModelSpec, width: int, height: int) -> tuple[int, int]:
    """A legal size close to an illegal one: rounded where that is enough, else of nearly the same ratio."""
    if spec.sizing is Sizing.FIXED:
        return min(
            spec.sizes,
            key=lambda size: (
                _ratio_error(size[0], size[1], width, height),
                abs(size[0] * size[1] - width * height),
            ),
        )
    wide, high = width, height
    if spec.ratios:
        wide, high = _pair_of(_nearest_ratio(spec.ratios, width, height))
    step = spec.side_multiple
    rounded_width, rounded_height = (
        min(max(round(side / step) * step, spec.min_side), spec.max_side) for side in (width, height)
    )
    if _broken_limit(spec, rounded_width, rounded_height) is None:
        return rounded_width, rounded_height
    if spec.max_ratio is not None and max(wide, high) > spec.max_ratio * min(wide, high):
        longest = int(spec.max_ratio)
        wide, high = (longest, 1) if wide > high else (1, longest)
    least = max(spec.min_pixels, spec.min_side**2) * 5 // 4
    fitted = _fit(spec, wide, high, max(width * height, least)) or _fit(spec, 1, 1)
    assert fitted is not None, f"no size fits {spec.alias}"
    return fitted


def _broken_limit(spec: ModelSpec, width: int, height: int) -> str | None:
    """Which limit of the model a size breaks, as half a sentence."""
    if spec.sizing is Sizing.FIXED:
        if (width, height) in spec.sizes:
            return None
        return "it makes " + ", ".join(f"{w}x{h}" for w, h in spec.sizes) + " only"
    pixels, shorter, longer = width * height, min(width, height), max(width, height)
    checks = (
        (
            shorter < spec.min_side or longer > spec.max_side,
            f"sides are from {spec.min_side} to {spec.max_side} pixels",
        ),
        (pixels > spec.max_pixels, f"it is {pixels:,} pixels, the limit is {spec.max_pixels:,}"),
        (pixels < spec.min_pixels, f"it is {pixels:,} pixels, the least is {spec.min_pixels:,}"),
        (
            width % spec.side_multiple + height % spec.side_multiple > 0,
            f"sides are multiples of {spec.side_multiple}",
        ),
        (
            spec.max_ratio is not None and longer > spec.max_ratio * shorter,
            f"one side may be at most {spec.max_ratio or 0:g} times the other",
        ),
        (not _has_known_ratio(spec, width, height), f"its ratio is none of {', '.join(spec.ratios)}"),
    )
    return next((reason for is_broken, reason in checks if is_broken), None)


def _has_known_ratio(spec: ModelSpec, width: int, height: int) -> bool:
    errors = (_ratio_error(width, height, *_pair_of(name)) for name in spec.ratios)
    return not spec.ratios or min(errors) <= _RATIO_TOLERANCE


def _pair_of(ratio: str) -> tuple[int, int]:
    return parse_pair(ratio, ":", field="catalogue")
