import email
from typing import Any

import pytest

from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    NotSentError,
    RateLimitedError,
    ServiceError,
)
from engine.providers.http import HttpGateway, Timeouts
from engine.providers.removebg import NO_FOREGROUND, RemoveBackgroundClient
from tests.engine.providers.scripted import SILENCE, VANISH, Answer, ScriptedServer, cut, html, reply

PNG = b"\x89PNG\r\n\x1a\n and the rest"
JPEG = b"\xff\xd8\xff and the rest"


@pytest.fixture
def client(
    server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts
) -> RemoveBackgroundClient:
    return RemoveBackgroundClient(
        f"{server.url}/v1.0/", key, gateway, submit_timeouts=patient, poll_timeouts=patient
    )


def problem(status: int, title: str, code: str = "", headers: dict[str, str] | None = None) -> Answer:
    return reply(status, {"errors": [{"title": title, "code": code}]}, headers)


def parts_of(body: bytes, content_type: str) -> dict[str, tuple[str | None, str, bytes]]:
    """Multipart as field name to (file name, media type, content)."""
    message = email.message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    return {
        str(part.get_param("name", header="content-disposition")): (
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),  # type: ignore[dict-item]
        )
        for part in message.get_payload()
    }


@pytest.mark.parametrize(("picture", "media_type"), [(PNG, "image/png"), (JPEG, "image/jpeg"), (b"?", None)])
async def test_the_upload_and_its_answer(
    client: RemoveBackgroundClient, server: ScriptedServer, key: str, picture: bytes, media_type: str | None
) -> None:
    headers = {"X-Credits-Charged": "0.25", "X-Width": "640", "X-Height": "480", "Content-Type": "image/png"}
    server.say(reply(200, PNG, headers))
    removed = await client.remove(picture, "kite.png", "preview")
    assert (removed.data, removed.credits_charged, removed.width, removed.height) == (PNG, 0.25, 640, 480)
    seen = server.last
    assert (seen.method, seen.target) == ("POST", "/v1.0/removebg")
    assert seen.headers["x-api-key"] == key
    assert parts_of(seen.body, seen.headers["content-type"]) == {
        "size": (None, "text/plain", b"preview"),
        "format": (None, "text/plain", b"png"),
        "image_file": ("kite.png", media_type or "application/octet-stream", picture),
    }


async def test_headers_that_say_nothing(client: RemoveBackgroundClient, server: ScriptedServer) -> None:
    server.say(reply(200, PNG, {"X-Credits-Charged": "many", "X-Width": "1.5"}))
    removed = await client.remove(PNG, "kite.png")
    assert (removed.credits_charged, removed.width, removed.height) == (None, None, None)


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (
            problem(400, "Could not identify foreground in image.", "unknown_foreground"),
            BadRequestError,
            NO_FOREGROUND,
        ),
        (problem(400, "No foreground was found"), BadRequestError, NO_FOREGROUND),
        (problem(400, "Invalid image", "invalid_file_type"), BadRequestError, "bad_request"),
        (problem(402, "Insufficient credits", "insufficient_credits"), CreditExhaustedError, "credit"),
        (problem(403, "API Key invalid", "auth_failed"), KeyRefusedError, "key"),
        (problem(429, "Rate limit exceeded"), RateLimitedError, "rate_limited"),
        (problem(500, "oops"), AnswerLostError, "answer_lost"),
        (html(502), AnswerLostError, "answer_lost"),
        (html(404), BadRequestError, "bad_request"),
        (html(200), AnswerLostError, "answer_lost"),
        (reply(200, {"data": {}}), AnswerLostError, "answer_lost"),
        (reply(200, b""), AnswerLostError, "answer_lost"),
        (cut(PNG), AnswerLostError, "answer_lost"),
        (VANISH, AnswerLostError, "answer_lost"),
    ],
)
async def test_what_a_removal_may_end_in(
    client: RemoveBackgroundClient,
    server: ScriptedServer,
    answer: Answer,
    error: type[ServiceError],
    code: str,
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await client.remove(PNG, "kite.png")
    assert (type(caught.value), caught.value.code) == (error, code)
    assert len(server.requests) == 1


async def test_the_wait_of_a_429_and_an_echoed_key(
    client: RemoveBackgroundClient, server: ScriptedServer, key: str
) -> None:
    server.say(problem(429, f"slow down, {key}", headers={"Retry-After": "17"}))
    with pytest.raises(RateLimitedError) as caught:
        await client.remove(PNG, "kite.png")
    assert caught.value.retry_after == 17.0
    assert "slow down" in str(caught.value)
    assert key not in f"{caught.value} {caught.value.hint}"


async def test_silence_and_no_network(
    server: ScriptedServer, gateway: HttpGateway, *, key: str, impatient: Timeouts, dead_url: str
) -> None:
    server.say(SILENCE)
    with pytest.raises(AnswerLostError):
        await RemoveBackgroundClient(server.url, key, gateway, submit_timeouts=impatient).remove(PNG, "k.png")
    with pytest.raises(NotSentError):
        await RemoveBackgroundClient(dead_url, key, gateway).remove(PNG, "k.png")


@pytest.mark.parametrize(
    ("attributes", "detail"),
    [
        (
            {"credits": {"total": 200, "subscription": 150}, "api": {"free_calls": 50}},
            "The key is accepted; 200 credits and 50 free previews left.",
        ),
        ({"credits": {"total": 0}}, "The key is accepted; 0 credits left."),
        ([], "The key is accepted; the account does not say what is left."),
    ],
)
async def test_the_key_test_says_what_is_left(
    client: RemoveBackgroundClient, server: ScriptedServer, attributes: Any, detail: str
) -> None:
    server.say(reply(200, {"data": {"attributes": attributes}}))
    report = await client.test_key()
    assert (report.service, report.is_accepted, report.detail) == ("remove.bg", True, detail)
    assert (server.last.method, server.last.target) == ("GET", "/v1.0/account")


async def test_the_key_test_reports_a_refusal_and_raises_without_answer(
    client: RemoveBackgroundClient, server: ScriptedServer, key: str
) -> None:
    server.say(problem(403, f"bad {key}"), problem(500, "oops"), html(200), problem(429, "wait"))
    report = await client.test_key()
    assert report.is_accepted is False
    assert key not in report.detail
    for _ in range(3):
        with pytest.raises(BadAnswerError):
            await client.test_key()
