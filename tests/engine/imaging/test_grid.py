import pytest
from PIL import Image

from engine.imaging.grid import cut_quarter
from engine.imaging.open_checked import PictureError, inspect_file, open_picture


@pytest.mark.parametrize(("quarter", "corner"), [(0, (0, 0)), (1, (32, 0)), (2, (0, 24)), (3, (32, 24))])
def test_cuts_in_reading_order_without_loss(picture, saved, tmp_path, quarter, corner):
    info = cut_quarter(saved(picture, "grid.png"), quarter, tmp_path / "one.png")
    left, top = corner
    assert info == inspect_file(tmp_path / "one.png")
    cut = open_picture(tmp_path / "one.png")
    assert cut.tobytes() == picture.crop((left, top, left + 32, top + 24)).tobytes()


def test_odd_sides_give_four_equal_quarters_without_the_middle_line(picture, saved, tmp_path):
    odd = picture.crop((0, 0, 63, 47))
    source = saved(odd, "grid.png")
    for quarter in range(4):
        cut_quarter(source, quarter, tmp_path / f"{quarter}.png")
        assert open_picture(tmp_path / f"{quarter}.png").size == (31, 23)
    last = open_picture(tmp_path / "3.png")
    assert last.tobytes() == odd.crop((32, 24, 63, 47)).tobytes()


def test_refuses_what_has_no_quarters(saved, tmp_path):
    source = saved(Image.new("RGB", (1, 10)), "line.png")
    with pytest.raises(PictureError) as caught:
        cut_quarter(source, 0, tmp_path / "one.png")
    assert caught.value.code == "empty"
    with pytest.raises(ValueError, match="quarters 0 to 3"):
        cut_quarter(source, 4, tmp_path / "one.png")
