"""An agency's upload sheet: every row held against its limits first, then written as the agency's own CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from engine.errors import InputError, Problem, SettingsError
from engine.export.agencies import Policy, Preset
from engine.export.fit import Misfit, SheetRow, cells, fit, mend
from engine.export.views import SheetNoteView


@dataclass(frozen=True, slots=True)
class SheetChoices:
    """As in ExportRequest."""

    is_fixing: bool = False
    is_forced: bool = False
    is_leaving_out: bool = False


@dataclass(slots=True)
class Sheet:
    """Takes rows one after another; afterwards it knows what stands in its way, and its text."""

    preset: Preset
    choices: SheetChoices
    rows: list[list[str]] = field(default_factory=list)
    problems: list[SheetNoteView] = field(default_factory=list)
    changes: list[SheetNoteView] = field(default_factory=list)
    image_ids: list[int] = field(default_factory=list)
    _names: dict[str, int] = field(default_factory=dict)

    def add(self, row: SheetRow) -> bool:
        """Take a row; whether it is in the sheet."""
        if self.choices.is_fixing:
            row, mended = mend(row, self.preset)
        else:
            mended = ()
        misfits = (*fit(row, self.preset), *self._taken_name(row))
        if misfits and self.choices.is_leaving_out:
            why = "; ".join(misfit.message for misfit in misfits)
            self.changes.append(_note(row, Misfit("image", f"left out: {why}")))
            return False
        line, marked = cells(row, self.preset)
        self.problems += [_note(row, misfit) for misfit in misfits]
        self.changes += [_note(row, change) for change in (*mended, *marked)]
        self.rows.append(line)
        self._names.setdefault(row.file_name.casefold(), row.image_id)
        self.image_ids.append(row.image_id)
        return True

    def _taken_name(self, row: SheetRow) -> list[Misfit]:
        """The agency cannot tell two pictures of one name apart, nor can some systems where letter case differs."""
        first = self._names.get(row.file_name.casefold())
        return [] if first is None else [Misfit("file_name", f"image {first} has this file name too")]

    @property
    def refusal(self) -> str:
        """Why the agency takes none of the images, whatever they are like; empty where it may."""
        if self.preset.generated is not Policy.REFUSED:
            return ""
        return f"{self.preset.name} refuses generated images. {self.preset.generated_note}".rstrip()

    @property
    def all_problems(self) -> tuple[SheetNoteView, ...]:
        """Those of the rows, and of the sheet as a whole."""
        most = self.preset.rows_per_file
        if most is None or len(self.rows) <= most or self.choices.is_fixing:
            return tuple(self.problems)
        note = SheetNoteView(
            image_id=None, file=None, field="rows", message=f"rows {len(self.rows)}/{most}", is_fixable=True
        )
        return (note, *self.problems)

    def require_writable(self) -> None:
        """Raises InputError (`refused`, `nothing`), SettingsError (`limits`) with every problem; not where forced."""
        if not self.rows:
            raise InputError("No image would be in the sheet.", code="nothing")
        if self.choices.is_forced:
            return
        if self.refusal:
            raise InputError(self.refusal, hint="--force writes the sheet anyway.", code="refused")
        if problems := self.all_problems:
            can_fix = any(problem.is_fixable for problem in problems)
            hint = "--fix shortens, cuts and splits; " if can_fix else ""
            error = SettingsError(
                [Problem(_place(problem), problem.message) for problem in problems],
                hint=f"{hint}--leave-out leaves out what does not fit; --force writes it all the same.",
            )
            error.code = "limits"
            raise error

    def notes(self) -> tuple[SheetNoteView, ...]:
        """What is written in spite of a limit, and what is to be known about the agency."""
        texts = [self.refusal] if self.refusal else []
        if not self.preset.is_verified:
            texts.append(f"The limits of {self.preset.name} are unverified: they are not from its own pages.")
        if self.preset.generated is Policy.UNVERIFIED:
            texts.append(f"Whether {self.preset.name} takes generated images is unverified.")
        elif self.preset.generated is Policy.ACCEPTED and self.preset.generated_note:
            texts.append(f"{self.preset.name} takes generated images. {self.preset.generated_note}")
        about = [SheetNoteView(image_id=None, file=None, field="agency", message=text) for text in texts]
        return (*self.all_problems, *about)

    def files(self) -> list[bytes]:
        """The sheet in as many files as its limit of rows asks for, where it may be split."""
        most = self.preset.rows_per_file
        if most is None or not self.choices.is_fixing:
            return [self._text(self.rows)]
        return [self._text(self.rows[first : first + most]) for first in range(0, len(self.rows), most)]

    def _text(self, rows: Iterable[Sequence[str]]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(
            text,
            delimiter=self.preset.separator,
            quoting=csv.QUOTE_ALL if self.preset.quotes == "all" else csv.QUOTE_MINIMAL,
        )
        writer.writerow([column.header for column in self.preset.columns])
        writer.writerows(rows)
        return text.getvalue().encode("utf-8-sig" if self.preset.has_bom else "utf-8")


def _note(row: SheetRow, misfit: Misfit) -> SheetNoteView:
    return SheetNoteView(
        image_id=row.image_id,
        file=row.file_name,
        field=misfit.field,
        message=misfit.message,
        is_fixable=misfit.is_fixable,
    )


def _place(problem: SheetNoteView) -> str:
    return f"image {problem.image_id}" if problem.image_id is not None else "sheet"
