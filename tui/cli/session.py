"""What every command needs first: the folders, the preferences and the keys of this run."""

from __future__ import annotations

import asyncio
import os
from argparse import Namespace
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.api import WorkApi
from engine.errors import EngineHeldError, EngineUnreachableError, Problem
from engine.paths import Paths
from engine.secrets import KeyStore
from tui.cli.log_file import logging_to
from tui.cli.output import Output
from tui.format import advice

if TYPE_CHECKING:
    from engine.client import EngineClient
    from engine.preferences import Preferences
    from engine.queries import Queries

HELD_PATIENCE_S = 5.0
HELD_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Session:
    paths: Paths
    preferences: Preferences
    keys: KeyStore
    notices: tuple[str, ...] = ()
    """What config.toml has that cannot be used, a sentence each."""

    @property
    def has_database(self) -> bool:
        """Whether anything was ever run or stored here."""
        return self.paths.database_file.exists()

    @asynccontextmanager
    async def engine(self, *, is_working: bool = True) -> AsyncIterator[WorkApi]:
        """The one engine of the data folder: the one that runs, else one of this process, which other front ends can
        use too while it is at work on the queue, or (not `is_working`) one for commands only.

        One that runs is an EngineClient, and goes on afterwards. Raises EngineHeldError where another process has the
        folder and does not answer.
        """
        self.paths.ensure()
        async with AsyncExitStack() as stack:
            yield await self._running(stack) or await self._own(stack, is_working=is_working)

    async def _running(self, stack: AsyncExitStack) -> EngineClient | None:
        from engine.client import EngineClient

        try:
            return await stack.enter_async_context(EngineClient.connect(self.paths))
        except EngineUnreachableError:
            return None

    async def _own(self, stack: AsyncExitStack, *, is_working: bool) -> WorkApi:
        from engine.host import serving
        from engine.service import Engine

        stack.enter_context(logging_to(self.paths.log_file, self.keys))
        patience_until = asyncio.get_running_loop().time() + HELD_PATIENCE_S
        while True:
            try:
                engine = await stack.enter_async_context(
                    Engine.open(self.paths, self.preferences, self.keys, is_working=is_working)
                )
            except EngineHeldError:
                # Its holder may be about to listen, or to end.
                if (client := await self._running(stack)) is not None:
                    return client
                if asyncio.get_running_loop().time() > patience_until:
                    raise
                await asyncio.sleep(HELD_POLL_S)
            else:
                if is_working:
                    await stack.enter_async_context(serving(engine, self.paths.socket_file))
                return engine

    def queries(self) -> AbstractAsyncContextManager[Queries]:
        """Read only, beside whatever engine is at work."""
        from engine.queries import open_queries

        return open_queries(self.paths)


def open_session(options: Namespace, output: Output, environ: Mapping[str, str] | None = None) -> Session:
    """The session that `--home`, the environment and config.toml describe; warnings go to stderr."""
    from engine.preferences import load_preferences

    environ = os.environ if environ is None else environ
    paths = resolve_paths(options, environ)
    preferences, warnings = load_preferences(paths.config_file, environ)
    output.warnings(warnings)
    keys = KeyStore(paths.keys_file, environ)
    output.mask = keys.masker.mask
    return Session(paths, preferences, keys, _sentences(warnings))


def read_preferences(paths: Paths, environ: Mapping[str, str]) -> tuple[Preferences, tuple[str, ...]]:
    """What config.toml says, and the notices about it. Says nothing itself. Raises SettingsError."""
    from engine.preferences import load_preferences

    preferences, warnings = load_preferences(paths.config_file, environ)
    return preferences, _sentences(warnings)


def _sentences(warnings: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(advice(f"{one.field}: {one.message}", one.hint) for one in warnings)


def resolve_paths(options: Namespace, environ: Mapping[str, str]) -> Paths:
    """The folders, by `--home`, else by GIMF_HOME, else the system's own places."""
    home = Path(options.home).expanduser() if options.home else None
    return Paths.resolve(home, environ)
