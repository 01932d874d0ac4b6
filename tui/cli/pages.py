"""Walks through a query's pages."""

from collections.abc import Awaitable, Callable

from engine.views import Page

_PAGE = 1_000


async def all_rows[T](
    ask: Callable[[str | None, int], Awaitable[Page[T]]], limit: int | None
) -> tuple[list[T], bool]:
    """All rows, at most `limit`, and whether there are more. `ask(cursor, size)` answers one page."""
    rows: list[T] = []
    cursor: str | None = None
    while True:
        size = _PAGE if limit is None else min(_PAGE, limit - len(rows))
        page = await ask(cursor, size)
        rows.extend(page.rows)
        cursor = page.next_cursor
        if cursor is None or (limit is not None and len(rows) >= limit):
            return rows, cursor is not None
