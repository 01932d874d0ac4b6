"""`gimf config`: named sets of settings."""

import os
from argparse import Namespace
from pathlib import Path

from engine.api import WorkApi
from engine.errors import InputError, NotFoundError
from engine.settings import Settings, dump_settings, merge_settings, override_settings
from engine.settings_files import read_settings_file, settings_to_toml
from engine.views import ConfigurationView
from tui.cli.asking import confirm
from tui.cli.choose import choose_settings
from tui.cli.output import Output
from tui.cli.session import open_session
from tui.cli.statuses import ExitStatus
from tui.cli.tables import table
from tui.format import local_time


async def list_configurations(options: Namespace, output: Output) -> int:
    """An array of configuration objects."""
    session = open_session(options, output)
    stored: list[ConfigurationView] = []
    if session.has_database:
        async with session.queries() as queries:
            stored = await queries.configurations()
    rows = [(view.name, "default" if view.is_default else "", local_time(view.updated_at)) for view in stored]
    output.result(stored, table(("name", "", "changed"), rows) if rows else ["No configurations are stored."])
    return ExitStatus.OK


async def show_configuration(options: Namespace, output: Output) -> int:
    """One configuration object; TOML for people."""
    view = await _stored(options, output)
    output.result(view, [_toml(view, output).rstrip()])
    return ExitStatus.OK


async def save_configuration(options: Namespace, output: Output) -> int:
    """The configuration object as stored."""
    async with open_session(options, output).engine(is_working=False) as engine:
        base = options.configuration
        if base is None and not await _is_stored(engine, options.name):
            settings = override_settings(Settings(), options.overrides)
        else:
            choice = await choose_settings(engine, base or options.name, options.overrides, output)
            settings = choice.settings
        view = await engine.save_configuration(
            options.name, dump_settings(settings), is_default=options.default
        )
    return _saved(view, output)


async def import_configuration(options: Namespace, output: Output) -> int:
    """The configuration object as stored."""
    path = _place(options.file)
    settings, warnings = read_settings_file(path)
    output.warnings(warnings)
    async with open_session(options, output).engine(is_working=False) as engine:
        view = await engine.save_configuration(
            options.name or path.stem, dump_settings(settings), is_default=options.default
        )
    return _saved(view, output)


async def export_configuration(options: Namespace, output: Output) -> int:
    """`{"path": ...}`; without `--to` the configuration object with `--json`, else the TOML text itself."""
    view = await _stored(options, output)
    text = _toml(view, output)
    if options.to is None:
        if output.is_json:
            output.document(view)
        else:
            output.raw(text)
        return ExitStatus.OK
    path = _place(options.to)
    _write(path, text, is_replacing=options.overwrite)
    output.result({"path": str(path)}, [f"Written to {path}"])
    return ExitStatus.OK


async def delete_configuration(options: Namespace, output: Output) -> int:
    """`{"deleted": n}`; asks first where a person is there to answer."""
    async with open_session(options, output).engine(is_working=False) as engine:
        view = await engine.configuration(options.name)
        if not confirm(f"Delete the configuration {view.name}?", output, is_agreed=options.yes):
            output.result({"deleted": 0}, ["Nothing was deleted."])
            return ExitStatus.OK
        await engine.delete_configuration(view.name)
    output.result({"deleted": 1}, [f"Deleted {view.name}."])
    return ExitStatus.OK


async def _stored(options: Namespace, output: Output) -> ConfigurationView:
    """The named one, or the default one; before anything was stored that is the program's own."""
    session = open_session(options, output)
    if options.name is None and not session.has_database:
        return ConfigurationView(
            name="default", is_default=True, settings=dump_settings(Settings()), updated_at=""
        )
    async with session.queries() as queries:
        return await queries.configuration(options.name)


def _place(text: str) -> Path:
    return Path(text).expanduser().absolute()


async def _is_stored(engine: WorkApi, name: str) -> bool:
    try:
        await engine.configuration(name)
    except NotFoundError:
        return False
    return True


def _saved(view: ConfigurationView, output: Output) -> int:
    output.result(view, [f"Saved {view.name}{', the default configuration' if view.is_default else ''}."])
    return ExitStatus.OK


def _toml(view: ConfigurationView, output: Output) -> str:
    settings, warnings = merge_settings(view.settings)
    output.warnings(warnings)
    return settings_to_toml(settings)


def _write(path: Path, text: str, *, is_replacing: bool) -> None:
    """Write beside its place and rename, so that a failure leaves no half file."""
    if path.exists() and not is_replacing:
        raise InputError(f"{path} is there already.", hint="Choose another name, or add --overwrite.")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise InputError(f"{path} cannot be written: {error.strerror}.") from error
