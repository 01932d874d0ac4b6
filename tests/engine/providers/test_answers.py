from datetime import UTC, datetime

import pytest

from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    PolicyRefusedError,
    RateLimitedError,
)
from engine.providers.answers import (
    as_number,
    as_whole_number,
    checked_key,
    error_of_status,
    error_text,
    for_free_call,
    is_credit_text,
    is_policy_text,
    parse_retry_after,
)

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
KEY = "test-key-7f3a9b2c5d1e8f60"


@pytest.mark.fault(4)
@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        ("-20", 0.0),
        ("86400", 300.0),
        ("9" * 400, 300.0),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:00:00 GMT", 300.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("soon", None),
        ("nan", None),
        ("1e3", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_and_capped(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, now=NOW) == seconds


@pytest.mark.parametrize(
    ("status", "text", "paid", "free"),
    [
        (400, "bad width", BadRequestError, BadRequestError),
        (400, "blocked by our content policy", PolicyRefusedError, PolicyRefusedError),
        (400, "insufficient credits", CreditExhaustedError, CreditExhaustedError),
        (401, "", KeyRefusedError, KeyRefusedError),
        (402, "", CreditExhaustedError, CreditExhaustedError),
        (403, "", KeyRefusedError, KeyRefusedError),
        (404, "", BadRequestError, BadRequestError),
        (408, "", AnswerLostError, BadAnswerError),
        (409, "", BadRequestError, BadRequestError),
        (425, "", RateLimitedError, RateLimitedError),
        (429, "", RateLimitedError, RateLimitedError),
        (429, "You exceeded your current quota", CreditExhaustedError, CreditExhaustedError),
        (302, "", BadRequestError, BadRequestError),
        (500, "", AnswerLostError, BadAnswerError),
        (503, "violates our policy", AnswerLostError, BadAnswerError),
        (500, "not enough credit", CreditExhaustedError, CreditExhaustedError),
        (599, "", AnswerLostError, BadAnswerError),
        (204, "", AnswerLostError, BadAnswerError),
    ],
)
def test_a_status_means_one_error(status: int, text: str, paid: type, free: type) -> None:
    assert type(error_of_status("PiAPI", status, text, is_paid=True)) is paid
    error = error_of_status("PiAPI", status, text, is_paid=False)
    assert type(error) is free
    assert error.service == "PiAPI"
    assert type(for_free_call(error)) is (BadAnswerError if free is BadRequestError else free)


def test_retry_after_travels_with_the_error() -> None:
    error = error_of_status("PiAPI", 429, "", is_paid=True, retry_after=12.0)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after == 12.0


@pytest.mark.parametrize(
    "text",
    [
        f"bad key {KEY}.",
        "Incorrect API key provided: test-key-****8f60. See the site.",
        "the key starting with test-key-7f3a is unknown",
        "the key ending in 8f60 is unknown",
        "Authorization: Bearer something-else-entirely",
        "Incorrect API key provided: sk-proj-abc...xyz",
    ],
)
def test_no_part_of_a_key_is_repeated(text: str) -> None:
    shown = error_text(text, key=KEY)
    assert "•••" in shown
    for part in (KEY, "8f60", "test-key", "something-else", "sk-proj"):
        assert part not in shown


def test_error_text_is_one_clean_short_line() -> None:
    shown = error_text("first\x1b[31m\r\nsecond\u202e" + "x" * 9000, key=KEY)
    assert "\x1b" not in shown
    assert "\n" not in shown
    assert "\u202e" not in shown
    assert len(shown) <= 400
    assert error_text({"a": 1}, key=KEY) == ""


@pytest.mark.parametrize(
    "text",
    [
        "Insufficient credits",
        "insufficient account balance, please top up",
        "Your credit balance is insufficient",
        "out of credit",
        "not enough quota",
        "Billing hard limit has been reached",
    ],
)
def test_texts_about_credit(text: str) -> None:
    assert is_credit_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "Your request was rejected by our safety system",
        "content_policy_violation",
        "NSFW content detected",
        "The prompt contains sensitive words",
        "prohibited",
        "Banned prompt detected",
        "blocked by moderation",
    ],
)
def test_texts_about_policy(text: str) -> None:
    assert is_policy_text(text)
    assert not is_credit_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "width must be a multiple of 8",
        "model names are case-sensitive",
        "internal error",
        "concurrency limit",
    ],
)
def test_ordinary_texts(text: str) -> None:
    assert not is_policy_text(text)
    assert not is_credit_text(text)


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "clé", "tab\t"])
def test_a_key_that_no_header_carries_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(KeyRefusedError) as caught:
        checked_key("PiAPI", key)
    assert not key or key not in f"{caught.value} {caught.value.hint}"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (1, 1.0),
        ("2.5", 2.5),
        (True, None),
        ("x", None),
        (None, None),
        (float("inf"), None),
        ([], None),
        ("nan", None),
    ],
)
def test_numbers_from_outside(value: object, number: float | None) -> None:
    assert as_number(value) == number


def test_whole_numbers_from_outside() -> None:
    assert as_whole_number("200") == 200
    assert as_whole_number(3.0) == 3
    assert as_whole_number(3.5) is None
    assert as_whole_number(10**400) is None
