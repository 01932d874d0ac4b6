import os

import pytest
from PIL import Image

from db.status import Stage
from engine.errors import PauseRequired, StageError
from engine.imaging.encode import Background
from engine.imaging.enhance import saturate, sharpen
from engine.imaging.open_checked import PictureError, PictureFormat, open_picture
from engine.imaging.processing import FailureRule, ProcessingPlan, process_picture
from engine.imaging.trim import trim_transparent


def test_nothing_switched_on_keeps_the_file_byte_for_byte(picture, saved, tmp_path):
    source = saved(picture, "a.jpg")
    before = source.read_bytes()
    result = process_picture(source, tmp_path / "out", ProcessingPlan())
    assert result.path == source
    assert result.is_original
    assert (result.width, result.height, result.format) == (64, 48, PictureFormat.JPEG)
    assert source.read_bytes() == before
    assert os.listdir(tmp_path) == ["a.jpg"]


@pytest.mark.parametrize(
    ("plan", "needs_pixels"),
    [
        (ProcessingPlan(), False),
        (ProcessingPlan(enhance=True, sharpening=0, saturation=1), False),
        (ProcessingPlan(sharpening=5, saturation=2), False),
        (ProcessingPlan(enhance=True, sharpening=0), True),
        (ProcessingPlan(trim=True), True),
        (ProcessingPlan(convert=PictureFormat.PNG), True),
    ],
)
def test_knows_whether_pixels_are_touched(plan, needs_pixels):
    assert plan.needs_pixels is needs_pixels


def test_the_order_is_trim_sharpen_saturate(cutout, saved, tmp_path):
    source = saved(cutout, "a.png")
    plan = ProcessingPlan(trim=True, enhance=True, sharpening=6, saturation=1.7)
    result = process_picture(source, tmp_path / "out", plan)
    expected = saturate(sharpen(trim_transparent(cutout), 6), 1.7)
    other_order = trim_transparent(sharpen(saturate(cutout, 1.7), 6))
    assert result.path == tmp_path / "out.png"
    assert open_picture(result.path).tobytes() == expected.tobytes()
    assert expected.tobytes() != other_order.tobytes()
    assert (result.width, result.height, result.is_original) == (40, 32, False)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_without_conversion_the_format_stays(picture, saved, tmp_path, name):
    result = process_picture(saved(picture, name), tmp_path / "out", ProcessingPlan(enhance=True))
    assert result.path.name == f"out{name[1:]}"
    assert not result.is_original
    assert result.warnings == ()


@pytest.mark.parametrize("picture_format", PictureFormat)
def test_converts(cutout, saved, tmp_path, picture_format):
    plan = ProcessingPlan(convert=picture_format, jpg_background=Background.BLACK)
    result = process_picture(saved(cutout, "a.png"), tmp_path / "x.1", plan)
    assert result.path.name == f"x.1.{picture_format}"
    assert result.format is picture_format
    corner = open_picture(result.path).getpixel((0, 0))
    assert max(corner[:3]) <= 2 if picture_format is PictureFormat.JPEG else corner[3] == 0


def test_trimming_an_opaque_picture_changes_nothing(picture, saved, tmp_path):
    source = saved(picture, "a.png")
    assert process_picture(source, tmp_path / "out", ProcessingPlan(trim=True)).path == source


def test_an_empty_trim_fails_the_image_at_its_stage(saved, tmp_path):
    source = saved(Image.new("RGBA", (9, 9)), "a.png")
    with pytest.raises(StageError) as caught:
        process_picture(source, tmp_path / "out", ProcessingPlan(trim=True, enhance=True))
    assert (caught.value.stage, caught.value.code) == (Stage.TRIM, "empty")
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_soft_trim_failure_is_recorded_and_the_rest_is_done(saved, tmp_path):
    source = saved(Image.new("RGBA", (9, 9)), "a.png")
    plan = ProcessingPlan(trim=True, convert=PictureFormat.WEBP, on_trim_failure=FailureRule.CONTINUE)
    result = process_picture(source, tmp_path / "out", plan)
    assert result.path.name == "out.webp"
    assert [(warning.stage, warning.code) for warning in result.warnings] == [(Stage.TRIM, "empty")]


@pytest.mark.parametrize("error", [MemoryError(), OSError("no"), ValueError("no")])
def test_an_enhancement_failure_is_soft_by_default(picture, saved, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    source = saved(picture, "a.png")
    monkeypatch.setattr("engine.imaging.processing.sharpen", fail)
    result = process_picture(source, tmp_path / "out", ProcessingPlan(enhance=True))
    assert result.path == source
    assert [warning.stage for warning in result.warnings] == [Stage.ENHANCE]
    with pytest.raises(StageError) as caught:
        process_picture(
            source, tmp_path / "out", ProcessingPlan(enhance=True, on_enhance_failure=FailureRule.FAIL)
        )
    assert caught.value.stage is Stage.ENHANCE


def test_a_conversion_failure_fails_the_image_or_keeps_its_format(saved, tmp_path):
    source = saved(Image.new("RGB", (16_384, 2), (200, 30, 30)), "wide.png")
    plan = ProcessingPlan(enhance=True, convert=PictureFormat.WEBP)
    with pytest.raises(StageError) as caught:
        process_picture(source, tmp_path / "out", plan)
    assert (caught.value.stage, caught.value.code) == (Stage.CONVERT, "side_too_long")
    soft = ProcessingPlan(enhance=True, convert=PictureFormat.WEBP, on_convert_failure=FailureRule.CONTINUE)
    result = process_picture(source, tmp_path / "out", soft)
    assert result.path.name == "out.png"
    assert [warning.stage for warning in result.warnings] == [Stage.CONVERT]


def test_a_broken_source_is_not_the_fault_of_a_step(tmp_path):
    source = tmp_path / "a.png"
    source.write_bytes(b"<html>")
    for plan in (ProcessingPlan(), ProcessingPlan(trim=True, on_trim_failure=FailureRule.CONTINUE)):
        with pytest.raises(PictureError):
            process_picture(source, tmp_path / "out", plan)


def test_the_source_is_never_overwritten(picture, saved, tmp_path):
    source = saved(picture, "a.png")
    before = source.read_bytes()
    with pytest.raises(ValueError, match="overwrite"):
        process_picture(source, tmp_path / "a", ProcessingPlan(enhance=True))
    assert source.read_bytes() == before


def test_a_lost_folder_pauses(picture, saved, tmp_path):
    with pytest.raises(PauseRequired) as caught:
        process_picture(saved(picture, "a.png"), tmp_path / "gone" / "out", ProcessingPlan(enhance=True))
    assert caught.value.code == "folder"


def test_the_same_plan_gives_the_same_bytes(cutout, saved, tmp_path):
    source = saved(cutout, "a.png")
    plan = ProcessingPlan(trim=True, enhance=True, convert=PictureFormat.JPEG)
    first = process_picture(source, tmp_path / "one", plan).path.read_bytes()
    assert process_picture(source, tmp_path / "two", plan).path.read_bytes() == first
