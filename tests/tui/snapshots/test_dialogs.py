"""How help, palette and the dialogs to start and to leave look."""

from typing import Any

import pytest

from tests.support.studio import Studio
from tests.tui.snapshots.conftest import SIZES, go_to


@pytest.mark.parametrize("size", SIZES)
async def test_help_and_palette(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await pilot.press("3")
        await matches(pilot, "review")
        await pilot.press("question_mark")
        await matches(pilot, "help")
        await pilot.press("escape", "colon")
        await matches(pilot, "palette")


@pytest.mark.parametrize("size", SIZES)
async def test_start(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await pilot.press("s")
        await matches(pilot, "start")


@pytest.mark.parametrize("size", SIZES)
async def test_export(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    """Of a job, and as a sheet that breaks limits."""
    studio.paths.config_file.write_text('target_agency = "adobe"\n')
    async with opened(studio, size) as pilot:
        await go_to(pilot, "2")
        await pilot.press("G", "e")
        await matches(pilot, "export")
        await pilot.press("right", "right", "right")
        await matches(pilot, "export-sheet")


@pytest.mark.parametrize("size", SIZES)
async def test_quit(studio: Studio, opened: Any, matches: Any, size: tuple[int, int]) -> None:
    async with opened(studio, size) as pilot:
        await pilot.press("q")
        await matches(pilot, "quit")


async def test_start_without_keys(new_studio: Studio, opened: Any, matches: Any) -> None:
    async with opened(new_studio, (80, 24), is_running=False) as pilot:
        await pilot.press("s")
        await matches(pilot, "start-without-keys")
