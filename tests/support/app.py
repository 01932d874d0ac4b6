"""The app over an engine that is there already, for tests that press keys."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.message import Message
from textual.pilot import Pilot

from engine.api import EngineApi
from engine.paths import Paths
from engine.preferences import Preferences
from engine.secrets import KeyStore
from tests.support.engine import EngineHome
from tui.app import FactoryApp
from tui.services import AppServices


def services_for(
    engine: EngineApi, root: Path | None = None, *, home: EngineHome | None = None, **options: Any
) -> AppServices:
    """Services of an engine on `home`, or of a fake one with its files below `root`."""
    if home is not None:
        paths, preferences, keys = home.paths, home.preferences, home.keys()
    else:
        assert root is not None
        paths, preferences = Paths.resolve(root, {}), Preferences()
        keys = KeyStore(paths.keys_file, {}, load=lambda: None)

    @asynccontextmanager
    async def attach() -> AsyncIterator[EngineApi]:
        yield engine

    return AppServices(
        **{"attach": attach, "paths": paths, "preferences": preferences, "keys": keys, **options}
    )


@asynccontextmanager
async def running(
    services: AppServices,
    size: tuple[int, int] = (120, 36),
    *,
    heard: list[Message] | None = None,
    app_class: type[FactoryApp] = FactoryApp,
    has_toasts: bool = False,
) -> AsyncIterator[Pilot[int]]:
    """The app in a terminal of that size, attached and with the dashboard loaded. `heard` gets every message;
    notices are drawn only where it `has_toasts`.

    A fault of the program that the app survived fails the test at the end of the block.
    """
    app = app_class(services)
    hook = None if heard is None else heard.append
    async with app.run_test(size=size, message_hook=hook, notifications=has_toasts) as pilot:
        await wait_until(pilot, lambda: app.is_attached and not getattr(app.screen, "is_loading_now", False))
        yield pilot


async def wait_until(pilot: Pilot[int], is_true: Callable[[], bool], turns: int = 400) -> None:
    """Let the app work until something holds; fails the test when it does not come."""
    for _ in range(turns):
        if is_true():
            return
        await pilot.pause(0.02)
    raise AssertionError("it did not come to pass")
