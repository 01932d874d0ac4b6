"""The one sanitiser of text from outside: prompts, answers, file names, log lines. Knows no markup."""

import re
import unicodedata

_NEWLINES = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")
_SURROGATES = re.compile("[\ud800-\udfff]")

# Bidi controls reorder what is around them (CVE-2021-42574); U+200E, U+200F and U+061C belong to them.
# U+FEFF inside a text is a stray byte order mark; U+FFFE and U+FFFF are no characters and break XML.
_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_REMOVED = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0), *_BIDI, 0xFEFF, 0xFFFE, 0xFFFF])
_REMOVED_BUT_NEWLINES = {code: None for code in _REMOVED if code != 0x0A}

_FORBIDDEN_IN_NAMES = re.compile(r'[\s/\\:*?"<>|]+')
_RESERVED_NAMES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³")}
)
_SMALLEST_LABEL = 8


def clean_text(text: str, *, keep_newlines: bool = False, limit: int | None = None) -> str:
    """Text that no terminal acts upon, whatever it was.

    Removes C0 and C1 controls (ESC among them: `ESC[31m` stays as the harmless `[31m`), bidi controls and
    stray byte order marks; a tab becomes a space; a lone surrogate becomes U+FFFD. Any line end becomes one
    `\\n`, or a space where `keep_newlines` is off. At most `limit` characters are kept, the last then an
    ellipsis. Idempotent. Markup is not its business: what shows the text must show it as plain text.
    """
    text = _NEWLINES.sub("\n" if keep_newlines else " ", text).replace("\t", " ")
    text = text.translate(_REMOVED_BUT_NEWLINES if keep_newlines else _REMOVED)
    text = _SURROGATES.sub("\ufffd", text)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)] + "…" if limit > 0 else ""
    return text


def safe_label(label: str, max_bytes: int = 80) -> str:
    """A label as the stem of a file name: one component, at most `max_bytes` in UTF-8.

    NFC; blanks, separators and characters that Windows forbids become `_`; no controls, no bidi marks, no dot
    or hyphen in front, no dot at the end, no reserved device name. Never empty: what leaves nothing is called
    `job`. Raises ValueError for a `max_bytes` below 8.
    """
    if max_bytes < _SMALLEST_LABEL:
        raise ValueError(f"max_bytes is {max_bytes}; a label needs at least {_SMALLEST_LABEL}")
    # Removing a character can bring two others together that compose, so the form is restored afterwards.
    name = unicodedata.normalize("NFC", clean_text(label))
    name = _FORBIDDEN_IN_NAMES.sub("_", name)
    name = _fit(name.lstrip("._- "), max_bytes)
    if name.partition(".")[0].lower() in _RESERVED_NAMES:
        name = _fit("x_" + name, max_bytes)
    return name or "job"


def _fit(name: str, max_bytes: int) -> str:
    return name.encode()[:max_bytes].decode(errors="ignore").rstrip("._ ")
