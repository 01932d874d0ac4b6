import io
from typing import Any

import pytest
from PIL import Image, ImageDraw


def upload(size: tuple[int, int] = (200, 120), *, is_even: bool = False) -> bytes:
    image = Image.new("RGB", size, (30, 90, 200))
    if not is_even:
        ImageDraw.Draw(image).ellipse((40, 20, 160, 100), fill=(250, 220, 10))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


async def remove(bench: Any, data: bytes | None = None, **fields: str) -> Any:
    return await bench.client.post(
        f"{bench.removebg}/removebg",
        data={"size": "auto", "format": "png", **fields},
        files={"image_file": ("fox.png", upload() if data is None else data, "image/png")},
    )


async def test_the_answer_is_a_picture_whose_border_is_clear(bench: Any) -> None:
    answer = await remove(bench)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    image = Image.open(io.BytesIO(answer.content))
    assert (image.mode, image.size) == ("RGBA", (200, 120))
    assert (answer.headers["x-width"], answer.headers["x-height"]) == ("200", "120")
    assert answer.headers["x-credits-charged"] == "1"
    assert image.getchannel("A").getbbox() != (0, 0, 200, 120)
    assert image.getpixel((100, 60)) == (250, 220, 10, 255)
    (payment,) = await bench.payments()
    assert (payment["operation"], payment["prompt"], payment["is_answered"]) == ("remove", "fox.png", True)


async def test_a_preview_is_small_and_costs_a_quarter(bench: Any) -> None:
    answer = await remove(bench, upload((1000, 1000)), size="preview")
    width, height = Image.open(io.BytesIO(answer.content)).size
    assert 240_000 < width * height <= 250_000
    assert answer.headers["x-credits-charged"] == "0.25"


async def test_a_png_has_at_most_ten_megapixels(bench: Any) -> None:
    answer = await remove(bench, upload((4000, 3000)), size="full")
    width, height = Image.open(io.BytesIO(answer.content)).size
    assert 9_900_000 < width * height <= 10_000_000


@pytest.mark.parametrize(
    ("data", "fields", "code"),
    [
        (upload(is_even=True), {}, "unknown_foreground"),
        (b"no picture", {}, "failed_to_read_image"),
        (upload()[:-60], {}, "failed_to_read_image"),
        (b"", {}, "missing_source"),
        (None, {"size": "enormous"}, "invalid_size"),
        (None, {"format": "zip"}, "invalid_format"),
    ],
)
async def test_what_cannot_be_done_is_a_400_and_costs_nothing(
    bench: Any, data: bytes | None, fields: dict[str, str], code: str
) -> None:
    answer = await remove(bench, data, **fields)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == code
    assert answer.json()["errors"][0]["title"]
    assert await bench.payments() == []


async def test_the_account_counts_credits_and_402_says_that_none_are_left(start: Any) -> None:
    bench = await start(credit_micros={"removebg": 200_000})

    async def credits_left() -> float:
        data = (await bench.client.get(f"{bench.removebg}/account")).json()
        return float(data["data"]["attributes"]["credits"]["total"])

    assert await credits_left() == 1
    assert [(await remove(bench)).status_code for _ in range(2)] == [200, 402]
    assert await credits_left() == 0


async def test_a_wrong_key_is_a_403(start: Any) -> None:
    bench = await start(expect_keys={"removebg": "another"})
    assert (await remove(bench)).status_code == 403
    assert (await bench.client.get(f"{bench.removebg}/account")).status_code == 403


async def test_the_record_of_an_upload_has_facts_instead_of_bytes(bench: Any) -> None:
    await remove(bench)
    (record,) = await bench.control("requests", service="removebg")
    facts = record["body"]["image_file"]
    assert (facts["filename"], facts["type"], facts["width"], facts["height"]) == (
        "fox.png",
        "image/png",
        200,
        120,
    )
    assert facts["bytes"] == len(upload())
    assert record["body"]["size"] == "auto"
