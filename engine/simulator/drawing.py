"""Pictures out of prompts, the same ones every time. Pure functions, no I/O; meant to run in a worker thread.

Everything is drawn as indices into one palette of 256 colours (a ramp for the ground, accents for shapes),
which is several times faster than drawing in full colour; the result is an ordinary RGB or RGBA picture.
"""

import colorsys
import io
import math
import random
import re
from dataclasses import dataclass, replace

from PIL import Image, ImageChops, ImageDraw, ImageFont

from engine.simulator.dice import dice_of, share_of
from engine.simulator.styles import RAMP, STYLES

_ENCODERS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}


@dataclass(frozen=True, slots=True)
class Picture:
    """What determines a picture completely. Sides are in pixels; a grid's are those of the whole grid."""

    prompt: str
    seed: int
    index: int
    width: int
    height: int
    extension: str = "png"
    """png, jpg or webp."""
    is_transparent: bool = False
    """The subject alone, on a transparent ground."""
    is_grid: bool = False
    """Four pictures, of index 0 to 3, as two rows of two."""


class NoForegroundError(ValueError):
    """The picture is one even colour: there is nothing to cut out."""


@dataclass(frozen=True, slots=True)
class CutOut:
    """A PNG of a subject without its background; sides in pixels."""

    data: bytes
    width: int
    height: int


def draw(picture: Picture, text_share: float) -> bytes:
    """The encoded picture; `text_share` of all prompts get lettering."""
    image = _paint_grid(picture, text_share) if picture.is_grid else _paint(picture, text_share)
    if picture.is_transparent:
        image.putalpha(_subject_mask(image.size))
    return _encode(image, picture.extension)


def cut_out(data: bytes, *, max_pixels: int) -> CutOut:
    """The picture as RGBA with everything outside a central ellipse cleared, at most `max_pixels` large.

    Raises OSError for bytes that are no picture, NoForegroundError for an even one.
    """
    with Image.open(io.BytesIO(data)) as source:
        image = source.convert("RGBA")
    extrema = image.convert("RGB").resize((64, 64)).getextrema()
    if all(isinstance(band, tuple) and band[1] - band[0] <= 2 for band in extrema):
        raise NoForegroundError("the picture is one even colour")
    scale = math.sqrt(max_pixels / (image.width * image.height))
    if scale < 1:
        image = image.resize((max(1, int(image.width * scale)), max(1, int(image.height * scale))))
    image.putalpha(ImageChops.multiply(image.getchannel("A"), _subject_mask(image.size)))
    return CutOut(_encode(image, "png"), image.width, image.height)


def _encode(image: Image.Image, extension: str) -> bytes:
    buffer = io.BytesIO()
    kind = _ENCODERS[extension]
    if kind == "PNG":
        image.save(buffer, kind, compress_level=1)
    else:
        image.save(buffer, kind, quality=88)
    return buffer.getvalue()


def _subject_mask(size: tuple[int, int]) -> Image.Image:
    """Opaque in a central ellipse of two thirds of each side, with a soft edge and nothing at all outside."""
    small = Image.new("L", (256, 256), 0)
    ImageDraw.Draw(small).ellipse((43, 43, 212, 212), fill=255)
    return small.resize(size, Image.Resampling.BILINEAR)


def _paint_grid(picture: Picture, text_share: float) -> Image.Image:
    width, height = picture.width // 2, picture.height // 2
    grid = Image.new("RGB", (2 * width, 2 * height))
    for index in range(4):
        single = replace(picture, index=index, width=width, height=height, is_grid=False)
        grid.paste(_paint(single, text_share), ((index % 2) * width, (index // 2) * height))
    return grid


def _paint(picture: Picture, text_share: float) -> Image.Image:
    dice = dice_of("picture", picture.prompt, picture.seed, picture.index)
    canvas = _ground(dice, (picture.width, picture.height))
    dice.choice(STYLES)(dice, canvas, ImageDraw.Draw(canvas))
    canvas.putpalette(_palette(dice))
    image = canvas.convert("RGB")
    words = _lettering(picture, text_share)
    if words:
        _write(dice, image, words)
    return image


def _palette(dice: random.Random) -> bytes:
    hue = dice.random()
    stops = [
        colorsys.hls_to_rgb((hue + shift) % 1, dice.uniform(low, low + 0.25), dice.uniform(0.35, 0.8))
        for shift, low in ((0.0, 0.15), (dice.uniform(0.03, 0.12), 0.4), (dice.uniform(0.1, 0.3), 0.65))
    ]
    colours = []
    for step in range(RAMP):
        place = step / (RAMP - 1) * 2
        low, part = (stops[0], stops[1]), place
        if place > 1:
            low, part = (stops[1], stops[2]), place - 1
        colours += [a + (b - a) * part for a, b in zip(*low, strict=True)]
    accents = 256 - RAMP
    for step in range(accents):
        colours += colorsys.hls_to_rgb(
            (hue + 0.5 + (step % 5 - 2) * 0.06) % 1, 0.12 + 0.76 * step / accents, 0.4 + 0.1 * (step % 4)
        )
    return bytes(round(255 * value) for value in colours)


def _ground(dice: random.Random, size: tuple[int, int]) -> Image.Image:
    gradient = dice.choice((Image.linear_gradient, Image.linear_gradient, Image.radial_gradient))("L")
    if dice.random() < 0.3:
        gradient = gradient.transpose(Image.Transpose.ROTATE_180)
    scaled = gradient.point([value * (RAMP - 1) // 255 for value in range(256)])
    return scaled.resize(size, Image.Resampling.BILINEAR)


def _lettering(picture: Picture, text_share: float) -> str:
    """What is written on the picture: what the prompt quotes, or, for some, its subject's longest words."""
    quoted = re.search(r'"([^"\n]{1,40})"', picture.prompt)
    if quoted:
        return quoted[1].strip()
    if share_of("lettering", picture.prompt, picture.seed, picture.index) >= text_share:
        return ""
    subject = picture.prompt.partition(" of ")[2] or picture.prompt
    words = re.findall(r"[A-Za-z]{3,12}", subject.partition(",")[0])
    return " ".join(sorted(words, key=len, reverse=True)[:2]).upper()


def _write(dice: random.Random, image: Image.Image, words: str) -> None:
    size = max(10.0, min(image.height / 9, 1.6 * image.width / max(4, len(words))))
    pen, middle = ImageDraw.Draw(image), image.height * dice.uniform(0.25, 0.75)
    pen.rectangle((0, middle - size, image.width, middle + size), fill=(20, 20, 24))
    pen.text(
        (image.width / 2, middle), words, font=ImageFont.load_default(size), anchor="mm", fill=(248, 244, 232)
    )
