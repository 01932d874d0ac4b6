"""What cleaning tells. Sizes are bytes of the files, not of the blocks that they take."""

from enum import StrEnum

from engine.views import View


class CleanKind(StrEnum):
    """What may be removed, in the order in which it is."""

    PARTIALS = "partials"
    """Files that a killed process left unfinished."""
    ORPHANS = "orphans"
    """Files in the work, preview and trash folders that belong to no job or image any more."""
    TRASH = "trash"
    """Images in the trash, with all their files."""
    DELETED_JOBS = "deleted_jobs"
    """Deleted jobs, with everything that they kept outside the output folder."""
    CACHES = "caches"
    """Previews, which are made anew when they are shown; removed only when asked for."""


class CleanGroup(View):
    kind: CleanKind
    count: int
    """Files; of trash images, of deleted jobs jobs."""
    files: int
    bytes: int
    is_removed: bool
    """Whether they are gone now; in a dry run, whether they would be."""
    examples: tuple[str, ...]


class CleanView(View):
    """What a cleaning removed, or with `is_dry_run` would remove."""

    is_dry_run: bool
    older_than_days: float
    groups: tuple[CleanGroup, ...]
    freed_bytes: int
    notes: tuple[str, ...]
