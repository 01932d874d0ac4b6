"""Real picture files of every kind that the pictures' tests need."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

type Encode = Callable[..., bytes]


def gradient(width: int, height: int) -> Image.Image:
    """No two neighbouring pixels alike, so that a shift or a swap of colours shows."""
    image = Image.new("RGB", (width, height))
    image.putdata(
        [((x * 7) % 256, (y * 11) % 256, (x * 3 + y * 5) % 256) for y in range(height) for x in range(width)]
    )
    return image


@pytest.fixture
def picture() -> Image.Image:
    """64 x 48, RGB, opaque."""
    return gradient(64, 48)


@pytest.fixture
def cutout() -> Image.Image:
    """64 x 48, RGBA: an opaque box from (10, 8) to (50, 40), with colours hidden around it."""
    image = gradient(64, 48).convert("RGBA")
    alpha = Image.new("L", image.size, 0)
    alpha.paste(255, (10, 8, 50, 40))
    image.putalpha(alpha)
    return image


@pytest.fixture
def encoded() -> Encode:
    """encoded(image, "PNG", **options) -> bytes, by Pillow."""

    def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture
def saved(tmp_path: Path, encoded: Encode) -> Callable[..., Path]:
    """saved(image, "a.png", **options) -> path, by Pillow; the kind is that of the extension."""

    def save(image: Image.Image, name: str, **options: Any) -> Path:
        path = tmp_path / name
        kind = {".jpg": "JPEG"}.get(path.suffix, path.suffix[1:].upper())
        path.write_bytes(encoded(image, kind, **options))
        return path

    return save


@pytest.fixture
def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
