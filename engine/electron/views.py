"""What an import tells: counts, and by name everything that did not come along. Without a key in it."""

from engine.views import ImageStatus, View

LISTED = 2_000
"""Entries of one list; `left_out` counts all of them."""


class ImportCounts(View):
    """Rows of one kind."""

    imported: int
    already: int
    """Taken over by an earlier import."""
    left_out: int


class UnmappedSetting(View):
    setting: str
    why: str
    where: str
    """The first configuration or job that has it."""
    count: int
    """In how many configurations and jobs."""


class MissingPath(View):
    """A file or folder that a configuration names and that is not there; the path was taken over as it is."""

    configuration: str
    setting: str
    path: str


class LeftOutImage(View):
    """An image that was not taken over."""

    image: str
    """Its id there."""
    job: str
    file: str
    why: str


class ImportView(View):
    """What an import did, or with `is_dry_run` would do."""

    source: str
    is_dry_run: bool
    is_copying: bool
    configurations: ImportCounts
    jobs: ImportCounts
    images: ImportCounts
    images_by_status: dict[ImageStatus, int]
    """Of those imported now."""
    configuration_names: tuple[str, ...]
    """What those imported now are called here."""
    keys_in_clear: tuple[str, ...]
    """Services whose keys stand in the file for anyone to read; none was taken over."""
    unmapped: tuple[UnmappedSetting, ...]
    missing_paths: tuple[MissingPath, ...]
    left_out: tuple[LeftOutImage, ...]
    notes: tuple[str, ...]
