"""Keyset cursors and patterns: the small text forms that lists are asked with."""

import json
import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListIndex:
    """How long a list is, and the cursors of its second page, its third and so on."""

    count: int
    cursors: list[str]


def encode_cursor(*keys: str | int) -> str:
    """The sort keys of the last row shown, as an opaque text that survives JSON and sockets."""
    return json.dumps(keys, ensure_ascii=False, separators=(",", ":"))


def decode_cursor(cursor: str, keys: int) -> list[str | int]:
    """The keys of `encode_cursor`. Raises ValueError for a text that it did not make."""
    try:
        decoded = json.loads(cursor)
    except ValueError:
        decoded = None
    if (
        not isinstance(decoded, list)
        or len(decoded) != keys
        or not all(isinstance(key, str | int) and not isinstance(key, bool) for key in decoded)
    ):
        raise ValueError(
            f"cursor: {cursor!r} was not returned by an earlier page; start again without a cursor"
        )
    return decoded


def like_pattern(text: str) -> str:
    """`text` anywhere in a column, for `LIKE ? ESCAPE '!'`: percent signs and underscores are just text."""
    return "%" + re.sub(r"([%_!])", r"!\1", text) + "%"
