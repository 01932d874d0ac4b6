import struct
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from engine.imaging.containers import check_container, sniff_format
from engine.imaging.open_checked import (
    MAX_BYTES,
    PictureError,
    PictureFault,
    PictureFormat,
    inspect_bytes,
    inspect_file,
    open_picture,
    open_reduced,
    open_with_info,
)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds almost nothing."""

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\x00" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("kind", "picture_format"),
    [("PNG", PictureFormat.PNG), ("JPEG", PictureFormat.JPEG), ("WEBP", PictureFormat.WEBP)],
)
def test_says_what_a_picture_is(picture, encoded, kind, picture_format):
    data = encoded(picture, kind)
    info = inspect_bytes(data)
    assert (info.format, info.width, info.height, info.has_alpha) == (picture_format, 64, 48, False)
    assert info.bytes == len(data)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": Image.Exif()}])
def test_reads_every_form_of_webp_header(cutout, encoded, options):
    data = encoded(cutout, "WEBP", **options)
    assert check_container(data, sniff_format(data)) == (64, 48)
    assert inspect_bytes(data).has_alpha


@pytest.mark.fault(11)
def test_progressive_jpeg_is_whole_and_half_of_one_is_not(picture, encoded):
    data = encoded(picture.resize((400, 300)), "JPEG", progressive=True)
    assert inspect_bytes(data).width == 400
    with pytest.raises(PictureError) as caught:
        inspect_bytes(data[: len(data) // 2])
    assert caught.value.fault is PictureFault.TRUNCATED


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"GIF89a" + bytes(50), "GIF"),
        (b"%PDF-1.7\n", "PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg viewBox='0 0 1 1'></svg>", "SVG"),
        (b"\xef\xbb\xbf\n <!DOCTYPE html><html><svg></svg></html>", "HTML"),
        (b"<html><body>504</body></html>", "HTML"),
        (b'{"error": "gone"}', "JSON"),
        (b"not here", "plain text"),
        (b"\x00\x00\x00\x1cftypavif" + bytes(20), "AVIF"),
        (b"\x00\x01\x02\x03\xff", "unknown"),
        (b"", "empty"),
    ],
)
def test_refuses_other_files_by_their_name(start, name):
    with pytest.raises(PictureError, match=name) as caught:
        inspect_bytes(start)
    assert caught.value.code == "not_a_picture"


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("left", [0.3, 0.9, -1])
def test_a_file_that_ends_too_early_is_found(picture, encoded, kind, left):
    data = encoded(picture.resize((300, 200)), kind)
    cut = data[: int(len(data) * left)] if left > 0 else data[:left]
    with pytest.raises(PictureError) as caught:
        inspect_bytes(cut)
    assert caught.value.code == "truncated"
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


def test_a_flipped_byte_in_a_png_is_found(picture, encoded):
    data = bytearray(encoded(picture, "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(PictureError, match="checksum") as caught:
        inspect_bytes(bytes(data))
    assert caught.value.code == "damaged"


@pytest.mark.fault(13)
@pytest.mark.parametrize(("width", "height"), [(100_000, 100_000), (10_001, 10_000)])
def test_a_bomb_is_refused_from_its_header(width, height, monkeypatch):
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("the header was enough to refuse it"))
    with pytest.raises(PictureError, match=rf"{width} x {height}") as caught:
        inspect_bytes(png_header(width, height))
    assert caught.value.code == "bomb"


@pytest.mark.fault(13)
def test_a_webp_bomb_is_refused_from_its_header(cutout, encoded, monkeypatch):
    data = bytearray(encoded(cutout, "WEBP"))
    assert data[12:16] == b"VP8X"
    data[24:30] = (16_000 - 1).to_bytes(3, "little") * 2
    monkeypatch.setattr(Image, "open", lambda *_: pytest.fail("the header was enough to refuse it"))
    with pytest.raises(PictureError) as caught:
        inspect_bytes(bytes(data))
    assert caught.value.code == "bomb"


def test_pillow_has_no_lower_limit_than_ours():
    with pytest.raises(PictureError) as caught:
        inspect_bytes(png_header(10_000, 10_000))
    assert caught.value.code in {"truncated", "damaged"}


@pytest.mark.parametrize(("width", "height"), [(30, 30), (20_000, 11_000)])
def test_a_second_header_cannot_smuggle_in_a_larger_picture(width, height):
    small, large = png_header(10, 10), png_header(width, height)
    with pytest.raises(PictureError) as caught:
        inspect_bytes(small[:33] + large[8:33] + small[33:])
    assert caught.value.code == "damaged"


def test_a_zero_side_is_damaged():
    with pytest.raises(PictureError) as caught:
        inspect_bytes(png_header(0, 10))
    assert caught.value.code == "damaged"


def test_too_many_bytes_are_not_read(tmp_path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(PictureError, match="50 MB") as caught:
        inspect_file(path)
    assert caught.value.code == "too_large"


def test_a_missing_file_says_so(tmp_path):
    with pytest.raises(PictureError, match=r"gone\.png") as caught:
        open_picture(tmp_path / "gone.png")
    assert caught.value.code == "missing"


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_an_animation_is_no_picture(picture, encoded, kind):
    data = encoded(picture, kind, save_all=True, append_images=[picture.rotate(180)], duration=100)
    with pytest.raises(PictureError) as caught:
        inspect_bytes(data)
    assert caught.value.code == "animated"


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(picture, saved, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(picture, f"turned{orientation}.png", exif=exif)
    image, info = open_with_info(path)
    # Which stored pixel is to be seen at the top left (Exif 3.0, 4.6.5.1).
    corners = {1: (0, 0), 2: (63, 0), 3: (63, 47), 4: (0, 47), 5: (0, 0), 6: (0, 47), 7: (63, 47), 8: (63, 0)}
    assert image.size == ((48, 64) if orientation >= 5 else (64, 48)) == (info.width, info.height)
    assert image.getpixel((0, 0)) == picture.getpixel(corners[orientation])
    assert image.info == {}


def test_broken_exif_turns_nothing(picture, saved):
    path = saved(picture, "broken.webp", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff")
    assert open_picture(path).size == (64, 48)


@pytest.mark.parametrize(
    ("mode", "options", "expected"),
    [
        ("RGB", {}, "RGB"),
        ("RGBA", {}, "RGBA"),
        ("L", {}, "RGB"),
        ("1", {}, "RGB"),
        ("LA", {}, "RGBA"),
        ("P", {}, "RGB"),
        ("P", {"transparency": 0}, "RGBA"),
        ("L", {"transparency": 0}, "RGBA"),
        ("RGB", {"transparency": (0, 0, 0)}, "RGBA"),
    ],
)
def test_every_mode_becomes_rgb_or_rgba(picture, saved, mode, options, expected):
    image = open_picture(saved(picture.convert(mode), "any.png", **options))
    assert image.mode == expected
    expected_image = picture.convert(mode).convert("RGB")
    assert image.convert("RGB").tobytes() == expected_image.tobytes()


def test_a_transparent_colour_becomes_alpha(picture, saved):
    image = open_picture(saved(picture, "key.png", transparency=picture.getpixel((3, 4))))
    assert image.getpixel((3, 4))[3] == 0
    assert image.getpixel((5, 5))[3] == 255


def test_16_bits_are_scaled_not_clipped(saved):
    image = Image.new("I;16", (3, 1))
    for x, value in enumerate([0, 0x8000, 0xFFFF]):
        image.putpixel((x, 0), value)
    opened = open_picture(saved(image, "deep.png"))
    assert [opened.getpixel((x, 0))[0] for x in range(3)] == [0, 128, 255]


def test_cmyk_jpeg_becomes_rgb(saved):
    path = saved(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "print.jpg", quality=95)
    red, green, blue = open_picture(path).getpixel((8, 8))
    assert red > 240
    assert max(green, blue) < 15


def test_an_rgb_profile_is_kept_and_another_ones_is_not(picture, saved, srgb_profile):
    colours = saved(picture, "a.png", icc_profile=srgb_profile)
    assert open_picture(colours).info == {"icc_profile": srgb_profile}
    grey = saved(picture.convert("L"), "b.png", icc_profile=srgb_profile)
    assert open_picture(grey).info == {}


def test_reduced_opening_of_a_jpeg_is_smaller_but_large_enough(picture, saved):
    path = saved(picture.resize((2048, 1536)), "large.jpg")
    reduced = open_reduced(path, 256)
    assert reduced.size in {(512, 384), (1024, 768)}


@pytest.mark.filterwarnings("ignore")  # Pillow warns about what it skips in damaged EXIF
@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["PNG", "JPEG", "WEBP"]),
    cut=st.integers(0, 100),
    flips=st.lists(st.tuples(st.integers(0, 10_000), st.integers(1, 255)), max_size=6),
)
def test_damage_of_any_kind_is_a_picture_error_or_a_picture(cutout, encoded, kind, cut, flips):
    image = cutout if kind != "JPEG" else cutout.convert("RGB")
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(encoded(image, kind, exif=exif))
    for position, value in flips:
        data[position % len(data)] ^= value
    if cut:
        del data[-cut:]
    try:
        info = inspect_bytes(bytes(data))
    except PictureError:
        return
    assert info.width > 0
    assert not cut
