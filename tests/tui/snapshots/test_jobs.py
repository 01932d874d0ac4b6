"""How the list of jobs looks."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES, go_to


@pytest.mark.parametrize("size", SIZES)
async def test_the_list(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await go_to(pilot, "2")
        await pilot.press("G", "space")
        await matches(pilot, "jobs")


async def test_a_question_and_a_filter(studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(studio, (80, 24)) as pilot:
        await go_to(pilot, "2")
        await pilot.press("f")
        await matches(pilot, "jobs-filter")
        await pilot.press("escape", "escape", "G", "d")
        await matches(pilot, "jobs-question")
