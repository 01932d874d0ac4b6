"""One chat completion with an OpenAI-compatible server: connection, request, envelope of the answer, errors.

One call is one request (one more where a server refuses an optional parameter, once per model); no retries,
no waiting, no database. Knows nothing of what is asked. The package's own `parse` is not used: it throws away
the text and the token counts of what it cannot read, and they were paid for.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import (
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
)
from engine.providers.answers import as_dict, as_list, as_text, as_whole_number, error_text
from engine.providers.base import KeyReport
from engine.providers.openai_errors import map_openai_error

if TYPE_CHECKING:
    import openai

_MAX_COMPLETION_TOKENS = 4_096
_KEY_TEST_TIMEOUT_S = 15.0

# Words in a 400 that show which optional parameter a server refuses.
_REFUSALS = {
    "response_format": (
        "response_format",
        "response format",
        "json_schema",
        "json schema",
        "structured output",
    ),
    "temperature": ("temperature",),
    "max_completion_tokens": ("max_completion_tokens",),
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What one request used; 0 tokens where the server does not count them."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0


class UnreadableAnswerError(BadAnswerError):
    """The model answered, but not what was asked: prose, foreign or cut JSON, nothing. It was paid for."""

    code = "unreadable"

    def __init__(self, service: str, message: str, *, usage: Usage, hint: str = "") -> None:
        super().__init__(service, message, hint=hint)
        self.usage = usage


class ModelRefusedError(PolicyRefusedError):
    """The model declined to answer. It was paid for."""

    def __init__(self, service: str, message: str, *, usage: Usage) -> None:
        super().__init__(service, message)
        self.usage = usage


class ChatClient:
    """A client of one server, for one event loop; builds its connection at the first call."""

    def __init__(self, base_url: str, key: str, *, service: str, timeout_s: float) -> None:
        self._base_url = base_url
        self._key = key
        self._service = service
        self._timeout_s = timeout_s
        self._client: openai.AsyncOpenAI | None = None
        self._building = asyncio.Lock()
        self._refused: dict[str, set[str]] = {}

    async def complete(
        self, model: str, messages: list[dict[str, Any]], options: Mapping[str, Any]
    ) -> tuple[str, Usage]:
        """The model's words and what they used. The words may be empty.

        Raises UnreadableAnswerError for an answer cut at its length, ModelRefusedError, and whatever
        `map_openai_error` gives for a call that may simply be made again.
        """
        request = {
            "model": model,
            "messages": messages,
            "max_completion_tokens": _MAX_COMPLETION_TOKENS,
            **options,
        }
        return self._words(await self._send(request), model)

    async def test_key(self) -> KeyReport:
        """List the server's models (free). Raises NotSentError or BadAnswerError where no answer came."""
        client = await self._connected()
        try:
            raw = await client.models.with_raw_response.list(timeout=_KEY_TEST_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - the package lets every kind through
            return self._refused_key(self._mapped(error))
        models = as_list(as_dict(self._json(raw.http_response.content)).get("data"))
        return KeyReport(self._service, is_accepted=True, detail=f"{len(models)} models can be used")

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    def cleaned(self, text: object) -> str:
        """Foreign text for an error: one short line without the key."""
        return error_text(text, key=self._key)

    def _refused_key(self, error: ServiceError) -> KeyReport:
        if isinstance(error, BadRequestError):
            detail = f"not tested: the server lists no models ({error.message})"
            return KeyReport(self._service, is_accepted=True, detail=detail)
        if isinstance(error, KeyRefusedError | CreditExhaustedError | RateLimitedError):
            is_accepted = not isinstance(error, KeyRefusedError)
            return KeyReport(self._service, is_accepted=is_accepted, detail=error.message)
        raise error from None

    async def _send(self, request: dict[str, Any]) -> bytes:
        """One request, and another one without each optional parameter that the server refuses."""
        client = await self._connected()
        refused = self._refused.setdefault(request["model"], set())
        while True:
            sent = {name: value for name, value in request.items() if name not in refused}
            try:
                # As `extra_body` the request is sent as it is. The package would walk through every word of it with
                # the types of its parameters beside it, which takes longer than sending it.
                raw = await client.chat.completions.with_raw_response.create(
                    model=request["model"], messages=[], extra_body=sent
                )
            except Exception as error:  # noqa: BLE001 - the package lets every kind through
                parameter = _refused_parameter(error, sent)
                if parameter is None:
                    raise self._mapped(error) from None
                refused.add(parameter)
            else:
                return bytes(raw.http_response.content)

    def _words(self, body: bytes, model: str) -> tuple[str, Usage]:
        data = as_dict(self._json(body))
        counts = as_dict(data.get("usage"))
        usage = Usage(
            model,
            max(as_whole_number(counts.get("prompt_tokens")) or 0, 0),
            max(as_whole_number(counts.get("completion_tokens")) or 0, 0),
        )
        choices = as_list(data.get("choices"))
        if not choices:
            said = self.cleaned(as_dict(data.get("error")).get("message"))
            reason = f"{self._service} answered without a choice{': ' + said if said else ''}."
            raise BadAnswerError(self._service, reason)
        choice = as_dict(choices[0])
        message = as_dict(choice.get("message"))
        refusal = self.cleaned(message.get("refusal"))
        if refusal or choice.get("finish_reason") == "content_filter":
            said = refusal or "its content filter stopped the answer"
            raise ModelRefusedError(self._service, f"{model} declined: {said}", usage=usage)
        if choice.get("finish_reason") == "length":
            raise UnreadableAnswerError(
                self._service,
                f"The answer of {model} was cut at its length limit.",
                hint="A model that thinks aloud may need a shorter instruction; or choose another model.",
                usage=usage,
            )
        content = message.get("content")
        parts = [as_text(as_dict(part).get("text")) for part in as_list(content)]
        return as_text(content) or "\n".join(filter(None, parts)), usage

    def _json(self, body: bytes) -> object:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise BadAnswerError(
                self._service,
                f"{self._service} answered with something that is no JSON.",
                hint="Check the base URL: it usually ends in /v1.",
            ) from None

    def _mapped(self, error: Exception) -> ServiceError:
        return map_openai_error(error, service=self._service, is_paid=False, key=self._key)

    async def _connected(self) -> "openai.AsyncOpenAI":
        async with self._building:
            if self._client is None:
                self._client = await asyncio.to_thread(self._build)
            return self._client

    def _build(self) -> "openai.AsyncOpenAI":
        import openai  # noqa: PLC0415 - takes about a second, so it waits for the first call and for a thread

        # The package insists on a key; a local server needs none.
        return openai.AsyncOpenAI(
            base_url=self._base_url, api_key=self._key or "none", max_retries=0, timeout=self._timeout_s
        )


def _refused_parameter(error: Exception, sent: Mapping[str, Any]) -> str | None:
    """The optional parameter that a 400 or 422 is about; None where it is about something else."""
    import openai  # noqa: PLC0415 - loaded by now

    if not isinstance(error, openai.APIStatusError) or error.status_code not in (400, 422):
        return None
    said = error.response.text.lower()
    named = (
        name for name, words in _REFUSALS.items() if name in sent and any(word in said for word in words)
    )
    return next(named, None)
