"""Retry with other settings: the processing settings, rules and options of this batch, and what it would cost. The
engine plans it; here it is only shown and confirmed."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from engine.api import RetryRequest
from engine.errors import FactoryError, Problem, SettingsError
from engine.explain import explain
from engine.settings import Settings
from engine.text import clean_text
from engine.views import JobView, RetryPlanView
from tui import format as fmt
from tui.dialog import Dialog
from tui.later import Later
from tui.plan_text import problem_lines
from tui.retry_form import options_draft, processing_draft, request_of
from tui.retry_text import cost_lines, refusal_words
from tui.widgets.settings_form import FieldForm, FindInput

PLAN_DELAY_S = 0.25


class RetryDialog(Dialog[RetryRequest]):
    """Dismissed with what is to be done once its plan is on the screen and nothing stands in its way, or with None."""

    AUTO_FOCUS = "FieldList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "start", "Start", show=False, priority=True),
        Binding("f2", "edit", "Type", show=False),
    ]

    def __init__(self, image_ids: tuple[int, ...], settings: Settings, job: JobView) -> None:
        """`settings`: those of `job`, which the image at the cursor is from."""
        super().__init__(f"Retry {fmt.plural(len(image_ids), 'image')} with other settings")
        self._image_ids = image_ids
        self._job = job
        self._processing, self._options = processing_draft(settings), options_draft(settings)
        self._form = FieldForm(self._processing, self._options)
        self._timer: Timer | None = None
        self._shown: RetryRequest | None = None
        """The request whose plan is on the screen and can start: nothing else is ever started."""

    def compose_dialog(self) -> ComposeResult:
        label = clean_text(self._job.label, limit=40)
        others = (
            "" if len(self._image_ids) == 1 else " Images of other jobs keep theirs but for what you change."
        )
        yield Static(
            f"For this batch only. Shown: the settings of #{self._job.number} {label}.{others}",
            markup=False,
            id="retry-note",
        )
        yield self._form
        with VerticalScroll(id="retry-plan-box", can_focus=False):
            yield Static("Planning", id="retry-plan", markup=False)
        keys = "enter start   space toggle   + - change   f2 type   u undo   esc back"
        yield Static(keys, classes="dialog-keys", markup=False)

    def on_mount(self) -> None:
        self._plan()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While something is typed, enter takes it."""
        if action in ("start", "edit"):
            return self._form.is_mounted and self._form.fields.has_focus
        return True

    # ---- the plan

    def on_field_form_changed(self, event: FieldForm.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(PLAN_DELAY_S, self._plan)

    def request(self) -> RetryRequest:
        """The retry as the form says."""
        return request_of(self._image_ids, self._processing, self._options)

    def _plan(self) -> None:
        if self._form.problems():
            self._shown = None
            return
        self.run_worker(Later(self._show_plan(self.request())), name="plan", group="plan", exclusive=True)

    async def _show_plan(self, request: RetryRequest) -> None:
        try:
            plan = await self.host.engine.plan_retry(request)
        except Exception as error:  # noqa: BLE001 - said in the box
            self._show_error(error)
            return
        self._shown = request if plan.can_start else None
        lines = [*problem_lines(plan.problems), *_plan_lines(plan, request)]
        self.query_one("#retry-plan", Static).update(Text("\n").join(lines))
        self._form.show_warnings(
            [Problem(one.field, one.message, one.hint, one.is_warning) for one in plan.problems]
        )

    def _show_error(self, error: Exception) -> None:
        self._shown = None
        known = explain(error) or FactoryError(f"{type(error).__name__}: {error}")
        problems = (
            known.problems if isinstance(known, SettingsError) else [Problem("", known.message, known.hint)]
        )
        words = [f"✗ problem  {one.field} {fmt.advice(one.message, one.hint)}" for one in problems]
        self.query_one("#retry-plan", Static).update(Text(clean_text("\n".join(words), keep_newlines=True)))
        self._form.show_warnings(problems)

    # ---- keys

    def action_edit(self) -> None:
        self._form.fields.action_edit()

    def action_start(self) -> None:
        if self._form.problems():
            self._form.show_problem()
        elif (request := self.request()) == self._shown:
            self.dismiss(request)

    def action_cancel(self) -> None:
        if not self._form.step_back():
            self.dismiss(None)

    def on_find_input_done(self, event: FindInput.Done) -> None:
        event.stop()


def _plan_lines(plan: RetryPlanView, request: RetryRequest) -> list[Text]:
    budget = "" if request.budget_usd is None else f" of a budget of {fmt.money(request.budget_usd)}"
    images = fmt.plural(plan.images, "image")
    words = [f"estimate  {fmt.money(plan.estimate_usd)}{budget} for {images}"]
    if plan.refused:
        words.append(refusal_words(plan.refused))
    words += [f"          {line}" for line in cost_lines(plan.costs)]
    return [Text(clean_text(line)) for line in words]
