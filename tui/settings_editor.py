"""Settings as TOML in the user's own editor, until they can be read or the user gives up."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from textual.app import SuspendNotSupported
from textual.screen import Screen

from engine.errors import InputError, Problem, SettingsError
from engine.settings import Settings
from engine.settings_files import read_settings_file, settings_to_toml
from engine.text import safe_label
from tui import format as fmt
from tui.editor import edit_file
from tui.factory_screen import FactoryScreen
from tui.screens.confirm_dialog import Answer, ConfirmDialog


async def edit_as_toml(screen: FactoryScreen, name: str, settings: Settings) -> Settings | None:
    """What was made of the settings; None where the user gave up. Raises InputError where no editor can be used.

    Relative paths belong to the folder that the program was started in.
    """
    with tempfile.TemporaryDirectory(prefix="gimf-") as folder:
        path = Path(folder) / f"{safe_label(name)}.toml"
        await asyncio.to_thread(path.write_text, settings_to_toml(settings), "utf-8")
        while True:
            _edit(screen, path)
            try:
                edited, warnings = await asyncio.to_thread(read_settings_file, path, folder=Path.cwd())
            except SettingsError as error:
                if not await _wants_again(screen, error.problems, folder):
                    return None
                continue
            if warnings:
                screen.host.toast(_lines(warnings, folder), title="Left out", severity="warning")
            return edited


def _edit(screen: FactoryScreen, path: Path) -> None:
    """Blocks the app, as it must: the terminal is the editor's."""
    try:
        with screen.app.suspend():
            edit_file(path, screen.host.services.environ)
    except SuspendNotSupported as error:
        raise InputError("This terminal cannot be handed to an editor.") from error


async def _wants_again(screen: Screen[None], problems: Sequence[Problem], folder: str) -> bool:
    answers = (Answer("again", "Edit again"), Answer("discard", "Throw the edits away"))
    answer = await screen.app.push_screen_wait(
        ConfirmDialog("That cannot be read", _lines(problems, folder), answers)
    )
    return answer != "discard"


def _lines(problems: Sequence[Problem], folder: str) -> str:
    lines = [f"{one.field}: {fmt.advice(one.message, one.hint)}" for one in problems]
    return "\n".join(lines).replace(f"{folder}/", "")
