"""The statistics over all jobs. Shows what it is given, asks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from tui import format as fmt
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from engine.views import TotalsView


class TotalsPanel(Lines):
    """Four lines of numbers."""

    def __init__(self) -> None:
        super().__init__(4, title="Totals", id="totals-panel")

    def show(self, totals: TotalsView, undecided: int = 0) -> None:
        """Show these; `undecided` tasks wait for a decision."""
        to_decide = (("to decide", fmt.count(undecided)),) if undecided else ()
        self.show_lines(
            [
                _row(
                    ("jobs", fmt.count(totals.jobs)),
                    ("done", fmt.count(totals.jobs_completed)),
                    ("failed", fmt.count(totals.jobs_failed)),
                    ("success", fmt.percent(totals.success_rate)),
                ),
                _row(
                    ("images", fmt.count(totals.images)),
                    ("approved", fmt.count(totals.approved)),
                    ("to review", fmt.count(totals.failed)),
                ),
                _row(("average job", fmt.duration(totals.average_duration_s)), *to_decide),
                _row(
                    ("spent today", fmt.money(totals.spend_today_usd)),
                    ("in all", fmt.money(totals.spend_usd)),
                ),
            ]
        )


def _row(*pairs: tuple[str, str]) -> Text:
    return Text("   ").join(Text.assemble((f"{name} ", "dim"), value) for name, value in pairs)
