"""The line on top of every screen: sections, the job at work, queue, spend. Shows the app's status, asks nothing."""

from rich.text import Text
from textual import events
from textual.app import RenderResult
from textual.widget import Widget

from engine.status import JobStatus
from engine.text import clean_text
from tui import format as fmt
from tui.host import FactoryHost
from tui.messages import ShowSection
from tui.status import FrameStatus, Link
from tui.widgets.changed_cells import changed_regions

SECTIONS = ("dashboard", "jobs", "review", "gallery", "settings")
_SECTION = "section"
_LABEL_LIMIT = 20
_BAR = 8


class AppHeader(Widget):
    """One line; it leaves out what does not fit, the least important first."""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = Text()

    def on_mount(self) -> None:
        self.watch(self.app, "status", self._follow, init=False)

    def _follow(self, _status: FrameStatus) -> None:
        """Most of what a job does changes nothing here, and what is sent twice costs a slow line."""
        changed = changed_regions(self._drawn, self._line(), self.size.width)
        if changed:
            self.refresh(*changed)

    def render(self) -> RenderResult:
        self._drawn = self._line()
        return self._drawn

    def _line(self) -> Text:
        assert isinstance(self.app, FactoryHost)
        status = self.app.status
        width = self.size.width
        for is_short, is_lean in ((False, False), (False, True), (True, False)):
            left = _left(self.app.current_mode, status, is_short=is_short)
            right = _right(status, width, is_lean=is_lean)
            if left.cell_len + right.cell_len + 1 <= width:
                break
        else:
            right.truncate(max(width - left.cell_len - 1, 0), overflow="ellipsis")
        gap = max(width - left.cell_len - right.cell_len, 1)
        return Text.assemble(left, " " * gap, right, no_wrap=True)

    def on_click(self, event: events.Click) -> None:
        """A click on a section goes there."""
        if (section := event.style.meta.get(_SECTION)) is not None:
            self.post_message(ShowSection(section))


def _left(mode: str, status: FrameStatus, *, is_short: bool) -> Text:
    text = Text(" gimf ", style="bold")
    for number, section in enumerate(SECTIONS, 1):
        is_here = section == mode
        name = section.capitalize()
        part = Text(f"{number}", style="bold" if is_here else "dim")
        if is_here or not is_short:
            part.append(f" {name}", style="bold underline" if is_here else "not dim")
        if section == "review" and status.to_review:
            between = "·" if is_short and not is_here else " "
            part.append(f"{between}{fmt.count(status.to_review)}", style="not dim yellow")
        part.apply_meta({_SECTION: section})
        text.append(" ")
        text.append_text(part)
    return text


def _right(status: FrameStatus, width: int, *, is_lean: bool) -> Text:
    """`is_lean`: an empty queue is not worth the room."""
    if status.link is Link.LOST:
        why = (
            f"no engine: {clean_text(status.problem)}"
            if status.problem
            else "the engine has gone; starting it again"
        )
        return Text(f"! {why} ", style="bold red")
    if status.link is Link.SILENT:
        return Text(f"! {clean_text(status.problem)} ", style="bold red")
    if status.link is Link.STARTING:
        return Text(f"{clean_text(status.problem) or 'starting the engine'} ", style="dim")
    parts = []
    if status.job is not None:
        parts.append(_job(status, width))
    if status.waiting or not is_lean:
        parts.append(Text(f"queue {len(status.waiting)}"))
    parts.append(Text(f"{fmt.money(status.spend_today_usd)} today"))
    return Text.assemble(Text("  ").join(parts), " ")


def _job(status: FrameStatus, width: int) -> Text:
    job = status.job
    assert job is not None
    look = fmt.job_look(job.status)
    counts = job.images if status.progress is None else status.progress.images
    fraction = 0.0 if status.progress is None else status.progress.fraction
    text = Text.assemble((look.glyph, look.style))
    if job.status is not JobStatus.RUNNING:
        text.append(f" {look.word}", style=look.style)
    if width >= 100:
        text.append(f" {clean_text(job.label, limit=_LABEL_LIMIT)}")
    text.append(f" {fmt.count(counts.finished)}/{fmt.count(counts.planned)} ")
    text.append(fmt.bar(fraction, _BAR), style=look.style)
    return text
