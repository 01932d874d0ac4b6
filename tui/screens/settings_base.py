"""The form of the settings screen: loads it, judges it, saves it, and asks before edits are lost."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from rich.text import Text
from textual.app import ComposeResult
from textual.timer import Timer

from engine.api import JobRequest
from engine.errors import FactoryError, Problem, SettingsError
from engine.events import ConfigurationsChanged, Event
from engine.preferences import BASE_URL_VARIABLES, load_preferences, merge_preferences, save_preferences
from engine.preferences_fields import describe_preferences
from engine.views import ConfigurationView, PlanView
from tui import format as fmt
from tui import key_desk
from tui.configuration_shelf import ConfigurationShelf
from tui.factory_screen import FactoryScreen
from tui.form_draft import FormDraft, settings_draft, with_choices
from tui.key_fields import key_of, keys_draft
from tui.keys import bindings_for
from tui.later import Later
from tui.messages import PreferencesSaved
from tui.screens.confirm_dialog import Answer, ConfirmDialog
from tui.widgets.input_bar import InputBar
from tui.widgets.settings_form import FieldForm
from tui.widgets.settings_head import GroupStrip, HeadFacts, SettingsHead

PLAN_DELAY_S = 0.3
_PROBLEMS_TOLD = 6


class SettingsBase(FactoryScreen):
    """Edits a copy of a configuration and of the preferences; keys are only shown. The commands are the subclass's."""

    SECTION = "settings"
    BINDINGS = bindings_for("settings")
    AUTO_FOCUS = "FieldList"

    def __init__(self) -> None:
        super().__init__()
        self.settings = settings_draft({})
        self._keys = keys_draft()
        self._preferences: FormDraft | None = None
        self.shelf = ConfigurationShelf()
        self._shown = ""
        self._plan_timer: Timer | None = None

    def compose_body(self) -> ComposeResult:
        themes = sorted(self.app.available_themes, key=lambda name: (not name.startswith("gimf"), name))
        fields = [with_choices(one, themes) if one.path == "theme" else one for one in describe_preferences()]
        self._preferences = FormDraft(fields, {}, merge_preferences, name="preferences")
        drafts = (self.settings, self._keys, self._preferences)
        groups = {field.group: field.group_title for draft in drafts for field in draft.fields.values()}
        yield SettingsHead(list(groups.items()))
        yield FieldForm(*drafts, id="settings-form")
        yield InputBar()

    # ---- what is shown

    @property
    def form(self) -> FieldForm:
        """The form."""
        return self.query_one(FieldForm)

    @property
    def preferences(self) -> FormDraft:
        """The program's preferences as edited here."""
        assert self._preferences is not None, "made with the body"
        return self._preferences

    async def load(self) -> None:
        await self._load_preferences()
        await self.load_keys()
        view = await self.shelf.refresh(self.engine)
        self.show(view, keeps_edits=view.name == self._shown)

    def apply_events(self, events: Sequence[Event]) -> None:
        if any(isinstance(event, ConfigurationsChanged) for event in events):
            self.reload()

    def show(self, view: ConfigurationView, *, keeps_edits: bool = False) -> None:
        """Show a configuration as it is stored now; the edits may be of this very one."""
        self._shown = view.name
        if keeps_edits:
            self.settings.rebase(view.settings)
        else:
            self.settings.load(view.settings)
            self.form.fields.forget_undo()
        self.form.show_saved()
        self._show_head()
        self.plan_soon()

    async def _load_preferences(self) -> None:
        services = self.host.services
        stored, _ = await asyncio.to_thread(load_preferences, services.paths.config_file, {})
        self.preferences.rebase(stored.model_dump(mode="json"))
        for name, variable in BASE_URL_VARIABLES.items():
            if services.environ.get(variable, "").strip():
                self.form.fields.set_note(f"base_urls.{name}", Text(f"{variable} is used instead", "yellow"))

    async def load_keys(self) -> None:
        """Show where each key comes from."""
        try:
            sources = await key_desk.key_sources(self.host.services.keys)
        except FactoryError as error:
            self.host.report(error, "read the keys")
            return
        self._keys.load({"keys": sources})
        self.form.show_saved()

    def _show_head(self, plan: PlanView | None = None) -> None:
        head = self.query_one(SettingsHead)
        head.facts = HeadFacts(
            name=self.shelf.name,
            is_default=self.shelf.is_default,
            place=self.shelf.place,
            unsaved=len(self.form.changed),
            problems=len(self.form.problems()),
            plan=plan or head.facts.plan,
        )

    def on_field_form_group_entered(self, event: FieldForm.GroupEntered) -> None:
        self.query_one(SettingsHead).show_group(event.group)

    def on_group_strip_clicked(self, event: GroupStrip.Clicked) -> None:
        self.form.step_back()
        self.form.fields.move_to_group(event.group)

    def on_field_form_changed(self, event: FieldForm.Changed) -> None:
        if event.path == "theme" and event.value in self.app.available_themes:
            self.app.theme = str(event.value)
        self._show_head()
        self.plan_soon()

    # ---- what a job would do with it

    def plan_soon(self) -> None:
        if self._plan_timer is not None:
            self._plan_timer.stop()
        self._plan_timer = self.set_timer(PLAN_DELAY_S, self._plan)

    def _plan(self) -> None:
        if self.host.is_attached and not self.settings.problems:
            self.run_worker(Later(self._show_plan()), name="plan", group="plan", exclusive=True)

    async def _show_plan(self) -> None:
        """The engine's own judgement at the fields: files, models, keys, room on the disk."""
        request = JobRequest(self.settings.document(), configuration=self.shelf.name or None)
        try:
            plan = await self.engine.plan_job(request)
        except SettingsError as error:
            self.form.show_warnings(error.problems)
            return
        except FactoryError:  # an engine that is lost says so by itself
            return
        problems = [Problem(one.field, one.message, one.hint, one.is_warning) for one in plan.problems]
        self.form.show_warnings([_for_this_screen(one) for one in problems])
        self._show_head(plan)

    # ---- leaving

    def step_back(self) -> bool:
        return self.query_one(InputBar).cancel() or self.form.step_back()

    def path_to_copy(self) -> str | None:
        field = self.form.fields.field
        if field is None or field.kind not in ("file", "folder"):
            return None
        value = self.form.fields.draft_of(field.path).value(field.path)
        return value if isinstance(value, str) else None

    def asks_before_leaving(self, leave: Callable[[], Awaitable[None]]) -> bool:
        if not self.form.changed:
            return False
        self.run_worker(Later(self._leave(leave)), name="leave", group="leave", exclusive=True)
        return True

    async def _leave(self, leave: Callable[[], Awaitable[None]]) -> None:
        if await self.are_edits_settled():
            await leave()

    async def are_edits_settled(self) -> bool:
        """Ask what becomes of unsaved edits; False where the user stays with them."""
        changed = self.form.changed
        if not changed:
            return True
        titles = [self.form.fields.draft_of(path).fields[path].title for path in changed]
        shown = ", ".join(titles[:_PROBLEMS_TOLD]) + (", ..." if len(titles) > _PROBLEMS_TOLD else "")
        answers = (
            Answer("stay", "Keep editing"),
            Answer("save", "Save", "Then go on."),
            Answer("discard", "Throw the changes away", "Then go on."),
        )
        dialog = ConfirmDialog("Unsaved changes", f"Not saved yet: {shown}.", answers)
        answer = await self.app.push_screen_wait(dialog)
        if answer == "save":
            return await self.save()
        if answer == "discard":
            self._discard()
            return True
        return False

    def _discard(self) -> None:
        self.preferences.discard()
        self.settings.discard()
        self.host.use_preferences(self.host.preferences)
        self.form.fields.forget_undo()
        self.form.show_saved()
        self._show_head()
        self.plan_soon()

    # ---- saving

    async def save(self) -> bool:
        """Write what has changed; False where something has to be mended first, and every edit stays."""
        if not await self.form.finish_editing():
            return False
        if problems := self.form.problems():
            self.tell_problems(problems)
            self.form.show_problem()
            return False
        said: list[str] = []
        if self.settings.changed:
            self.show(await self.shelf.save(self.engine, self.settings.document()), keeps_edits=True)
            said.append(f"Saved {self.shelf.name}.")
        if changed := self.preferences.changed:
            await self._save_preferences(changed)
            said.append("Saved the preferences.")
        self.form.show_saved()
        self._show_head()
        self.plan_soon()
        self.host.toast(" ".join(said) or "Everything is saved already.")
        return True

    async def _save_preferences(self, changed: Sequence[str]) -> None:
        services, document = self.host.services, self.preferences.document()
        changes = {path: self.preferences.value(path) for path in changed}
        preferences, _ = await asyncio.to_thread(
            save_preferences, services.paths.config_file, changes, services.environ
        )
        self.preferences.rebase(document)
        self.host.use_preferences(preferences)
        self.post_message(PreferencesSaved())
        await self.engine.reload_preferences()

    def tell_problems(self, problems: Sequence[Problem]) -> None:
        """Name every bad field."""
        lines = [f"{one.field}: {fmt.advice(one.message, one.hint)}" for one in problems[:_PROBLEMS_TOLD]]
        self.host.toast("\n".join(lines), title="Nothing was saved; mend this first", severity="error")


def _for_this_screen(problem: Problem) -> Problem:
    """A missing key is mended here, not on the command line."""
    if key_of(problem.field) is None:
        return problem
    return replace(problem, hint="Press enter to store it.")
