"""The form alone: every kind of field is edited with keys, and what cannot be is said at its field."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import OptionList, Static, TextArea

from engine.errors import Problem
from engine.settings import Settings, describe_fields, merge_settings
from tests.support.app import wait_until
from tui.app import stylesheet
from tui.themes import THEMES
from tui.widgets.field_panel import FieldPanel
from tui.widgets.settings_form import FieldForm, SettingsForm

GENERATIONS = "generation.generations"


class FormApp(App[None]):
    CSS_PATH = stylesheet()

    def __init__(self, form: SettingsForm) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "gimf-dark"
        self.form = form
        self.heard: list[tuple[str, Any]] = []

    def compose(self) -> ComposeResult:
        yield self.form

    def on_mount(self) -> None:
        self.form.fields.focus()

    def on_field_form_changed(self, event: FieldForm.Changed) -> None:
        self.heard.append((event.path, event.value))


@asynccontextmanager
async def opened(
    document: Mapping[str, Any] | Settings | None = None, size: tuple[int, int] = (100, 30), **options: Any
) -> AsyncIterator[tuple[Pilot[None], FormApp]]:
    app = FormApp(SettingsForm({} if document is None else document, **options))
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot, app


def value(app: FormApp, path: str) -> Any:
    group, _, name = path.partition(".")
    return app.form.value()[group][name]


def lines(app: FormApp) -> list[str]:
    """The list as it is drawn."""
    fields = app.form.fields
    return [fields.render_line(y).text.rstrip() for y in range(fields.size.height)]


def line_of(app: FormApp, title: str) -> str:
    return next(line for line in lines(app) if title in line)


def complaint(app: FormApp) -> str:
    shown = app.form.query_one("#field-problem", Static)
    return str(shown.content) if shown.display else ""


async def edit(pilot: Pilot[None], app: FormApp, path: str, *keys: str) -> None:
    """Open the editor of a field and press keys in it."""
    assert app.form.fields.move_to(path)
    await pilot.press("enter")
    await wait_until(pilot, lambda: app.form.query_one(FieldPanel).is_editing)
    await pilot.press(*keys)


async def closed(pilot: Pilot[None], app: FormApp) -> None:
    await wait_until(
        pilot, lambda: not app.form.query_one(FieldPanel).is_editing and app.form.fields.has_focus
    )


async def test_untouched_it_gives_back_what_it_was_given() -> None:
    settings = merge_settings({"generation": {"generations": 7, "loras": [{"model": "a", "weight": 0.5}]}})[0]
    async with opened(settings) as (_, app):
        assert merge_settings(app.form.value())[0] == settings
        assert app.form.problems() == ()
        assert app.form.changed == ()


@pytest.mark.parametrize(
    ("path", "typed", "expected"),
    [
        (GENERATIONS, "40", 40),
        ("generation.aspect_ratios", "16:9, 1:1", ["16:9", "1:1"]),
        ("generation.dimensions", "1024x768", ["1024x768"]),
        (
            "generation.loras",
            "style:0.8,other",
            [{"model": "style", "weight": 0.8}, {"model": "other", "weight": 1.0}],
        ),
        ("generation.seed", "7", 7),
        ("generation.seed", "", None),
        ("generation.model", "flux-dev", "flux-dev"),
        ("prompt.temperature", "0.25", 0.25),
        ("ai.quality_model", "[bold]gpt[/", "[bold]gpt[/"),
    ],
)
async def test_text_is_typed_over_the_old_value(path: str, typed: str, expected: Any) -> None:
    async with opened({"generation": {"seed": 3}}) as (pilot, app):
        await edit(pilot, app, path, "ctrl+u", *typed, "enter")
        await closed(pilot, app)
        assert value(app, path) == expected
        assert app.form.problems() == ()
        assert app.form.fields.field is not None
        assert app.form.fields.field.path == path


async def test_keys_in_one_burst_are_done_in_their_order() -> None:
    async with opened() as (pilot, app):
        await edit(pilot, app, GENERATIONS)
        for key in ("ctrl+u", "4", "2", "enter"):
            pilot.app.simulate_key(key)
        await wait_until(pilot, lambda: value(app, GENERATIONS) == 42)


async def test_a_switch_a_choice_and_a_number_change_without_an_editor() -> None:
    async with opened() as (pilot, app):
        app.form.fields.move_to("processing.enhance")
        await pilot.press("space")
        assert value(app, "processing.enhance") is True
        await pilot.press("left")
        assert value(app, "processing.enhance") is False
        await pilot.press("enter")
        assert value(app, "processing.enhance") is True
        app.form.fields.move_to("processing.convert_format")
        await pilot.press("space", "l")
        assert value(app, "processing.convert_format") == "webp"
        app.form.fields.move_to("processing.saturation")
        await pilot.press("plus", "plus", "minus")
        assert value(app, "processing.saturation") == 1.5
        await pilot.pause()
        assert app.heard[0] == ("processing.enhance", True)
        assert app.heard[-1] == ("processing.saturation", 1.5)
        assert len(app.heard) == 8


async def test_enter_on_a_choice_shows_them_all() -> None:
    async with opened() as (pilot, app):
        await edit(pilot, app, "generation.provider")
        choices = app.form.query_one(OptionList)
        assert [str(option.prompt) for option in choices.options] == ["piapi", "openai", "runware"]
        await pilot.press("j", "j", "enter")
        await closed(pilot, app)
        assert value(app, "generation.provider") == "runware"


async def test_several_lines() -> None:
    async with opened({"generation": {"negative_prompt": "hands"}}) as (pilot, app):
        await edit(pilot, app, "generation.negative_prompt")
        app.form.query_one(TextArea).move_cursor((0, 5))
        await pilot.press("enter", *"text", "tab")
        await closed(pilot, app)
        assert value(app, "generation.negative_prompt") == "hands\ntext"
        assert "hands ⏎ text" in line_of(app, "Negative prompt")


async def test_a_bad_value_is_said_at_once_and_the_editor_stays() -> None:
    async with opened() as (pilot, app):
        await edit(pilot, app, GENERATIONS, "ctrl+u", *"3000", "enter")
        await wait_until(pilot, lambda: "2,500" in complaint(app))
        assert app.form.query_one(FieldPanel).is_editing
        assert value(app, GENERATIONS) == 1
        await pilot.press("backspace")
        assert complaint(app) == ""
        await pilot.press("enter")
        await closed(pilot, app)
        assert value(app, GENERATIONS) == 300


async def test_escape_leaves_the_old_value() -> None:
    async with opened() as (pilot, app):
        await edit(pilot, app, GENERATIONS, "ctrl+u", *"12", "escape")
        await closed(pilot, app)
        assert value(app, GENERATIONS) == 1
        assert app.heard == []


async def test_what_does_not_go_together_is_shown_at_its_field_in_words() -> None:
    async with opened({"generation": {"generations": 2500}}) as (pilot, app):
        await edit(pilot, app, "generation.variations", "ctrl+u", "9", "enter")
        await closed(pilot, app)
        assert "✗ Generations" in line_of(app, "Generations ")
        assert "22,500 images" in line_of(app, "Generations ")
        assert [problem.field for problem in app.form.problems()] == [GENERATIONS]
        app.form.show_problem()
        await wait_until(pilot, lambda: "Lower one of the two" in complaint(app))


async def test_warnings_of_the_engine_stand_at_their_fields() -> None:
    async with opened() as (pilot, app):
        app.form.show_warnings(
            [
                Problem("generation.model", "[red]not known", "Look it up.", is_warning=True),
                Problem("elsewhere", "nothing here"),
            ]
        )
        assert "! Model" in line_of(app, "Model  ")
        assert "[red]not known" in line_of(app, "Model  ")
        app.form.fields.move_to("generation.model")
        await wait_until(pilot, lambda: complaint(app) == "! [red]not known. Look it up.")
        assert app.form.problems() == ()


async def test_default_and_undo() -> None:
    async with opened({"generation": {"generations": 7}}) as (pilot, app):
        app.form.fields.move_to(GENERATIONS)
        await pilot.press("plus", "D")
        assert value(app, GENERATIONS) == 1
        assert "*" in line_of(app, "Generations ")
        app.form.fields.move_to("ai.metadata")
        await pilot.press("space", "u")
        assert value(app, "ai.metadata") is True
        await pilot.press("u")
        assert value(app, GENERATIONS) == 8
        assert app.form.fields.field is not None
        assert app.form.fields.field.path == GENERATIONS
        await pilot.press("u", "u", "u")
        assert value(app, GENERATIONS) == 7
        assert app.form.changed == ()
        assert "*" not in line_of(app, "Generations ")


async def test_groups_are_gone_through_and_told() -> None:
    async with opened() as (pilot, app):
        seen = []
        for _ in range(7):
            await pilot.press("right_square_bracket")
            assert app.form.fields.field is not None
            seen.append(app.form.fields.field.group)
        assert seen == ["generation", "prompt", "processing", "ai", "advanced", "files", "generation"]
        assert lines(app)[0].startswith("── Generation")
        await pilot.press("left_square_bracket")
        assert app.form.fields.field is not None
        assert app.form.fields.field.group == "files"


async def test_every_field_is_reached_and_seen_in_a_small_terminal() -> None:
    async with opened(size=(60, 16)) as (pilot, app):
        seen = []
        for _ in describe_fields():
            field = app.form.fields.field
            assert field is not None
            seen.append(field.path)
            assert any(line.startswith("›") and field.title[:10] in line for line in lines(app)), field.path
            assert str(app.form.query_one("#field-facts", Static).content).startswith(field.title)
            await pilot.press("j")
        assert seen == [field.path for field in describe_fields()]
        await pilot.press("g")
        assert lines(app)[0].startswith("── Files")


async def test_the_search_keeps_the_cursor_on_its_field_and_goes_away() -> None:
    async with opened() as (pilot, app):
        app.form.fields.move_to("processing.jpg_quality")
        await pilot.press("slash", *"quality")
        await wait_until(pilot, lambda: "Background removal size" not in "\n".join(lines(app)))
        assert "WebP quality" in "\n".join(lines(app))
        assert app.form.fields.field is not None
        assert app.form.fields.field.path == "processing.jpg_quality"
        await pilot.press("enter", "plus")
        assert value(app, "processing.jpg_quality") == 86
        assert app.form.step_back()
        await wait_until(pilot, lambda: "Background removal size" in "\n".join(lines(app)))
        assert not app.form.step_back()


async def test_a_search_without_a_hit_says_so() -> None:
    async with opened() as (pilot, app):
        await pilot.press("slash", *"zzz")
        await wait_until(pilot, lambda: "No setting" in lines(app)[0])
        await pilot.press("enter", "enter", "plus", "D", "space", "j")
        assert app.form.changed == ()


async def test_paths_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "k.txt").write_text("cat\n")
    files = {"keywords_file": str(tmp_path / "k.txt"), "system_prompt_file": str(tmp_path / "gone.txt")}
    async with opened({"files": files}, size=(160, 30)) as (pilot, app):
        await wait_until(pilot, lambda: "✓ found" in line_of(app, "Keywords file"))
        await wait_until(pilot, lambda: "✗ no such file" in line_of(app, "Prompt template"))
        await edit(pilot, app, "files.system_prompt_file", "ctrl+u")
        app.form.query_one("PathInput Input").post_message(events.Paste(str(tmp_path / "k")))
        await wait_until(pilot, lambda: app.form.query_one(FieldPanel).text == str(tmp_path / "k"))
        await pilot.press("tab")
        await wait_until(pilot, lambda: app.form.query_one(FieldPanel).text == str(tmp_path / "k.txt"))
        await pilot.press("enter")
        await closed(pilot, app)
        assert value(app, "files.system_prompt_file") == str(tmp_path / "k.txt")
        await wait_until(pilot, lambda: "✓ found" in line_of(app, "Prompt template"))


async def test_a_relative_path_belongs_to_the_folder_of_the_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened() as (pilot, app):
        await edit(pilot, app, "files.output_dir", *"out", "enter")
        await closed(pilot, app)
        assert value(app, "files.output_dir") == str(tmp_path / "out")


async def test_some_fields_only_and_the_rest_is_kept() -> None:
    fields = [field for field in describe_fields() if field.group == "processing"]
    document = {"generation": {"generations": 7}}
    async with opened(document, fields=fields) as (pilot, app):
        assert lines(app)[0].startswith("── Processing")
        await pilot.press("space")
        assert app.form.value()["generation"] == {"generations": 7}
        assert value(app, "processing.remove_background") is True


async def test_control_characters_in_what_is_stored_are_not_shown() -> None:
    async with opened({"generation": {"model": "flux\x1b]0;x\x07[bold"}}) as (_, app):
        line = line_of(app, "Model  ")
        assert "flux]0;x[bold" in line
        assert "\x1b" not in line
