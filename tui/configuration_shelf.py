"""The stored configurations as a screen sees them, and the commands on them. Asks nobody, shows nothing."""

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.api import EngineApi
from engine.errors import ConflictError
from engine.settings import Settings, dump_settings
from engine.views import ConfigurationView


class ConfigurationShelf:
    """What there is, which one is the default, and which one is in hand. Errors are those of EngineApi."""

    def __init__(self) -> None:
        self.all: tuple[ConfigurationView, ...] = ()
        """By name; the program's own default comes first as long as nothing is stored in its place."""
        self.default_name = ""
        self.current: ConfigurationView | None = None
        # A refresh in the middle of a renaming would find the old name gone.
        self._lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """The one in hand; empty before the first `refresh`."""
        return "" if self.current is None else self.current.name

    @property
    def is_default(self) -> bool:
        """Whether the one in hand is used where none is chosen."""
        return self.name == self.default_name

    @property
    def is_stored(self) -> bool:
        """Whether the one in hand is more than the program's own defaults."""
        return self.current is not None and self.current.updated_at != ""

    @property
    def place(self) -> str:
        """`2 of 3`; empty where there is one."""
        names = [one.name for one in self.all]
        return (
            f"{names.index(self.name) + 1} of {len(names)}" if len(names) > 1 and self.name in names else ""
        )

    def find(self, name: str | None) -> ConfigurationView | None:
        """The one of that name."""
        return next((one for one in self.all if one.name == name), None)

    async def refresh(self, engine: EngineApi, wanted: str | None = None) -> ConfigurationView:
        """Ask for all; in hand is then the wanted one, else the same as before, else the default one."""
        async with self._lock:
            return await self._refresh(engine, wanted)

    async def save(self, engine: EngineApi, settings: Mapping[str, Any]) -> ConfigurationView:
        """Store settings under the name in hand."""
        async with self._lock:
            await engine.save_configuration(self.name, dict(settings))
            return await self._refresh(engine)

    async def add(
        self, engine: EngineApi, name: str, settings: Mapping[str, Any] | None = None
    ) -> ConfigurationView:
        """A new one, of the program's own defaults where `settings` is None. Raises ConflictError for a taken name."""
        document = dump_settings(Settings()) if settings is None else dict(settings)
        async with self._lock:
            return await self._add(engine, name, document, is_default=False)

    async def rename(self, engine: EngineApi, name: str) -> ConfigurationView:
        """Raises ConflictError for a taken name."""
        async with self._lock:
            if self.current is not None and not self.is_stored:
                return await self._add(engine, name, self.current.settings, is_default=True)
            await engine.rename_configuration(self.name, name)
            return await self._refresh(engine, name)

    async def delete(self, engine: EngineApi) -> ConfigurationView:
        """Delete the one in hand; in hand is then the default one."""
        async with self._lock:
            await engine.delete_configuration(self.name)
            self.current = None
            return await self._refresh(engine)

    async def make_default(self, engine: EngineApi) -> ConfigurationView:
        """Let the one in hand, as it is stored, be used where none is chosen."""
        async with self._lock:
            assert self.current is not None, "asked of a screen that shows one"
            await engine.save_configuration(self.name, self.current.settings, is_default=True)
            return await self._refresh(engine)

    async def _add(
        self, engine: EngineApi, name: str, settings: dict[str, Any], *, is_default: bool
    ) -> ConfigurationView:
        if any(one.name == name and one.updated_at for one in self.all):
            raise ConflictError(f"There is a configuration “{name}” already.", hint="Choose another name.")
        added = await engine.save_configuration(name, settings, is_default=is_default)
        return await self._refresh(engine, added.name)

    async def _refresh(self, engine: EngineApi, wanted: str | None = None) -> ConfigurationView:
        stored, default = await engine.configurations(), await engine.configuration(None)
        self.default_name = default.name
        is_known = any(one.name == default.name for one in stored)
        self.all = tuple(stored) if is_known else (default, *stored)
        self.current = self.find(wanted or self.name) or default
        return self.current
