"""Leaving while a job is at work: what shall become of it."""

from engine.views import JobView
from tui.screens.confirm_dialog import Answer, ConfirmDialog

STAY, LEAVE, STOP = "stay", "leave", "stop"


class QuitDialog(ConfirmDialog):
    """Dismissed with `leave`, `stop`, `stay`, or None, which is `stay`."""

    def __init__(self, job: JobView, *, ends_with_window: bool, command: str) -> None:
        leave = (
            Answer(
                LEAVE,
                "Leave; the job waits",
                "The engine ends with this window: answers to paid requests are awaited, the rest goes on at the "
                "next start.",
            )
            if ends_with_window
            else Answer(
                LEAVE,
                "Leave; the job keeps running",
                f"The engine goes on without a window. `{command}` brings the window back.",
            )
        )
        super().__init__(
            "Leave",
            f"#{job.number} {job.label} is {job.status}.",
            (
                leave,
                Answer(
                    STOP, "Stop the job and leave", "What is paid for is still finished; nothing new is sent."
                ),
                Answer(STAY, "Stay", ""),
            ),
        )
