"""The line over a list says how many rows there are, also where that is known before the line is there."""

from textual.app import App, ComposeResult
from textual.widgets import Static

from tui.widgets.filter_bar import FilterBar
from tui.widgets.image_rows import ORDERS, REVIEW_FACETS


class Early(App[None]):
    """Its list is read before its widgets are mounted."""

    def compose(self) -> ComposeResult:
        bar = FilterBar(REVIEW_FACETS, ORDERS, nouns=("image", "images"), search_hint="text")
        bar.show_count(3)
        yield bar


async def test_a_count_that_comes_early_is_shown() -> None:
    async with Early().run_test() as pilot:
        await pilot.pause()
        assert "3 images" in str(pilot.app.query_one("#filter-summary", Static).content)
