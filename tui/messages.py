"""What screens and widgets ask of the app, as messages that bubble. The app acts on those that open something."""

from collections.abc import Sequence

from textual.message import Message


class OpenJob(Message):
    """Show one job. `neighbours`: the job ids of the list that it comes from, for next and previous."""

    def __init__(self, job_id: str, neighbours: Sequence[str] = (), *, tab: str = "overview") -> None:
        super().__init__()
        self.job_id = job_id
        self.neighbours = tuple(neighbours)
        self.tab = tab
        """overview, images, logs, settings"""


class OpenImage(Message):
    """Show one image large. `neighbours`: the image ids of the list that it comes from, for next and previous."""

    def __init__(self, image_id: int, neighbours: Sequence[int] = ()) -> None:
        super().__init__()
        self.image_id = image_id
        self.neighbours = tuple(neighbours)


class ShowLogs(Message):
    """Show the log of a job, or of all."""

    def __init__(self, job_id: str | None = None) -> None:
        super().__init__()
        self.job_id = job_id


class ShowStatistics(Message):
    """Show what was made and spent."""


class ShowSection(Message):
    """Go to a section: dashboard, jobs, review, gallery, settings. `job_id`: show only what belongs to that job,
    where the section can (its screen has a method `show_job`)."""

    def __init__(self, section: str, job_id: str | None = None) -> None:
        super().__init__()
        self.section = section
        self.job_id = job_id


class StartJob(Message):
    """Open the start dialog, with this configuration chosen (None: the default one)."""

    def __init__(self, configuration: str | None = None) -> None:
        super().__init__()
        self.configuration = configuration


class LeaveForDemo(Message):
    """End the app, show the demo, come back."""


class PreferencesSaved(Message):
    """config.toml was written: theme, keys and the rest take effect now."""
