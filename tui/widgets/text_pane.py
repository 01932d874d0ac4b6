"""Longer text to read, scrolled with the keys of lists."""

from typing import ClassVar

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from tui.keys import bindings_for

_MOVING = frozenset(
    f"list.{verb}"
    for verb in (
        "cursor_down",
        "cursor_up",
        "first",
        "last",
        "half_page_down",
        "half_page_up",
        "page_down",
        "page_up",
        "back",
    )
)


class TextPane(VerticalScroll, can_focus=True, inherit_bindings=False):
    """Shows text as it is given: nothing in it is interpreted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in bindings_for("list") if isinstance(one, Binding) and one.id in _MOVING
    ]

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show_text(self, text: RenderableType) -> None:
        """Replace the text; the place stays."""
        self.query_one(Static).update(text)

    def action_cursor_down(self) -> None:
        self._move(1)

    def action_cursor_up(self) -> None:
        self._move(-1)

    def action_half_page_down(self) -> None:
        self._move(self.size.height // 2)

    def action_half_page_up(self) -> None:
        self._move(-(self.size.height // 2))

    def action_page_down(self) -> None:
        self._move(self.size.height)

    def action_page_up(self) -> None:
        self._move(-self.size.height)

    def action_first(self) -> None:
        self.scroll_to(y=0, animate=False)

    def action_last(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False)

    async def action_back(self) -> None:
        await self.run_action("app.back")

    def _move(self, lines: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False)
