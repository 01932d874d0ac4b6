"""How far an export is, told on the bus at most a few times a second."""

import time
from enum import StrEnum

from engine.bus import EventBus
from engine.events import ExportProgressed

TELL_EVERY_S = 0.1


class ExportPhase(StrEnum):
    GATHERING = "gathering"
    """Rows are read, files looked for."""
    WORKBOOK = "workbook"
    """Rows are written."""
    ZIPPING = "zipping"
    """Files are packed."""


class ExportProgress:
    """`done` and `total` count images (workbooks: rows of images)."""

    def __init__(self, bus: EventBus, export_id: str) -> None:
        self._bus = bus
        self._export_id = export_id
        self._phase = ExportPhase.GATHERING
        self._done = self._total = 0
        self._told_at = float("-inf")

    def begin(self, phase: ExportPhase, total: int) -> None:
        """A phase begins; told at once."""
        self._phase, self._done, self._total = phase, 0, total
        self._tell()

    def step(self, count: int = 1) -> None:
        """So many more are done."""
        self._done += count
        if time.monotonic() - self._told_at >= TELL_EVERY_S or self._done >= self._total:
            self._tell()

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        self._bus.publish(
            ExportProgressed(self._export_id, self._phase.value, self._done, max(self._total, self._done))
        )
