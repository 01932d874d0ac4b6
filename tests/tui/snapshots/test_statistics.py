"""How the statistics look, page by page, and where there is nothing yet."""

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.support.app import wait_until
from tests.support.history import add_history
from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES
from tui.screens.statistics import StatisticsScreen


async def open_statistics(pilot: Pilot[int]) -> None:
    """The three weeks before the jobs of the studio."""
    await pilot.press("i")
    await wait_until(
        pilot, lambda: isinstance(pilot.app.screen, StatisticsScreen) and not pilot.app.screen.is_loading_now
    )
    await pilot.press("slash", *"2026-11-01..2026-11-21", "enter")


@pytest.mark.parametrize("size", SIZES)
async def test_each_page(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    add_history(studio.paths)
    async with opened(studio, size) as pilot:
        await open_statistics(pilot)
        await matches(pilot, "statistics")
        for page in ("reasons", "steps", "configurations", "models"):
            await pilot.press("right_square_bracket")
            await matches(pilot, f"statistics-{page}")


async def test_nothing_yet(new_studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(new_studio, (80, 24), is_running=False) as pilot:
        await pilot.press("i")
        await matches(pilot, "statistics-empty")


async def test_the_light_theme(studio: Studio, opened: Any, matches: Any) -> None:
    studio.paths.config_file.write_text('theme = "gimf-light"\n')
    add_history(studio.paths)
    async with opened(studio, (80, 24)) as pilot:
        await open_statistics(pilot)
        await matches(pilot, "statistics", look="gimf-light")


async def test_without_colours(
    studio: Studio, opened: Any, matches: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    add_history(studio.paths)
    async with opened(studio, (80, 24)) as pilot:
        await open_statistics(pilot)
        await matches(pilot, "statistics", look="no-color")
