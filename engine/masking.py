"""Keeps keys out of what is shown, logged or stored. Knows values and shapes, not where keys lie."""

import re
import threading
from collections.abc import Iterable
from urllib.parse import quote

MASK = "•••"

# Shorter values occur in ordinary words; no service gives out such a key.
_SHORTEST_KEY = 4

# Each shape starts where a word starts, so that no text takes more than linear time.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A header or a field of that name, as HTTP, JSON, Python or TOML write it; the scheme stays readable.
    (
        re.compile(
            r"""(?ix)
            \b(authorization|x-api-key|api[-_]?key)
            (['"]?\s*[:=]\s*(?:b?['"])?|['"]\s*,\s*b?['"])
            ((?:bearer|basic)\s+)?
            [^\s'",;{}\[\]()<>]+
            """
        ),
        rf"\1\2\3{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer\s+)(?=[^\s'\",;]*[0-9])[A-Za-z0-9._~+/=-]{8,}"), rf"\1{MASK}"),
    # OpenAI's kind of key, whole or as its error messages repeat it: sk-...abcd, sk-proj-ab****wxyz.
    (re.compile(r"(?<![A-Za-z0-9_-])[srp]k-[A-Za-z0-9_-]*(?:\*+|\.{3}|…)[A-Za-z0-9_*-]*"), MASK),
    (re.compile(r"(?<![A-Za-z0-9_-])[srp]k-[A-Za-z0-9_-]{16,}"), MASK),
    (
        re.compile(
            r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]+\*{4,}[A-Za-z0-9_-]*|(?<![A-Za-z0-9_*-])\*{4,}[A-Za-z0-9_-]+"
        ),
        MASK,
    ),
)


class Masker:
    """Replaces every key it knows, and what looks like one, by `•••`. Safe to use from several threads."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._known: re.Pattern[str] | None = None
        for value in values:
            self.add(value)

    def __repr__(self) -> str:
        return f"<Masker of {len(self._values)} values>"

    def add(self, value: str) -> None:
        """Never show this value again. Less than 4 characters are ignored: they would blot out words."""
        if len(value) < _SHORTEST_KEY:
            return
        with self._lock:
            self._values |= {value, quote(value, safe="")}
            longest_first = sorted(self._values, key=len, reverse=True)
            self._known = re.compile("|".join(map(re.escape, longest_first)))

    def hide(self, text: str) -> str:
        """`text` without the keys that are known; for a person's own texts, which may look like keys and be none."""
        return text if self._known is None else self._known.sub(MASK, text)

    def mask(self, text: str) -> str:
        """`text` without keys: known values first, then the shapes in which services repeat them."""
        text = self.hide(text)
        for shape, replacement in _SHAPES:
            text = shape.sub(replacement, text)
        return text
