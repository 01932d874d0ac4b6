"""Turns messages and section keys into screens. The only place that knows which screen a message means; screens are
imported when they are first shown."""

import importlib
from collections.abc import Callable
from typing import Any

from textual.screen import Screen

SECTION_SCREENS = {
    "dashboard": "tui.screens.dashboard:DashboardScreen",
    "jobs": "tui.screens.jobs:JobsScreen",
    "review": "tui.screens.review:ReviewScreen",
    "gallery": "tui.screens.gallery:GalleryScreen",
    "settings": "tui.screens.settings:SettingsScreen",
}


BROKEN = "broken"


def make_screen(path: str, *arguments: Any, **options: Any) -> Screen[Any]:
    """An instance of `module:Class`, the module imported only now."""
    module, _, name = path.partition(":")
    screen: Screen[Any] = getattr(importlib.import_module(module), name)(*arguments, **options)
    return screen


def section_modes() -> dict[str, Callable[[], Screen[Any]]]:
    """Textual's MODES: a section's screen is made on the first visit. One more takes the place of a broken section."""
    modes = {section: _maker(path) for section, path in SECTION_SCREENS.items()}
    return {**modes, BROKEN: _maker("tui.screens.broken:BrokenScreen")}


def _maker(path: str) -> Callable[[], Screen[Any]]:
    return lambda: make_screen(path)
