"""One image, as large as the terminal allows: fit, actual size, zoom, pan; the next and the one before; its facts."""

from collections.abc import Sequence

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Container, Horizontal, VerticalScroll
from textual.widgets import Static

from engine.events import Event, ImageChanged
from engine.export.views import FitView
from engine.text import clean_text
from engine.views import ImageStatus, ImageView
from tui.decisions import Outcome
from tui.edit_actions import EditActions
from tui.format import count, image_look
from tui.image_actions import picture_of
from tui.image_facts import size_of
from tui.keys import bindings_for
from tui.pictures import LARGEST_SCALE, SMALLEST_SCALE, WHOLE, Backdrop, Window
from tui.retry_actions import RetryActions
from tui.terminal import Protocol
from tui.widgets.image_preview import ImagePreview
from tui.widgets.image_rows import facts_table

STEP = 1.25
"""Of one zoom key."""
PAN = 0.25
"""Of what is seen, for one key."""


class ViewerScreen(EditActions, RetryActions):
    """Pushed over the screen that asked for the image."""

    SECTION = "viewer"
    BINDINGS = bindings_for("viewer")

    def __init__(self, image_id: int, neighbours: Sequence[int] = ()) -> None:
        super().__init__()
        self._image_id = image_id
        self._neighbours = list(neighbours) or [image_id]
        self._views: dict[int, ImageView] = {}
        self._fits: dict[int, list[FitView]] = {}
        """What the agencies say of images whose facts were shown."""
        self._window = WHOLE
        self._backdrop = Backdrop.CHECKER

    def compose_body(self) -> ComposeResult:
        with Horizontal():
            with Container(id="viewer-picture"):
                yield ImagePreview()
            with VerticalScroll(id="viewer-facts"):
                yield Static(id="viewer-words", markup=False)
        yield Static(id="viewer-line", markup=False)

    def on_mount(self) -> None:
        self.query_one("#viewer-facts").display = False
        self.host.decisions.outcome.subscribe(self, self._decision_ended)
        self.watch(self.app, "terminal", self._show_line, init=False)

    # ---- what is shown

    async def load(self) -> None:
        place = self._place()
        around = [self._image_id, *self._neighbours[max(0, place - 1) : place + 3]]
        views = await self.engine.images_by_id(around)
        self._views = {view.image_id: view for view in views}
        self._fits.clear()
        self._show()

    def apply_events(self, events: Sequence[Event]) -> None:
        changed = {event.image_id for event in events if isinstance(event, ImageChanged)}
        if changed & self._views.keys():
            self.reload()

    def _show(self) -> None:
        image, preview = self.current_image(), self.query_one(ImagePreview)
        if image is None:
            preview.show(None)
        else:
            preview.show(picture_of(self, image, is_full=True), window=self._window, backdrop=self._backdrop)
            self._show_facts()
        others = [view for view in self._views.values() if view.image_id != self._image_id]
        preview.prefetch([picture_of(self, view, is_full=True) for view in others])
        self.know_job(image)
        self._show_line()
        self.refresh_bindings()

    def _show_facts(self) -> None:
        """Those of the image; what agencies say is asked for only where facts are in sight."""
        if (image := self.current_image()) is None or not self.query_one("#viewer-facts").display:
            return
        fits = self._fits.get(image.image_id)
        self.query_one("#viewer-words", Static).update(facts_table(image, fits or ()))
        if fits is None and image.status is ImageStatus.APPROVED:
            self.run_query(self._ask_fits(image.image_id), "ask what the agencies take")

    async def _ask_fits(self, image_id: int) -> None:
        self._fits[image_id] = []
        self._fits[image_id] = await self.engine.agency_fits([image_id])
        self._show_facts()

    def _show_line(self) -> None:
        image, preview = self.current_image(), self.query_one(ImagePreview)
        text = Text(no_wrap=True, overflow="ellipsis")
        if image is None:
            text.append(" This image does not exist any more." if not self.is_loading_now else " …")
        else:
            look, frame, facts = image_look(image.status), preview.frame, self.host.terminal
            place = f"{count(self._place() + 1)} of {count(len(self._neighbours))}"
            size = (
                ""
                if frame is None
                else f"{'fit' if self._window.scale is None else 'zoom'} {_percent(frame.scale)}"
            )
            parts = (
                place,
                "" if image.file is None else clean_text(image.file.rpartition("/")[2]),
                size_of(image),
                size,
            )
            text.append(f" {look}", look.style)
            text.append("   " + "   ".join(part for part in parts if part))
            for part in (str(self._backdrop), str(facts.protocol)):
                if text.cell_len + len(part) + 3 <= self.size.width:
                    text.append(f"   {part}", "dim")
            if image.image_id in self.host.decisions.pending:
                text.append("   being decided", "bold")
        self.query_one("#viewer-line", Static).update(text)

    def on_image_preview_shown(self, message: ImagePreview.Shown) -> None:
        message.stop()
        if message.frame is not None and self._window.scale is not None:
            self._window = message.frame.window
        self._show_line()

    # ---- which image

    def _place(self) -> int:
        return self._neighbours.index(self._image_id) if self._image_id in self._neighbours else 0

    def _go(self, place: int) -> None:
        if 0 <= place < len(self._neighbours) and self._neighbours[place] != self._image_id:
            self._image_id = self._neighbours[place]
            self._window = WHOLE
            self._show()
            self.reload()

    def action_next(self) -> None:
        self._go(self._place() + 1)

    def action_previous(self) -> None:
        self._go(self._place() - 1)

    def current_image(self) -> ImageView | None:
        return self._views.get(self._image_id)

    def images_decided(self, image_ids: Sequence[int]) -> None:
        """Show the next image; the decided one is not among the neighbours any more. The last one closes the screen."""
        place = self._place()
        self._neighbours = [image_id for image_id in self._neighbours if image_id not in set(image_ids)]
        if not self._neighbours:
            self.dismiss(None)
            return
        self._image_id = -1
        self._go(min(place, len(self._neighbours) - 1))

    def images_taken_back(self, image_ids: Sequence[int]) -> None:
        place = self._place()
        back = [image_id for image_id in image_ids if image_id not in self._neighbours]
        self._neighbours[place:place] = back
        self._go(self._neighbours.index(image_ids[0]))

    def _decision_ended(self, outcome: Outcome) -> None:
        if outcome.refused and not outcome.is_undo:
            self._neighbours.extend(one for one in outcome.refused if one not in self._neighbours)
        self.reload()

    # ---- how it is seen

    def action_fit(self) -> None:
        self._see(Window(1.0) if self._window.scale is None else WHOLE)

    def action_zoom_in(self) -> None:
        self._zoom(STEP)

    def action_zoom_out(self) -> None:
        self._zoom(1 / STEP)

    def _zoom(self, factor: float) -> None:
        frame = self.query_one(ImagePreview).frame
        before = self._window.scale or (None if frame is None else frame.scale)
        if before is not None:
            scale = min(max(before * factor, SMALLEST_SCALE), LARGEST_SCALE)
            self._see(Window(scale, self._window.x, self._window.y))

    def action_pan_left(self) -> None:
        self._pan(-PAN, 0)

    def action_pan_right(self) -> None:
        self._pan(PAN, 0)

    def action_pan_up(self) -> None:
        self._pan(0, -PAN)

    def action_pan_down(self) -> None:
        self._pan(0, PAN)

    def _pan(self, x: float, y: float) -> None:
        """Move the window by parts of itself; where all is seen there is nothing to move."""
        image, scale = self.current_image(), self._window.scale
        if image is None or scale is None or not image.width or not image.height:
            return
        place, cell = self.query_one(ImagePreview).content_size, self.host.terminal.cell
        seen = (
            min(1.0, place.width * cell[0] / (image.width * scale)),
            min(1.0, place.height * cell[1] / (image.height * scale)),
        )
        middle = (self._window.x + x * seen[0], self._window.y + y * seen[1])
        inside = [min(max(at, part / 2), 1 - part / 2) for at, part in zip(middle, seen, strict=True)]
        self._see(Window(scale, *inside))

    def action_backdrop(self) -> None:
        every = list(Backdrop)
        self._backdrop = every[(every.index(self._backdrop) + 1) % len(every)]
        self._see(self._window)

    def action_protocol(self) -> None:
        """The next way to draw pictures, for this run; the settings have it for every run."""
        every = list(Protocol)
        following = every[(every.index(self.host.terminal.protocol) + 1) % len(every)]
        self.host.terminal = self.host.terminal.with_setting(following)
        self.host.toast(f"Pictures: {self.host.terminal.describe()}")

    def action_facts(self) -> None:
        facts = self.query_one("#viewer-facts")
        facts.display = not facts.display
        self._show_facts()

    def _see(self, window: Window) -> None:
        self._window = window
        image = self.current_image()
        if image is not None:
            picture = picture_of(self, image, is_full=True)
            self.query_one(ImagePreview).show(picture, window=window, backdrop=self._backdrop)
        self._show_line()

    # ---- the frame's hooks

    def step_back(self) -> bool:
        if self.query_one("#viewer-facts").display:
            self.action_facts()
            return True
        if self._window.scale is not None:
            self._see(WHOLE)
            return True
        return False


def _percent(scale: float) -> str:
    return f"{scale:.0%}" if scale >= 0.1 else f"{scale:.1%}"
