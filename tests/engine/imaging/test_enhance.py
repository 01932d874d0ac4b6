import itertools
import math
import random

import pytest
from PIL import Image

from engine.imaging.enhance import saturate, sharpen


def edge(low: int, high: int, size: int = 48) -> Image.Image:
    image = Image.new("RGB", (size, size), (low,) * 3)
    image.paste((high,) * 3, (size // 2, 0, size, size))
    return image


def row(image: Image.Image) -> list[int]:
    middle = image.height // 2
    return [image.getpixel((x, middle))[0] for x in range(image.width)]


def exact_gaussian(values: list[float], sigma: float) -> list[float]:
    """Each pixel weighted by the integral of the normal distribution over its width; borders repeat."""

    def cumulative(x: float) -> float:
        return (1 + math.erf(x / (sigma * math.sqrt(2)))) / 2

    reach = math.ceil(6 * sigma) + 1
    weights = {d: cumulative(d + 0.5) - cumulative(d - 0.5) for d in range(-reach, reach + 1)}
    last = len(values) - 1
    return [
        sum(weight * values[min(max(x + d, 0), last)] for d, weight in weights.items())
        for x in range(len(values))
    ]


@pytest.mark.parametrize("level", [2, 5, 7.5, 10])
def test_sharpening_is_the_unsharp_mask_of_its_formula(level):
    image = edge(100, 150)
    before = [float(value) for value in row(image)]
    blurred = exact_gaussian(before, 0.2 * level)
    expected = [value + (value - soft) for value, soft in zip(before, blurred, strict=True)]
    actual = row(sharpen(image, level))
    assert max(abs(a - e) for a, e in zip(actual, expected, strict=True)) <= 2.5
    # The formula with half or double the sigma is not within that tolerance, so this pins the radius.
    for wrong in (0.5, 2):
        soft = exact_gaussian(before, 0.2 * level * wrong)
        other = [2 * value - blur for value, blur in zip(before, soft, strict=True)]
        assert max(abs(a - o) for a, o in zip(actual, other, strict=True)) > 2.5


@pytest.mark.parametrize("level", [1, 3, 5, 10])
def test_the_blur_in_it_has_the_standard_deviation_asked_for(level):
    before, after = row(edge(60, 190)), row(sharpen(edge(60, 190), level))
    blurred = [2 * b - a for a, b in zip(after, before, strict=True)]
    spread = [right - left for left, right in itertools.pairwise(blurred)]
    total = sum(spread)
    mean = sum(x * weight for x, weight in enumerate(spread)) / total
    variance = sum((x - mean) ** 2 * weight for x, weight in enumerate(spread)) / total
    assert math.sqrt(variance) == pytest.approx(0.2 * level, abs=0.06)


def test_flat_areas_and_level_zero_are_untouched(picture):
    flat = Image.new("RGB", (20, 20), (10, 120, 250))
    assert sharpen(flat, 10).tobytes() == flat.tobytes()
    assert sharpen(picture, 0) is picture


def test_sharpening_clips():
    assert set(row(sharpen(edge(0, 255), 5))) == {0, 255}


def test_sharpening_leaves_alpha_and_hidden_colours_alone(cutout):
    sharpened = sharpen(cutout, 5)
    assert sharpened.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    assert sharpened.getpixel((2, 2)) == cutout.getpixel((2, 2))
    assert sharpened.tobytes() != cutout.tobytes()


def test_hidden_colours_do_not_bleed_into_visible_ones():
    image = Image.new("RGBA", (40, 40), (255, 255, 255, 0))
    image.paste((90, 60, 30, 255), (10, 10, 30, 30))
    sharpened = sharpen(image, 10)
    for x in range(10, 30):
        for y in range(10, 30):
            # Rounding at the edge, where the blurred alpha is a quarter; white would take away up to 100.
            assert sharpened.getpixel((x, y)) == pytest.approx((90, 60, 30, 255), abs=3)


@pytest.mark.parametrize("factor", [0, 0.5, 1.4, 2])
def test_saturation_is_the_interpolation_of_its_formula(factor):
    draw = random.Random(7)
    pixels = [tuple(draw.randrange(256) for _ in range(3)) for _ in range(400)]
    image = Image.new("RGB", (20, 20))
    image.putdata(pixels)
    result = saturate(image, factor)
    for number, (red, green, blue) in enumerate(pixels):
        luma = (299 * red + 587 * green + 114 * blue) / 1000
        actual = result.getpixel((number % 20, number // 20))
        for before, after in zip((red, green, blue), actual, strict=True):
            exact = min(255.0, max(0.0, luma + factor * (before - luma)))
            assert abs(after - exact) <= 0.501


def test_factor_zero_is_grey_and_one_is_untouched(picture):
    grey = saturate(picture, 0)
    assert all(len(set(grey.getpixel((x, 5)))) == 1 for x in range(64))
    assert saturate(picture, 1) is picture


def test_saturation_leaves_alpha_alone_and_keeps_the_profile(cutout):
    cutout.info["icc_profile"] = b"profile"
    result = saturate(sharpen(cutout, 3), 1.4)
    assert result.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    assert result.info["icc_profile"] == b"profile"
