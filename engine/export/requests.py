"""What a front end asks for: an export, or other texts for images. Plain data that crosses the engine's socket."""

from dataclasses import dataclass
from enum import StrEnum


class ExportKind(StrEnum):
    WORKBOOK = "workbook"
    """One job as .xlsx."""
    ARCHIVE = "archive"
    """A workbook of each job in one .zip."""
    IMAGES = "images"
    """Pictures with a workbook of their texts in one .zip."""
    SHEET = "sheet"
    """An upload sheet of a stock agency, .csv; or a .zip of it with its pictures, under names that the agency takes."""


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """`job_ids` and `image_ids` together say what; of jobs, pictures and sheets take the approved images."""

    export_id: str
    """The caller's own, never used before; with it the export is watched and cancelled."""
    kind: ExportKind
    job_ids: tuple[str, ...] = ()
    image_ids: tuple[int, ...] = ()
    to: str | None = None
    """An absolute path of a file, or of a folder that is there; None: the default folder, a name with the time."""
    is_overwriting: bool = False
    """Replace a file of that name; else the next free number is appended."""
    has_originals: bool = False
    """Images: also what the provider sent."""
    has_pictures: bool = False
    """Sheets: a .zip of the sheet and its pictures, in place of a .csv."""
    agency: str | None = None
    is_fixing: bool = False
    """Sheets: shorten, cut and split what breaks a limit."""
    is_forced: bool = False
    """Sheets: write what still breaks a rule, also where the agency refuses generated images."""
    is_leaving_out: bool = False
    """Sheets: leave out the images that do not fit."""


@dataclass(frozen=True, slots=True)
class ImageEdit:
    """New texts of an image; None leaves what is there, an empty one takes it away."""

    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    category: str | None = None
