"""How the log of all jobs looks."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
async def test_the_log(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await pilot.press("L")
        await matches(pilot, "logs")
