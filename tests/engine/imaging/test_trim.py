import pytest
from PIL import Image

from engine.imaging.open_checked import PictureError
from engine.imaging.trim import trim_transparent


def test_crops_to_the_visible_box(cutout):
    trimmed = trim_transparent(cutout)
    assert trimmed.size == (40, 32)
    assert trimmed.tobytes() == cutout.crop((10, 8, 50, 40)).tobytes()


@pytest.mark.parametrize(("alpha", "is_visible"), [(12, False), (13, True)])
def test_five_percent_is_the_border(alpha, is_visible):
    image = Image.new("RGBA", (9, 9), (200, 0, 0, 0))
    image.putpixel((4, 4), (0, 0, 0, 255))
    image.putpixel((7, 1), (0, 0, 0, alpha))
    assert trim_transparent(image).size == ((4, 4) if is_visible else (1, 1))


def test_an_empty_picture_is_an_error():
    with pytest.raises(PictureError) as caught:
        trim_transparent(Image.new("RGBA", (9, 9), (255, 255, 255, 12)))
    assert caught.value.code == "empty"


def test_nothing_to_cut_is_the_same_object(picture):
    opaque = picture.convert("RGBA")
    assert trim_transparent(picture) is picture
    assert trim_transparent(opaque) is opaque


def test_the_profile_stays(cutout):
    cutout.info["icc_profile"] = b"profile"
    assert trim_transparent(cutout).info["icc_profile"] == b"profile"
