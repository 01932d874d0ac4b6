"""The settings screen: what it shows is what the next job runs with, and nothing is lost without a question."""

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from engine.errors import InputError
from engine.secrets import KeyName, KeySource
from engine.service import Engine
from engine.settings import merge_settings
from tests.support.app import running, services_for, wait_until
from tests.support.engine import KEYS, EngineHome, request
from tui import settings_editor
from tui.editor import edit_file, editor_command
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.dashboard import DashboardScreen
from tui.screens.settings import SettingsScreen
from tui.screens.start_dialog import ConfigurationChoice, StartDialog
from tui.screens.text_dialog import TextDialog
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.field_panel import FieldPanel
from tui.widgets.input_bar import InputBar

GENERATIONS = "generation.generations"


class Opened:
    """The screen in the app, and the engine behind it."""

    def __init__(self, pilot: Pilot[int], engine: Engine, home: EngineHome) -> None:
        self.pilot = pilot
        self.engine = engine
        self.home = home
        screen = pilot.app.screen
        assert isinstance(screen, SettingsScreen)
        self.screen = screen

    def go(self, path: str) -> None:
        assert self.screen.form.fields.move_to(path)

    async def until(self, is_true: Any) -> None:
        await wait_until(self.pilot, is_true)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    @property
    def line(self) -> str:
        return str(self.screen.query_one("#settings-line", Static).content)

    @property
    def toasts(self) -> str:
        return "\n".join(f"{one.title}\n{one.message}" for one in self.pilot.app._notifications)

    async def stored(self, name: str | None = None) -> dict[str, Any]:
        return (await self.engine.configuration(name)).settings

    async def dialog(self, kind: type[Any] = ConfirmDialog) -> Any:
        await self.until(lambda: isinstance(self.pilot.app.screen, kind))
        return self.pilot.app.screen

    async def answer(self, answer_id: str) -> None:
        """Choose in a dialog."""
        choices = (await self.dialog()).query_one(OptionList)
        choices.highlighted = choices.get_option_index(answer_id)
        await self.press("enter")
        await self.until(lambda: not isinstance(self.pilot.app.screen, ConfirmDialog))

    async def name_it(self, name: str) -> None:
        """Answer the question for a name."""
        bar = self.screen.query_one(InputBar)
        await self.until(lambda: bar.is_asking)
        bar.query_one(Input).value = name
        await self.press("enter")
        await self.until(lambda: not bar.is_asking)


@asynccontextmanager
async def opened(
    home: EngineHome, *configurations: str, size: tuple[int, int] = (120, 36), **options: Any
) -> AsyncIterator[Opened]:
    """The screen; the first of the configurations is the default one, with 3 generations, the next has 4 ..."""
    async with home.open(is_working=False) as engine:
        for number, name in enumerate(configurations):
            document = {"generation": {"generations": 3 + number}}
            await engine.save_configuration(name, document, is_default=number == 0)
        async with running(
            services_for(engine, home=home, **{"environ": home.environ, **options}), size
        ) as pilot:
            await pilot.press("5")
            await wait_until(
                pilot,
                lambda: isinstance(pilot.app.screen, SettingsScreen) and not pilot.app.screen.is_loading_now,
            )
            yield Opened(pilot, engine, home)


async def test_what_is_saved_is_what_the_next_job_runs_with(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        assert it.screen.settings.value(GENERATIONS) == 3
        it.go(GENERATIONS)
        await it.press("plus", "plus")
        await it.until(lambda: "* 1 unsaved" in it.line)
        assert (await it.stored())["generation"]["generations"] == 3
        await it.press("ctrl+s")
        await it.until(lambda: "Saved stock." in it.toasts)
        assert "unsaved" not in it.line
        await it.press("s")
        dialog = await it.dialog(StartDialog)
        await it.until(lambda: dialog.query_one(ConfigurationChoice).chosen is not None)
        planned = dialog.request()
        assert planned.settings["generation"]["generations"] == 5
        assert planned.configuration == "stock"
        await it.press("escape")


async def test_the_plan_stands_over_the_form_and_its_problems_at_their_fields(home: EngineHome) -> None:
    del home.environ["PIAPI_API_KEY"]
    async with opened(home) as it:
        it.go(GENERATIONS)
        await it.press("plus")
        await it.until(lambda: "2 images  about $" in it.line and "✗ 1 problem" in it.line)
        warning = it.screen.form.fields.warning("keys.piapi")
        assert warning is not None
        assert not warning.is_warning
        assert "gimf keys" not in warning.hint
        it.go("generation.model")
        await it.press("enter")
        await it.until(lambda: it.screen.query_one(FieldPanel).is_editing)
        await it.press("ctrl+u", *"odd", "enter")
        await it.until(lambda: it.screen.form.fields.warning("generation.model") is not None)


async def test_with_a_field_to_mend_nothing_is_saved_and_every_edit_stays(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        it.screen.form.put(GENERATIONS, 2500)
        it.screen.form.put("generation.variations", 20)
        it.screen.form.put("theme", "gimf-light")
        it.go("ai.metadata")
        await it.press("ctrl+s")
        await it.until(lambda: "Nothing was saved" in it.toasts)
        assert f"{GENERATIONS}: 2,500 generations x 20 variations are 50,000 images" in it.toasts
        assert it.screen.form.fields.field is not None
        assert it.screen.form.fields.field.path == GENERATIONS
        assert "✗ 1 field to mend" in it.line
        assert (await it.stored())["generation"]["generations"] == 3
        assert not home.paths.config_file.exists()
        assert set(it.screen.form.changed) == {GENERATIONS, "generation.variations", "theme"}


async def test_saving_takes_what_stands_in_the_editor(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        it.go(GENERATIONS)
        await it.press("enter")
        await it.until(lambda: it.screen.query_one(FieldPanel).is_editing)
        await it.press("ctrl+u", "9", "ctrl+s")
        await it.until(lambda: "Saved stock." in it.toasts)
        assert (await it.stored())["generation"]["generations"] == 9


@pytest.mark.parametrize(("answer", "expected"), [("save", 4), ("discard", 3)])
async def test_leaving_asks_what_becomes_of_edits(home: EngineHome, answer: str, expected: int) -> None:
    async with opened(home, "stock") as it:
        it.screen.form.put(GENERATIONS, 4)
        it.screen.form.put("theme", "gimf-light")
        await it.until(lambda: it.pilot.app.theme == "gimf-light")
        await it.press("1")
        await it.answer("stay")
        assert it.pilot.app.screen is it.screen
        assert it.screen.settings.value(GENERATIONS) == 4
        await it.press("1")
        await it.answer(answer)
        await it.until(lambda: isinstance(it.pilot.app.screen, DashboardScreen))
        assert (await it.stored())["generation"]["generations"] == expected
        assert it.pilot.app.theme == ("gimf-light" if answer == "save" else "gimf-dark")
        assert it.screen.form.changed == ()


async def test_quitting_asks_too(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        it.screen.form.put(GENERATIONS, 4)
        await it.press("q")
        await it.answer("stay")
        assert it.pilot.app.is_running
        await it.press("q")
        choices = (await it.dialog()).query_one(OptionList)
        choices.highlighted = choices.get_option_index("discard")
        await it.press("enter")
        await it.until(lambda: it.pilot.app.return_code == 0)


async def test_configurations_are_chosen_made_duplicated_renamed_and_deleted(home: EngineHome) -> None:
    async with opened(home, "stock", "posters") as it:
        assert "stock (2 of 2, the default)" in it.line
        await it.press("c")
        await it.answer("posters")
        await it.until(lambda: it.screen.settings.value(GENERATIONS) == 4)
        it.screen.form.put(GENERATIONS, 8)
        await it.press("C")
        await it.name_it("shirts")
        await it.until(lambda: "Configuration shirts" in it.line)
        assert (await it.stored("shirts"))["generation"]["generations"] == 8
        assert (await it.stored("posters"))["generation"]["generations"] == 4
        await it.press("n")
        await it.name_it("empty")
        await it.until(lambda: "Configuration empty" in it.line)
        assert it.screen.settings.value(GENERATIONS) == 1
        await it.press("t")
        await it.name_it("fresh")
        await it.until(lambda: "Configuration fresh" in it.line)
        await it.press("asterisk")
        await it.until(lambda: "fresh (1 of 4, the default)" in it.line)
        assert (await it.engine.configuration(None)).name == "fresh"
        await it.press("d")
        await it.until(lambda: it.screen.query_one(ConfirmBar).is_asking)
        await it.press("enter")
        await it.until(lambda: "Deleted fresh." in it.toasts)
        names = [one.name for one in await it.engine.configurations()]
        assert names == ["posters", "shirts", "stock"]
        await it.until(lambda: "Configuration default (1 of 4, the default)" in it.line)
        assert it.screen.settings.value(GENERATIONS) == 1


async def test_a_name_that_is_taken_overwrites_nothing(home: EngineHome) -> None:
    async with opened(home, "stock", "posters") as it:
        for key in ("n", "C", "t"):
            await it.press(key)
            await it.name_it("posters")
            await it.until(lambda: "There is a configuration “posters” already." in it.toasts)
            it.pilot.app.clear_notifications()
        assert (await it.stored("posters"))["generation"]["generations"] == 4
        assert "Configuration stock" in it.line


async def test_the_built_in_default_can_be_renamed_but_not_deleted(home: EngineHome) -> None:
    async with opened(home) as it:
        await it.press("d")
        await it.until(lambda: "nothing of it is stored" in it.toasts)
        it.screen.form.put(GENERATIONS, 6)
        await it.press("t")
        await it.name_it("mine")
        await it.until(lambda: "Configuration mine (the default)" in it.line)
        assert it.screen.settings.value(GENERATIONS) == 6
        assert (await it.engine.configuration(None)).name == "mine"


async def test_the_built_in_default_is_the_default_when_it_is_saved(home: EngineHome) -> None:
    async with opened(home) as it:
        it.screen.form.put(GENERATIONS, 6)
        await it.press("ctrl+s")
        await it.until(lambda: "Saved default." in it.toasts)
        assert "default (the default)" in it.line
        assert (await it.stored(None))["generation"]["generations"] == 6


async def test_what_someone_else_saves_is_shown_and_edits_stay(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        it.screen.form.put(GENERATIONS, 9)
        await it.engine.save_configuration("stock", {"generation": {"generations": 5, "variations": 2}})
        await it.until(lambda: it.screen.settings.value("generation.variations") == 2)
        assert it.screen.form.changed == (GENERATIONS,)
        assert it.screen.settings.value(GENERATIONS) == 9


async def test_preferences_take_effect_and_reach_the_engine(home: EngineHome, tmp_path: Path) -> None:
    async with opened(home, "stock") as it:
        it.screen.form.put("theme", "gimf-light")
        it.screen.form.put("notifications.bell", False)
        it.screen.form.put("folders.output", str(tmp_path / "pictures"))
        await it.press("ctrl+s")
        await it.until(lambda: "Saved the preferences." in it.toasts)
        assert "Saved stock" not in it.toasts
        text = home.paths.config_file.read_text(encoding="utf-8")
        assert 'theme = "gimf-light"' in text
        assert "127.0.0.1" not in text
        assert it.screen.host.preferences.notifications.bell is False
        plan = await it.engine.plan_job(request("A"))
        assert plan.output_dir == str(tmp_path / "pictures")
        it.screen.form.put("folders.output", None)
        it.pilot.app.clear_notifications()
        await it.press("ctrl+s")
        await it.until(lambda: "Saved the preferences." in it.toasts)
        assert "folders" not in home.paths.config_file.read_text(encoding="utf-8").replace("[folders]", "")


async def test_an_address_of_the_environment_is_said(home: EngineHome) -> None:
    async with opened(home) as it:
        note = it.screen.form.fields.note("base_urls.piapi")
        assert note is not None
        assert "PIAPI_BASE_URL" in note.plain
        it.screen.form.put("base_urls.runware", "ftp://nowhere")
        await it.press("ctrl+s")
        await it.until(lambda: "base_urls.runware: it is not an http or https URL" in it.toasts)


async def test_a_key_is_stored_tested_and_deleted_and_never_shown(home: EngineHome) -> None:
    del home.environ["RUNWARE_API_KEY"]
    secret = "rw-fresh-key-31337"
    async with opened(home) as it:
        sources = it.screen._keys
        assert sources.value("keys.runware") == "none"
        assert sources.value("keys.openai") == "environment"
        it.go("keys.runware")
        await it.press("enter")
        dialog = await it.dialog(TextDialog)
        await it.press(*secret)
        entry = dialog.query_one(Input)
        assert secret not in "".join(entry.render_line(0).text)
        await it.press("enter")
        await it.until(lambda: "keys file" in it.toasts)
        await it.until(lambda: sources.value("keys.runware") == "file")
        assert stat.S_IMODE(home.paths.keys_file.stat().st_mode) == 0o600
        store = it.screen.host.services.keys
        assert store.get(KeyName.RUNWARE) == secret
        await it.press("T")
        note = it.screen.form.fields.note
        await it.until(lambda: (found := note("keys.runware")) is not None and "✓ accepted" in found.plain)
        assert [record.operation for record in home.simulator.world.requests] != []
        await it.press("D")
        await it.until(lambda: it.screen.query_one(ConfirmBar).is_asking)
        await it.press("enter")
        await it.until(lambda: store.source(KeyName.RUNWARE) is KeySource.NONE)
        await it.until(lambda: sources.value("keys.runware") == "none")
        assert secret not in it.toasts
        assert it.screen.form.changed == ()


async def test_all_keys_are_tested_from_anywhere(home: EngineHome) -> None:
    del home.environ["REMOVE_BG_API_KEY"]
    home.script({"service": "piapi", "operation": "account", "action": "status", "code": 401})
    async with opened(home) as it:
        await it.press("T")
        note = it.screen.form.fields.note

        def says(name: str, words: str) -> bool:
            found = note(f"keys.{name}")
            return found is not None and words in found.plain

        await it.until(lambda: says("openai", "✓ accepted") and says("runware", "✓ accepted"))
        assert says("piapi", "✗ refused")
        assert says("remove_bg", "there is no key")
        shown = "".join(found.plain for name in KeyName if (found := note(f"keys.{name.value}")) is not None)
        assert not any(value in shown for value in KEYS.values())


@pytest.mark.parametrize(("answer", "is_kept"), [("keep", True), ("all", False)])
async def test_reset_with_and_without_the_keys(home: EngineHome, answer: str, is_kept: bool) -> None:
    del home.environ["RUNWARE_API_KEY"]
    home.paths.ensure()
    home.keys().set(KeyName.RUNWARE, "rw-fresh-key-31337")
    async with opened(home, "stock") as it:
        it.screen.form.put("notifications.bell", False)
        await it.press("ctrl+s")
        await it.until(lambda: "Saved the preferences." in it.toasts)
        await it.press("Z")
        await it.answer("stay")
        assert it.screen.form.changed == ()
        await it.press("Z")
        await it.answer(answer)
        await it.until(lambda: set(it.screen.form.changed) == {GENERATIONS, "notifications.bell"})
        if not is_kept:
            await it.until(lambda: "Deleted the key for runware." in it.toasts)
        assert (home.keys().source(KeyName.RUNWARE) is KeySource.FILE) == is_kept
        await it.press("u", "u")
        assert it.screen.form.changed == ()
        await it.press("Z")
        await it.answer("keep")
        await it.until(lambda: it.screen.form.changed != ())
        await it.press("ctrl+s")
        await it.until(lambda: "Saved stock." in it.toasts)
        assert (await it.stored())["generation"]["generations"] == 1


async def test_the_editor_gets_all_settings_and_its_values_are_edits(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []

    def type_in(_screen: object, path: Path) -> None:
        text = path.read_text(encoding="utf-8")
        texts.append(text)
        if len(texts) == 1:
            path.write_text(text.replace("generations = 3", "generations = 3000"), encoding="utf-8")
        else:
            path.write_text(text.replace("generations = 3000", "generations = 12"), encoding="utf-8")

    monkeypatch.setattr(settings_editor, "_edit", type_in)
    async with opened(home, "stock") as it:
        await it.press("e")
        dialog = await it.dialog()
        assert "stock.toml, line" in str(dialog.query_one(".dialog-text", Static).content)
        await it.answer("again")
        await it.until(lambda: it.screen.settings.value(GENERATIONS) == 12)
        assert len(texts) == 2
        assert (await it.stored())["generation"]["generations"] == 3
        assert it.screen.form.changed == (GENERATIONS,)
        await it.press("u")
        assert it.screen.form.changed == ()


async def test_a_terminal_that_cannot_be_lent_is_said(home: EngineHome) -> None:
    async with opened(home, "stock") as it:
        await it.press("e")
        await it.until(lambda: "cannot be handed to an editor" in it.toasts)


def test_the_editor_is_the_users(tmp_path: Path) -> None:
    assert editor_command({"EDITOR": "code --wait", "VISUAL": ""}) == ["code", "--wait"]
    assert editor_command({"EDITOR": "vi", "VISUAL": "emacs -nw"}) == ["emacs", "-nw"]
    with pytest.raises(InputError, match="no editor"):
        editor_command({"PATH": str(tmp_path)})
    script = tmp_path / "edit me"
    script.write_text('#!/bin/sh\necho changed > "$1"\nexit ${EDIT_STATUS:-0}\n')
    script.chmod(0o700)
    target = tmp_path / "file.toml"
    edit_file(target, {"EDITOR": f"'{script}'"})
    assert target.read_text() == "changed\n"
    with pytest.raises(InputError, match="status 3"):
        edit_file(target, {"EDITOR": f"'{script}'", "EDIT_STATUS": "3"})
    with pytest.raises(InputError, match="cannot be started"):
        edit_file(target, {"EDITOR": str(tmp_path / "gone")})


async def test_no_key_breaks_anything_in_a_small_terminal(home: EngineHome) -> None:
    brackets = ("left_square_bracket", "right_square_bracket")
    async with opened(home, size=(60, 16)) as it:
        for _ in range(8):
            await it.press(
                "j",
                "k",
                "G",
                "ctrl+d",
                "space",
                "plus",
                "minus",
                "D",
                "u",
                "u",
                "y",
                "ctrl+u",
                "g",
                *brackets,
            )
            await it.press("right_square_bracket")
        merge_settings(it.screen.settings.document())
        assert it.screen.form.problems() == ()
