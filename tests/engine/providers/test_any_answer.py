"""Whatever a service answers: a task, a verdict, or one of our errors; never an exception of another kind."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import ServiceError
from engine.providers.base import ImageRequest
from engine.providers.http import HttpGateway, Timeouts
from engine.providers.language import LanguageModel
from engine.providers.openai_images import OpenAIImagesProvider
from engine.providers.piapi import PiapiProvider
from engine.providers.removebg import RemoveBackgroundClient
from engine.providers.runware import RunwareProvider
from tests.engine.providers.scripted import Answer, ScriptedServer, reply

type MakeRequest = Callable[..., ImageRequest]
type Call = Callable[[], Awaitable[object]]

SECONDS = 30
WHEN = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = (
    *("task_id", "status", "output", "image_url", "image_urls", "data", "error", "code", "message", "meta"),
    *("usage", "consume", "b64_json", "url", "seed", "errors", "taskUUID", "imageURL", "cost", "choices"),
    *("content", "refusal", "finish_reason", "passed", "reason", "total", "list", "tasks", "created_at"),
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["completed", "Failed", "http://127.0.0.1/x", "!", "2026-11-22T12:00:01Z", "1e999"])
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=20,
)
bodies = (
    st.binary(max_size=120) | documents.map(lambda one: json.dumps(one).encode()) | st.just(b"[" * 30_000)
)
statuses = st.sampled_from([200, 200, 200, 200, 201, 204, 302, 400, 401, 402, 403, 404, 409, 429, 500, 503])
headers = st.dictionaries(
    st.sampled_from(["Retry-After", "Content-Type", "x-request-id", "X-Credits-Charged", "Content-Encoding"]),
    st.sampled_from(["-1", "1e9", "soon", "Thu, 99 Foo 2026", "text/html", "gzip", "image/png", "\xff"]),
    max_size=2,
)
PIAPI = {
    "code": 200,
    "data": {
        "task_id": "t-1",
        "status": "completed",
        "output": {"image_url": "https://a/1.png", "image_urls": ["https://a/1.png"]},
        "meta": {"created_at": "2026-11-22T12:00:01Z", "usage": {"consume": 1}},
        "error": {"code": 0, "message": ""},
        "total": 1,
        "tasks": [{"task_id": "t-1"}],
    },
}
RUNWARE = {
    "data": [{"taskUUID": "t-1", "imageUUID": "i", "imageURL": "https://a/1.png", "seed": 5, "cost": 0.1}]
}
OPENAI = {
    "created": 1,
    "data": [{"b64_json": "aGFsbG8=", "url": "https://a/1.png"}],
    "usage": {"total_tokens": 9},
}
CHAT = {
    "id": "c",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "finish_reason": "stop",
            "message": {
                "role": "assistant",
                "content": '{"passed": true, "reason": "good"}',
                "refusal": None,
            },
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}


def spoiled(document: Any, wrong: Any, at: list[int]) -> Any:
    """A copy in which something else stands in one place; `at` chooses the way down."""
    if not at or not isinstance(document, dict | list) or not document:
        return wrong
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    key = keys[at[0] % len(keys)]
    changed = spoiled(document[key], wrong, at[1:])
    if isinstance(document, dict):
        return {**document, key: changed}
    return [changed if number == key else one for number, one in enumerate(document)]


def answers_like(document: object) -> st.SearchStrategy[Answer]:
    """Answers of any kind, and good ones in which one place is wrong."""
    places = st.lists(st.integers(0, 9), min_size=1, max_size=6)
    nearly = st.builds(spoiled, st.just(document), documents, places).map(
        lambda one: json.dumps(one).encode()
    )
    return st.builds(reply, statuses, bodies | nearly, headers)


async def survives(server: ScriptedServer, calls: list[Call], document: object) -> None:
    """Each call gets answers of every kind, and ends with a value or with one of our errors."""
    loop = asyncio.get_running_loop()

    async def all_calls(answer: Answer) -> None:
        for call in calls:
            server.script.clear()
            server.say(*[answer] * 12)
            try:
                await call()
            except ServiceError:
                continue
        server.script.clear()

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(answers_like(document))
    def any_answer(answer: Answer) -> None:
        asyncio.run_coroutine_threadsafe(all_calls(answer), loop).result(SECONDS)

    await asyncio.to_thread(any_answer)


async def test_piapi(
    server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts, make_request: MakeRequest
) -> None:
    piapi = PiapiProvider(server.url, key, gateway, submit_timeouts=patient, poll_timeouts=patient)
    request = make_request()
    calls: list[Call] = [
        lambda: piapi.submit(request),
        lambda: piapi.poll("t-1", request),
        lambda: piapi.reconcile(request, WHEN, ()),
        lambda: piapi.cancel("t-1"),
        piapi.test_key,
    ]
    await survives(server, calls, PIAPI)


async def test_runware(
    server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts, make_request: MakeRequest
) -> None:
    runware = RunwareProvider(server.url, key, gateway, submit_timeouts=patient, poll_timeouts=patient)
    request = make_request(model="runware:101@1")
    calls: list[Call] = [
        lambda: runware.submit(request),
        lambda: runware.poll("t-1", request),
        lambda: runware.reconcile(request, WHEN, ()),
        runware.test_key,
    ]
    await survives(server, calls, RUNWARE)


async def test_remove_bg(server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts) -> None:
    client = RemoveBackgroundClient(server.url, key, gateway, submit_timeouts=patient)
    await survives(
        server, [lambda: client.remove(b"picture", "a.png"), client.test_key], {"data": {}, "errors": [{}]}
    )


async def test_openai_images(
    server: ScriptedServer, key: str, patient: Timeouts, make_request: MakeRequest
) -> None:
    openai = OpenAIImagesProvider(server.url, key, submit_timeouts=patient)
    request = make_request(model="gpt-image-1")
    try:
        await survives(server, [lambda: openai.submit(request), openai.test_key], OPENAI)
    finally:
        await openai.close()


async def test_language_model(server: ScriptedServer, key: str) -> None:
    model = LanguageModel(server.url, key)
    calls: list[Call] = [
        lambda: model.write_prompt("be brief", "fox", "m"),
        lambda: model.check_image(b"jpeg", "", "m"),
        lambda: model.describe_image(b"jpeg", "a fox", "", "m"),
        model.test_key,
    ]
    try:
        await survives(server, calls, CHAT)
    finally:
        await model.close()
