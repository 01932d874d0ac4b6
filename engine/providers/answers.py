"""What a service's answer means: one reading of statuses and error texts for every client, as engine.errors.

Owns the clean-up of foreign error texts (no control characters, never a key) and the tolerant reading of
foreign JSON. Sends nothing and knows no vendor.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
)
from engine.text import clean_text

RETRY_AFTER_LIMIT = 300.0
"""Seconds. No service's wish to wait is followed for longer: then it is asked again."""

MASK = "•••"
_TEXT_LIMIT = 400
_SHORTEST_KEY_WITH_FRAGMENTS = 12
_KEY_SHAPES = (
    re.compile(r"(?i)\b(?:authorization:\s*bearer|authorization:|bearer|x-api-key:?)\s+[^\s\"',;]+"),
    re.compile(r"\b(?:sk|pk|rk)-[^\s\"'<>,;]+"),
    re.compile(r"[^\s\"'<>,;:]*\*{3,}[^\s\"'<>,;]*"),
)
_CREDIT = re.compile(
    r"insufficient[\w\s-]{0,30}(?:credit|quota|balance|fund)"
    r"|(?:credit|quota|balance|fund)s?\b[\w\s-]{0,20}(?:insufficient|exhausted|not enough|used up)"
    r"|(?:out of|not enough|no(?: remaining| more)?) (?:credit|quota|balance)"
    r"|billing hard limit|exceeded your current quota",
    re.IGNORECASE,
)
_POLICY = re.compile(
    r"content[ _-]?polic|safety system|safety filter|(?:usage|safety) polic|\bnsfw\b|moderat(?:ion|ed)"
    r"|(?<!case.)\bsensitive\b|\bprohibited\b|banned (?:prompt|word)|inappropriate content|\bcensored\b"
    r"|unsafe content|content violation|violates? (?:our|the|openai'?s?) ",
    re.IGNORECASE,
)


def error_text(text: object, *, key: str) -> str:
    """Foreign text as one line that may be shown and logged: cleaned, at most 400 characters, without the
    key, its beginning or its end. Anything but a string gives an empty text."""
    if not isinstance(text, str):
        return ""
    shown = text.replace(key, MASK) if key else text
    for shape in _KEY_SHAPES:
        shown = shape.sub(MASK, shown)
    if len(key) >= _SHORTEST_KEY_WITH_FRAGMENTS:
        # Services repeat the first or last characters of a key to say which one they mean.
        shown = re.sub(rf"(?<!\w){re.escape(key[:4])}\S*", MASK, shown)
        shown = re.sub(rf"\S*{re.escape(key[-4:])}(?!\w)", MASK, shown)
    return clean_text(shown, limit=_TEXT_LIMIT).strip()


def is_credit_text(text: str) -> bool:
    """Whether an error text says that the account has no money left (PiAPI says so with several statuses)."""
    return _CREDIT.search(text) is not None


def is_policy_text(text: str) -> bool:
    """Whether an error text says that the content was refused. The services have no common code for it, so
    this is a list of the words that they use; a miss only means that the user sees an ordinary failure."""
    return _POLICY.search(text) is not None


def status_phrase(status: int) -> str:
    """`404 Not Found`, or the bare number where it has no name."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def parse_retry_after(value: str | None, *, now: datetime) -> float | None:
    """Seconds to wait from a Retry-After header (RFC 9110, 10.2.3: seconds or an HTTP date), within
    0 and RETRY_AFTER_LIMIT; None where there is none or it makes no sense. `now` is aware."""
    text = (value or "").strip()
    if re.fullmatch(r"[+-]?\d+(?:\.\d+)?", text, re.ASCII):
        return min(max(float(text), 0.0), RETRY_AFTER_LIMIT)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((aware - now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


def lost_answer(service: str, reason: str, *, is_paid: bool) -> ServiceError:
    """The error for a request that left and whose answer is missing or unreadable."""
    if is_paid:
        return AnswerLostError(
            service,
            f"{service} was sent the request, but what became of it is not known: {reason}."
            " It may have been charged.",
            hint="It is not sent again by itself; decide under Needs a decision.",
        )
    return BadAnswerError(service, f"{service} gave no usable answer: {reason}.")


def credit_exhausted(service: str, message: str) -> CreditExhaustedError:
    """The error for an empty account."""
    return CreditExhaustedError(
        service, message, hint=f"Add credit to the {service} account, then resume the job."
    )


def error_of_status(
    service: str, status: int, text: str, *, is_paid: bool, retry_after: float | None = None
) -> ServiceError:
    """The error that an HTTP status stands for.

    `text` is the service's own words, through `error_text`. 408 and 5xx leave open whether the service acted
    on the request, so a paid call is lost; 425 says that it did not, so it counts as a wish to wait.
    """
    answered = f"answered {status_phrase(status)}" + (f": {text}" if text else "")
    error: ServiceError
    if status == 402 or is_credit_text(text):
        error = credit_exhausted(service, f"{service} {answered}")
    elif status == 401:
        error = KeyRefusedError(
            service, f"{service} refused the key (401).", hint=f"Set a valid {service} key."
        )
    elif status == 403:
        error = KeyRefusedError(
            service,
            f"{service} {answered}",
            hint=f"Check that the {service} key is valid and may use this model.",
        )
    elif status in (425, 429):
        error = RateLimitedError(service, f"{service} {answered}", retry_after=retry_after)
    elif status >= 500 or status < 300 or status == 408:
        error = lost_answer(service, f"it {answered}", is_paid=is_paid)
    elif status < 400:
        error = BadRequestError(
            service,
            f"{service} {answered}, a redirect, which is not followed with a key.",
            hint=f"Check the base URL of {service}.",
        )
    elif is_policy_text(text):
        error = PolicyRefusedError(service, f"{service} {answered}")
    else:
        error = BadRequestError(service, f"{service} {answered}")
    return error


def for_free_call(error: ServiceError) -> ServiceError:
    """The same error in the words of a call that may be made again, where a 4xx is an unusable answer."""
    if isinstance(error, BadRequestError):
        return BadAnswerError(error.service, error.message, hint=error.hint)
    return error


def checked_key(service: str, key: str) -> str:
    """The key, when a header can carry it; else KeyRefusedError. Found here, because the HTTP libraries would
    repeat the key in their own error."""
    if not key:
        raise KeyRefusedError(service, f"There is no {service} key.", hint=f"Set a {service} key.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise KeyRefusedError(
            service,
            f"The {service} key has a space, a line break or a letter that no key has.",
            hint=f"Copy the {service} key again, as one line.",
        )
    return key


def as_dict(value: object) -> Mapping[str, object]:
    """The JSON object, or an empty one in place of anything else."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """The JSON array, or an empty one in place of anything else."""
    return value if isinstance(value, list) else ()


def as_text(value: object) -> str:
    """The string without surrounding space, or an empty one in place of anything else."""
    return value.strip() if isinstance(value, str) else ""


def as_number(value: object) -> float | None:
    """A finite number, also where it was sent as a string; None in place of anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def as_whole_number(value: object) -> int | None:
    """A whole number that is no bool, also where it was sent as a string; None in place of anything else."""
    number = as_number(value)
    return int(number) if number is not None and number.is_integer() else None


def first_text(values: Iterable[object]) -> str:
    """The first value that is a string with something in it; an empty one where there is none."""
    return next((text for text in map(as_text, values) if text), "")
