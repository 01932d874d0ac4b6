"""Cutting off the transparent border of a picture."""

from PIL import Image

from engine.imaging.faults import PictureError, PictureFault

ALPHA_THRESHOLD = 0.05
"""A pixel counts as visible when its alpha is more than this share of full opacity."""


def trim_transparent(image: Image.Image) -> Image.Image:
    """Crop to the smallest box that holds every pixel with alpha > 5 %, that is alpha >= 13 of 255.

    Returns the image itself where there is nothing to cut off, also when it has no alpha channel.
    Raises PictureError `empty` when no pixel is visible.
    """
    if "A" not in image.getbands():
        return image
    lowest = int(ALPHA_THRESHOLD * 255) + 1
    visible = image.getchannel("A").point([255 if alpha >= lowest else 0 for alpha in range(256)])
    box = visible.getbbox()
    if box is None:
        raise PictureError(
            PictureFault.EMPTY,
            "nothing is left after trimming: every pixel is transparent",
            hint="Look at the picture: the background removal may have taken its subject too.",
        )
    return image if box == (0, 0, *image.size) else image.crop(box)
