import io

import pytest
from PIL import Image

from engine.imaging.open_checked import PictureError
from engine.imaging.thumbnail import check_jpeg, make_previews


def reopened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((2048, 1024), {"p.jpg": (512, 256), "t.jpg": (256, 128)}),
        ((700, 1400), {"p.jpg": (256, 512), "t.jpg": (128, 256)}),
        ((100, 60), {"p.jpg": (100, 60), "t.jpg": (100, 60)}),
        ((3000, 2), {"p.jpg": (512, 1), "t.jpg": (256, 1)}),
    ],
)
def test_makes_two_jpegs_that_keep_the_proportions(saved, tmp_path, name, size, expected):
    source = saved(Image.new("RGB", size, (200, 40, 90)), name)
    make_previews(source, tmp_path / "p.jpg", tmp_path / "t.jpg")
    for file, file_size in expected.items():
        image = reopened((tmp_path / file).read_bytes())
        assert (image.format, image.size) == ("JPEG", file_size)
        assert image.getpixel((0, 0)) == pytest.approx((200, 40, 90), abs=4)
    assert len(list(tmp_path.iterdir())) == 3


def test_the_preview_shows_the_picture(picture, saved, tmp_path):
    source = saved(picture.resize((1024, 768)), "a.png")
    make_previews(source, tmp_path / "p.jpg", tmp_path / "t.jpg")
    expected = picture.resize((64, 48))
    actual = reopened((tmp_path / "p.jpg").read_bytes()).resize((64, 48))
    difference = sum(abs(a - b) for a, b in zip(expected.tobytes(), actual.tobytes(), strict=True))
    assert difference / len(expected.tobytes()) < 12


def test_transparency_is_a_grey_checkerboard(cutout, saved, tmp_path):
    make_previews(saved(cutout, "a.png"), tmp_path / "p.jpg", tmp_path / "t.jpg")
    image = reopened((tmp_path / "p.jpg").read_bytes())
    assert image.getpixel((2, 2)) == pytest.approx((112,) * 3, abs=6)
    assert image.getpixel((12, 4)) == pytest.approx((144,) * 3, abs=6)
    assert image.getpixel((30, 20)) == pytest.approx(cutout.getpixel((30, 20))[:3], abs=60)


def test_hidden_colours_do_not_bleed_into_a_smaller_copy(saved):
    image = Image.new("RGBA", (2000, 2000), (255, 0, 0, 0))
    image.paste((20, 60, 200, 255), (505, 505, 1503, 1503))
    small = reopened(check_jpeg(saved(image, "a.png"), 100))
    reds = [small.getpixel((x, y)) for x in range(100) for y in range(100)]
    assert all(red <= max(green, 60) + 40 for red, green, _ in reds)


def test_the_checked_copy_is_white_behind_and_limited(cutout, saved):
    small = reopened(check_jpeg(saved(cutout.resize((3000, 2250)), "a.png")))
    assert small.size == (1024, 768)
    assert small.getpixel((3, 3)) == pytest.approx((255,) * 3, abs=3)
    assert reopened(check_jpeg(saved(cutout, "b.png"))).size == (64, 48)


def test_colours_are_brought_to_srgb(saved, srgb_profile):
    tags = {srgb_profile[i : i + 4]: i for i in range(132, 132 + 12 * srgb_profile[131], 12)}
    swapped = bytearray(srgb_profile)
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    source = saved(Image.new("RGB", (1500, 1500), (255, 0, 0)), "a.png", icc_profile=bytes(swapped))
    image = reopened(check_jpeg(source))
    assert image.getpixel((500, 500))[1] > 200
    assert "icc_profile" not in image.info


def test_a_broken_source_leaves_nothing_behind(tmp_path):
    source = tmp_path / "a.png"
    source.write_bytes(b"no picture")
    with pytest.raises(PictureError):
        make_previews(source, tmp_path / "p.jpg", tmp_path / "t.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
