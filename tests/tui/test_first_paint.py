"""What stands before the first frame: no heavy package, no answer of an engine, one reading of the stylesheet."""

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from engine.api import EngineApi
from engine.errors import Problem, SettingsError
from engine.first_look import FirstLook, first_look
from engine.preferences import Preferences
from tests.support.app import services_for, wait_until
from tui.app import FactoryApp
from tui.haste import begin_haste, end_haste
from tui.services import AppServices
from tui.widgets.app_header import AppHeader
from tui.widgets.progress_panel import ProgressPanel

HEAVY = ("pydantic", "openai", "PIL", "openpyxl", "httpx", "aiosqlite", "keyring")
IMPORTS = "tui.cli.commands, tui.cli.open_app, tui.app, tui.screens.dashboard"


class WatchedApp(FactoryApp):
    """Knows how many frames it has drawn."""

    frames = 0

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        self.frames += renderable is not None and not self._batch_count
        super()._display(screen, renderable)


@pytest.fixture
def services(tmp_path: Path) -> AppServices:
    return services_for(_NO_ENGINE, tmp_path)


_NO_ENGINE: EngineApi = None  # type: ignore[assignment]  # nobody gets as far as to use it


def test_the_window_is_drawn_without_heavy_packages() -> None:
    script = f"import sys, {IMPORTS}; print([one for one in {HEAVY} if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_the_first_frame_needs_no_engine_and_comes_before_it_is_looked_for(
    services: AppServices,
) -> None:
    frames_before = asyncio.get_running_loop().create_future()

    @asynccontextmanager
    async def never() -> AsyncIterator[EngineApi]:
        frames_before.set_result(app.frames)
        await asyncio.Event().wait()
        yield _NO_ENGINE

    app = WatchedApp(replace(services, attach=never))
    async with app.run_test(size=(120, 36)) as pilot:
        await wait_until(pilot, frames_before.done)
        assert frames_before.result() > 0
        assert "starting the engine" in app.screen.query_one(AppHeader)._line().plain
        assert not app.is_attached


async def test_the_stylesheet_is_read_once_also_with_another_section(
    services: AppServices, monkeypatch: pytest.MonkeyPatch
) -> None:
    reparsed: list[Stylesheet] = []
    monkeypatch.setattr(Stylesheet, "reparse", reparsed.append)
    app = FactoryApp(replace(services, preferences=Preferences(theme="gimf-dark"), attach=_unreachable))
    async with app.run_test() as pilot:
        await pilot.press("2")
        await wait_until(pilot, lambda: app.current_mode == "jobs")
        await pilot.pause()
    assert reparsed == []


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (59, 15)])
async def test_widgets_are_styled_once(
    services: AppServices, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    """Styling is the dearest part of a first frame; Textual does it anew when a screen is shown, and for its size."""
    again: list[Widget] = []
    update_nodes = Stylesheet.update_nodes

    def watched(self: Stylesheet, nodes: Iterable[DOMNode], animate: bool = False) -> None:
        every = list(nodes)
        again.extend(one for one in every if isinstance(one, AppHeader | ProgressPanel))
        update_nodes(self, every, animate)

    monkeypatch.setattr(Stylesheet, "update_nodes", watched)
    app = FactoryApp(replace(services, preferences=FirstLook(), attach=_unreachable))
    async with app.run_test(size=size) as pilot:
        await wait_until(pilot, lambda: app.screen.has_class("-wide") == (size[0] >= 120))
        assert again == []
        await pilot.resize_terminal(100, 30)
        await wait_until(pilot, lambda: app.screen.has_class("-narrow", "-tall"))
        assert again != []


@pytest.mark.parametrize("theme", ["gimf-dark", "gimf-light", "nord"])
async def test_every_theme_is_there_from_the_start_and_can_be_changed(
    services: AppServices, theme: str
) -> None:
    app = FactoryApp(replace(services, preferences=Preferences(theme=theme), attach=_unreachable))
    async with app.run_test() as pilot:
        await pilot.pause()
        for chosen in (theme, "gimf-light", "gimf-dark"):
            app.theme = chosen
            await pilot.pause()
            colours = app.get_theme(chosen)
            assert colours is not None
            assert app.has_class(f"-theme-{chosen}")
            header = app.screen.query_one(AppHeader).styles.background.hex.lower()
            assert header == str(app.get_css_variables()["panel"]).lower()[:7]


async def test_preferences_that_come_late_take_effect(services: AppServices) -> None:
    wanted = Preferences(theme="nord", keymap={"review.approve": "f5"})
    late = replace(
        services, preferences=FirstLook(), read_preferences=lambda: (wanted, ()), attach=_unreachable
    )
    app = FactoryApp(late)
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.theme == "nord")
        assert app.preferences is wanted
        assert app.keymap == {"review.approve": "f5"}


async def test_preferences_that_are_wrong_end_the_app(services: AppServices) -> None:
    refusal = SettingsError([Problem("theme", "it is no text")])

    def refuse() -> tuple[Preferences, tuple[str, ...]]:
        raise refusal

    app = FactoryApp(replace(services, preferences=FirstLook(), read_preferences=refuse))
    async with app.run_test() as pilot:
        await wait_until(pilot, lambda: app.refusal is not None)
    assert app.refusal is refusal


def test_the_first_look_is_what_the_preferences_say(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    as_they_are = Preferences()
    assert first_look(file) == FirstLook(as_they_are.theme, as_they_are.image_protocol, as_they_are.keymap)
    file.write_text('theme = "nord"\nimage_protocol = "off"\n[keymap]\n"review.approve" = "f5"\n', "utf-8")
    assert first_look(file) == FirstLook("nord", "off", {"review.approve": "f5"})


@pytest.mark.parametrize(
    "text", ["theme = 5\nimage_protocol = 'paper'\n[keymap]\na = 1\n", "keymap = 3", "no toml", "\xff"]
)
def test_the_first_look_refuses_nothing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode("latin-1"))
    assert first_look(file) == FirstLook()


def test_haste_has_an_end() -> None:
    begin_haste()
    assert not gc.isenabled()
    try:
        end_haste()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    finally:
        gc.enable()
        gc.unfreeze()


@asynccontextmanager
async def _unreachable() -> AsyncIterator[EngineApi]:
    raise OSError("there is none")
    yield
