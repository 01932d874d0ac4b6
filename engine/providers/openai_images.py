"""The images client for OpenAI and every server that speaks its images.generate. Synchronous and paid.

Goes through the `openai` package, which is imported when the first picture is asked for. Sends once: the
package's own retries are off, because no service could tell a repeated call from a second order.
"""

import asyncio
import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from engine.clock import Clock, SystemClock
from engine.errors import ServiceError, TaskMissingError
from engine.providers.answers import (
    as_dict,
    as_list,
    as_text,
    as_whole_number,
    checked_key,
    for_free_call,
    lost_answer,
)
from engine.providers.base import (
    ImageRequest,
    KeyReport,
    Lookup,
    ProviderName,
    Reconciliation,
    RemoteImage,
    RemoteState,
    RemoteTask,
)
from engine.providers.catalogue import model_of
from engine.providers.http import (
    MAX_BODY_BYTES,
    POLL_TIMEOUTS,
    Timeouts,
    key_report_of,
)
from engine.providers.openai_errors import map_openai_error

if TYPE_CHECKING:
    import httpx2
    import openai

SERVICE = "OpenAI"
_NO_KEY = "none"
GENERATE_TIMEOUTS = Timeouts(connect=10, read=300, write=60, total=360)
"""The answer is the pictures themselves, so the silence before it lasts as long as the drawing."""


class OpenAIImagesProvider:
    """`base_url` with its version, as `https://api.openai.com/v1`. An empty key is sent as a placeholder,
    which servers without keys accept and OpenAI refuses."""

    name = ProviderName.OPENAI
    is_synchronous = True

    def __init__(
        self,
        base_url: str,
        key: str,
        *,
        submit_timeouts: Timeouts = GENERATE_TIMEOUTS,
        poll_timeouts: Timeouts = POLL_TIMEOUTS,
        clock: Clock | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._submit_timeouts = submit_timeouts
        self._poll_timeouts = poll_timeouts
        self._clock = clock or SystemClock()
        self._client: openai.AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    async def submit(self, request: ImageRequest) -> RemoteTask:
        """POST /images/generations. The task's id is our own, as the service gives none. What it cost is
        not in the answer (it counts tokens), so `charge` is None."""
        client = await self._open()
        spec = model_of(ProviderName.OPENAI, request.model)
        try:
            async with asyncio.timeout(self._submit_timeouts.total):
                body = await _generate(client, spec.wire_model, request, self._submit_timeouts)
        except ServiceError:
            raise
        except Exception as error:  # noqa: BLE001 - the package lets through more than it documents
            raise self._mapped(error, is_paid=True) from None
        try:
            images = await asyncio.to_thread(_images_of, body)
        except ValueError as error:
            raise lost_answer(SERVICE, f"its answer cannot be read ({error})", is_paid=True) from None
        return RemoteTask(request.request_key, RemoteState.FINISHED, images, status_word="completed")

    async def poll(self, task_id: str, request: ImageRequest) -> RemoteTask:
        """There is nothing to poll: always TaskMissingError."""
        raise TaskMissingError(
            SERVICE, f"{SERVICE} keeps no tasks: the pictures come with the answer or never."
        )

    async def reconcile(
        self, request: ImageRequest, sent_after: datetime, known_task_ids: Sequence[str]
    ) -> Reconciliation:
        """OpenAI keeps no list of what it made; makes no call."""
        return Reconciliation(
            Lookup.CANNOT_TELL, detail=f"{SERVICE} keeps no list of pictures to look for this one in."
        )

    async def cancel(self, task_id: str) -> bool:
        """A synchronous call cannot be taken back; makes no call."""
        return False

    async def test_key(self) -> KeyReport:
        """GET /models."""
        try:
            client = await self._open()
            async with asyncio.timeout(self._poll_timeouts.total):
                listed = await client.models.with_raw_response.list(timeout=_limits(self._poll_timeouts))
            models = as_list(as_dict(json.loads(listed.content)).get("data"))
        except ServiceError as error:
            return key_report_of(error)
        except Exception as error:  # noqa: BLE001 - see submit
            return key_report_of(for_free_call(self._mapped(error, is_paid=False)))
        return KeyReport(SERVICE, True, f"The key is accepted; {len(models)} models are offered.")

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        async with self._opening:
            if self._client is not None:
                await self._client.close()
                self._client = None

    async def _open(self) -> "openai.AsyncOpenAI":
        key = checked_key(SERVICE, self._key or _NO_KEY)
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_build_client, self._base_url, key)
            return self._client

    def _mapped(self, error: Exception, *, is_paid: bool) -> ServiceError:
        return map_openai_error(error, service=SERVICE, is_paid=is_paid, key=self._key, now=self._clock.now())


def _build_client(base_url: str, key: str) -> "openai.AsyncOpenAI":
    """Runs in a thread: the import takes a second, the certificates a tenth of one."""
    import httpx2  # noqa: PLC0415 - comes with openai
    import openai  # noqa: PLC0415 - see above

    return openai.AsyncOpenAI(
        api_key=key,
        base_url=base_url,
        max_retries=0,
        http_client=httpx2.AsyncClient(
            follow_redirects=False,
            # A kept connection that the server is just closing could not be told from a lost answer.
            limits=httpx2.Limits(max_keepalive_connections=0),
        ),
    )


def _limits(timeouts: Timeouts) -> "httpx2.Timeout":
    import httpx2  # noqa: PLC0415 - loaded with the client

    return httpx2.Timeout(
        connect=timeouts.connect, read=timeouts.read, write=timeouts.write, pool=timeouts.total
    )


async def _generate(
    client: "openai.AsyncOpenAI", model: str, request: ImageRequest, timeouts: Timeouts
) -> bytes:
    """The body of the answer, at most MAX_BODY_BYTES; read here, as the package has no limit."""
    import openai  # noqa: PLC0415 - loaded with the client

    body = bytearray()
    async with client.images.with_streaming_response.generate(
        model=model,
        prompt=request.prompt,
        n=request.images,
        size=f"{request.width}x{request.height}",
        output_format="png",
        background="transparent" if request.transparent else openai.omit,
        timeout=_limits(timeouts),
    ) as response:
        async for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise lost_answer(SERVICE, f"its answer is larger than {MAX_BODY_BYTES} bytes", is_paid=True)
    return bytes(body)


def _images_of(body: bytes) -> tuple[RemoteImage, ...]:
    """`data[].b64_json`, or `data[].url` as some compatible servers answer. ValueError where there is no
    list of pictures at all, or where not one of those listed can be read."""
    try:
        document = json.loads(body)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    listed = as_dict(document).get("data")
    if not isinstance(listed, list):
        raise ValueError("it has no list of pictures")  # noqa: TRY004 - foreign data, not a wrong argument
    images = [image for row in listed if (image := _image_of(as_dict(row)))]
    if listed and not images:
        raise ValueError("none of its pictures can be decoded")
    return tuple(images)


def _image_of(entry: Mapping[str, object]) -> RemoteImage | None:
    seed = as_whole_number(entry.get("seed"))
    encoded = as_text(entry.get("b64_json"))
    if encoded:
        try:
            return RemoteImage(data=base64.b64decode(encoded.rpartition(",")[2], validate=True), seed=seed)
        except binascii.Error:
            return None
    url = as_text(entry.get("url"))
    return RemoteImage(url=url, seed=seed) if url else None
