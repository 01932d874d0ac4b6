"""One configuration of the Electron program as one of ours, under a name that nobody has here."""

from pathlib import Path

from db import configurations as configuration_rows
from db import imports
from db.connection import Database
from engine.electron import rows
from engine.electron.report import Report
from engine.electron.settings_map import MappedSettings, map_settings
from engine.electron.source import OldConfiguration
from engine.labels import checked_label
from engine.queries import DEFAULT_CONFIGURATION
from engine.settings import dump_settings


async def take_configuration(
    database: Database, old: OldConfiguration, folder: Path, at: str, report: Report, *, is_dry_run: bool
) -> tuple[str, MappedSettings]:
    """Its name here and its settings in ours. One that was taken over before stays as it is now, whatever its name."""
    mapped = map_settings(old.settings, report.masker)
    origin = rows.configuration_origin(old)
    async with database.reading() as connection:
        name = (await imports.targets(connection, [origin])).get(origin)
        taken = {record.name for record in await configuration_rows.list_all(connection)}
    if name is not None:
        report.configurations.already += 1
        return name, mapped
    if not old.is_readable:
        report.configurations.left_out += 1
        report.note(f"The configuration {old.name} cannot be read and is left out.")
        return old.name, mapped
    name = _free_name(report.masker.mask(old.name), taken | set(report.names))
    report.configurations.imported += 1
    report.names.append(name)
    report.add_settings(mapped, f"configuration {name}")
    report.add_paths(mapped, name, folder)
    if not is_dry_run:
        async with database.transaction() as connection:
            await configuration_rows.save(connection, name, dump_settings(mapped.settings), at)
            await imports.remember(connection, origin, name, at)
            if await configuration_rows.get_default(connection) is None:
                await configuration_rows.set_default(connection, DEFAULT_CONFIGURATION)
    return name, mapped


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or the next one that is free: nothing of the user's own is overwritten."""
    name = checked_label(name[:180])
    candidate, number = name, 1
    while candidate in taken:
        candidate = f"{name} (imported)" if number == 1 else f"{name} (imported {number})"
        number += 1
    return candidate
