"""How the gallery looks, as a wall and as a list, and the viewer."""

from typing import Any

import pytest
from textual.widgets import Static

from tests.support.app import wait_until
from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES, go_to


@pytest.mark.parametrize("size", SIZES)
async def test_wall_and_list(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await go_to(pilot, "4")
        await pilot.press("l", "space")
        await matches(pilot, "gallery")
        await pilot.press("v")
        await matches(pilot, "gallery-list")


@pytest.mark.parametrize("size", SIZES)
async def test_the_viewer(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await go_to(pilot, "4")
        await pilot.press("enter")
        await matches(pilot, "viewer")
        await pilot.press("i")
        await matches(pilot, "viewer-facts")


@pytest.mark.parametrize("size", SIZES)
async def test_what_an_agency_takes_and_the_texts_of_an_image(
    studio: Studio, opened: Any, matches: Any, size: tuple[int, int]
) -> None:
    studio.paths.config_file.write_text('target_agency = "adobe"\n')
    async with opened(studio, size) as pilot:
        await go_to(pilot, "4")
        await pilot.press("v")
        line = pilot.app.screen.query_one("#gallery-line", Static)
        await wait_until(pilot, lambda: "megapixels" in str(line.content))
        await matches(pilot, "gallery-agency")
        await pilot.press("t")
        await matches(pilot, "edit-texts")


async def test_no_image_yet(new_studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(new_studio, (80, 24), is_running=False) as pilot:
        await pilot.press("4")
        await matches(pilot, "gallery-empty")
