import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import httpx2
import openai
import pydantic
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
)
from engine.providers.openai_errors import map_openai_error
from tests.engine.providers.scripted import VANISH, Answer, ScriptedServer, html, reply

KEY = "sk-proj-7f3a9b2c5d1e8f60"
REQUEST = httpx2.Request("POST", "http://127.0.0.1/v1/chat/completions")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def connection_error(cause: Exception) -> openai.APIConnectionError:
    error = openai.APIConnectionError(request=REQUEST)
    error.__cause__ = cause
    return error


def schema_error() -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(int).validate_python("x")
    return caught.value


def mapped(error: Exception, *, is_paid: bool) -> ServiceError:
    return map_openai_error(error, service="OpenAI", is_paid=is_paid, key=KEY, now=NOW)


@pytest.mark.parametrize(
    "cause",
    [
        httpx2.ConnectError("refused"),
        httpx2.ConnectTimeout("slow"),
        httpx2.PoolTimeout("full"),
        httpx2.ProxyError("407"),
        httpx2.UnsupportedProtocol("ftp"),
    ],
)
def test_what_never_left(cause: Exception) -> None:
    for is_paid in (True, False):
        assert type(mapped(connection_error(cause), is_paid=is_paid)) is NotSentError
    assert type(mapped(httpx2.InvalidURL("http://["), is_paid=True)) is NotSentError


@pytest.mark.parametrize(
    "error",
    [
        connection_error(httpx2.ReadTimeout("slow")),
        connection_error(httpx2.WriteTimeout("slow")),
        connection_error(httpx2.ReadError("gone")),
        connection_error(httpx2.WriteError("gone")),
        connection_error(httpx2.RemoteProtocolError("odd")),
        connection_error(ssl.SSLError("odd")),
        openai.APITimeoutError(request=REQUEST),
        openai.APIConnectionError(request=REQUEST),
        openai.APIResponseValidationError(httpx2.Response(200, request=REQUEST), None),
        openai.OpenAIError("odd"),
        json.JSONDecodeError("odd", "x", 0),
        AttributeError("'str' object has no attribute 'choices'"),
        TypeError("odd"),
        TimeoutError(),
        httpx2.ReadError("gone while the body was read"),
    ],
)
def test_what_leaves_the_outcome_open(error: Exception) -> None:
    assert type(mapped(error, is_paid=True)) is AnswerLostError
    assert type(mapped(error, is_paid=False)) is BadAnswerError


def test_a_wrong_schema_is_an_unusable_answer() -> None:
    assert type(mapped(schema_error(), is_paid=False)) is BadAnswerError


def test_finish_reasons() -> None:
    completion = openai.types.chat.ChatCompletion(
        id="c", choices=[], created=0, model="m", object="chat.completion"
    )
    cut_off = openai.LengthFinishReasonError(completion=completion)
    assert type(mapped(cut_off, is_paid=False)) is BadAnswerError
    filtered = openai.ContentFilterFinishReasonError(completion=completion)
    assert type(mapped(filtered, is_paid=False)) is PolicyRefusedError


async def ask_for_text(url: str) -> str:
    """What a caller does with an answer; it has no types to lean on."""
    async with openai.AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
        completion = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}]
        )
        return (completion.choices[0].message.content or "").strip()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (reply(400, {"error": {"message": "response_format is not supported"}}), BadRequestError),
        (reply(400, {"error": {"message": "no", "code": "content_policy_violation"}}), PolicyRefusedError),
        (reply(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}}), KeyRefusedError),
        (reply(403, {"error": {"message": f"{KEY} lacks a scope"}}), KeyRefusedError),
        (reply(422, {"detail": "unprocessable"}), BadRequestError),
        (reply(429, {"error": {"message": "no", "code": "insufficient_quota"}}), CreditExhaustedError),
        (reply(429, {"error": {"message": "slow down"}}, {"Retry-After": "8"}), RateLimitedError),
        (reply(500, {"error": {"message": "no"}}), BadAnswerError),
        (html(503), BadAnswerError),
        (html(200), BadAnswerError),
        (reply(200, []), BadAnswerError),
        (reply(200, b"{", {"Content-Type": "application/json"}), BadAnswerError),
        (VANISH, BadAnswerError),
    ],
)
async def test_what_real_answers_become(
    server: ScriptedServer, answer: Answer, kind: type[ServiceError]
) -> None:
    server.say(answer)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever the package lets through
        await ask_for_text(server.url)
    error = mapped(caught.value, is_paid=False)
    assert type(error) is kind
    assert KEY not in f"{error} {error.hint}"
    assert "8f60" not in f"{error} {error.hint}"
    if isinstance(error, RateLimitedError):
        assert error.retry_after == 8.0
    if kind is BadRequestError:
        assert "response_format is not supported" in str(error) or "unprocessable" in str(error)


def test_the_module_does_not_import_the_package(run_python: Callable[[str], str]) -> None:
    loaded = run_python("import sys, engine.providers.openai_errors; print('openai' in sys.modules)")
    assert loaded == "False"
    loaded = run_python("import sys, engine.providers.openai_images; print('openai' in sys.modules)")
    assert loaded == "False"
