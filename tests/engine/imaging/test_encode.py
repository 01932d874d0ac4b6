import io
from typing import Any, BinaryIO

import pytest
from PIL import Image

from engine.imaging.encode import (
    WORKING_PNG_LEVEL,
    Background,
    encode,
    encode_jpeg,
    encode_png,
    encode_webp,
    flatten,
)
from engine.imaging.open_checked import PictureError, PictureFormat, inspect_bytes


def reopened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_png_is_lossless_and_has_no_palette(cutout):
    few_colours = Image.new("RGB", (50, 50), (1, 2, 3))
    assert reopened(encode_png(few_colours)).mode == "RGB"
    assert reopened(encode_png(cutout)).tobytes() == cutout.tobytes()
    assert reopened(encode_png(cutout, level=WORKING_PNG_LEVEL)).tobytes() == cutout.tobytes()


def test_jpeg_has_full_colour_resolution_and_follows_its_quality(picture):
    data = encode_jpeg(picture, quality=90)
    # SOF0: three components with sampling factors 1 x 1.
    frame = data.index(b"\xff\xc0")
    assert [data[frame + 11 + 3 * component] for component in range(3)] == [0x11, 0x11, 0x11]
    assert len(encode_jpeg(picture, quality=30)) < len(data)


@pytest.mark.parametrize(("background", "level"), [(Background.WHITE, 255), (Background.BLACK, 0)])
def test_jpeg_is_flattened_on_its_background(cutout, background, level):
    image = reopened(encode_jpeg(cutout, quality=95, background=background))
    assert image.mode == "RGB"
    assert all(abs(value - level) <= 2 for value in image.getpixel((1, 1)))
    assert flatten(cutout, background).getpixel((1, 1)) == (level,) * 3


def test_half_transparency_is_blended():
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 128))
    assert flatten(image, Background.WHITE).getpixel((0, 0)) == (127, 127, 127)


def test_webp_keeps_alpha_and_follows_its_quality(cutout):
    image = reopened(encode_webp(cutout, quality=80))
    assert image.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    assert len(encode_webp(cutout, quality=10)) < len(encode_webp(cutout, quality=95))


@pytest.mark.parametrize("picture_format", PictureFormat)
def test_every_format_keeps_the_profile(picture, picture_format, srgb_profile):
    def encode_it(image):
        return encode(image, picture_format, jpg_quality=85, webp_quality=85, background=Background.WHITE)

    assert "icc_profile" not in reopened(encode_it(picture)).info
    picture.info["icc_profile"] = srgb_profile
    data = encode_it(picture)
    assert reopened(data).info["icc_profile"] == srgb_profile
    assert inspect_bytes(data).format is picture_format


@pytest.mark.parametrize(
    ("side", "encoder"), [(16_384, encode_webp), (65_501, encode_jpeg)], ids=["webp", "jpeg"]
)
def test_sides_that_the_format_cannot_hold_are_refused(side, encoder):
    with pytest.raises(PictureError, match=str(side)) as caught:
        encoder(Image.new("RGB", (side, 1)), quality=80)
    assert caught.value.code == "side_too_long"


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_jpeg_is_written_to_a_file_of_the_system(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow then lets other threads run; in a buffer of Python's it would hold them all up."""
    files: list[int] = []
    save = Image.Image.save

    def watched(self: Image.Image, file: BinaryIO, *arguments: Any, **options: Any) -> None:
        files.append(file.fileno())
        save(self, file, *arguments, **options)

    picture = Image.new(mode, (40, 30), (200, 30, 30))
    kept = io.BytesIO()
    flatten(picture, Background.WHITE).save(kept, "JPEG", quality=90, subsampling=0)
    monkeypatch.setattr(Image.Image, "save", watched)
    assert encode_jpeg(picture, quality=90) == kept.getvalue()
    assert len(files) == 1
