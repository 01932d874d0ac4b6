import base64
from collections.abc import Callable
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
    TaskFailedError,
    TaskMissingError,
)
from engine.providers.base import Charge, ImageRequest, Lora, RemoteImage, RemoteState
from engine.providers.http import HttpGateway, Timeouts
from engine.providers.piapi import PiapiProvider
from tests.engine.providers.scripted import SILENCE, VANISH, Answer, ScriptedServer, cut, html, reply

type MakeRequest = Callable[..., ImageRequest]


@pytest.fixture
def provider(server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts) -> PiapiProvider:
    return PiapiProvider(server.url + "/", key, gateway, submit_timeouts=patient, poll_timeouts=patient)


def envelope(status: Any = "pending", code: Any = 200, **data: Any) -> dict[str, Any]:
    """The documented answer, zero values included."""
    full = {
        "task_id": "t-1",
        "model": "Qubico/flux1-schnell",
        "task_type": "txt2img",
        "status": status,
        "config": {},
        "input": {},
        "output": None,
        "meta": {
            "created_at": "2026-11-22T12:00:01Z",
            "started_at": "0001-01-01T00:00:00Z",
            "usage": {"type": "llm", "frozen": 0, "consume": 0},
        },
        "detail": None,
        "logs": [],
        "error": {"code": 0, "raw_message": "", "message": "", "detail": None},
    }
    return {"code": code, "message": "success", "data": full | data}


def failed(message: str, word: str = "failed", raw: str = "") -> dict[str, Any]:
    return envelope(word, error={"code": 10000, "message": message, "raw_message": raw})


async def test_a_submission_goes_out_once_as_documented(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, key: str
) -> None:
    server.say(reply(200, envelope()))
    task = await provider.submit(
        make_request(images=3, negative_prompt="text", seed=7, steps=4, guidance=3.5, process_mode="fast")
    )
    assert (task.task_id, task.state, task.status_word) == ("t-1", RemoteState.WORKING, "pending")
    assert (server.last.method, server.last.target) == ("POST", "/api/v1/task")
    assert server.last.headers["x-api-key"] == key
    assert server.last.json == {
        "model": "Qubico/flux1-schnell",
        "task_type": "txt2img",
        "input": {
            "prompt": "a red kite over dunes",
            "width": 1024,
            "height": 1024,
            "batch_size": 3,
            "negative_prompt": "text",
            "guidance_scale": 3.5,
            "steps": 4,
            "seed": 7,
        },
        "config": {"service_mode": "public"},
    }


@pytest.mark.parametrize(
    ("changes", "model", "task_type", "fields"),
    [
        ({"model": "flux-dev"}, "Qubico/flux1-dev", "txt2img", {"width": 1024, "height": 1024}),
        (
            {"model": "flux-dev-advanced", "loras": (Lora("mystic"), Lora("anime", 0.5))},
            "Qubico/flux1-dev-advanced",
            "txt2img-lora",
            {
                "width": 1024,
                "height": 1024,
                "lora_settings": [
                    {"lora_type": "mystic", "lora_strength": 1.0},
                    {"lora_type": "anime", "lora_strength": 0.5},
                ],
            },
        ),
        (
            {"model": "flux-dev-advanced"},
            "Qubico/flux1-dev-advanced",
            "txt2img",
            {"width": 1024, "height": 1024},
        ),
        ({"model": "qwen-image"}, "Qubico/qwen-image", "txt2img", {"width": 1024, "height": 1024}),
        ({"model": "z-image"}, "Qubico/z-image", "txt2img", {"width": 1024, "height": 1024}),
        (
            {"model": "nano-banana", "images": 2, "aspect_ratio": "16:9"},
            "gemini",
            "gemini-2.5-flash-image",
            {"aspect_ratio": "16:9", "num_images": 2},
        ),
        (
            {"model": "nano-banana-pro", "width": 2048, "height": 2048},
            "gemini",
            "nano-banana-pro",
            {"aspect_ratio": "1:1", "resolution": "2K"},
        ),
        ({"model": "nano-banana-2"}, "gemini", "nano-banana-2", {"aspect_ratio": "1:1", "resolution": "1K"}),
        (
            {"model": "midjourney", "mj_version": "6.1", "process_mode": "turbo", "images": 4},
            "midjourney",
            "imagine",
            {
                "prompt": "a red kite over dunes --v 6.1",
                "aspect_ratio": "1:1",
                "process_mode": "turbo",
                "skip_prompt_check": False,
            },
        ),
        (
            {"model": "midjourney", "mj_version": "7", "prompt": "a kite --v 5"},
            "midjourney",
            "imagine",
            {"prompt": "a kite --v 5", "aspect_ratio": "1:1", "skip_prompt_check": False},
        ),
        ({"model": "Acme/brand-new"}, "Acme/brand-new", "txt2img", {"width": 1024, "height": 1024}),
    ],
)
async def test_the_body_of_every_model(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    *,
    changes: dict[str, Any],
    model: str,
    task_type: str,
    fields: dict[str, Any],
) -> None:
    server.say(reply(200, envelope()))
    await provider.submit(make_request(**changes))
    body = server.last.json
    assert (body["model"], body["task_type"]) == (model, task_type)
    assert body["input"] == {"prompt": "a red kite over dunes"} | fields


@pytest.mark.parametrize("code", [200, 0, "200", "0"])
async def test_both_success_codes(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, code: Any
) -> None:
    server.say(reply(200, envelope(code=code)))
    assert (await provider.submit(make_request())).task_id == "t-1"


async def test_an_envelope_without_a_code_and_a_201(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    plain = envelope()
    del plain["code"]
    server.say(reply(201, plain))
    assert (await provider.submit(make_request())).task_id == "t-1"


async def test_a_task_that_is_finished_at_once(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(reply(200, envelope("completed", output={"image_url": "https://x/1.png"})))
    task = await provider.submit(make_request())
    assert task.state is RemoteState.FINISHED
    assert task.images == (RemoteImage(url="https://x/1.png"),)


SUBMIT_ERRORS: list[tuple[Answer, type[ServiceError]]] = [
    (reply(400, {"code": 400, "message": "bad width"}), BadRequestError),
    (reply(200, {"code": 400, "message": "bad width", "data": None}), BadRequestError),
    (reply(200, {"code": 10002, "message": "odd code"}), BadRequestError),
    (reply(404, {"code": 404, "message": "no such model"}), BadRequestError),
    (reply(302, b"", {"Location": "/login"}), BadRequestError),
    (reply(401, {"code": 401, "message": "no"}), KeyRefusedError),
    (reply(403, {"code": 403, "message": "no"}), KeyRefusedError),
    (reply(402, {"code": 402, "message": "pay"}), CreditExhaustedError),
    (reply(500, {"code": 500, "message": "insufficient credits for this task"}), CreditExhaustedError),
    (
        reply(200, {"code": 500, "data": {"error": {"message": "account balance insufficient"}}}),
        CreditExhaustedError,
    ),
    (reply(429, {"code": 429, "message": "too many"}, {"Retry-After": "9"}), RateLimitedError),
    (reply(400, {"code": 400, "message": "prompt contains sensitive words"}), PolicyRefusedError),
    (reply(200, failed("Banned prompt detected")), PolicyRefusedError),
    (reply(200, failed("not enough credits")), CreditExhaustedError),
    (reply(200, failed("no worker")), BadRequestError),
    (reply(200, failed("no worker") | {"data": {"status": "failed"}}), BadRequestError),
    (reply(500, {"code": 500, "message": "upstream"}), AnswerLostError),
    (reply(200, {"code": 503, "message": "upstream"}), AnswerLostError),
    (html(502), AnswerLostError),
    (reply(408), AnswerLostError),
    (html(200), AnswerLostError),
    (reply(200, []), AnswerLostError),
    (reply(200, "text"), AnswerLostError),
    (reply(200, {"code": 200, "message": "success"}), AnswerLostError),
    (reply(200, {"code": 200, "data": []}), AnswerLostError),
    (reply(200, {"code": 200, "data": {"task_id": 17, "status": 5}}), AnswerLostError),
    (VANISH, AnswerLostError),
    (cut(), AnswerLostError),
]


@pytest.mark.parametrize(("answer", "error"), SUBMIT_ERRORS)
async def test_what_a_submission_may_end_in(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    *,
    key: str,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.submit(make_request())
    assert type(caught.value) is error
    assert caught.value.service == "PiAPI"
    assert key not in str(caught.value)
    assert len(server.requests) == 1


async def test_a_submission_without_answer_is_lost_and_without_network_not_sent(
    server: ScriptedServer,
    gateway: HttpGateway,
    make_request: MakeRequest,
    *,
    key: str,
    impatient: Timeouts,
    dead_url: str,
) -> None:
    server.say(SILENCE)
    with pytest.raises(AnswerLostError):
        await PiapiProvider(server.url, key, gateway, submit_timeouts=impatient).submit(make_request())
    with pytest.raises(NotSentError):
        await PiapiProvider(dead_url, key, gateway).submit(make_request())


async def test_the_wait_of_a_429_and_an_echoed_key(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, key: str
) -> None:
    server.say(
        reply(429, {"message": f"key {key} is \x1b[31mtoo fast"}, {"Retry-After": "86400"}),
        reply(403, {"message": f"key {key} is unknown"}),
    )
    with pytest.raises(RateLimitedError) as limited:
        await provider.submit(make_request())
    assert limited.value.retry_after == 300.0
    assert "too fast" in str(limited.value)
    assert "\x1b" not in str(limited.value)
    with pytest.raises(KeyRefusedError) as refused:
        await provider.submit(make_request())
    for error in (limited.value, refused.value):
        assert key not in f"{error} {error.hint}"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"message": "first", "raw_message": "second"}, "first"),
        ({"message": " ", "raw_message": "second"}, "second"),
        ({"message": None, "raw_message": 5}, "third"),
        ([], "third"),
    ],
)
async def test_the_precedence_of_error_texts(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, error: object, expected: str
) -> None:
    server.say(reply(400, {"code": 400, "message": "third", "data": {"error": error}}))
    with pytest.raises(BadRequestError, match=f"400 Bad Request: {expected}$"):
        await provider.submit(make_request())


async def test_an_error_without_any_text_names_the_reason(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(reply(413))
    with pytest.raises(BadRequestError, match="413"):
        await provider.submit(make_request())


@pytest.mark.parametrize(
    ("word", "state", "is_known"),
    [
        *[
            (word, RemoteState.WORKING, True)
            for word in ("pending", "Staged", "PROCESSING", "starting", "running")
        ],
        ("retry", RemoteState.WORKING, True),
        *[(word, RemoteState.FINISHED, True) for word in ("completed", "Success", "succeeded", "COMPLETE")],
        ("half-baked", RemoteState.WORKING, False),
    ],
)
async def test_status_words(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    word: str,
    state: RemoteState,
    *,
    is_known: bool,
) -> None:
    server.say(reply(200, envelope(word)))
    task = await provider.poll("t-1", make_request())
    assert (task.state, task.is_known_status, task.status_word, task.images) == (state, is_known, word, ())


@pytest.mark.parametrize("word", ["failed", "Failure", "ERROR", "canceled", "cancelled", "rejected"])
async def test_words_of_failure(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, word: str
) -> None:
    server.say(reply(200, failed("", word, "worker died")))
    with pytest.raises(TaskFailedError, match=r"\(code 10000\): worker died"):
        await provider.poll("t-1", make_request())


async def test_a_poll_asks_for_the_task_by_its_quoted_id(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, key: str
) -> None:
    server.say(reply(200, envelope()))
    await provider.poll("../a b?c", make_request())
    assert (server.last.method, server.last.target) == ("GET", "/api/v1/task/..%2Fa%20b%3Fc")
    assert server.last.headers["x-api-key"] == key


POLL_ERRORS: list[tuple[Answer, type[ServiceError]]] = [
    (reply(200, failed("NSFW content detected")), PolicyRefusedError),
    (reply(200, failed("insufficient quota")), CreditExhaustedError),
    (reply(404, {"code": 404, "message": "task not found"}), TaskMissingError),
    (reply(200, {"code": 404, "message": "task not found"}), TaskMissingError),
    (reply(400, {"code": 400, "message": "Task not found"}), TaskMissingError),
    (html(404), BadAnswerError),
    (reply(400, {"code": 400, "message": "odd"}), BadAnswerError),
    (reply(401, {"code": 401}), KeyRefusedError),
    (reply(429, {"code": 429}), RateLimitedError),
    (reply(500, {"code": 500}), BadAnswerError),
    (reply(200, {"code": 500}), BadAnswerError),
    (html(200), BadAnswerError),
    (reply(200, []), BadAnswerError),
    (reply(200, {"code": 200, "data": {"task_id": "t-1"}}), BadAnswerError),
    (reply(200, {"code": 200, "data": {"status": ["completed"]}}), BadAnswerError),
    (VANISH, BadAnswerError),
    (cut(), BadAnswerError),
]


@pytest.mark.parametrize(("answer", "error"), POLL_ERRORS)
async def test_what_a_poll_may_end_in(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.poll("t-1", make_request())
    assert type(caught.value) is error


DATA = b"\x89PNG some bytes"
ENCODED = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    ("output", "images"),
    [
        ({"image_url": "u1"}, ["u1"]),
        ({"image_url": "u1", "image_urls": ["u2", "u3"]}, ["u2", "u3"]),
        ({"image_url": "u1", "image_urls": [], "temporary_image_urls": ["t1", "t2"]}, ["t1", "t2"]),
        ({"image_url": "", "image_urls": None, "temporary_image_urls": []}, []),
        ({"image_urls": ["u1", "u1", "", 7, None, {"url": "u2"}]}, ["u1", "u2"]),
        ({"image_urls": "u1"}, ["u1"]),
        ({"image_base64": ENCODED}, [DATA]),
        ({"image_base64": "data:image/png;base64," + ENCODED}, [DATA]),
        ({"image_base64": "!!!"}, []),
        ({"image_url": "data:image/png;base64," + ENCODED}, [DATA]),
        ([], []),
        ("text", []),
        (None, []),
    ],
)
async def test_where_the_pictures_are(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    output: object,
    images: list[object],
) -> None:
    server.say(reply(200, envelope("completed", output=output)))
    task = await provider.poll("t-1", make_request())
    assert task.state is RemoteState.FINISHED
    assert [image.data or image.url for image in task.images] == images


@pytest.mark.parametrize(
    ("output", "images"),
    [
        (
            {"image_url": "grid", "temporary_image_urls": ["a", "b", "c", "d"]},
            [("a", None), ("b", None), ("c", None), ("d", None)],
        ),
        (
            {"image_url": "grid", "image_urls": ["a", "b", "c", "d"]},
            [("a", None), ("b", None), ("c", None), ("d", None)],
        ),
        ({"image_url": "grid", "temporary_image_urls": []}, [("grid", n) for n in range(4)]),
        ({"image_url": "grid", "image_urls": ["grid"]}, [("grid", n) for n in range(4)]),
        ({"image_urls": ["grid"]}, [("grid", n) for n in range(4)]),
        ({}, []),
    ],
)
async def test_midjourney_gives_four_pictures_or_the_quarters_of_a_grid(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    output: object,
    images: list[tuple[str, int | None]],
) -> None:
    server.say(reply(200, envelope("completed", output=output)))
    task = await provider.poll("t-1", make_request(model="midjourney", images=4))
    assert [(image.url, image.quarter) for image in task.images] == images


@pytest.mark.parametrize(
    ("usage", "charge"),
    [
        ({"type": "llm", "consume": 200000}, Charge(20_000, 200000, "llm")),
        ({"type": "llm", "consume": 15000}, Charge(1_500, 15000, "llm")),
        ({"type": "llm", "consume": 15001}, Charge(1_501, 15001, "llm")),
        ({"type": "llm", "consume": "200000"}, Charge(20_000, 200000, "llm")),
        ({"type": "llm", "consume": 0}, None),
        ({"type": "llm", "consume": -5}, None),
        ({"type": "point", "consume": 12}, None),
        ({"type": "llm", "consume": True}, None),
        ({}, None),
        ([], None),
    ],
)
async def test_what_it_cost(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    usage: object,
    charge: Charge | None,
) -> None:
    server.say(reply(200, envelope("completed", output={}, meta={"usage": usage})))
    task = await provider.poll("t-1", make_request())
    assert (task.images, task.charge) == ((), charge)


@pytest.mark.parametrize(
    ("answer", "is_cancelled"),
    [
        (reply(200, envelope("cancelled")), True),
        (reply(204), True),
        (reply(200, {"code": 400, "message": "already started"}), False),
        (reply(404, {"code": 404}), False),
        (reply(500), False),
        (VANISH, False),
    ],
)
async def test_cancelling_never_raises(
    provider: PiapiProvider, server: ScriptedServer, answer: Answer, *, is_cancelled: bool
) -> None:
    server.say(answer)
    assert await provider.cancel("t-1") is is_cancelled
    assert (server.last.method, server.last.target) == ("DELETE", "/api/v1/task/t-1")


@pytest.mark.parametrize(
    ("account", "detail"),
    [
        ({"account_name": "a", "equivalent_in_usd": 1.234, "credits": 5}, "The key is accepted; $1.23 left."),
        ({"credits": 500}, "The key is accepted; 500 credits left."),
        ({}, "The key is accepted; the account does not say what is left."),
    ],
)
async def test_the_key_test_says_what_is_left(
    provider: PiapiProvider, server: ScriptedServer, account: dict[str, Any], detail: str
) -> None:
    server.say(reply(200, {"code": 200, "data": account}))
    report = await provider.test_key()
    assert (report.service, report.is_accepted, report.detail) == ("PiAPI", True, detail)
    assert (server.last.method, server.last.target) == ("GET", "/account/info")


async def test_the_key_test_reports_a_refusal_and_raises_without_answer(
    provider: PiapiProvider, server: ScriptedServer, gateway: HttpGateway, key: str, dead_url: str
) -> None:
    server.say(reply(401, {"message": f"bad {key}"}), reply(402), html(200), reply(429))
    report = await provider.test_key()
    assert report.is_accepted is False
    assert key not in report.detail
    assert (await provider.test_key()).is_accepted is True
    for _ in range(2):
        with pytest.raises(BadAnswerError):
            await provider.test_key()
    with pytest.raises(NotSentError):
        await PiapiProvider(dead_url, key, gateway).test_key()
    assert (await PiapiProvider(server.url, "", gateway).test_key()).is_accepted is False


async def test_closing_leaves_the_shared_gateway_open(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    await provider.close()
    await provider.close()
    server.say(reply(200, envelope()))
    assert (await provider.submit(make_request())).task_id == "t-1"
