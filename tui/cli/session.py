"""What every command needs first: the folders, the preferences and the keys of this run."""

import os
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.paths import Paths
from engine.preferences import Preferences, load_preferences
from engine.queries import Queries
from engine.secrets import KeyStore
from tui.cli.log_file import logging_to
from tui.cli.output import Output

if TYPE_CHECKING:
    from engine.service import Engine


@dataclass(frozen=True, slots=True)
class Session:
    paths: Paths
    preferences: Preferences
    keys: KeyStore

    @property
    def has_database(self) -> bool:
        """Whether anything was ever run or stored here."""
        return self.paths.database_file.exists()

    @asynccontextmanager
    async def engine(self, *, is_working: bool = True) -> AsyncIterator["Engine"]:
        """The one engine of the data folder: at work on the queue from the start, or (not `is_working`) for commands
        only.

        Raises EngineHeldError where another process has it.
        """
        from engine.service import Engine

        self.paths.ensure()
        with logging_to(self.paths.log_file, self.keys):
            async with Engine.open(self.paths, self.preferences, self.keys, is_working=is_working) as engine:
                yield engine

    def queries(self) -> AbstractAsyncContextManager[Queries]:
        """Read only, beside whatever engine is at work."""
        return Queries.open(self.paths)


def open_session(options: Namespace, output: Output, environ: Mapping[str, str] | None = None) -> Session:
    """The session that `--home`, the environment and config.toml describe; warnings go to stderr."""
    environ = os.environ if environ is None else environ
    paths = resolve_paths(options, environ)
    preferences, warnings = load_preferences(paths.config_file, environ)
    output.warnings(warnings)
    return Session(paths, preferences, KeyStore(paths.keys_file, environ))


def resolve_paths(options: Namespace, environ: Mapping[str, str]) -> Paths:
    """The folders, by `--home`, else by GIMF_HOME, else the system's own places."""
    home = Path(options.home).expanduser() if options.home else None
    return Paths.resolve(home, environ)
