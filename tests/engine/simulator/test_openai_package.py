"""The `openai` package itself finds nothing to complain about."""

import base64
import io
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from PIL import Image
from pydantic import BaseModel

KEY = "sk-package-0123456789"


class Verdict(BaseModel):
    passed: bool
    reason: str


class Description(BaseModel):
    title: str
    description: str
    tags: list[str]


class Prompt(BaseModel):
    prompt: str


@pytest.fixture
async def client(bench: Any) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=bench.openai, max_retries=0) as client:
        yield client


def content(text: str) -> list[Any]:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), (10, 120, 40)).save(buffer, "JPEG")
    url = f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
    return [
        {"type": "text", "text": text},
        {"type": "image_url", "image_url": {"url": url, "detail": "high"}},
    ]


@pytest.mark.parametrize(
    ("schema", "operation"),
    [(Prompt, "chat.prompt"), (Verdict, "chat.check"), (Description, "chat.metadata")],
)
async def test_structured_answers_parse(
    bench: Any, client: openai.AsyncOpenAI, schema: type[BaseModel], operation: str
) -> None:
    completion = await client.chat.completions.parse(
        model="gpt-5.4-mini",
        messages=[
            {"role": "system", "content": "Do as the schema says."},
            {"role": "user", "content": content("Keyword: sea")},
        ],
        response_format=schema,
        max_completion_tokens=500,
    )
    assert isinstance(completion.choices[0].message.parsed, schema)
    assert completion.usage
    assert completion.usage.prompt_tokens > 0
    assert [item["operation"] for item in await bench.payments()] == [operation]


async def test_images_models_and_errors(bench: Any, client: openai.AsyncOpenAI) -> None:
    result = await client.images.generate(
        model="gpt-image-1.5",
        prompt="a fox",
        n=2,
        size="1024x1024",
        background="transparent",
        output_format="png",
    )
    assert result.data
    assert len([item.b64_json for item in result.data]) == 2
    assert result.usage
    assert "gpt-5.4-mini" in [model.id async for model in client.models.list()]
    with pytest.raises(openai.BadRequestError) as refused:
        await client.images.generate(model="gpt-image-1.5", prompt="a forbidden fox")
    assert refused.value.code == "moderation_blocked"
    await bench.script(
        {"service": "openai", "action": "status", "code": 429, "headers": {"Retry-After": "3"}}
    )
    with pytest.raises(openai.RateLimitError) as limited:
        await client.models.list()
    assert limited.value.response.headers["retry-after"] == "3"
