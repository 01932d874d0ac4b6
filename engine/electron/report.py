"""Keeps count of an import while it goes on, and makes the view of it. Everything that it tells is masked."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from engine.electron.pictures import Found
from engine.electron.settings_map import MappedSettings
from engine.electron.views import (
    LISTED,
    ImportCounts,
    ImportView,
    LeftOutImage,
    MissingPath,
    UnmappedSetting,
)
from engine.masking import Masker
from engine.text import clean_text
from engine.views import ImageStatus

_FILES = (
    "output_dir",
    "work_dir",
    "keywords_file",
    "system_prompt_file",
    "quality_prompt_file",
    "metadata_prompt_file",
)


@dataclass
class Tally:
    """Rows of one kind."""

    imported: int = 0
    already: int = 0
    left_out: int = 0

    def view(self) -> ImportCounts:
        """As everyone sees it."""
        return ImportCounts(imported=self.imported, already=self.already, left_out=self.left_out)


@dataclass
class Report:
    masker: Masker
    keys: tuple[str, ...]
    configurations: Tally = field(default_factory=Tally)
    jobs: Tally = field(default_factory=Tally)
    images: Tally = field(default_factory=Tally)
    statuses: Counter[ImageStatus] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    unmapped: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    missing_paths: list[MissingPath] = field(default_factory=list)
    left_out: list[LeftOutImage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    total: int = 0
    """Images that the file has."""
    looked_at: int = 0

    def note(self, sentence: str) -> None:
        """Something that the user should know."""
        if len(self.notes) < LISTED:
            self.notes.append(self._shown(sentence, 500))

    def add_settings(self, mapped: MappedSettings, where: str) -> None:
        """What of the settings of `where` found no place."""
        for setting, why in mapped.unmapped:
            places = self.unmapped.setdefault((setting, why), [])
            places.append(self._shown(where, 100))

    def add_paths(self, mapped: MappedSettings, configuration: str, folder: Path) -> None:
        """The files and folders of a configuration that are not there."""
        for name in _FILES:
            text = getattr(mapped.settings.files, name)
            if text is None or len(self.missing_paths) >= LISTED:
                continue
            try:
                is_there = (folder / Path(text).expanduser()).exists()
            except (OSError, RuntimeError, ValueError):
                is_there = False
            if not is_there:
                self.missing_paths.append(
                    MissingPath(
                        configuration=configuration, setting=f"files.{name}", path=self._shown(text, 4_096)
                    )
                )

    def leave_out(self, found: Found, job: str, why: str) -> None:
        """An image that does not come along."""
        self.images.left_out += 1
        if len(self.left_out) < LISTED:
            self.left_out.append(
                LeftOutImage(
                    image=self._shown(found.image.mapping_id or found.image.old_id, 200),
                    job=self._shown(job, 200),
                    file=self._shown(found.shown_path, 4_096),
                    why=self._shown(why, 300),
                )
            )

    def view(self, source: Path, *, is_dry_run: bool, is_copying: bool) -> ImportView:
        """As it stands."""
        return ImportView(
            source=str(source),
            is_dry_run=is_dry_run,
            is_copying=is_copying,
            configurations=self.configurations.view(),
            jobs=self.jobs.view(),
            images=self.images.view(),
            images_by_status=dict(self.statuses),
            configuration_names=tuple(self.names),
            keys_in_clear=self.keys,
            unmapped=tuple(
                UnmappedSetting(setting=setting, why=why, where=places[0], count=len(places))
                for (setting, why), places in sorted(self.unmapped.items())[:LISTED]
            ),
            missing_paths=tuple(self.missing_paths),
            left_out=tuple(self.left_out),
            notes=tuple(self.notes),
        )

    def _shown(self, text: str, limit: int) -> str:
        return clean_text(self.masker.mask(text), limit=limit)
