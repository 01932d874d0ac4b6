"""What an export answers and what is shown of agencies: part of the JSON contract, as engine.views."""

from engine.export.agencies import Policy, Preset
from engine.export.requests import ExportKind
from engine.views import View


class MissingView(View):
    """A picture that is not in the export, and why."""

    image_id: int
    file: str | None
    """Where it should be; null: it never had a file."""
    reason: str


class SheetNoteView(View):
    """A row of a sheet that breaks a limit, or what was changed so that it does not."""

    image_id: int | None
    """null: about the sheet as a whole."""
    file: str | None
    """The name in the sheet."""
    field: str
    message: str
    is_fixable: bool = False
    """Whether `--fix` can mend it."""


class ExportView(View):
    """A finished export."""

    export_id: str
    kind: ExportKind
    path: str
    """The file; of several, the first."""
    files: int
    """Files written; in a .zip, the files packed: workbooks, or pictures and originals."""
    missing: tuple[MissingView, ...]
    paths: tuple[str, ...]
    """Every file written."""
    images: int
    """Rows about images."""
    problems: tuple[SheetNoteView, ...] = ()
    """Limits that the sheet breaks all the same, and what is to be known about the agency."""
    changes: tuple[SheetNoteView, ...] = ()
    """What was shortened, cut or left out, where that was asked for; and marks that keep a text from being computed."""


class SheetCheckView(View):
    """What a sheet would be like, before it is written."""

    agency: str
    images: int
    """Rows it would have."""
    problems: tuple[SheetNoteView, ...]
    """What stands in the way with the choices of the request."""
    changes: tuple[SheetNoteView, ...]
    missing: tuple[MissingView, ...]
    refusal: str
    """Why the agency takes none of them, whatever they are like; empty: it does."""

    @property
    def can_be_written(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.problems and not self.refusal and self.images > 0


class AgencyView(View):
    """An agency whose sheets can be written."""

    agency: str
    name: str
    is_verified: bool
    """Whether its figures come from its own pages."""
    generated: Policy
    generated_note: str
    columns: tuple[str, ...]
    preset: Preset
    """All of it, as `agencies.toml` writes it: its limits, its words for categories."""


class FitView(View):
    """Whether an agency takes an image as it is."""

    image_id: int
    agency: str
    is_accepted: bool
    reasons: tuple[str, ...]
    """Why not."""
