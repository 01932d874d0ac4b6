"""Settings: the commands on configurations and keys, and on everything at once. The form is SettingsBase's."""

from collections.abc import Sequence

from rich.text import Text

from engine.errors import FactoryError, InputError
from engine.secrets import KeyName
from engine.settings import dump_settings, merge_settings
from engine.text import clean_text
from engine.views import ConfigurationView
from tui import format as fmt
from tui import key_desk
from tui.key_fields import key_of, path_of
from tui.keys import bindings_for
from tui.later import Later
from tui.messages import StartJob
from tui.screens.confirm_dialog import Answer, ConfirmDialog
from tui.screens.settings_base import SettingsBase
from tui.screens.text_dialog import TextDialog
from tui.settings_editor import edit_as_toml
from tui.widgets.input_bar import InputBar
from tui.widgets.settings_form import FieldForm


class SettingsScreen(SettingsBase):
    """`ctrl+s` writes configuration and preferences; keys are stored at once."""

    BINDINGS = bindings_for("settings")

    # ---- saving

    def action_save(self) -> None:
        self.host.run_command(self.save(), "save the settings")

    # ---- configurations

    def action_choose(self) -> None:
        self.run_worker(Later(self._choose()), name="choose", group="dialog", exclusive=True)

    async def _choose(self) -> None:
        shelf = self.shelf
        answers = [
            Answer(one.name, clean_text(one.name), self._about(one))
            for one in sorted(shelf.all, key=lambda one: one.name != shelf.name)
        ]
        answer = await self.app.push_screen_wait(ConfirmDialog("Configurations", "Edit which one?", answers))
        if shelf.find(answer) and answer != shelf.name and await self.are_edits_settled():
            self.show(await shelf.refresh(self.engine, answer))

    def _about(self, view: ConfigurationView) -> str:
        facts = ["the default"] if view.name == self.shelf.default_name else []
        facts.append(f"changed {fmt.local_time(view.updated_at)}" if view.updated_at else "the program's own")
        return ", ".join(facts)

    def action_new(self) -> None:
        self.host.run_command(self._new(), "make a configuration")

    async def _new(self) -> None:
        if not await self.are_edits_settled():
            return
        if name := await self._ask_name("New configuration, with the program's own defaults:"):
            self.show(await self.shelf.add(self.engine, name))

    def action_duplicate(self) -> None:
        self.host.run_command(self._duplicate(), "duplicate the configuration")

    async def _duplicate(self) -> None:
        if self.settings.problems:
            self.tell_problems(self.settings.problems)
        elif name := await self._ask_name("Save what is shown as:", f"{self.shelf.name} copy"):
            self.show(await self.shelf.add(self.engine, name, self.settings.document()))

    def action_rename(self) -> None:
        self.host.run_command(self._rename(), "rename the configuration")

    async def _rename(self) -> None:
        before = self.shelf.name
        name = await self._ask_name(f"Rename {before} to:", before)
        if name and name != before:
            self.show(await self.shelf.rename(self.engine, name), keeps_edits=True)

    def action_delete(self) -> None:
        self.run_worker(Later(self._ask_delete()), name="delete", group="dialog", exclusive=True)

    async def _ask_delete(self) -> None:
        shelf = self.shelf
        if not shelf.is_stored:
            self.host.toast(f"{shelf.name} is the program's own; nothing of it is stored.")
            return
        then = " The program's own defaults take its place." if shelf.is_default else ""
        if await self.ask(f"Delete the configuration {shelf.name}?{then}", yes="Delete"):
            self.host.run_command(self._delete(), "delete the configuration")

    async def _delete(self) -> None:
        name = self.shelf.name
        self.show(await self.shelf.delete(self.engine))
        self.host.toast(f"Deleted {name}. Jobs keep the settings that they ran with.")

    def action_make_default(self) -> None:
        self.host.run_command(self._make_default(), "make it the default")

    async def _make_default(self) -> None:
        self.show(await self.shelf.make_default(self.engine), keeps_edits=True)
        self.host.toast(f"{self.shelf.name} is the default now.")

    def action_start(self) -> None:
        self.run_worker(Later(self._start()), name="start", group="dialog", exclusive=True)

    async def _start(self) -> None:
        if await self.are_edits_settled():
            self.post_message(StartJob(self.shelf.name))

    async def _ask_name(self, question: str, text: str = "") -> str | None:
        return await self.query_one(InputBar).ask(question, text)

    # ---- keys

    def on_field_form_key_wanted(self, event: FieldForm.KeyWanted) -> None:
        if (name := key_of(event.path)) is not None:
            self.host.run_command(self._store_key(name), "store the key")

    async def _store_key(self, name: KeyName) -> None:
        value = await self.app.push_screen_wait(
            TextDialog(
                f"Key for {name.value}",
                explanation="Type or paste it; it is not shown. It goes to the system's key store where there is one, "
                "else to a file that only you can read.",
                placeholder="key",
                is_hidden=True,
            )
        )
        if value is not None:
            said = await key_desk.store_key(self.host.services.keys, name, value)
            await self._keys_changed(name, said)

    def on_field_form_key_default_wanted(self, event: FieldForm.KeyDefaultWanted) -> None:
        if (name := key_of(event.path)) is not None:
            self.run_worker(
                Later(self._ask_delete_key(name)), name="delete key", group="dialog", exclusive=True
            )

    async def _ask_delete_key(self, name: KeyName) -> None:
        if await self.ask(f"Delete the stored key for {name.value}?", yes="Delete"):
            self.host.run_command(self._delete_keys([name]), "delete the key")

    async def _delete_keys(self, names: Sequence[KeyName]) -> None:
        for name in names:
            said = await key_desk.delete_key(self.host.services.keys, name)
            await self._keys_changed(name, said)

    async def _keys_changed(self, name: KeyName, said: str) -> None:
        self.form.fields.set_note(path_of(name), None)
        await self.load_keys()
        self.host.toast(said)
        await self.engine.reload_preferences()
        self.plan_soon()

    def action_test_key(self) -> None:
        field = self.form.fields.field
        name = key_of(field.path) if field is not None else None
        self.run_worker(
            Later(self._test_keys([name] if name else list(KeyName))),
            name="test",
            group="test",
            exclusive=True,
        )

    async def _test_keys(self, names: Sequence[KeyName]) -> None:
        services = self.host.services
        self.form.fields.move_to(path_of(names[0]))
        for name in names:
            self.form.fields.set_note(path_of(name), Text("asking the service", "dim"))
            try:
                note = await key_desk.try_key(services.keys, name, self.host.preferences.base_urls)
            except FactoryError as error:
                note = Text(f"✗ {clean_text(error.message)}", "red")
            self.form.fields.set_note(path_of(name), note)

    # ---- all at once

    def action_editor(self) -> None:
        self.run_worker(Later(self._edit_as_toml()), name="editor", group="dialog", exclusive=True)

    async def _edit_as_toml(self) -> None:
        if not await self.form.finish_editing():
            return
        if self.settings.problems:
            self.tell_problems(self.settings.problems)
            return
        settings, _ = merge_settings(self.settings.document())
        try:
            edited = await edit_as_toml(self, self.shelf.name, settings)
        except InputError as error:
            self.host.report(error, "use the editor")
            return
        if edited is not None and self.form.fields.replace(self.settings, dump_settings(edited)):
            self.host.toast(f"{fmt.plural(len(self.settings.changed), 'setting')} changed; ctrl+s saves.")

    def action_reset(self) -> None:
        self.run_worker(Later(self._reset()), name="reset", group="dialog", exclusive=True)

    async def _reset(self) -> None:
        answers = (
            Answer("stay", "Keep everything"),
            Answer(
                "keep",
                "Reset, and keep the keys",
                "Settings and preferences; undo with u, saved with ctrl+s.",
            ),
            Answer("all", "Reset all", "The stored keys are deleted at once; that cannot be undone."),
        )
        question = f"Put {self.shelf.name} and the preferences back to the program's own defaults?"
        answer = await self.app.push_screen_wait(ConfirmDialog("Reset", question, answers))
        if answer not in ("keep", "all"):
            return
        self.form.fields.replace(self.settings, {})
        self.form.fields.replace(self.preferences, {})
        if answer == "all":
            self.host.run_command(self._delete_keys(list(KeyName)), "delete the keys")
