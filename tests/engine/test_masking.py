import pytest
from hypothesis import given
from hypothesis import settings as bounded
from hypothesis import strategies as st

from engine.masking import MASK, Masker


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer abc123", "Authorization: Bearer •••"),
        (
            "{'authorization': 'Bearer abc123', 'accept': '*/*'}",
            "{'authorization': 'Bearer •••', 'accept': '*/*'}",
        ),
        ('{"X-API-Key": "abc123"}', '{"X-API-Key": "•••"}'),
        ("X-Api-Key: abc123\r\nHost: x", "X-Api-Key: •••\r\nHost: x"),
        ("[(b'X-API-Key', b'abc123'), (b'Host', b'x')]", "[(b'X-API-Key', b'•••'), (b'Host', b'x')]"),
        ("api_key=abc123&x=1", "api_key=•••"),
        ("sent bearer eyJhbGciOi.J9", "sent bearer •••"),
        ("Incorrect API key provided: sk-ab*****wxyz. You can", "Incorrect API key provided: •••. You can"),
        ("key sk-proj-...abcd is wrong", "key ••• is wrong"),
        ("found sk-abcdefghijklmnopqrstuvwx here", "found ••• here"),
        ("demo****-key refused", "••• refused"),
    ],
)
def test_shapes_of_keys_are_masked(text: str, masked: str) -> None:
    assert Masker().mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "a standard bearer marching in the rain",
        "***very*** important, **bold**",
        "the key to the city: an old door",
        "task sk-etch of a lighthouse",
        "authorization was refused",
        "•••",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert Masker().mask(text) == text


def test_known_values_are_masked_wherever_they_stand() -> None:
    masker = Masker(["secret-one", "secret-one-longer", "a/b+c=d"])
    assert masker.mask("xsecret-one-longer, secret-one.") == f"x{MASK}, {MASK}."
    assert masker.mask("https://h/?k=a%2Fb%2Bc%3Dd a/b+c=d") == f"https://h/?k={MASK} {MASK}"
    masker.add("later-value")
    assert masker.mask("later-value") == MASK


def test_very_short_values_are_not_taken_for_keys() -> None:
    assert Masker(["a", ""]).mask("a banana") == "a banana"


def test_the_representation_shows_no_value() -> None:
    assert "secret" not in repr(Masker(["secret-one"]))


@given(st.text(), st.text("abcXYZ019-_/+=.", min_size=8, max_size=40), st.text())
@bounded(max_examples=100, deadline=None)
def test_a_known_value_never_survives(before: str, value: str, after: str) -> None:
    assert value not in Masker([value]).mask(before + value + after).replace(MASK, "\0")


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", ["a-", "sk-", "*", "bearer ", "Authorization", " ", "x****", "****x"])
def test_long_texts_take_linear_time(unit: str) -> None:
    """Would run for hours, into the suite's limit, if a shape could start anew within a word."""
    Masker().mask(unit * 200_000)
