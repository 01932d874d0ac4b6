"""Finds the keys that the Electron program kept in clear text, so that none of them gets anywhere. Tells names only."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from engine.electron import values
from engine.masking import Masker

KEY_GROUP = "apiKeys"
_SERVICES = {"openai": "openai", "piapi": "piapi", "removebg": "remove_bg", "runware": "runware"}
_KEY_NAME = re.compile(r"api.?key|token|secret|passw", re.IGNORECASE)
_DEPTH = 8


def is_key(name: str, value: object) -> bool:
    """Whether a field of this name holds a key: `removeBg` is one as text and a switch otherwise."""
    if not isinstance(value, str) or not value.strip():
        return False
    return name.lower() in _SERVICES or _KEY_NAME.search(name) is not None


def find_keys(documents: Iterable[dict[str, Any]]) -> tuple[Masker, tuple[str, ...]]:
    """What takes every key out of a text, and the names of the services whose keys lie there."""
    masker = Masker()
    services: set[str] = set()
    for document in documents:
        for name, value in _keys(document, _DEPTH):
            masker.add(value.strip())
            services.add(_SERVICES.get(name.lower(), "another service"))
    return masker, tuple(sorted(services))


def _keys(document: object, depth: int, *, is_in_group: bool = False) -> Iterator[tuple[str, str]]:
    if depth == 0:
        return
    if isinstance(document, list):
        for item in document:
            yield from _keys(item, depth - 1)
    if not isinstance(document, dict):
        return
    for name, stored in document.items():
        value = values.document(stored) or stored  # it may be JSON text once more
        if isinstance(value, dict | list):
            yield from _keys(value, depth - 1, is_in_group=name == KEY_GROUP)
        elif isinstance(value, str) and value.strip() and (is_in_group or is_key(name, value)):
            yield name, value
