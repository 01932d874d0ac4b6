"""The one HTTP client of PiAPI, Runware and remove.bg: connections, time limits, what a broken call means.

Owns the caps on calls in flight and on answer sizes, and the decision whether a request that failed can have
reached the service. Never retries, never follows a redirect, knows no vendor's format.
"""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import httpx

from engine.clock import Clock, SystemClock
from engine.errors import BadAnswerError, KeyRefusedError, NotSentError, RateLimitedError, ServiceError
from engine.providers.answers import (
    as_dict,
    checked_key,
    error_text,
    lost_answer,
    parse_retry_after,
    status_phrase,
)
from engine.providers.base import KeyReport

MAX_IN_FLIGHT = 20
"""With 200 polls at once the client stalls the loop for seconds; with 20 its lag stays at milliseconds."""
MAX_BODY_BYTES = 64 * 1024 * 1024
_THREAD_JSON_BYTES = 256 * 1024

_NEVER_SENT = (
    httpx.ConnectError,  # also DNS and the TLS handshake
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `read` is the longest silence, `total` ends an answer that trickles for ever."""

    connect: float
    read: float
    write: float
    total: float


POLL_TIMEOUTS = Timeouts(connect=10, read=10, write=10, total=30)
SUBMIT_TIMEOUTS = Timeouts(connect=10, read=120, write=60, total=240)


@dataclass(frozen=True, slots=True)
class HttpCall:
    """One request. `is_paid` decides what a lost answer means and takes a fresh connection."""

    service: str
    """The name that error texts carry."""
    method: str
    url: str
    key: str = field(repr=False)
    key_header: str
    key_prefix: str = ""
    json: object = None
    params: Mapping[str, str] | None = None
    form: Mapping[str, str] | None = None
    """Plain fields of a multipart body."""
    files: Mapping[str, tuple[str, bytes, str]] | None = field(default=None, repr=False)
    """Multipart: field name to (file name, bytes, media type)."""
    is_paid: bool = False
    timeouts: Timeouts = POLL_TIMEOUTS

    def lost(self, reason: str) -> ServiceError:
        """The error for this call when it was sent and its answer is no use: AnswerLostError where it is
        paid, else BadAnswerError."""
        return lost_answer(self.service, reason, is_paid=self.is_paid)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete answer of any status. `retry_after` in seconds, capped."""

    status: int
    headers: httpx.Headers = field(repr=False)
    body: bytes = field(repr=False)
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        """A 2xx status."""
        return 200 <= self.status < 300

    async def json(self) -> object:
        """The body as JSON; ValueError where it is none. Large ones are read in a thread."""
        if len(self.body) <= _THREAD_JSON_BYTES:
            return _read_json(self.body)
        return await asyncio.to_thread(_read_json, self.body)


class HttpGateway:
    """Opened once for the whole engine and shared by every client; whoever opened it closes it."""

    def __init__(
        self, kept: httpx.AsyncClient, fresh: httpx.AsyncClient, clock: Clock, max_body_bytes: int
    ) -> None:
        self.client = kept
        """For free calls elsewhere (downloads), which bring their own limits."""
        self._fresh = fresh
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self._slots = asyncio.Semaphore(MAX_IN_FLIGHT)

    @classmethod
    async def open(cls, *, clock: Clock | None = None, max_body_bytes: int = MAX_BODY_BYTES) -> Self:
        """Build the clients in a thread: reading the certificates takes more than 100 ms."""
        kept, fresh = await asyncio.to_thread(_build_clients)
        return cls(kept, fresh, clock or SystemClock(), max_body_bytes)

    async def close(self) -> None:
        """Close every connection. Safe to call twice."""
        await self.client.aclose()
        await self._fresh.aclose()

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Send once and read the whole answer, whatever its status.

        Raises KeyRefusedError for a key that no header can carry, NotSentError where the connection never
        stood, AnswerLostError (paid) or BadAnswerError (free) for everything that breaks later.
        """
        # A kept connection that the server is just closing fails after the request was written, which for a
        # paid call could not be told from a lost answer.
        client = self._fresh if call.is_paid else self.client
        headers = {call.key_header: call.key_prefix + checked_key(call.service, call.key)}
        limits = httpx.Timeout(
            connect=call.timeouts.connect,
            read=call.timeouts.read,
            write=call.timeouts.write,
            pool=call.timeouts.total,
        )
        try:
            request = client.build_request(
                call.method,
                call.url,
                headers=headers,
                json=call.json,
                params=call.params,
                data=call.form,
                files=call.files,
                timeout=limits,
            )
        except (httpx.InvalidURL, UnicodeError) as error:
            raise _not_sent(call, error) from None
        async with self._slots:
            try:
                async with asyncio.timeout(call.timeouts.total):
                    return await self._exchange(client, request, call)
            except ServiceError:
                raise
            except _NEVER_SENT as error:
                raise _not_sent(call, error) from error
            except (httpx.TimeoutException, TimeoutError) as error:
                raise call.lost("the time for its answer ran out") from error
            except Exception as error:
                # Whatever else breaks here (a TLS error that httpx lets through, a damaged compression), it
                # breaks after sending, and then the outcome is open.
                raise call.lost(f"the connection broke ({type(error).__name__})") from error

    async def _exchange(
        self, client: httpx.AsyncClient, request: httpx.Request, call: HttpCall
    ) -> HttpAnswer:
        response = await client.send(request, stream=True)
        body = bytearray()
        try:
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._max_body_bytes:
                    raise call.lost(f"its answer is larger than {self._max_body_bytes} bytes")
        finally:
            await response.aclose()
        retry_after = parse_retry_after(response.headers.get("retry-after"), now=self._clock.now())
        return HttpAnswer(response.status_code, response.headers, bytes(body), retry_after)


async def read_object(call: HttpCall, answer: HttpAnswer) -> Mapping[str, object]:
    """The JSON object of a 2xx answer; raises `call.lost` where there is none."""
    try:
        document = await answer.json()
    except ValueError as error:
        raise call.lost(f"it answered {status_phrase(answer.status)} without readable JSON") from error
    if not isinstance(document, dict):
        raise call.lost(f"it answered {status_phrase(answer.status)} with JSON that is no object")
    return document


async def read_error_object(answer: HttpAnswer) -> Mapping[str, object]:
    """The JSON object of an error answer, or an empty one: errors also come from proxies that speak HTML."""
    try:
        return as_dict(await answer.json())
    except ValueError:
        return {}


def key_report_of(error: ServiceError) -> KeyReport:
    """What a failed key test says: a refused key is a report, no answer at all is raised."""
    if isinstance(error, KeyRefusedError):
        return KeyReport(error.service, False, error.message)
    if isinstance(error, RateLimitedError):
        raise BadAnswerError(error.service, error.message, hint="Try again in a minute.") from None
    if isinstance(error, NotSentError | BadAnswerError):
        raise error
    return KeyReport(error.service, True, f"The key is accepted, but: {error.message}")


def _build_clients() -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    context = httpx.create_ssl_context()
    headers = {"User-Agent": "gen-image-factory"}
    kept = httpx.AsyncClient(
        verify=context,
        headers=headers,
        limits=httpx.Limits(max_connections=2 * MAX_IN_FLIGHT, max_keepalive_connections=MAX_IN_FLIGHT),
        follow_redirects=False,
    )
    fresh = httpx.AsyncClient(
        verify=context,
        headers=headers,
        limits=httpx.Limits(max_connections=MAX_IN_FLIGHT, max_keepalive_connections=0),
        follow_redirects=False,
    )
    return kept, fresh


def _not_sent(call: HttpCall, error: Exception) -> NotSentError:
    reason = error_text(str(error), key=call.key) or type(error).__name__
    return NotSentError(
        call.service,
        f"{call.service} cannot be reached: {reason}.",
        hint=f"Check the network and the base URL of {call.service}.",
    )


def _read_json(body: bytes) -> object:
    """RecursionError (nested a thousand levels deep) is as unreadable as bad syntax."""
    try:
        document: object = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return document
