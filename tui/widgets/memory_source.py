"""The rows of short lists, which somebody else keeps up to date."""

from collections.abc import Callable, Hashable, Iterable, Sequence

from tui.widgets.columns import Cell


class MemorySource[T]:
    """A RowSource over a list in memory."""

    def __init__(self, *, key: Callable[[T], Hashable], cells: Callable[[T], Sequence[Cell]]) -> None:
        self.on_rows: Callable[[int, int], None] | None = None
        self.on_reset: Callable[[bool], None] | None = None
        self.is_ready = False
        self._key = key
        self._cells = cells
        self._rows: list[T] = []
        self._places: dict[Hashable, int] = {}

    @property
    def rows(self) -> Sequence[T]:
        """As they are shown."""
        return self._rows

    def replace(self, rows: Iterable[T]) -> None:
        """Show these; only what differs is drawn again where keys and order are the same."""
        before, self._rows = self._rows, list(rows)
        places = {self._key(row): index for index, row in enumerate(self._rows)}
        is_first, self.is_ready = not self.is_ready, True
        if places == self._places and not is_first:
            for index, row in enumerate(self._rows):
                if row != before[index] and self.on_rows is not None:
                    self.on_rows(index, index)
            return
        self._places = places
        if self.on_reset is not None:
            self.on_reset(not is_first)

    def row(self, key: Hashable) -> T | None:
        """The row with that key."""
        index = self._places.get(key)
        return None if index is None else self._rows[index]

    def patch(self, row: T) -> bool:
        """Replace the row with the same key; False where there is none."""
        index = self._places.get(self._key(row))
        if index is None:
            return False
        self._rows[index] = row
        if self.on_rows is not None:
            self.on_rows(index, index)
        return True

    @property
    def count(self) -> int:
        return len(self._rows)

    def key_at(self, index: int) -> Hashable | None:
        return self._key(self._rows[index]) if 0 <= index < len(self._rows) else None

    def index_of(self, key: Hashable) -> int | None:
        return self._places.get(key)

    def cells(self, index: int) -> Sequence[Cell] | None:
        return self._cells(self._rows[index]) if 0 <= index < len(self._rows) else None

    def request(self, first: int, last: int) -> None:
        """All rows are there."""

    async def keys(self, first: int, last: int) -> Sequence[Hashable]:
        return [self._key(row) for row in self._rows[first : last + 1]]
