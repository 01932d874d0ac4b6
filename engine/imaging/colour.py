"""Colour profiles: which colour space one is for, and the way from it to sRGB."""

import io

from PIL import Image, ImageCms


def profile_space(profile: bytes) -> str:
    """The colour space in an ICC profile's header: `RGB`, `GRAY`, `CMYK` ... (ICC.1:2022, 7.2.8)."""
    return profile[16:20].decode("ascii", "replace").strip()


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert an L, LA, RGB, RGBA or CMYK image to RGB or RGBA in sRGB, without a profile; alpha is kept.

    A profile that is damaged or belongs to another colour space is ignored, as browsers do.
    """
    has_alpha = image.mode in {"LA", "RGBA"}
    colours = image.convert("L" if image.mode == "LA" else "RGB") if has_alpha else image
    converted = _through_profile(colours, profile) if profile else None
    if converted is None:
        converted = colours.convert("RGB")
    if has_alpha:
        converted.putalpha(image.getchannel("A"))
    converted.info = {}
    return converted


def _through_profile(image: Image.Image, profile: bytes) -> Image.Image | None:
    expected = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}.get(image.mode)
    if profile_space(profile) != expected:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        target = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        return None
