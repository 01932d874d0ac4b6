"""Work that may never be begun."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any


class Later[T]:
    """A coroutine for a worker whose screen may be closed before it begins: ended then without a word, where Python
    warns that nobody has awaited it."""

    def __init__(self, work: Coroutine[Any, Any, T]) -> None:
        self._work = work

    def __await__(self) -> Generator[Any, Any, T]:
        return (yield from self._work.__await__())  # a generator, which keeps this alive meanwhile

    def __del__(self) -> None:
        self._work.close()
