"""Settings: in the Electron program the switch of the quality check, the count and the random order were ignored. Here
what the Settings screen shows is what the next job runs with, down to the requests.

That each single field does something: tests/acceptance/test_settings_reach_the_wire.py and its proofs.
"""

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from tests.acceptance.regressions.steps import go, job_after, start
from tests.acceptance.support import outcome_of
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, settings
from tui.screens.settings import SettingsScreen
from tui.widgets.field_panel import FieldPanel

pytestmark = pytest.mark.acceptance

LETTERS = [f"letter {letter}" for letter in "abcdefghijklmnopqrst"]


async def test_what_is_set_with_keys_is_what_is_sent(home: EngineHome, tmp_path: Path) -> None:
    (tmp_path / "keywords.txt").write_text("\n".join(LETTERS), encoding="utf-8")
    (tmp_path / "template.txt").write_text("Draw {keyword} in ink.", encoding="utf-8")
    async with home.open() as engine:
        await engine.save_configuration("cards", settings(), is_default=True)
        async with running(services_for(engine, home=home)) as pilot:
            screen = await go(pilot, "5", SettingsScreen)
            await press_at(pilot, screen, "ai.quality_check", "space")
            await press_at(pilot, screen, "ai.metadata", "space")
            await press_at(pilot, screen, "generation.keyword_order", "space")
            await press_at(pilot, screen, "generation.generations", "plus", "plus")
            await type_at(pilot, screen, "generation.seed", "7")
            await type_at(pilot, screen, "files.keywords_file", str(tmp_path / "keywords.txt"))
            await type_at(pilot, screen, "files.system_prompt_file", str(tmp_path / "template.txt"))
            await pilot.press("ctrl+s")
            await wait_until(pilot, lambda: not screen.form.changed)
            await start(pilot)
            done = await outcome_of(engine, (await job_after(engine, 0)).job_id)
    assert done.statuses == ["approved"] * 3
    drawn = [one.keyword for one in done.job.generations]
    briefs = [message_of(record.body, "user") for record in home.requests("openai", "chat.prompt")]
    assert sorted(briefs) == sorted(f"Draw {keyword} in ink." for keyword in drawn)
    assert len(set(drawn)) == 3, "drawn without repetition"
    assert set(drawn) < set(LETTERS)
    assert drawn != LETTERS[:3]
    assert len(home.requests("piapi", "submit")) == 3
    assert home.requests("openai", "chat.check") == []
    assert home.requests("openai", "chat.metadata") == []


async def press_at(pilot: Pilot[int], screen: SettingsScreen, path: str, *keys: str) -> None:
    """Press keys with the cursor at a setting."""
    assert screen.form.fields.move_to(path)
    await pilot.press(*keys)
    await wait_until(pilot, lambda: path in screen.form.changed)


async def type_at(pilot: Pilot[int], screen: SettingsScreen, path: str, text: str) -> None:
    """Open a setting's editor, put the text in as if pasted, and close it."""
    panel = screen.query_one(FieldPanel)
    assert screen.form.fields.move_to(path)
    await pilot.press("enter")
    await wait_until(pilot, lambda: panel.is_editing)
    editor = pilot.app.focused
    assert isinstance(editor, Input)
    editor.value = text
    await pilot.press("enter")
    await wait_until(pilot, lambda: not panel.is_editing and path in screen.form.changed)


def message_of(body: dict[str, Any], role: str) -> str:
    (content,) = [message["content"] for message in body["messages"] if message["role"] == role]
    return str(content)
