import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from engine.simulator.drawing import NoForegroundError, Picture, cut_out, draw


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def picture(prompt: str = "a fox", **fields: object) -> Picture:
    values = {"seed": 1, "index": 0, "width": 160, "height": 96, **fields}
    return Picture(prompt, **values)  # type: ignore[arg-type]


def test_the_same_picture_has_the_same_bytes() -> None:
    assert draw(picture(), 0.5) == draw(picture(), 0.5)


@pytest.mark.parametrize("other", [picture("a cat"), picture(seed=2), picture(index=1)])
def test_another_prompt_seed_or_index_is_recognisably_another_picture(other: Picture) -> None:
    first, second = opened(draw(picture(), 0)), opened(draw(other, 0))
    difference = ImageChops.difference(first, second).convert("L").resize((1, 1)).getpixel((0, 0))
    assert isinstance(difference, int)
    assert difference > 15


@pytest.mark.parametrize(("extension", "kind"), [("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP")])
def test_formats_and_sizes(extension: str, kind: str) -> None:
    image = opened(draw(picture(extension=extension), 0))
    assert (image.format, image.size, image.mode) == (kind, (160, 96), "RGB")


@given(prompt=st.text(max_size=60), seed=st.integers(0, 2**40), side=st.integers(8, 60))
def test_every_prompt_can_be_drawn(prompt: str, seed: int, side: int) -> None:
    image = opened(draw(Picture(prompt, seed, 0, side, 68 - side), 1))
    assert image.size == (side, 68 - side)
    assert image.getextrema() != ((0, 0), (0, 0), (0, 0))


def test_lettering_is_on_the_share_of_pictures_that_was_asked_for() -> None:
    def with_text(share: float) -> int:
        return sum(draw(picture(seed=seed), share) != draw(picture(seed=seed), 0) for seed in range(40))

    assert with_text(1) == 40
    assert 8 <= with_text(0.5) <= 32


def test_a_quotation_in_the_prompt_is_written_on_the_picture() -> None:
    plain, lettered = draw(picture("a sign"), 0), draw(picture('a sign "OPEN"'), 0)
    band = (20, 20, 24)
    assert band not in {colour for _, colour in opened(plain).getcolors(100_000) or []}
    assert band in {colour for _, colour in opened(lettered).getcolors(100_000) or []}


def test_a_transparent_picture_has_a_clear_border_and_a_whole_subject() -> None:
    image = opened(draw(picture(is_transparent=True), 0))
    assert image.mode == "RGBA"
    box = image.getchannel("A").getbbox()
    assert box
    assert box[0] > 10
    assert box[2] < 150
    assert image.getpixel((80, 48))[3] == 255  # type: ignore[index]


def test_a_cut_out_keeps_the_middle_and_what_was_transparent() -> None:
    source = Image.new("RGBA", (100, 100), (200, 10, 10, 255))
    source.paste((0, 0, 250, 255), (0, 0, 50, 100))
    source.paste((0, 0, 0, 0), (0, 0, 100, 50))
    buffer = io.BytesIO()
    source.save(buffer, "PNG")
    result = cut_out(buffer.getvalue(), max_pixels=10_000)
    image = opened(result.data)
    assert (result.width, result.height) == image.size == (100, 100)
    assert image.getpixel((60, 60)) == (200, 10, 10, 255)
    assert image.getpixel((60, 40))[3] == 0  # type: ignore[index]
    assert image.getpixel((99, 99))[3] == 0  # type: ignore[index]


def test_an_even_picture_has_no_foreground_and_text_is_no_picture() -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (50, 50), (1, 2, 3)).save(buffer, "PNG")
    with pytest.raises(NoForegroundError):
        cut_out(buffer.getvalue(), max_pixels=10_000)
    with pytest.raises(OSError, match="identify"):
        cut_out(b"hello", max_pixels=10_000)
