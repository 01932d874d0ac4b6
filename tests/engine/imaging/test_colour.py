from PIL import Image, ImageCms

from engine.imaging.colour import profile_space, to_srgb


def test_reads_the_space_of_a_profile(srgb_profile):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert profile_space(srgb_profile) == "RGB"
    assert profile_space(lab) == "Lab"
    assert profile_space(b"") == ""


def test_srgb_to_srgb_changes_nothing_and_keeps_alpha(cutout, srgb_profile):
    converted = to_srgb(cutout, srgb_profile)
    assert converted.mode == "RGBA"
    assert converted.getchannel("A").tobytes() == cutout.getchannel("A").tobytes()
    before, after = cutout.convert("RGB").tobytes(), converted.convert("RGB").tobytes()
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 1
    assert converted.info == {}


def test_a_swapped_profile_really_is_applied(picture, srgb_profile):
    # The red and the green primary exchanged: the same numbers mean other colours.
    tags = {srgb_profile[i : i + 4]: i for i in range(132, 132 + 12 * srgb_profile[131], 12)}
    swapped = bytearray(srgb_profile)
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    converted = to_srgb(Image.new("RGB", (4, 4), (255, 0, 0)), bytes(swapped))
    red_value, green_value, _ = converted.getpixel((1, 1))
    assert green_value > 200
    assert red_value < 60


def test_a_damaged_or_foreign_profile_is_ignored(picture):
    assert to_srgb(picture, b"no profile").tobytes() == picture.tobytes()
    assert to_srgb(picture, bytes(16) + b"RGB " + bytes(200)).tobytes() == picture.tobytes()
    assert to_srgb(picture.convert("L"), bytes(16) + b"GRAY" + bytes(200)).mode == "RGB"
