"""How the review of failed images looks."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES, go_to


@pytest.mark.parametrize("size", SIZES)
async def test_the_list_the_picture_and_the_reason(
    studio: Studio, opened: Any, matches: Any, size: tuple[int, int]
) -> None:
    async with opened(studio, size) as pilot:
        await go_to(pilot, "3")
        await matches(pilot, "review")
        await pilot.press("i")
        await matches(pilot, "review-facts")


async def test_a_question_about_marked_images(studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(studio, (80, 24)) as pilot:
        await go_to(pilot, "3")
        await pilot.press("space", "space", "d")
        await matches(pilot, "review-question")
