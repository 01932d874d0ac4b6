"""Everything that the `openai` package lets through, mapped to engine.errors in one place.

Imports the package only once an error is there, when it has long been loaded.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.errors import (
    BadRequestError,
    NotSentError,
    PolicyRefusedError,
    ServiceError,
)
from engine.providers.answers import (
    as_dict,
    as_text,
    credit_exhausted,
    error_of_status,
    error_text,
    first_text,
    lost_answer,
    parse_retry_after,
)

if TYPE_CHECKING:
    import openai

_CREDIT_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_POLICY_CODES = frozenset(
    {"content_policy_violation", "moderation_blocked", "content_filter", "image_content_policy_violation"}
)


def map_openai_error(
    error: Exception, *, service: str, is_paid: bool, key: str, now: datetime | None = None
) -> ServiceError:
    """The error of ours that an exception out of a call through the package stands for.

    Besides the OpenAIError tree the package raises json.JSONDecodeError (bad JSON with status 200),
    AttributeError and TypeError (HTML or a list with status 200), pydantic.ValidationError, and errors of
    httpx2: whatever is not recognised means that the answer is unusable. Whether the request left is told by
    the httpx2 error that the package keeps in `__cause__` of its APIConnectionError. A paid call must have
    been made with `max_retries=0`.

    Raise the result `from None`: the text of the package's own 401 repeats part of the key.
    """
    import openai  # noqa: PLC0415 - importing it costs a second

    mapped: ServiceError
    if isinstance(error, openai.APIStatusError):
        mapped = _status_error(error, service=service, is_paid=is_paid, key=key, now=now or datetime.now(UTC))
    elif isinstance(error, openai.ContentFilterFinishReasonError):
        mapped = PolicyRefusedError(
            service, f"{service} held the answer back: its content filter stopped it."
        )
    elif isinstance(error, openai.LengthFinishReasonError):
        mapped = lost_answer(service, "the answer was cut at its length limit", is_paid=is_paid)
    elif isinstance(error, openai.APIConnectionError) and isinstance(error.__cause__, Exception):
        mapped = _transport_error(error.__cause__, service=service, is_paid=is_paid, key=key)
    else:
        mapped = _transport_error(error, service=service, is_paid=is_paid, key=key)
    return mapped


def _transport_error(error: Exception, *, service: str, is_paid: bool, key: str) -> ServiceError:
    import httpx2  # noqa: PLC0415 - comes with openai

    never_sent = (
        httpx2.ConnectError,
        httpx2.ConnectTimeout,
        httpx2.PoolTimeout,
        httpx2.ProxyError,
        httpx2.UnsupportedProtocol,
        httpx2.InvalidURL,
    )
    if isinstance(error, never_sent):
        reason = error_text(str(error), key=key) or type(error).__name__
        return NotSentError(
            service,
            f"{service} cannot be reached: {reason}.",
            hint=f"Check the network and the base URL of {service}.",
        )
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return lost_answer(service, "the time for its answer ran out", is_paid=is_paid)
    if isinstance(error, httpx2.TransportError):
        return lost_answer(service, f"the connection broke ({type(error).__name__})", is_paid=is_paid)
    return lost_answer(service, f"its answer cannot be read ({type(error).__name__})", is_paid=is_paid)


def _status_error(
    error: "openai.APIStatusError", *, service: str, is_paid: bool, key: str, now: datetime
) -> ServiceError:
    body = as_dict(error.body)
    codes = {as_text(body.get("code")).lower(), as_text(body.get("type")).lower()}
    # A string body is a page of a proxy or a stack trace, of which the status says as much as the first line.
    text = error_text(first_text((body.get("message"), body.get("detail"), body.get("error"))), key=key)
    mapped = error_of_status(
        service,
        error.status_code,
        text,
        is_paid=is_paid,
        retry_after=parse_retry_after(error.response.headers.get("retry-after"), now=now),
    )
    if codes & _CREDIT_CODES:
        return credit_exhausted(service, mapped.message)
    if codes & _POLICY_CODES and isinstance(mapped, BadRequestError):
        return PolicyRefusedError(service, mapped.message)
    return mapped
