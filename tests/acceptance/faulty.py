"""`gimf` with faults that nobody foresaw: `python faulty.py PLACE... -- ARGUMENTS`. Each place that is named breaks."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from tui.app import FactoryApp
from tui.cli import main
from tui.screens.gallery import GalleryScreen
from tui.screens.logs import LogsScreen
from tui.screens.review import ReviewScreen
from tui.screens.settings import SettingsScreen
from tui.widgets.app_header import AppHeader
from tui.widgets.statistics_pane import StatisticsPane


def fail(*_: Any, **__: Any) -> NoReturn:
    """The fault."""
    raise RuntimeError("nobody foresaw this")


async def fail_later() -> None:
    fail()


def fail_in_a_worker(screen: ReviewScreen) -> None:
    screen.run_worker(fail_later())


PLACES: dict[str, tuple[type[Any], str, Callable[..., Any]]] = {
    "key": (GalleryScreen, "action_view", fail),
    "worker": (ReviewScreen, "action_facts", fail_in_a_worker),
    "message": (LogsScreen, "on_screen_resume", fail),
    "render": (StatisticsPane, "render_line", fail),
    "layout": (SettingsScreen, "_refresh_layout", fail),
    "start": (FactoryApp, "__init__", fail),
    "draw": (AppHeader, "render", fail),
}

if __name__ == "__main__":
    at = sys.argv.index("--")
    for place in sys.argv[1:at]:
        owner, name, instead = PLACES[place]
        setattr(owner, name, instead)
    sys.exit(main(sys.argv[at + 1 :]))
