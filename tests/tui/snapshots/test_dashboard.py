"""How the dashboard looks: with a job at work, with a paused one, at the first start, and in too small a terminal."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES


@pytest.mark.parametrize("size", SIZES)
async def test_a_job_at_work(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await matches(pilot, "dashboard")


async def test_a_paused_job_says_why(studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(studio, (80, 24), is_running=False) as pilot:
        await matches(pilot, "dashboard-paused")


@pytest.mark.parametrize("size", SIZES)
async def test_a_first_start_without_keys(
    new_studio: Studio, opened: Any, matches: Any, size: tuple[int, int]
) -> None:
    async with opened(new_studio, size, is_running=False, demo_folder="/srv/gimf/data/demo") as pilot:
        await matches(pilot, "first-start")


@pytest.mark.parametrize("size", [(59, 24), (80, 15), (24, 6)])
async def test_a_terminal_that_is_too_small(
    studio: Studio, opened: Any, matches: Any, size: tuple[int, int]
) -> None:
    async with opened(studio, size) as pilot:
        await matches(pilot, "too-small")
