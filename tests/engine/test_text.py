import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.text import clean_text, safe_label

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)
UNSAFE = {
    *range(0x20),
    *range(0x7F, 0xA0),
    0x061C,
    0x200E,
    0x200F,
    *range(0x202A, 0x202F),
    *range(0x2066, 0x206A),
}


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("plain text, naïve 日本", "plain text, naïve 日本"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]52;c;aGk=\x07", "]52;c;aGk="),
        ("a\x9b31mb\x85c", "a31mb c"),
        ("one\r\ntwo\rthree\nfour\u2028five", "one two three four five"),
        ("tab\tbed", "tab bed"),
        ("abc\u202egpj.exe", "abcgpj.exe"),
        ("x\ud800y", "x\ufffdy"),
        ("\ufeffstart\x00end", "startend"),
        ("[/oops] [@click=app.quit]x[/]", "[/oops] [@click=app.quit]x[/]"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_clean_text_leaves_nothing_that_a_terminal_acts_upon(raw: str, clean: str) -> None:
    assert clean_text(raw) == clean


def test_newlines_can_be_kept_and_become_one_kind() -> None:
    assert clean_text("a\r\nb\rc\n\nd\x1b", keep_newlines=True) == "a\nb\nc\n\nd"


@pytest.mark.parametrize(("limit", "text"), [(0, ""), (1, "…"), (4, "abc…"), (6, "abcdef"), (7, "abcdef")])
def test_the_limit_counts_the_ellipsis(limit: int, text: str) -> None:
    assert clean_text("abcdef", limit=limit) == text


@given(ANY_TEXT, st.booleans(), st.none() | st.integers(0, 50))
@settings(max_examples=200, deadline=None)
def test_clean_text_is_safe_idempotent_and_encodable(
    text: str, keep_newlines: bool, limit: int | None
) -> None:
    clean = clean_text(text, keep_newlines=keep_newlines, limit=limit)
    assert not {ord(c) for c in clean} & (UNSAFE - ({0x0A} if keep_newlines else set()))
    clean.encode()
    assert clean_text(clean, keep_newlines=keep_newlines, limit=limit) == clean
    assert limit is None or len(clean) <= limit


@pytest.mark.parametrize(
    ("label", "stem"),
    [
        ("summer 2026", "summer_2026"),
        ("../../etc/passwd", "etc_passwd"),
        ("/absolute/path", "absolute_path"),
        ("C:\\windows\\x", "C_windows_x"),
        ("..hidden", "hidden"),
        ("--force", "force"),
        ("v1.2", "v1.2"),
        ("ends. . .", "ends"),
        ("CON", "x_CON"),
        ("lpt1.txt", "x_lpt1.txt"),
        ("a\x00b\x1b[0m", "ab[0m"),
        ("evil\u202egnp", "evilgnp"),
        ("café", "café"),
        ("", "job"),
        ("...", "job"),
        ("\u202e", "job"),
        ("日本の風景", "日本の風景"),
    ],
)
def test_safe_label(label: str, stem: str) -> None:
    assert safe_label(label) == stem


def test_a_long_label_is_cut_between_characters() -> None:
    assert safe_label("é" * 200, 11) == "é" * 5


def test_a_limit_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        safe_label("x", 7)


@pytest.mark.fault(24)
@given(ANY_TEXT, st.integers(8, 120))
@settings(max_examples=300, deadline=None)
def test_safe_label_is_always_one_short_component(label: str, max_bytes: int) -> None:
    stem = safe_label(label, max_bytes)
    assert 0 < len(stem.encode()) <= max_bytes
    assert stem[0] not in ".- "
    assert stem[-1] not in ". "
    assert not set(stem) & set('/\\:*?"<>|\x00')
    assert not {ord(c) for c in stem} & UNSAFE
    assert unicodedata.is_normalized("NFC", stem)
    assert safe_label(stem, max_bytes) == stem
