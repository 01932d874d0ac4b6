"""What a list needs of whoever has its rows."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Protocol

from tui.widgets.columns import Cell


class RowSource(Protocol):
    """Rows by their place, 0 first. The list sets both hooks and is told through them what has changed."""

    on_rows: Callable[[int, int], None] | None
    """Rows `first` to `last` were loaded or changed."""
    on_reset: Callable[[bool], None] | None
    """Anything may have changed, also the number of rows and their places. True: it is still the same list."""

    @property
    def count(self) -> int:
        """How many rows there are, loaded or not."""
        ...

    @property
    def is_ready(self) -> bool:
        """Whether `count` is known; until then an empty list says nothing about itself."""
        ...

    def key_at(self, index: int) -> Hashable | None:
        """None: not loaded yet."""
        ...

    def index_of(self, key: Hashable) -> int | None:
        """None: not there, or not loaded."""
        ...

    def cells(self, index: int) -> Sequence[Cell] | None:
        """One cell for each column, also for those that are not shown; None: not loaded yet."""
        ...

    def request(self, first: int, last: int) -> None:
        """These rows are to be shown; returns at once, `on_rows` tells when they are there."""
        ...

    def keys(self, first: int, last: int) -> Awaitable[Sequence[Hashable]]:
        """The keys of rows `first` to `last`, loaded or not."""
        ...
