"""The base of widgets that draw their own lines: made longer and shorter without laying the screen out anew."""

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget


class LineScroll(ScrollView, can_focus=True, inherit_bindings=False):
    """Textual lays the whole screen out whenever `virtual_size` changes, which a list that grows ten times a second
    cannot afford; only a scrollbar that comes or goes needs it."""

    def set_line_count(self, lines: int) -> None:
        """How many lines there are to scroll over. The place stays, or becomes the last one there is."""
        region = self.scrollable_content_region
        size = Size(region.width, lines)
        if size == self.virtual_size:
            return
        if self.show_vertical_scrollbar != (lines > region.height):
            self.virtual_size = size
            return
        self.set_reactive(Widget.virtual_size, size)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = lines
        self.scroll_y = self.validate_scroll_y(self.scroll_y)
