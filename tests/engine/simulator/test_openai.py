import asyncio
import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

MODEL = "gpt-5.4-mini"
SCHEMAS = {
    "prompt": {"prompt": {"type": "string"}},
    "check": {"passed": {"type": "boolean"}, "reason": {"type": "string"}},
    "metadata": {
        "title": {"type": "string"},
        "description": {"type": "string"},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}


def data_url(shade: int = 90, kind: str = "JPEG", declared: str = "") -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 120, 40)).save(buffer, kind)
    return f"data:{declared or f'image/{kind.lower()}'};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def photo_url() -> str:
    """A picture of which much remains when its end is cut off."""
    buffer = io.BytesIO()
    Image.effect_noise((200, 200), 60).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def image_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, "detail": "high"}}


def request(kind: str, text: str, *images: str, **fields: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": SCHEMAS[kind], "required": list(SCHEMAS[kind])}
    return {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Answer as the schema says."},
            {"role": "user", "content": [{"type": "text", "text": text}, *map(image_part, images)]},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": kind, "schema": schema, "strict": True},
        },
        **fields,
    }


async def chat(bench: Any, body: dict[str, Any]) -> Any:
    return await bench.client.post(f"{bench.openai}/chat/completions", json=body)


async def content(bench: Any, body: dict[str, Any]) -> Any:
    answer = await chat(bench, body)
    assert answer.status_code == 200, answer.text
    return json.loads(answer.json()["choices"][0]["message"]["content"])


async def test_a_prompt_speaks_of_the_keyword_and_differs_each_time(bench: Any) -> None:
    prompts = [
        (await content(bench, request("prompt", "Keyword: mountain lake")))["prompt"] for _ in range(4)
    ]
    assert all("mountain lake" in prompt for prompt in prompts)
    assert len(set(prompts)) > 1


async def test_the_completion_has_openais_shape_usage_and_a_payment(bench: Any) -> None:
    answer = await chat(bench, request("prompt", "Keyword: fox"))
    body = answer.json()
    assert body["object"] == "chat.completion"
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["choices"][0]["message"]["refusal"] is None
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert answer.headers["x-request-id"]
    (payment,) = await bench.payments()
    assert (payment["service"], payment["operation"], payment["model"]) == ("openai", "chat.prompt", MODEL)
    assert payment["amount_micros"] > 0
    assert payment["is_answered"]


async def test_a_check_depends_on_the_picture_and_keeps_its_verdict(start: Any) -> None:
    bench = await start(reject_share=0.5)
    verdicts = {}
    for shade in range(40):
        verdicts[shade] = await content(bench, request("check", "Judge it", data_url(shade * 6)))
    passed = [verdict["passed"] for verdict in verdicts.values()]
    assert 8 <= sum(passed) <= 32
    assert all(isinstance(verdict["reason"], str) and verdict["reason"] for verdict in verdicts.values())
    for shade in (0, 1, 2):
        again = await content(bench, request("check", "Judge it", data_url(shade * 6)))
        assert again == verdicts[shade]


@pytest.mark.parametrize(("share", "passed"), [(0.0, True), (1.0, False)])
async def test_the_reject_share_is_kept_at_its_ends(start: Any, share: float, passed: bool) -> None:
    bench = await start(reject_share=share)
    for shade in (10, 20, 30):
        assert (await content(bench, request("check", "Judge", data_url(shade))))["passed"] is passed


async def test_metadata_has_the_lengths_that_are_asked_for(bench: Any) -> None:
    text = "Keyword: old lighthouse\nPrompt: A watercolour of an old lighthouse above a stormy sea"
    found = await content(bench, request("metadata", text, data_url()))
    assert 8 <= len(found["title"].split()) <= 12
    assert "Lighthouse" in found["title"]
    assert 150 <= len(found["description"]) <= 250
    assert len(found["tags"]) == len(set(found["tags"])) == 15
    assert "lighthouse" in found["tags"]


async def test_without_a_response_format_the_words_of_the_messages_decide(bench: Any) -> None:
    def plain(text: str, *images: str) -> dict[str, Any]:
        body = request("prompt", text, *images)
        del body["response_format"]
        return body

    asked = 'Answer with JSON: {"title": ..., "description": ..., "tags": [...]}'
    assert (await content(bench, plain(asked, data_url())))["tags"]
    assert "passed" in await content(
        bench, plain('Answer with JSON {"passed": bool, "reason": str}', data_url())
    )
    assert "prompt" in await content(bench, plain("Keyword: fox. Answer with JSON"))
    answer = await chat(bench, plain("Keyword: fox"))
    assert answer.json()["choices"][0]["message"]["content"].endswith(".")
    operations = [item["operation"] for item in await bench.payments()]
    assert operations == ["chat.metadata", "chat.check", "chat.prompt", "chat.prompt"]


CUT = photo_url()[: len(photo_url()) * 3 // 16 * 4]
NOT_A_PICTURE = "data:image/png;base64," + base64.b64encode(b"this is no picture").decode()


@pytest.mark.parametrize(
    "url",
    [
        NOT_A_PICTURE,
        CUT,
        "data:image/png;base64,@@@@",
        data_url(kind="PNG", declared="image/jpeg"),
        "https://example.com/picture.png",
        "",
    ],
    ids=["text", "cut in half", "no base64", "wrong type", "web address", "empty"],
)
async def test_a_check_without_a_real_picture_is_refused(bench: Any, url: str) -> None:
    answer = await chat(bench, request("check", "Judge it", url))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_image_format"
    assert await bench.payments() == []


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"model": ""}, "model"),
        ({"messages": []}, "messages"),
        ({"messages": ["hello"]}, "messages[0]"),
        ({"temperature": 0.7}, "temperature"),
        ({"max_tokens": 100}, "max_tokens"),
        ({"stream": True}, "stream"),
    ],
)
async def test_parameters_that_the_model_does_not_take_are_a_400(
    bench: Any, change: dict[str, Any], param: str
) -> None:
    answer = await chat(bench, request("prompt", "Keyword: fox") | change)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param


async def test_an_older_model_takes_a_temperature(bench: Any) -> None:
    body = request("prompt", "Keyword: fox", model="local-model", temperature=0.7, max_tokens=200)
    assert "prompt" in await content(bench, body)


async def test_a_wrong_key_is_a_401_that_repeats_parts_of_the_key(start: Any) -> None:
    bench = await start(expect_keys={"openai": "another"})
    answer = await chat(bench, request("prompt", "Keyword: fox"))
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert "cdef" in answer.json()["error"]["message"]


async def test_used_up_credit_is_insufficient_quota(start: Any) -> None:
    bench = await start(credit_micros={"openai": 0})
    for answer in (
        await chat(bench, request("prompt", "Keyword: fox")),
        await bench.client.post(f"{bench.openai}/images/generations", json={"prompt": "a fox"}),
    ):
        assert answer.status_code == 429
        assert answer.json()["error"]["code"] == "insufficient_quota"
    assert await bench.payments() == []


async def test_models_are_listed(bench: Any) -> None:
    data = (await bench.client.get(f"{bench.openai}/models")).json()
    assert data["object"] == "list"
    assert MODEL in [model["id"] for model in data["data"]]


async def generate(bench: Any, **fields: Any) -> Any:
    body = {"model": "gpt-image-1.5", "prompt": "a fox", **fields}
    return await bench.client.post(f"{bench.openai}/images/generations", json=body)


async def images(bench: Any, **fields: Any) -> list[Image.Image]:
    answer = await generate(bench, **fields)
    assert answer.status_code == 200, answer.text
    return [Image.open(io.BytesIO(base64.b64decode(item["b64_json"]))) for item in answer.json()["data"]]


async def test_images_are_inline_in_the_size_and_number_asked_for(start: Any) -> None:
    bench = await start(image_side_cap=None)
    found = await images(bench, n=2, size="1536x1024", quality="low")
    assert [image.size for image in found] == [(1536, 1024)] * 2
    assert found[0].tobytes() != found[1].tobytes()
    (payment,) = await bench.payments()
    assert (payment["operation"], payment["prompt"]) == ("images", "a fox")


async def test_a_transparent_background_has_an_alpha_channel(bench: Any) -> None:
    (image,) = await images(bench, background="transparent")
    assert image.mode == "RGBA"
    assert image.getpixel((0, 0))[3] == 0
    assert image.getpixel((48, 48))[3] == 255


@pytest.mark.parametrize(("output_format", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
async def test_the_output_format_is_kept(bench: Any, output_format: str, kind: str) -> None:
    (image,) = await images(bench, output_format=output_format)
    assert image.format == kind


@pytest.mark.parametrize(
    "fields",
    [
        {"n": 11},
        {"size": "huge"},
        {"quality": "best"},
        {"prompt": ""},
        {"background": "pink"},
        {"background": "transparent", "output_format": "jpeg"},
        {"response_format": "b64_json"},
        {"output_format": "gif"},
    ],
)
async def test_bad_image_parameters_are_a_400(bench: Any, fields: dict[str, Any]) -> None:
    answer = await generate(bench, **fields)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in fields
    assert await bench.payments() == []


async def test_a_refused_image_prompt_is_blocked_by_moderation(bench: Any) -> None:
    answer = await generate(bench, prompt="something forbidden")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "moderation_blocked"
    assert await bench.payments() == []


async def test_images_beyond_the_concurrency_are_rate_limited(start: Any) -> None:
    bench = await start(
        latency_seconds=60, concurrency=1, over_concurrency="reject", credit_micros={"openai": 100_000}
    )
    first = asyncio.ensure_future(generate(bench))
    while not (await bench.control("stats"))["lanes"]:
        assert not first.done()
    second = await generate(bench)
    assert second.status_code == 429
    assert second.json()["error"]["code"] == "rate_limit_exceeded"
    assert second.headers["retry-after"] == "1"
    assert len(await bench.payments()) == 1
    assert (await bench.control("stats"))["credit_micros"] == {"openai": 66_000}
    first.cancel()


async def test_piapi_proxies_the_same_surface(bench: Any) -> None:
    answer = await bench.client.post(
        f"{bench.piapi}/v1/chat/completions", json=request("prompt", "Keyword: fox")
    )
    assert answer.json()["object"] == "chat.completion"
    answer = await bench.client.post(f"{bench.piapi}/v1/images/generations", json={"prompt": "a fox"})
    assert answer.json()["data"][0]["b64_json"]
