"""Named sets of settings, as the user saved them. Jobs keep their own snapshot and never look here."""

import aiosqlite

from db.query import change, fetch_all, fetch_one, json_text
from db.records import ConfigurationRecord, JsonObject

_SAVE = """INSERT INTO configurations (name, settings, created_at, updated_at) VALUES (:name, :settings, :at,
    :at)
ON CONFLICT (name) DO UPDATE SET settings = excluded.settings, updated_at = excluded.updated_at"""


async def save(
    connection: aiosqlite.Connection, name: str, settings: JsonObject, at: str
) -> ConfigurationRecord:
    """Insert the configuration, or replace the settings of the one with this name, which keeps its id and
    age."""
    parameters = {"name": name, "settings": json_text(settings), "at": at}
    await change(connection, _SAVE, parameters)
    record = await get(connection, name)
    assert record is not None
    return record


async def get(connection: aiosqlite.Connection, name: str) -> ConfigurationRecord | None:
    return await fetch_one(connection, ConfigurationRecord, "FROM configurations WHERE name = ?", (name,))


async def get_default(connection: aiosqlite.Connection) -> ConfigurationRecord | None:
    return await fetch_one(connection, ConfigurationRecord, "FROM configurations WHERE is_default = 1")


async def list_all(connection: aiosqlite.Connection) -> list[ConfigurationRecord]:
    """Every configuration, by name."""
    return await fetch_all(
        connection, ConfigurationRecord, "FROM configurations ORDER BY name COLLATE NOCASE, name"
    )


async def rename(connection: aiosqlite.Connection, name: str, new_name: str, at: str) -> bool:
    """Raises sqlite3.IntegrityError where the new name is taken or blank."""
    statement = "UPDATE configurations SET name = ?, updated_at = ? WHERE name = ?"
    return await change(connection, statement, (new_name, at, name)) > 0


async def delete(connection: aiosqlite.Connection, name: str) -> bool:
    return await change(connection, "DELETE FROM configurations WHERE name = ?", (name,)) > 0


async def set_default(connection: aiosqlite.Connection, name: str) -> bool:
    """Make this the one default; where there is no such configuration the old default stays."""
    if await get(connection, name) is None:
        return False
    await change(connection, "UPDATE configurations SET is_default = 0 WHERE is_default = 1")
    return await change(connection, "UPDATE configurations SET is_default = 1 WHERE name = ?", (name,)) > 0
