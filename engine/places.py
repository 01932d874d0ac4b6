"""Where a job's files go: its settings first, then the preferences, then the program's own folders."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.paths import Paths

if TYPE_CHECKING:  # the window asks before it has loaded any model
    from engine.preferences import Preferences
    from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class Places:
    paths: Paths
    preferences: Preferences

    def output(self, settings: Settings) -> Path:
        """The folder of finished pictures."""
        return settings.files.output_folder(self.preferences.output_folder(self.paths))

    def work(self, settings: Settings) -> Path:
        """The folder in which every job has one of its own."""
        return settings.files.work_folder(self.preferences.work_folder(self.paths))
