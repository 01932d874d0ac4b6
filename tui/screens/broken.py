"""Shown in place of a section that broke down, until the user goes elsewhere. Needs nothing that could break."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.factory_screen import FactoryScreen


class BrokenScreen(FactoryScreen):
    """Says where the details are and how to go on."""

    def compose_body(self) -> ComposeResult:
        log_file = self.host.services.paths.log_file
        yield Static(
            "\n  This section broke down and was closed. Jobs are not touched.\n\n"
            "  Press its number to open it again, or go to another section.\n"
            f"  The log has the details: {log_file}",
            markup=False,
        )
