"""The light theme, and no colours at all: the same screens, as readable."""

from typing import Any

import pytest

from tests.support.studio import Studio

SECTIONS = {"dashboard": "1", "review": "3"}


@pytest.mark.parametrize("name", SECTIONS)
async def test_the_light_theme(studio: Studio, opened: Any, matches: Any, name: str) -> None:
    studio.paths.config_file.write_text('theme = "gimf-light"\n')
    async with opened(studio, (80, 24)) as pilot:
        await pilot.press(SECTIONS[name])
        await matches(pilot, name, look="gimf-light")


@pytest.mark.parametrize("name", SECTIONS)
async def test_without_colours(
    studio: Studio, opened: Any, matches: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(studio, (80, 24)) as pilot:
        await pilot.press(SECTIONS[name])
        await matches(pilot, name, look="no-color")
