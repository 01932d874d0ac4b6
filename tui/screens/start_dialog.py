"""What a new job would do and cost, before it starts. The engine plans it; here it is only shown and confirmed."""

import copy
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from engine.api import JobRequest
from engine.errors import FactoryError, Problem, SettingsError
from engine.explain import explain
from engine.settings import describe_field, parse_value
from engine.text import clean_text
from engine.viewing import problem_views
from engine.views import ConfigurationView
from tui.dialog import Dialog
from tui.later import Later
from tui.plan_text import plan_lines, problem_lines
from tui.screens.settings_dialog import SettingsDialog

PLAN_DELAY_S = 0.25


class ConfigurationChoice(Static, can_focus=True):
    """One line that goes through the configurations with left, right and space."""

    class Chosen(Message):
        """Another configuration is shown."""

    def __init__(self) -> None:
        super().__init__(id="start-configuration", markup=False)
        self._configurations: list[ConfigurationView] = []
        self._index = 0

    @property
    def chosen(self) -> ConfigurationView | None:
        """None until they are known."""
        return self._configurations[self._index] if self._configurations else None

    def offer(self, configurations: list[ConfigurationView], name: str | None) -> None:
        """Show these; begin with the named one, else with the default one."""
        self._configurations = configurations
        wanted = [one.name == name if name is not None else one.is_default for one in configurations]
        self._index = wanted.index(True) if True in wanted else 0
        self._show()

    def on_key(self, event: events.Key) -> None:
        step = {"left": -1, "h": -1, "right": 1, "l": 1, "space": 1}.get(event.key)
        if step is None or not self._configurations:
            return
        event.stop()
        self._index = (self._index + step) % len(self._configurations)
        self._show()

    def on_click(self) -> None:
        self.focus()

    def _show(self) -> None:
        chosen = self.chosen
        assert chosen is not None
        default = "  (default)" if chosen.is_default else ""
        place = (
            f"   {self._index + 1} of {len(self._configurations)}" if len(self._configurations) > 1 else ""
        )
        self.update(Text(f"‹ {clean_text(chosen.name)} ›{default}{place}"))
        self.post_message(self.Chosen())


class StartDialog(Dialog[None]):
    """Enter starts the job as it is shown; what stands in its way is listed and keeps it from starting."""

    AUTO_FOCUS = "ConfigurationChoice"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f2", "settings", "Settings", show=False),
        Binding("pagedown", "scroll(1)", show=False, priority=True),
        Binding("pageup", "scroll(-1)", show=False, priority=True),
    ]

    def __init__(self, configuration: str | None = None) -> None:
        super().__init__("Start a job")
        self._wanted = configuration
        self._edited: dict[str, Any] | None = None
        """The settings of this job alone, where they were edited here."""
        self._timer: Timer | None = None
        self._shown: JobRequest | None = None
        """The request whose plan is on the screen and can start: nothing else is ever started."""
        self._refused: JobRequest | None = None
        """The request that cannot start, as the screen says."""
        self._is_starting = False

    def compose_dialog(self) -> ComposeResult:
        with Horizontal(classes="field"):
            yield Label("Configuration")
            yield ConfigurationChoice()
        with Horizontal(classes="field"):
            yield Label("Label")
            yield Input(placeholder="job_YYYYMMDD_HHMMSS", id="start-label", compact=True)
        with Horizontal(classes="field"):
            yield Label("Generations")
            yield Input(id="start-generations", type="integer", compact=True)
        with Horizontal(classes="field"):
            yield Label("Output folder")
            yield Input(id="start-folder", compact=True)
        with VerticalScroll(id="start-plan-box", can_focus=False):
            yield Static("Planning", id="start-plan", markup=False)
        keys = "enter start  tab field  ←→ configuration  pgdn more  f2 settings  esc"
        yield Static(keys, classes="dialog-keys")

    def on_mount(self) -> None:
        self.run_worker(Later(self._load()), name="configurations")

    async def _load(self) -> None:
        try:
            configurations = await self.host.engine.configurations()
            if not any(one.is_default for one in configurations):
                configurations = [await self.host.engine.configuration(None), *configurations]
        except Exception as error:  # noqa: BLE001 - said in the box
            self._show_error(error)
            return
        self.query_one(ConfigurationChoice).offer(configurations, self._wanted)

    # ---- what is asked for

    def request(self) -> JobRequest | None:
        """The job as the fields say; None until the configurations are known."""
        configuration = self.query_one(ConfigurationChoice).chosen
        if configuration is None:
            return None
        settings = copy.deepcopy(self._edited or configuration.settings)
        generations = self.query_one("#start-generations", Input).value.strip()
        if generations:
            settings.setdefault("generation", {})["generations"] = (
                int(generations) if _is_whole(generations) else generations
            )
        if folder := self.query_one("#start-folder", Input).value.strip():
            settings.setdefault("files", {})["output_dir"] = parse_value(
                folder, describe_field("files.output_dir")
            )
        label = self.query_one("#start-label", Input).value.strip() or None
        return JobRequest(settings, label=label, configuration=configuration.name)

    def on_configuration_choice_chosen(self) -> None:
        """The fields begin with what the configuration says."""
        self._edited = None
        configuration = self.query_one(ConfigurationChoice).chosen
        assert configuration is not None
        self._begin_with(configuration.settings)

    def action_scroll(self, direction: int) -> None:
        """Through a plan that is longer than its box."""
        box = self.query_one("#start-plan-box")
        box.scroll_relative(y=direction * max(box.size.height - 1, 1), animate=False)

    def action_settings(self) -> None:
        """Edit all settings of this job; the configuration stays as it is."""
        if (request := self.request()) is not None:
            note = f"For this job only; {request.configuration} stays as it is."
            self.app.push_screen(
                SettingsDialog("Settings of this job", request.settings, note=note), self._use
            )

    def _use(self, edited: dict[str, Any] | None) -> None:
        if edited is not None:
            self._edited = edited
            self._begin_with(edited)

    def _begin_with(self, settings: dict[str, Any]) -> None:
        generations = settings.get("generation", {}).get("generations", 1)
        with self.prevent(Input.Changed):
            self.query_one("#start-generations", Input).value = str(generations)
            self.query_one("#start-folder", Input).value = ""
        self._plan_soon()

    def on_input_changed(self) -> None:
        self._plan_soon()

    # ---- the plan

    def _plan_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PLAN_DELAY_S, self._plan)

    def _plan(self) -> None:
        if (request := self.request()) is not None:
            self.run_worker(Later(self._show_plan(request)), name="plan", group="plan", exclusive=True)

    async def _show_plan(self, request: JobRequest) -> None:
        try:
            plan = await self.host.engine.plan_job(request)
        except Exception as error:  # noqa: BLE001 - said in the box
            self._refused = request
            self._show_error(error)
            return
        self._shown, self._refused = (request, None) if plan.can_start else (None, request)
        self.query_one("#start-folder", Input).placeholder = clean_text(plan.output_dir)
        self.query_one("#start-plan", Static).update(Text("\n").join(plan_lines(plan)))

    def _show_error(self, error: Exception) -> None:
        self._shown = None
        known = explain(error) or FactoryError(f"{type(error).__name__}: {error}")
        problems = (
            known.problems if isinstance(known, SettingsError) else [Problem("", known.message, known.hint)]
        )
        views = problem_views(problems)
        self.query_one("#start-plan", Static).update(Text("\n").join(problem_lines(views)))

    # ---- starting

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self._start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._start()

    def _start(self) -> None:
        request = self.request()
        if self._is_starting:
            return
        if request is not None and request == self._shown:
            self._is_starting = True
            self.run_worker(Later(self._start_job(request)), name="start", group="start")
        elif request is not None and request == self._refused:
            self.host.toast(
                "This job cannot start: what stands in its way is listed in the dialog.", severity="warning"
            )
        else:
            self.host.toast("The plan is still being made. Press enter again when it is shown.")

    async def _start_job(self, request: JobRequest) -> None:
        try:
            job = await self.host.engine.start_job(request)
        except Exception as error:  # noqa: BLE001 - said in the box, which stays
            self._show_error(error)
            self._is_starting = False
            return
        self.host.toast(f"#{job.number} {job.label} is in the queue.")
        self.dismiss(None)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal()
