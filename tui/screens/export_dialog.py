"""Exports jobs or images: what, where, and what stands in the way; then how far it is, and where it lies.

The engine carries it out. Nothing is written before enter, and esc cancels what is being written.
"""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from engine.errors import ConflictError, FactoryError, Problem, SettingsError
from engine.events import ExportProgressed
from engine.explain import explain
from engine.export.requests import ExportKind, ExportRequest
from engine.export.views import AgencyView, ExportView
from engine.viewing import problem_views
from tui.dialog import Dialog
from tui.export_text import SHOWN, check_lines, progress_line, result_lines
from tui.later import Later
from tui.plan_text import problem_lines
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.line_input import LineInput

CHECK_DELAY_S = 0.2
_SHEET, _PACKED = "sheet", "packed"
_LIMITS = (
    ("", "as they are"),
    ("fix", "shorten, cut and split"),
    ("leave_out", "shorten and cut, leave out the rest"),
    ("force", "write it all the same"),
)
_KEYS = "enter export   tab next field   ‹ › choose   esc cancel"


class ExportDialog(Dialog[None]):
    """`name` says what is exported: `3 jobs`, `#42 cats`, `12 images`."""

    AUTO_FOCUS = "#export-what"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "copy_path", "Copy path", show=False)]

    def __init__(self, name: str, *, job_ids: Sequence[str] = (), image_ids: Sequence[int] = ()) -> None:
        super().__init__(f"Export {name}")
        self._job_ids, self._image_ids = tuple(job_ids), tuple(image_ids)
        self._timer: Timer | None = None
        self._agencies: dict[str, AgencyView] = {}
        self._export_id: str | None = None
        """Of the export that is being written."""
        self._result: ExportView | None = None

    def compose_dialog(self) -> ComposeResult:
        with Vertical(id="export-fields"):
            with Horizontal(classes="field"):
                yield Label("What")
                yield ChoiceLine(self._kinds(), id="export-what")
            with Horizontal(classes="field", id="export-agency-field"):
                yield Label("Agency")
                yield ChoiceLine((), id="export-agency")
            with Horizontal(classes="field", id="export-limits-field"):
                yield Label("Limits")
                yield ChoiceLine(_LIMITS, id="export-limits")
            with Horizontal(classes="field"):
                yield Label("Where")
                yield LineInput(placeholder="the export folder, a name with the time", id="export-place")
            with Horizontal(classes="field"):
                yield Label("Name is taken")
                yield ChoiceLine((("", "append a number"), ("over", "overwrite")), id="export-taken")
        with VerticalScroll(id="export-box"):
            yield Static(id="export-text", markup=False)
        yield Static(_KEYS, classes="dialog-keys", id="export-keys", markup=False)

    def _kinds(self) -> list[tuple[str, str]]:
        images = [
            ("images", "pictures with their titles (.zip)"),
            ("originals", "pictures and originals (.zip)"),
            (_SHEET, "sheet for a stock agency (.csv)"),
            (_PACKED, "agency sheet with its pictures (.zip)"),
        ]
        if not self._job_ids:
            return images
        if len(self._job_ids) == 1:
            return [("workbook", "workbook (.xlsx)"), *images]
        return [("archive", "a workbook of each job (.zip)"), *images]

    def on_mount(self) -> None:
        self._show_fields()
        self.run_worker(Later(self._load()), name="agencies")

    async def _load(self) -> None:
        try:
            agencies = await self.host.engine.agencies()
            folder = await self.host.engine.last_export_folder()
        except Exception as error:  # noqa: BLE001 - said in the box
            self._show_error(error)
            return
        self._agencies = {one.agency: one for one in agencies}
        names = [(one.agency, f"{one.name}{'' if one.is_verified else ' (unverified)'}") for one in agencies]
        self._choice("agency").offer(names, self.host.preferences.target_agency or "")
        place = self.query_one("#export-place", Input)
        if folder is not None and not place.value:
            place.value = f"{folder}/"
        self._look_soon()

    # ---- what is asked for

    def _choice(self, name: str) -> ChoiceLine:
        return self.query_one(f"#export-{name}", ChoiceLine)

    @property
    def _is_sheet(self) -> bool:
        return self._choice("what").chosen in (_SHEET, _PACKED)

    def request(self) -> ExportRequest:
        """The export as the fields say, under a new id."""
        what, limits = self._choice("what").chosen, self._choice("limits").chosen
        kinds = {"originals": ExportKind.IMAGES, _PACKED: ExportKind.SHEET}
        kind = kinds.get(what) or ExportKind(what)
        return ExportRequest(
            export_id=secrets.token_hex(8),
            kind=kind,
            job_ids=self._job_ids,
            image_ids=self._image_ids,
            to=self._place(),
            is_overwriting=bool(self._choice("taken").chosen),
            has_originals=what == "originals",
            has_pictures=what == _PACKED,
            agency=self._choice("agency").chosen if self._is_sheet else None,
            is_fixing=limits in ("fix", "leave_out"),
            is_leaving_out=limits == "leave_out",
            is_forced=limits == "force",
        )

    def _place(self) -> str | None:
        """What was typed, from this program's folder: the engine works in another one."""
        text = self.query_one("#export-place", Input).value.strip()
        if not text:
            return None
        place = str(Path(text).expanduser().absolute())
        return f"{place}/" if text.endswith("/") else place

    # ---- before

    def on_choice_line_changed(self) -> None:
        self._show_fields()
        self._look_soon()

    def _show_fields(self) -> None:
        for name in ("agency", "limits"):
            self.query_one(f"#export-{name}-field").display = self._is_sheet

    def _look_soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(CHECK_DELAY_S, self._look)

    def _look(self) -> None:
        if self._export_id is None and self._result is None:
            self.run_worker(Later(self._show_check()), name="check", group="check", exclusive=True)

    def _look_no_more(self) -> None:
        """A check that is still to come, or under way, would take the place of what comes of the export."""
        if self._timer is not None:
            self._timer.stop()
        self.workers.cancel_group(self, "check")

    async def _show_check(self) -> None:
        if not self._is_sheet:
            self._say([Text("Only approved images are packed. ", "dim")] if self._is_of_pictures else [])
            return
        request = self.request()
        if not request.agency:
            return
        try:
            check = await self.host.engine.check_sheet(request)
        except Exception as error:  # noqa: BLE001 - said in the box
            self._show_error(error)
            return
        note = self._agencies[request.agency].generated_note
        self._say([*([Text(note, "dim")] if note and not check.refusal else []), *check_lines(check)])

    @property
    def _is_of_pictures(self) -> bool:
        return self._choice("what").chosen in ("images", "originals")

    def _say(self, lines: Sequence[Text]) -> None:
        self.query_one("#export-text", Static).update(Text("\n").join(lines))

    def _show_error(self, error: Exception) -> None:
        known = explain(error) or FactoryError(f"{type(error).__name__}: {error}")
        if isinstance(known, SettingsError):
            problems = [*known.problems, Problem("", known.hint)] if known.hint else list(known.problems)
        else:
            problems = [Problem("", known.message, known.hint)]
        views = problem_views(problems)
        self._say(list(problem_lines(views[:SHOWN])))

    # ---- writing

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self._start()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._start()

    def _start(self) -> None:
        if self._result is not None:
            self.dismiss(None)
        elif self._export_id is None:
            request = self.request()
            self._export_id = request.export_id
            self._look_no_more()
            self.query_one("#export-fields").disabled = True
            self._keys("esc cancel the export")
            self.run_worker(Later(self._export(request)), name="export", group="export")

    async def _export(self, request: ExportRequest) -> None:
        telling = self.run_worker(Later(self._tell(request.export_id)), name="progress", group="progress")
        try:
            self._result = await self.host.engine.export(request)
        except ConflictError as error:
            self._say([Text(error.message)])
        except Exception as error:  # noqa: BLE001 - said in the box, which stays
            self._show_error(error)
        finally:
            telling.cancel()
            self._export_id = None
        if self._result is None:
            self.query_one("#export-fields").disabled = False
            self._choice("what").focus()
            self._keys(_KEYS)
            return
        self.query_one("#export-fields").display = False
        self._say(result_lines(self._result))
        self.query_one("#export-box").focus()
        self._keys("y copy path   enter, esc close")

    async def _tell(self, export_id: str) -> None:
        async with self.host.engine.subscribe() as subscription:
            async for event in subscription:
                if isinstance(event, ExportProgressed) and event.export_id == export_id:
                    self._say([progress_line(event.phase, event.done, event.total)])

    def _keys(self, text: str) -> None:
        self.query_one("#export-keys", Static).update(text)

    def action_copy_path(self) -> None:
        if self._result is not None:
            self.host.copy(self._result.path, "path")

    def action_cancel(self) -> None:
        if self._export_id is None:
            self.dismiss(None)
        else:
            self.run_worker(
                Later(
                    self.host.guarded(self.host.engine.cancel_export(self._export_id), "cancel the export")
                ),
                name="cancel",
            )
