import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    NotSentError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
    TaskMissingError,
)
from engine.providers.base import ImageRequest, Lookup, RemoteImage, RemoteState
from engine.providers.http import Timeouts
from engine.providers.openai_images import OpenAIImagesProvider
from tests.engine.providers.scripted import SILENCE, VANISH, Answer, ScriptedServer, cut, endless, html, reply

type MakeRequest = Callable[..., ImageRequest]
type Build = Callable[..., OpenAIImagesProvider]
PICTURE = b"\x89PNG picture"
ENCODED = base64.b64encode(PICTURE).decode()


@pytest.fixture
async def build(server: ScriptedServer, key: str, patient: Timeouts) -> AsyncIterator[Build]:
    built: list[OpenAIImagesProvider] = []

    def make(url: str = "", with_key: str = key, limits: Timeouts = patient) -> OpenAIImagesProvider:
        provider = OpenAIImagesProvider(
            url or f"{server.url}/v1/", with_key, submit_timeouts=limits, poll_timeouts=limits
        )
        built.append(provider)
        return provider

    yield make
    for provider in built:
        await provider.close()
        await provider.close()


@pytest.fixture
def ask(make_request: MakeRequest) -> MakeRequest:
    return lambda **changes: make_request(**({"model": "gpt-image-1.5"} | changes))


def problem(status: int, headers: dict[str, str] | None = None, **error: Any) -> Answer:
    return reply(
        status, {"error": {"message": "no", "type": None, "param": None, "code": None} | error}, headers
    )


async def test_one_call_brings_the_pictures(
    build: Build, server: ScriptedServer, ask: MakeRequest, key: str
) -> None:
    server.say(reply(200, {"created": 1, "data": [{"b64_json": ENCODED}] * 2, "usage": {"total_tokens": 9}}))
    request = ask(images=2, width=1536, seed=4, steps=3, negative_prompt="text", transparent=True)
    task = await build().submit(request)
    assert (task.task_id, task.state) == (request.request_key, RemoteState.FINISHED)
    assert task.images == (RemoteImage(data=PICTURE), RemoteImage(data=PICTURE))
    assert task.charge is None
    assert (server.last.method, server.last.target) == ("POST", "/v1/images/generations")
    assert server.last.headers["authorization"] == f"Bearer {key}"
    assert server.last.json == {
        "model": "gpt-image-1.5",
        "prompt": "a red kite over dunes",
        "n": 2,
        "size": "1536x1024",
        "output_format": "png",
        "background": "transparent",
    }


async def test_an_opaque_picture_names_no_background(
    build: Build, server: ScriptedServer, ask: MakeRequest
) -> None:
    server.say(reply(200, {"data": [{"b64_json": ENCODED}]}))
    await build().submit(ask())
    assert "background" not in server.last.json


async def test_what_compatible_servers_answer(build: Build, server: ScriptedServer, ask: MakeRequest) -> None:
    server.say(
        reply(200, {"data": [{"url": "http://box/1.png", "seed": 3}, {"b64_json": None}, 5]}),
        reply(200, {"data": [{"b64_json": "data:image/png;base64," + ENCODED}, {"b64_json": "!"}]}),
        reply(200, {"data": []}),
    )
    provider = build(with_key="")
    assert (await provider.submit(ask(model="sd-turbo"))).images == (
        RemoteImage(url="http://box/1.png", seed=3),
    )
    assert (await provider.submit(ask())).images == (RemoteImage(data=PICTURE),)
    assert (await provider.submit(ask())).images == ()


ERRORS: list[tuple[Answer, type[ServiceError]]] = [
    (problem(400, message="size is not supported", code="invalid_value"), BadRequestError),
    (
        problem(400, message="rejected", code="moderation_blocked", type="image_generation_user_error"),
        PolicyRefusedError,
    ),
    (problem(400, message="rejected", code="content_policy_violation"), PolicyRefusedError),
    (problem(400, message="Your request was rejected by the safety system."), PolicyRefusedError),
    (problem(401, code="invalid_api_key"), KeyRefusedError),
    (problem(403, message="Your organization must be verified"), KeyRefusedError),
    (problem(404, code="model_not_found"), BadRequestError),
    (problem(402), CreditExhaustedError),
    (problem(429, code="insufficient_quota", type="insufficient_quota"), CreditExhaustedError),
    (problem(400, code="billing_hard_limit_reached"), CreditExhaustedError),
    (problem(429, code="rate_limit_exceeded"), RateLimitedError),
    (problem(408), AnswerLostError),
    (problem(500), AnswerLostError),
    (html(502), AnswerLostError),
    (html(403), KeyRefusedError),
    (reply(400, []), BadRequestError),
    (reply(400, {"error": "plain words"}), BadRequestError),
    (reply(307, b"", {"Location": "/v1/elsewhere"}), BadRequestError),
    (html(200), AnswerLostError),
    (reply(200, []), AnswerLostError),
    (reply(200, {"data": None}), AnswerLostError),
    (reply(200, {"data": "text"}), AnswerLostError),
    (reply(200, {"data": [{"b64_json": "!!"}]}), AnswerLostError),
    (reply(200, b'{"data": [', {"Content-Type": "application/json"}), AnswerLostError),
    (reply(200, b"[" * 100_000, {"Content-Type": "application/json"}), AnswerLostError),
    (VANISH, AnswerLostError),
    (cut(b'{"data": ['), AnswerLostError),
]


@pytest.mark.parametrize(("answer", "error"), ERRORS)
async def test_what_a_submission_may_end_in(
    build: Build,
    server: ScriptedServer,
    ask: MakeRequest,
    *,
    key: str,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await build().submit(ask())
    assert type(caught.value) is error
    assert caught.value.service == "OpenAI"
    assert key not in str(caught.value)
    assert len(server.requests) == 1


async def test_the_wait_of_a_429(build: Build, server: ScriptedServer, ask: MakeRequest) -> None:
    server.say(problem(429, {"Retry-After": "21"}), problem(429, {"Retry-After": "-3"}), problem(429))
    provider = build()
    waits = []
    for _ in range(3):
        with pytest.raises(RateLimitedError) as caught:
            await provider.submit(ask())
        waits.append(caught.value.retry_after)
    assert waits == [21.0, 0.0, None]


async def test_the_key_is_in_no_error(
    build: Build, server: ScriptedServer, ask: MakeRequest, key: str
) -> None:
    server.say(
        problem(401, message=f"Incorrect API key provided: {key[:9]}****{key[-4:]}."),
        problem(400, message=f"{key} may not do this\x1b[2J"),
    )
    provider = build()
    for _ in range(2):
        with pytest.raises(ServiceError) as caught:
            await provider.submit(ask())
        text = f"{caught.value} {caught.value.hint}"
        assert key[:9] not in text
        assert key[-4:] not in text
        assert "\x1b" not in text
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ is True


async def test_no_network_and_silence(
    build: Build,
    server: ScriptedServer,
    ask: MakeRequest,
    *,
    impatient: Timeouts,
    patient: Timeouts,
    dead_url: str,
) -> None:
    with pytest.raises(NotSentError, match="OpenAI cannot be reached"):
        await build(dead_url).submit(ask())
    with pytest.raises(NotSentError):
        await build(server.url.replace("http:", "https:"), limits=replace(patient, connect=0.2)).submit(ask())
    assert server.requests == []
    server.say(SILENCE, SILENCE)
    with pytest.raises(AnswerLostError, match="ran out"):
        await build(limits=impatient).submit(ask())
    with pytest.raises(AnswerLostError, match="ran out"):
        await build(limits=replace(patient, total=0.2)).submit(ask())
    assert len(server.requests) == 2


async def test_an_answer_that_is_too_large(
    build: Build, server: ScriptedServer, ask: MakeRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.providers.openai_images.MAX_BODY_BYTES", 50_000)
    server.say(endless())
    with pytest.raises(AnswerLostError, match="larger than 50000 bytes"):
        await build().submit(ask())


async def test_a_key_that_cannot_be_sent(build: Build, server: ScriptedServer, ask: MakeRequest) -> None:
    with pytest.raises(KeyRefusedError):
        await build(with_key="with\nbreak").submit(ask())
    assert server.requests == []


async def test_there_is_nothing_to_poll_to_find_or_to_take_back(
    build: Build, server: ScriptedServer, ask: MakeRequest
) -> None:
    provider = build()
    with pytest.raises(TaskMissingError):
        await provider.poll("t", ask())
    found = await provider.reconcile(ask(), datetime(2026, 11, 22, tzinfo=UTC), [])
    assert found.lookup is Lookup.CANNOT_TELL
    assert await provider.cancel("t") is False
    assert server.requests == []


async def test_the_key_test(build: Build, server: ScriptedServer, *, key: str, dead_url: str) -> None:
    server.say(
        reply(200, {"object": "list", "data": [{"id": "a"}, {"id": "b"}]}),
        problem(401, message=f"Incorrect API key provided: {key}"),
        problem(429, code="insufficient_quota"),
        html(200),
        problem(500),
        problem(429),
    )
    provider = build()
    report = await provider.test_key()
    assert (report.is_accepted, report.detail) == (True, "The key is accepted; 2 models are offered.")
    assert (server.last.method, server.last.target) == ("GET", "/v1/models")
    refused = await provider.test_key()
    assert refused.is_accepted is False
    assert key not in refused.detail
    assert (await provider.test_key()).is_accepted is True
    for _ in range(3):
        with pytest.raises(BadAnswerError):
            await provider.test_key()
    with pytest.raises(NotSentError):
        await build(dead_url).test_key()
