"""The remove.bg client: one picture in, one without its background out. Synchronous and paid, sent once.

Source: remove.bg's API reference 1.0. PNG results have at most 10 megapixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import BadRequestError, ServiceError
from engine.providers.answers import (
    as_dict,
    as_list,
    as_number,
    as_text,
    as_whole_number,
    error_of_status,
    error_text,
    first_text,
    for_free_call,
)
from engine.providers.base import KeyReport
from engine.providers.http import (
    POLL_TIMEOUTS,
    SUBMIT_TIMEOUTS,
    HttpAnswer,
    HttpCall,
    HttpGateway,
    Timeouts,
    key_report_of,
    read_error_object,
    read_object,
)

SERVICE = "remove.bg"
NO_FOREGROUND = "no_foreground"
"""The code of the BadRequestError for a picture in which remove.bg finds nothing to keep."""

_NO_FOREGROUND_CODES = frozenset({"unknown_foreground", "no_foreground", "foreground_not_found"})
_PICTURE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
_MEDIA_TYPES = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg", b"RIFF": "image/webp"}


@dataclass(frozen=True, slots=True)
class RemovedBackground:
    """The encoded picture as it came; what the service did not say is None. Sides in pixels."""

    data: bytes = field(repr=False)
    credits_charged: float | None
    width: int | None
    height: int | None


class RemoveBackgroundClient:
    """`base_url` as `https://api.remove.bg/v1.0`. The gateway is shared and stays its owner's."""

    def __init__(
        self,
        base_url: str,
        key: str,
        http: HttpGateway,
        *,
        submit_timeouts: Timeouts = SUBMIT_TIMEOUTS,
        poll_timeouts: Timeouts = POLL_TIMEOUTS,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._http = http
        self._submit_timeouts = submit_timeouts
        self._poll_timeouts = poll_timeouts

    async def remove(self, image_bytes: bytes, filename: str, size: str = "auto") -> RemovedBackground:
        """POST /removebg with an encoded picture; `size` is auto, preview, full or 50MP.

        Raises as ImageProvider.submit does; BadRequestError with code NO_FOREGROUND where nothing was found
        to keep. A 2xx that holds no picture is a lost answer: it is charged.
        """
        media_type = next((kind for start, kind in _MEDIA_TYPES.items() if image_bytes.startswith(start)), "")
        call = HttpCall(
            SERVICE,
            "POST",
            f"{self._base_url}/removebg",
            self._key,
            "X-Api-Key",
            form={"size": size, "format": "png"},
            files={"image_file": (filename, image_bytes, media_type or "application/octet-stream")},
            is_paid=True,
            timeouts=self._submit_timeouts,
        )
        answer = await self._http.call(call)
        if not answer.is_success:
            raise await self._error(call, answer)
        if not answer.body.startswith(_PICTURE_STARTS):
            raise call.lost("its answer is no picture")
        return RemovedBackground(
            data=answer.body,
            credits_charged=as_number(answer.headers.get("x-credits-charged")),
            width=as_whole_number(answer.headers.get("x-width")),
            height=as_whole_number(answer.headers.get("x-height")),
        )

    async def test_key(self) -> KeyReport:
        """GET /account, which is free; the detail says what is left. Raises NotSentError or BadAnswerError
        where no answer came."""
        call = HttpCall(
            SERVICE,
            "GET",
            f"{self._base_url}/account",
            self._key,
            "X-Api-Key",
            timeouts=self._poll_timeouts,
        )
        try:
            answer = await self._http.call(call)
            if not answer.is_success:
                raise for_free_call(await self._error(call, answer))
            document = await read_object(call, answer)
        except ServiceError as error:
            return key_report_of(error)
        return KeyReport(SERVICE, True, f"The key is accepted; {_left(document)}.")

    async def _error(self, call: HttpCall, answer: HttpAnswer) -> ServiceError:
        entries = [as_dict(row) for row in as_list((await read_error_object(answer)).get("errors"))]
        titles = (
            first_text((entry.get("title"), entry.get("detail"), entry.get("code"))) for entry in entries
        )
        text = error_text("; ".join(title for title in titles if title), key=self._key)
        codes = {as_text(entry.get("code")).lower() for entry in entries}
        if answer.status == 400 and (codes & _NO_FOREGROUND_CODES or "foreground" in text.lower()):
            return BadRequestError(
                SERVICE, f"{SERVICE} finds no foreground in the picture: {text}", code=NO_FOREGROUND
            )
        return error_of_status(
            SERVICE, answer.status, text, is_paid=call.is_paid, retry_after=answer.retry_after
        )


def _left(document: Mapping[str, object]) -> str:
    attributes = as_dict(as_dict(document.get("data")).get("attributes"))
    total = as_number(as_dict(attributes.get("credits")).get("total"))
    free_calls = as_number(as_dict(attributes.get("api")).get("free_calls"))
    said = (
        f"{total:g} credits" if total is not None else "",
        f"{free_calls:g} free previews" if free_calls is not None else "",
    )
    return (
        " and ".join(filter(None, said)) + " left" if any(said) else "the account does not say what is left"
    )
