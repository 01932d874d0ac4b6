"""Other title, description, tags and category: of one approved image, or tags and category of several.

The engine writes them, into the row and the file. Lengths are counted against an agency's limits as one types.
"""

from collections.abc import Sequence
from itertools import batched
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label, Static

from engine.explain import explain
from engine.export.requests import ImageEdit
from engine.export.views import AgencyView
from engine.text import clean_text
from engine.views import ImageView, RefusalView
from tui.dialog import Dialog
from tui.edit_text import (
    edit_question,
    edited,
    length_text,
    misfits_of,
    one_line,
    refusal_text,
    tags_of,
    verdict_lines,
)
from tui.format import advice, count, plural
from tui.later import Later
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.line_input import LineInput

AT_ONCE = 20
"""Images that are edited between two looks at esc."""
_KEEP = "keep"
_KEYS = "enter save   tab next field   ‹ › choose   esc back"


class EditDialog(Dialog[None]):
    """`images` is the image, or of several the first; `image_ids` are all that are meant."""

    AUTO_FOCUS = "LineInput"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save", show=False)]

    def __init__(self, image: ImageView, image_ids: Sequence[int], *, agency: str = "") -> None:
        self._is_one = len(image_ids) == 1
        super().__init__(
            f"Texts of {f'image {image.image_id}' if self._is_one else plural(len(image_ids), 'image')}"
        )
        self._image = image
        self._image_ids = tuple(image_ids)
        self._wanted_agency = agency
        self._agencies: dict[str, AgencyView] = {}
        self._is_saving = False
        self._is_stopping = False

    def compose_dialog(self) -> ComposeResult:
        image = self._image
        with VerticalScroll(id="edit-fields", can_focus=False):
            if self._is_one:
                yield from self._text_field("title", "Title", image.title or "")
                yield from self._text_field("description", "Description", image.description or "")
            tags = ", ".join(image.tags) if self._is_one else ""
            yield from self._text_field("keywords", "Tags", tags, "" if self._is_one else "as they are")
            with Horizontal(classes="field"):
                yield Label("Category")
                yield ChoiceLine(self._categories(()), id="edit-category")
            with Horizontal(classes="field"):
                yield Label("Look as")
                yield ChoiceLine((("", "no agency"),), id="edit-agency")
        yield Static(id="edit-text", markup=False)
        yield ConfirmBar()
        yield Static(_KEYS, classes="dialog-keys", id="edit-keys", markup=False)

    def _text_field(self, field: str, title: str, text: str, placeholder: str = "") -> ComposeResult:
        with Horizontal(classes="field"):
            yield Label(title)
            yield Static(id=f"edit-{field}-length", classes="edit-length", markup=False)
            line = LineInput(clean_text(text), placeholder=placeholder, id=f"edit-{field}")
            line.select_on_focus = (
                False  # the first letter typed would take the place of a text that is only mended
            )
            yield line

    def on_mount(self) -> None:
        self._show_lengths()
        self.run_worker(Later(self._load()), name="agencies")

    async def _load(self) -> None:
        try:
            agencies = await self.host.engine.agencies()
        except Exception as error:  # noqa: BLE001 - said in the box; texts can be edited without
            self._show_error(error)
            return
        self._agencies = {one.agency: one for one in agencies}
        names = [("", "no agency"), *((one.agency, one.name) for one in agencies)]
        self._choice("agency").offer(names, self._wanted_agency)
        category = self._choice("category").chosen
        self._choice("category").offer(self._categories(agencies), category)
        self._show_lengths()

    def _categories(self, agencies: Sequence[AgencyView]) -> list[tuple[str, str]]:
        """Every name that an agency has a word for; the image's own first, or none."""
        names = dict.fromkeys(name for one in agencies for name in one.preset.categories)
        if not self._is_one:
            return [(_KEEP, "as it is"), ("", "none"), *((name, name) for name in names)]
        own = self._image.category
        first = [] if own is None else [(own, own)]
        return [*first, ("", "none"), *((name, name) for name in names if name != own)]

    # ---- what is wanted

    def _choice(self, name: str) -> ChoiceLine:
        return self.query_one(f"#edit-{name}", ChoiceLine)

    def _typed(self, field: str) -> str:
        return self.query_one(f"#edit-{field}", Input).value

    def edit(self) -> ImageEdit:
        """What was changed, and nothing else."""
        image, category, tags = self._image, self._choice("category").chosen, tags_of(self._typed("keywords"))
        if not self._is_one:
            return ImageEdit(tags=tags or None, category=None if category == _KEEP else category)
        title, description = one_line(self._typed("title")), one_line(self._typed("description"))
        return ImageEdit(
            title=None if title == one_line(image.title or "") else title,
            description=None if description == one_line(image.description or "") else description,
            tags=None if tags == tags_of(", ".join(image.tags)) else tags,
            category=None if category == (image.category or "") else category,
        )

    # ---- as one types

    def on_input_changed(self) -> None:
        self._show_lengths()

    def on_choice_line_changed(self) -> None:
        self._show_lengths()

    def _show_lengths(self) -> None:
        agency = self._agencies.get(self._choice("agency").chosen)
        preset = None if agency is None else agency.preset
        edit = self.edit()
        misfits = () if preset is None else misfits_of(edited(self._image, edit), preset)
        if not self._is_one:  # of the others only these are known here
            known = {"keywords": edit.tags is not None, "category": edit.category is not None}
            misfits = tuple(one for one in misfits if known.get(one.field))
        lengths = {"keywords": len(tags_of(self._typed("keywords")))}
        if self._is_one:
            lengths |= {field: len(one_line(self._typed(field))) for field in ("title", "description")}
        for field, length in lengths.items():
            text = length_text(field, length, preset, misfits)
            self.query_one(f"#edit-{field}-length", Static).update(text)
        if preset is None or not (self._is_one or misfits):
            self._say([])
        else:
            self._say(verdict_lines(preset, misfits))

    def _say(self, lines: Sequence[Text]) -> None:
        self.query_one("#edit-text", Static).update(Text("\n").join(lines))

    def _show_error(self, error: Exception) -> None:
        known = explain(error)
        text = f"{type(error).__name__}: {error}" if known is None else advice(known.message, known.hint)
        self._say([Text(f"✗ {clean_text(text)}", "bold red")])

    # ---- saving

    def on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            self.action_save()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_save()

    def action_save(self) -> None:
        edit = self.edit()
        if self._is_saving:
            return
        if edit == ImageEdit():
            self.host.toast("Nothing was changed.")
            self.dismiss(None)
            return
        self.run_worker(Later(self._save(edit)), name="save", group="save", exclusive=True)

    async def _save(self, edit: ImageEdit) -> None:
        if not self._is_one:
            question = edit_question(edit, len(self._image_ids))
            if not await self.query_one(ConfirmBar).ask(question, yes="Set", no="Back"):
                return
        self._is_saving, self._is_stopping = True, False
        self.query_one("#edit-fields").disabled = True
        done = 0
        refused: list[RefusalView] = []
        try:
            for some in batched(self._image_ids, AT_ONCE, strict=False):
                if self._is_stopping:
                    break
                view = await self.host.engine.edit_images(some, edit)
                done += len(view.done)
                refused += view.refused
                self._keys(f"{count(done)} of {plural(len(self._image_ids), 'image')}   esc stop")
        except Exception as error:  # noqa: BLE001 - said in the box, which stays
            self._show_error(error)
            if done:
                self.host.toast(f"Edited {plural(done, 'image')} before.", severity="warning")
            return
        finally:
            self._is_saving = False
            self.query_one("#edit-fields").disabled = False
            self._keys(_KEYS)
        if self._is_one and refused:
            self._say([Text(f"✗ {clean_text(refusal_text(refused))}", "bold red")])
            return
        self._tell(done, refused)
        self.dismiss(None)

    def _tell(self, done: int, refused: Sequence[RefusalView]) -> None:
        left = len(self._image_ids) - done - len(refused)
        said = f"Edited {plural(done, 'image')}{f'; {count(left)} left as before' if left else ''}."
        if refused:
            title = f"{plural(len(refused), 'image')} not edited"
            self.host.toast(f"{said}\n{refusal_text(refused)}", title=title, severity="warning")
        else:
            self.host.toast(said)

    def _keys(self, text: str) -> None:
        self.query_one("#edit-keys", Static).update(text)

    def action_cancel(self) -> None:
        if self._is_saving:
            self._is_stopping = True
        elif self.edit() == ImageEdit():
            self.dismiss(None)
        else:
            self.run_worker(Later(self._ask_and_leave()), name="leave", group="save", exclusive=True)

    async def _ask_and_leave(self) -> None:
        question = "What was changed is not saved."
        if await self.query_one(ConfirmBar).ask(question, yes="Throw it away", no="Keep editing"):
            self.dismiss(None)
