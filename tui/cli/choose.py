"""Which settings a command means: a stored configuration or a TOML file, with every `--set` put over it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.api import JobRequest
from engine.settings import Settings, dump_settings, merge_settings, override_settings
from engine.settings_files import read_settings_file
from engine.views import ConfigurationView
from tui.cli.output import Output


class KnowsConfigurations(Protocol):
    """The engine, or its queries."""

    async def configuration(self, name: str | None) -> ConfigurationView:
        """By name; None: the default one."""
        ...


@dataclass(frozen=True, slots=True)
class Choice:
    settings: Settings
    configuration: str | None
    """Name of the stored configuration; None where the settings came from a file."""

    def request(self, label: str | None) -> JobRequest:
        """The job that runs with these settings."""
        return JobRequest(
            settings=dump_settings(self.settings), label=label, configuration=self.configuration
        )


def is_file_name(configuration: str) -> bool:
    """Whether `-c` names a file: it has a folder in it or ends in `.toml`."""
    return "/" in configuration or configuration.endswith(".toml")


def _place(text: str) -> Path:
    return Path(text).expanduser().absolute()


async def choose_settings(
    asked: KnowsConfigurations, configuration: str | None, overrides: Sequence[str], output: Output
) -> Choice:
    """The settings meant by `-c` (None: the default configuration) and `--set`; warnings go to stderr.

    Raises SettingsError with every bad field, NotFoundError for a configuration that is not stored.
    """
    if configuration is not None and is_file_name(configuration):
        settings, warnings = read_settings_file(_place(configuration))
        name = None
    else:
        stored = await asked.configuration(configuration)
        settings, warnings = merge_settings(stored.settings)
        name = stored.name
    output.warnings(warnings)
    return Choice(override_settings(settings, overrides), name)
