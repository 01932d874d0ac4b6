"""A cover that a screen shows while the terminal is too small for it; the stylesheet shows and hides it."""

from textual.widgets import Static

SMALLEST_COLUMNS, SMALLEST_ROWS = 60, 16


class SizeGuard(Static):
    """Says the size that is needed."""

    def __init__(self) -> None:
        super().__init__(f"gimf needs {SMALLEST_COLUMNS}x{SMALLEST_ROWS}", markup=False)
