"""Six ways to draw a picture onto a ground. A drawing uses palette indices; drawing.py makes the palette."""

import math
import random
from collections.abc import Callable

from PIL import Image, ImageDraw

RAMP = 192
"""Palette entries of the ground; the rest are accents, dark to light."""


def _accent(dice: random.Random, low: float = 0.0, high: float = 1.0) -> int:
    """A palette index; 0 is the darkest accent, 1 the lightest."""
    return min(255, RAMP + int((256 - RAMP) * dice.uniform(low, high)))


def _landscape(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    x, y, radius = (
        dice.uniform(0.15, 0.85) * width,
        dice.uniform(0.1, 0.35) * height,
        0.08 * min(width, height),
    )
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    ridges = dice.randint(3, 5)
    for ridge in range(ridges):
        base = height * (0.4 + 0.5 * ridge / ridges)
        step, phase, rough = max(4, width // 48), dice.uniform(0, 6.3), height * dice.uniform(0.05, 0.14)
        line = [
            (at, base - rough * (math.sin(phase + at / width * 9) + 0.6 * dice.random()))
            for at in range(0, width + step, step)
        ]
        shade = 0.75 - 0.65 * (ridge + 1) / ridges
        pen.polygon([(0, height), *line, (width + step, height)], fill=_accent(dice, shade, shade + 0.08))


def _confetti(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    for _ in range(dice.randint(10, 34)):
        x, y = dice.uniform(-0.1, 1) * width, dice.uniform(-0.1, 1) * height
        side = dice.uniform(0.05, 0.3) * min(width, height)
        box, ink = (x, y, x + side, y + side * dice.uniform(0.5, 1.5)), _accent(dice)
        shape = dice.randrange(3)
        if shape == 0:
            pen.ellipse(box, fill=ink)
        elif shape == 1:
            pen.rounded_rectangle(box, radius=side / 6, fill=ink)
        else:
            pen.regular_polygon((x, y, side / 2), dice.randint(3, 6), rotation=dice.randrange(360), fill=ink)


def _tiles(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    side = max(8, min(width, height) // dice.randint(4, 9))
    inks, sides = [_accent(dice) for _ in range(3)], dice.randint(3, 8)
    for row in range(height // side + 2):
        for column in range(width // side + 2):
            centre = (column * side + (row % 2) * side / 2, row * side)
            pen.regular_polygon(
                (*centre, side * 0.46), sides, rotation=15 * (row + column), fill=inks[(row + column) % 3]
            )


def _waves(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    bands, length = dice.randint(5, 11), dice.uniform(0.3, 1.2) * width
    step, phase = max(4, width // 64), dice.uniform(0, 6.3)
    for band in range(bands):
        base, lift = height * (band + 1) / (bands + 1), height / bands * dice.uniform(0.2, 0.7)
        line = [
            (at, base + lift * math.sin(phase + band + 6.283 * at / length))
            for at in range(0, width + step, step)
        ]
        pen.polygon(
            [(0, height), *line, (width + step, height)], fill=_accent(dice, band / bands, band / bands)
        )


def _sunburst(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    x, y, reach = width * dice.uniform(0.3, 0.7), height * dice.uniform(0.3, 0.7), width + height
    rays, ink = dice.randint(8, 20), _accent(dice)
    for ray in range(rays):
        start = 360 * ray / rays
        pen.pieslice((x - reach, y - reach, x + reach, y + reach), start, start + 180 / rays, fill=ink)
    for ring in range(3):
        radius = min(width, height) * (0.22 - 0.06 * ring)
        pen.ellipse(
            (x - radius, y - radius, x + radius, y + radius), fill=_accent(dice, ring / 3, ring / 3 + 0.2)
        )


def _still_life(dice: random.Random, canvas: Image.Image, pen: ImageDraw.ImageDraw) -> None:
    width, height = canvas.size
    table = height * dice.uniform(0.62, 0.75)
    pen.rectangle((0, table, width, height), fill=_accent(dice, 0.1, 0.3))
    for _ in range(dice.randint(2, 5)):
        x, wide = dice.uniform(0.15, 0.85) * width, dice.uniform(0.06, 0.14) * width
        tall, foot, ink = (
            dice.uniform(0.2, 0.5) * height,
            table + dice.uniform(0.02, 0.15) * height,
            _accent(dice),
        )
        pen.ellipse(
            (x - wide, foot - wide * 0.3, x + wide * 2, foot + wide * 0.3), fill=_accent(dice, 0, 0.08)
        )
        pen.ellipse((x - wide, foot - tall * 0.6, x + wide, foot), fill=ink)
        pen.rounded_rectangle(
            (x - wide * 0.35, foot - tall, x + wide * 0.35, foot - tall * 0.3), wide * 0.2, fill=ink
        )


Style = Callable[[random.Random, Image.Image, ImageDraw.ImageDraw], None]
STYLES: tuple[Style, ...] = (_landscape, _confetti, _tiles, _waves, _sunburst, _still_life)
