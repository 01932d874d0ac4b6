"""How the settings look."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
async def test_the_form(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await pilot.press("5")
        await matches(pilot, "settings")
        await pilot.press("G")
        await matches(pilot, "settings-end")


async def test_without_any_key(new_studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(new_studio, (80, 24), is_running=False) as pilot:
        await pilot.press("5")
        await matches(pilot, "settings-new")
