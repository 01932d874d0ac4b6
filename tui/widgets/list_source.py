"""The rows of long lists: keyset pages, loaded around what is in sight, with a bounded cache."""

from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from engine.api import EngineApi, JobQuery
from engine.views import JobView, ListIndex, Page
from tui.widgets.columns import Cell

PAGE_ROWS = 100
KEPT_PAGES = 30

type Spawn = Callable[[Coroutine[Any, Any, None]], object]
"""Runs a load beside everything else and says what went wrong with it."""


class Listing[T](Protocol):
    """One list as the engine answers it. Two that are equal are the same list."""

    async def page(self, cursor: str | None, limit: int) -> Page[T]: ...

    async def index(self, limit: int) -> ListIndex: ...

    async def keys(self) -> Sequence[Hashable]: ...


@dataclass(frozen=True, slots=True)
class JobListing:
    """Jobs; keys are job ids."""

    engine: EngineApi = field(compare=False)
    query: JobQuery

    async def page(self, cursor: str | None, limit: int) -> Page[JobView]:
        return await self.engine.jobs(replace(self.query, cursor=cursor, limit=limit))

    async def index(self, limit: int) -> ListIndex:
        return await self.engine.job_index(replace(self.query, limit=limit))

    async def keys(self) -> Sequence[Hashable]:
        return await self.engine.job_ids(self.query)


class PagedSource[T]:
    """A RowSource over a Listing: loads the pages that are looked at, and keeps the latest of them."""

    def __init__(
        self,
        *,
        key: Callable[[T], Hashable],
        cells: Callable[[T], Sequence[Cell]],
        spawn: Spawn,
        page_rows: int = PAGE_ROWS,
        kept_pages: int = KEPT_PAGES,
    ) -> None:
        self.on_rows: Callable[[int, int], None] | None = None
        self.on_reset: Callable[[bool], None] | None = None
        self._key = key
        self._cells = cells
        self._spawn = spawn
        self._page_rows = page_rows
        self._kept_pages = kept_pages
        self._listing: Listing[T] | None = None
        self._index: ListIndex | None = None
        self._pages: OrderedDict[int, list[T]] = OrderedDict()
        self._places: dict[Hashable, int] = {}
        self._count = 0
        self._wanted: list[int] = []
        self._is_loading = False
        self._shows = 0

    # ---- what screens use

    async def show(self, listing: Listing[T]) -> None:
        """Show this list from now on. The same one again is read anew, and the pages in sight stay in sight."""
        self._shows += 1
        number, is_same = self._shows, listing == self._listing
        numbers = [*self._wanted, self._wanted[-1] + 1] if is_same and self._wanted else [0]
        pages: dict[int, list[T]] = {}
        if not is_same:
            first = await listing.page(None, self._page_rows)
            if number != self._shows:
                return
            pages[0] = list(first.rows)
            is_all = first.next_cursor is None
            count = ListIndex(count=len(first.rows), cursors=()) if is_all else None
            self._replace(listing, count, pages)
            if is_all:
                return
        index = await listing.index(self._page_rows)
        for page in numbers:
            if page not in pages and page <= len(index.cursors):
                cursor = index.cursors[page - 1] if page else None
                pages[page] = list((await listing.page(cursor, self._page_rows)).rows)
        if number == self._shows:
            self._replace(listing, index, pages)

    def row(self, key: Hashable) -> T | None:
        """The row with that key; None where it is not loaded."""
        index = self._places.get(key)
        return None if index is None else self.row_at(index)

    def row_at(self, index: int) -> T | None:
        """The row at that place; None where it is not loaded."""
        page = self._pages.get(index // self._page_rows)
        offset = index % self._page_rows
        return page[offset] if page is not None and offset < len(page) else None

    def patch(self, row: T) -> bool:
        """Replace the row with the same key; False where it is not loaded."""
        index = self._places.get(self._key(row))
        if index is None:
            return False
        self._pages[index // self._page_rows][index % self._page_rows] = row
        self._tell_rows(index, index)
        return True

    async def all_keys(self) -> Sequence[Hashable]:
        """The key of every row, in the order of the list."""
        return [] if self._listing is None else await self._listing.keys()

    # ---- RowSource

    @property
    def count(self) -> int:
        return self._count

    @property
    def is_ready(self) -> bool:
        return self._listing is not None

    def key_at(self, index: int) -> Hashable | None:
        row = self.row_at(index)
        return None if row is None else self._key(row)

    def index_of(self, key: Hashable) -> int | None:
        return self._places.get(key)

    def cells(self, index: int) -> Sequence[Cell] | None:
        row = self.row_at(index)
        return None if row is None else self._cells(row)

    def request(self, first: int, last: int) -> None:
        """The pages in sight are loaded first, then their neighbours; what was wanted before is forgotten."""
        top, bottom = first // self._page_rows, last // self._page_rows
        self._wanted = [*range(top, bottom + 1)]
        for page in self._wanted:
            if page in self._pages:
                self._pages.move_to_end(page)
        if not self._is_loading and self._next_page() is not None:
            self._is_loading = True
            self._spawn(self._load())

    async def keys(self, first: int, last: int) -> Sequence[Hashable]:
        loaded = [self.key_at(index) for index in range(first, last + 1)]
        if None not in loaded:
            return [key for key in loaded if key is not None]
        return (await self.all_keys())[first : last + 1]

    # ---- inside

    def _replace(self, listing: Listing[T], index: ListIndex | None, pages: dict[int, list[T]]) -> None:
        is_same = listing == self._listing
        self._listing, self._index = listing, index
        self._count = len(pages[0]) if index is None else index.count
        self._pages = OrderedDict(sorted(pages.items()))
        self._places = {}
        for number, rows in pages.items():
            self._place(number, rows)
        if not is_same:
            self._wanted = []
        if self.on_reset is not None:
            self.on_reset(is_same)

    def _place(self, number: int, rows: Iterable[T]) -> None:
        start = number * self._page_rows
        self._places.update({self._key(row): start + offset for offset, row in enumerate(rows)})

    def _next_page(self) -> int | None:
        """What to load next: a page in sight, or one beside it."""
        if self._index is None or not self._wanted:
            return None
        last = len(self._index.cursors)
        around = [*self._wanted, self._wanted[-1] + 1, self._wanted[0] - 1]
        return next((page for page in around if 0 <= page <= last and page not in self._pages), None)

    async def _load(self) -> None:
        try:
            while (number := self._next_page()) is not None:
                listing, index = self._listing, self._index
                assert listing is not None
                assert index is not None
                cursor = index.cursors[number - 1] if number else None
                rows = list((await listing.page(cursor, self._page_rows)).rows)
                if listing is self._listing and index is self._index:
                    self._keep(number, rows)
        finally:
            self._is_loading = False

    def _keep(self, number: int, rows: list[T]) -> None:
        self._pages[number] = rows
        self._place(number, rows)
        while len(self._pages) > self._kept_pages:
            oldest = next(page for page in self._pages if page not in self._wanted and page != number)
            for row in self._pages.pop(oldest):
                self._places.pop(self._key(row), None)
        self._tell_rows(number * self._page_rows, number * self._page_rows + len(rows) - 1)

    def _tell_rows(self, first: int, last: int) -> None:
        if self.on_rows is not None and last >= first:
            self.on_rows(first, last)
