"""Counts and sums over everything, kept by triggers so that nobody ever adds up a million rows."""

import aiosqlite

from db.query import fetch_rows


async def read_all(connection: aiosqlite.Connection) -> dict[str, int]:
    """All totals by name: `images.<status>`, `jobs.<status>` (deleted ones left out), `jobs.started` and
    `jobs.active_ms` (their quotient is the average duration), `spend.<account>` in micros."""
    return {row[0]: row[1] for row in await fetch_rows(connection, "SELECT name, value FROM totals")}
