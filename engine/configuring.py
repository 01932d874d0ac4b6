"""The commands on named configurations."""

import sqlite3
from dataclasses import dataclass
from typing import Any

import aiosqlite

from db import configurations as configuration_rows
from db.connection import Database
from db.records import utc_text
from engine.bus import EventBus
from engine.clock import Clock
from engine.errors import ConflictError, NotFoundError
from engine.events import ConfigurationsChanged
from engine.labels import checked_label
from engine.queries import DEFAULT_CONFIGURATION, Queries
from engine.settings import dump_settings, merge_settings
from engine.views import ConfigurationView


@dataclass(frozen=True, slots=True)
class ConfigurationCommands:
    """Each is one transaction and one event."""

    database: Database
    queries: Queries
    clock: Clock
    bus: EventBus

    async def save(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """See EngineApi."""
        merged, _ = merge_settings(settings)
        async with self.database.transaction() as connection:
            await configuration_rows.save(
                connection, checked_label(name), dump_settings(merged), utc_text(self.clock.now())
            )
            if is_default:
                await configuration_rows.set_default(connection, checked_label(name))
            await _settle_default(connection)
        self.bus.publish(ConfigurationsChanged())
        return await self.queries.configuration(checked_label(name))

    async def delete(self, name: str) -> None:
        """See EngineApi."""
        async with self.database.transaction() as connection:
            if not await configuration_rows.delete(connection, name):
                raise NotFoundError(
                    f"There is no configuration “{name}”.", hint="`gimf config list` shows them all."
                )
            await _settle_default(connection)
        self.bus.publish(ConfigurationsChanged())

    async def rename(self, name: str, new_name: str) -> None:
        """See EngineApi."""
        try:
            async with self.database.transaction() as connection:
                if not await configuration_rows.rename(
                    connection, name, checked_label(new_name), utc_text(self.clock.now())
                ):
                    raise NotFoundError(f"There is no configuration “{name}”.")
                await _settle_default(connection)
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"There is a configuration “{new_name}” already.") from error
        self.bus.publish(ConfigurationsChanged())


async def _settle_default(connection: aiosqlite.Connection) -> None:
    """Where no configuration is the default one, the stored one of the default's name is: it stands in its place."""
    if await configuration_rows.get_default(connection) is None:
        await configuration_rows.set_default(connection, DEFAULT_CONFIGURATION)
