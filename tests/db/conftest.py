"""A database in a real file."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from db.connection import Database
from tests.db.rows import Rows


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "gimf.db")
    yield database
    await database.close()


@pytest.fixture
def rows(database: Database) -> Rows:
    return Rows(database)
