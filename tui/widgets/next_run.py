"""The settings that the next run of a job takes: read, and edited in the form that the settings screen has. Saves
nothing itself."""

from rich.console import Group
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from engine.settings import Settings
from engine.views import JobView
from tui.widgets.job_text import next_run_text, settings_text
from tui.widgets.settings_form import SettingsForm
from tui.widgets.text_pane import TextPane


class NextRun(Vertical):
    """Values, until `edit` puts the form in their place."""

    def __init__(self, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._settings: Settings | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="next-run-note", markup=False)
        yield TextPane()

    @property
    def settings(self) -> Settings | None:
        """What the next run takes; None until it is known."""
        return self._settings

    @property
    def form(self) -> SettingsForm | None:
        """The form while it is open."""
        return next(iter(self.query(SettingsForm)), None)

    def show(self, job: JobView, as_run: Settings, following: Settings, *, is_draft: bool) -> None:
        """Show what the next run takes, and where it differs from what the job ran with."""
        self._settings = following
        self.query_one("#next-run-note", Static).update(next_run_text(job, is_draft=is_draft))
        self.query_one(TextPane).show_text(Group(settings_text(following, as_run)))

    def show_none(self, why: str) -> None:
        """There is no next run."""
        self._settings = None
        self.query_one("#next-run-note", Static).update(f" {why}")
        self.query_one(TextPane).show_text("")

    async def edit(self) -> None:
        """Open the form."""
        if self._settings is None or self.form is not None:
            return
        self.query_one(TextPane).display = False
        form = SettingsForm(self._settings, id="next-run-form")
        await self.mount(form)
        form.fields.focus()

    async def close(self) -> None:
        """Close the form; its edits are gone."""
        if self.form is not None:
            await self.form.remove()
        pane = self.query_one(TextPane)
        pane.display = True
        pane.focus()
