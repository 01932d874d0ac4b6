"""Sharpening and saturation. Pure functions on RGB and RGBA images; alpha is never changed."""

from PIL import Image, ImageFilter

SIGMA_PER_LEVEL = 0.2
"""Pixels of standard deviation for one level of sharpening."""
SHARPEN_AMOUNT = 1.0

# ITU-R BT.601-7, 2.5.1: the luma of the gamma-corrected components, as in Pillow's conversion to L.
LUMA_RED, LUMA_GREEN, LUMA_BLUE = 0.299, 0.587, 0.114


def sharpen(image: Image.Image, level: float) -> Image.Image:
    """Unsharp mask: out = in + amount x (in - gaussian(in, sigma)), clipped to 0-255.

    `level` 0-10; sigma = 0.2 px x level, amount 100 %, threshold 0; level 0 returns the image itself. The
    Gaussian is Pillow's: three box filters of fractional width whose variances add up to sigma squared
    (Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011).
    With alpha, colours are weighted by it, so that what is hidden under transparent pixels does not bleed
    into visible ones.
    """
    if level <= 0:
        return image
    blur = ImageFilter.GaussianBlur(SIGMA_PER_LEVEL * level)
    if image.mode == "RGB":
        sharpened = Image.blend(image.filter(blur), image, 1 + SHARPEN_AMOUNT)
    else:
        alpha = image.getchannel("A")
        colours = image.convert("RGB")
        blurred = image.convert("RGBa").filter(blur).convert("RGBA").convert("RGB")
        sharpened = Image.blend(blurred, colours, 1 + SHARPEN_AMOUNT)
        sharpened.paste(colours, mask=alpha.point([255] + [0] * 255))
        sharpened.putalpha(alpha)
    sharpened.info = dict(image.info)
    return sharpened


def saturate(image: Image.Image, factor: float) -> Image.Image:
    """Interpolate every colour from its luma: out = luma + factor x (in - luma), rounded and clipped to
    0-255.

    luma = 0.299 R + 0.587 G + 0.114 B. Factor 0 gives grey, 1 returns the image itself, 2 doubles the
    distance.
    """
    if factor == 1:
        return image
    rest = 1 - factor
    red, green, blue = rest * LUMA_RED, rest * LUMA_GREEN, rest * LUMA_BLUE
    matrix = (
        *(factor + red, green, blue, 0.0),
        *(red, factor + green, blue, 0.0),
        *(red, green, factor + blue, 0.0),
    )
    saturated = image.convert("RGB").convert("RGB", matrix)
    if image.mode == "RGBA":
        saturated.putalpha(image.getchannel("A"))
    saturated.info = dict(image.info)
    return saturated
