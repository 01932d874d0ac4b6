"""Says in whole why no engine can be told anything, under the header of every screen, for as long as that is so."""

from rich.text import Text
from textual.widgets import Static

from engine.text import clean_text
from tui.host import FactoryHost
from tui.status import FrameStatus, Link

LIMIT = 600


class TroubleBar(Static):
    """Hidden while all is well. Shows the app's status, asks nothing."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.display = False

    def on_mount(self) -> None:
        self.watch(self.app, "status", self._follow)

    def _follow(self, status: FrameStatus) -> None:
        is_shown = status.link in (Link.LOST, Link.SILENT) and bool(status.problem)
        if is_shown:
            assert isinstance(self.app, FactoryHost)
            problem = clean_text(status.problem, keep_newlines=True, limit=LIMIT)
            waits = "It is waited for" if status.link is Link.SILENT else "It is tried again by itself"
            rest = f"{waits}. The log has the details: {self.app.services.paths.log_file}"
            self.update(Text.assemble(("! ", "bold red"), problem, f"\n{rest}"))
        self.display = is_shown
