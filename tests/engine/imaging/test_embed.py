import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.imaging.embed import DIGITAL_SOURCE_TYPE, EmbeddedText, embed, embed_file, xmp_packet
from engine.imaging.open_checked import PictureError, PictureFormat, inspect_bytes

TEXT = EmbeddedText(
    title='Fox & "friends" <in> the snow',
    description="Ein Füchslein im Schnee, 雪の中の狐, ]]> und mehr",
    tags=("fox", "snow & ice", "größe", "zebra", "alpha"),
)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
DC = "{http://purl.org/dc/elements/1.1/}"

FORMS = {
    "png": ("RGB", "PNG", {}),
    "png alpha": ("RGBA", "PNG", {}),
    "png palette": ("P", "PNG", {"transparency": 3}),
    "jpeg": ("RGB", "JPEG", {}),
    "jpeg progressive": ("RGB", "JPEG", {"progressive": True, "comment": b"mine"}),
    "webp lossy": ("RGB", "WEBP", {}),
    "webp lossless": ("RGB", "WEBP", {"lossless": True}),
    "webp lossless alpha": ("RGBA", "WEBP", {"lossless": True}),
    "webp alpha": ("RGBA", "WEBP", {}),
}


def pixels(data: bytes) -> tuple[str, bytes]:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image.mode, image.convert("RGBA").tobytes()


def xmp_of(data: bytes) -> bytes:
    image = Image.open(io.BytesIO(data))
    image.load()
    packet = image.info["xmp"]
    return packet if isinstance(packet, bytes) else packet.encode()


@pytest.fixture(params=FORMS)
def data(request, cutout, encoded) -> bytes:
    mode, kind, options = FORMS[request.param]
    return encoded(cutout.convert(mode), kind, **options)


def test_no_pixel_changes_and_pillow_reads_it(data):
    embedded = embed(data, TEXT)
    assert pixels(embedded) == pixels(data)
    before, after = inspect_bytes(data), inspect_bytes(embedded)
    assert (before.format, before.width, before.has_alpha) == (after.format, after.width, after.has_alpha)
    assert xmp_of(embedded) == xmp_packet(TEXT)
    description = Image.open(io.BytesIO(embedded)).getexif()[0x010E]
    raw = description if isinstance(description, bytes) else description.encode("latin-1")
    assert raw.decode() == TEXT.description


def test_embedding_again_replaces(data):
    once = embed(data, TEXT)
    assert embed(once, TEXT) == once
    twice = embed(once, EmbeddedText("Other", "Else", ("tag",)))
    assert twice.count(b"<x:xmpmeta") == 1
    assert b"Other" in xmp_of(twice)
    assert pixels(twice) == pixels(data)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_it_and_finds_no_fault(data, tmp_path):
    path = tmp_path / f"picture.{inspect_bytes(data).format}"
    path.write_bytes(embed(data, TEXT))

    def exiftool(*options: str) -> str:
        command = ["exiftool", "-charset", "utf8", *options, str(path)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    report = json.loads(exiftool("-json", "-struct", "-G1", "-all"))[0]
    assert report["XMP-dc:Title"] == TEXT.title
    assert report["XMP-dc:Description"] == TEXT.description
    assert report["XMP-dc:Subject"] == list(TEXT.tags)
    assert report["XMP-photoshop:Headline"] == TEXT.title
    assert report["XMP-xmp:CreatorTool"] == "Gen Image Factory"
    assert report["XMP-iptcExt:DigitalSourceType"] == DIGITAL_SOURCE_TYPE
    assert report["IFD0:ImageDescription"] == TEXT.description
    faults = exiftool("-validate", "-a", "-s3", "-warning", "-error").splitlines()
    # Exif wants a resolution too, but the picture has none, and an invented one would contradict JFIF's.
    tolerated = ("OK", "Missing required JPEG IFD0 tag", "4 Warnings")
    assert [fault for fault in faults if not any(text in fault for text in tolerated)] == []


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_other_exif_and_the_profile_stay(picture, encoded, srgb_profile, kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif[0x010E] = "old"
    embedded = embed(encoded(picture, kind, exif=exif, icc_profile=srgb_profile), TEXT)
    image = Image.open(io.BytesIO(embedded))
    assert image.getexif()[0x0112] == 6
    assert image.getexif()[0x010F] == "Maker"
    assert b"old\x00" not in embedded
    assert image.info["icc_profile"] == srgb_profile
    assert inspect_bytes(embedded).width == 48


@pytest.mark.parametrize(("mode", "flags"), [("RGB", 0x0C), ("RGBA", 0x1C)])
def test_a_simple_webp_becomes_an_extended_one_with_the_right_flags(cutout, encoded, mode, flags):
    data = encoded(cutout.convert(mode), "WEBP", lossless=True)
    assert data[12:16] == b"VP8L"
    embedded = embed(data, TEXT)
    assert embedded[12:16] == b"VP8X"
    assert embedded[20] == flags


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_unreadable_exif_is_replaced(picture, encoded, kind):
    embedded = embed(encoded(picture, kind, exif=b"Exif\x00\x00nonsense"), TEXT)
    assert 0x010E in Image.open(io.BytesIO(embedded)).getexif()


def test_jfif_stays_first_in_a_jpeg(picture, encoded):
    embedded = embed(encoded(picture, "JPEG"), TEXT)
    assert embedded[2:4] == b"\xff\xe0"
    assert embedded.index(b"JFIF") < embedded.index(b"Exif") < embedded.index(b"ns.adobe.com")


def test_a_signature_that_no_longer_fits_is_taken_out(picture, encoded):
    manifest = b"c2pa.manifest"
    jpeg = encoded(picture, "JPEG")
    box = b"JP" + struct.pack(">HII", 1, 1, 8 + len(manifest)) + b"jumb" + manifest
    jpeg = jpeg[:2] + b"\xff\xeb" + struct.pack(">H", len(box) + 2) + box + jpeg[2:]
    png = encoded(picture, "PNG")
    body = b"caBX" + manifest
    chunk = struct.pack(">I", len(manifest)) + body + struct.pack(">I", zlib.crc32(body))
    png = png[:33] + chunk + png[33:]
    for signed in (jpeg, png):
        inspect_bytes(signed)
        embedded = embed(signed, TEXT)
        assert manifest not in embedded
        assert pixels(embedded) == pixels(signed)


def test_control_characters_are_removed():
    packet = xmp_packet(EmbeddedText("a\x00b\x1b[31mc\x85d\ud800e", "tab\tnew\nline", ("\x07", "x\x7fy")))
    root = ET.fromstring(packet)
    assert [item.text for item in root.iter(f"{RDF}li")] == ["a b [31mc d e", "tab new line", "x y"]


@settings(deadline=None, max_examples=100)
@given(title=st.text(), description=st.text(), tags=st.lists(st.text(), max_size=5))
def test_any_text_makes_well_formed_xml(title, description, tags):
    root = ET.fromstring(xmp_packet(EmbeddedText(title, description, tags)))
    subject = root.find(f".//{DC}subject/{RDF}Bag")
    assert subject is not None
    assert len(subject) <= len(tags)
    assert root.find(f".//{DC}title") is not None


def test_more_than_a_jpeg_segment_holds_is_refused_and_fits_elsewhere(picture, encoded):
    long = EmbeddedText("title", "description", tuple(f"tag {number}" for number in range(4000)))
    with pytest.raises(PictureError, match="65533") as caught:
        embed(encoded(picture, "JPEG"), long)
    assert caught.value.code == "text_too_long"
    for kind in ("PNG", "WEBP"):
        assert xmp_of(embed(encoded(picture, kind), long)) == xmp_packet(long)


def test_files_are_written_whole(picture, saved, tmp_path):
    source = saved(picture, "a.png")
    target = tmp_path / "b.png"
    embed_file(source, target, TEXT)
    assert target.read_bytes() == embed(source.read_bytes(), TEXT)
    embed_file(target, target, TEXT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_refuses_what_is_no_picture(tmp_path):
    source = tmp_path / "a.png"
    source.write_bytes(b"GIF89a")
    with pytest.raises(PictureError):
        embed_file(source, tmp_path / "b.png", TEXT)
    assert not Path(tmp_path / "b.png").exists()
    assert PictureFormat.PNG.mime_type == "image/png"
