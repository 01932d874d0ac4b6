"""Exports of pictures: a .zip of them with their texts, and an agency's sheet, alone or with its pictures."""

import io
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack, closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine.crash import crash_point
from engine.errors import FactoryError
from engine.export.agencies import Preset
from engine.export.archive import Archive, SourceMissingError
from engine.export.books import Written
from engine.export.columns import open_book
from engine.export.fit import sheet_row
from engine.export.job_book import METADATA_COLUMNS, add_metadata
from engine.export.naming import UniqueNames, short_name
from engine.export.progress import ExportPhase, ExportProgress
from engine.export.sheet import Sheet, SheetChoices
from engine.export.source import Source, why_missing
from engine.export.target import Draft, Target, drafting
from engine.export.threads import Threads
from engine.export.views import MissingView
from engine.files import storage_errors
from engine.views import ImageView

if TYPE_CHECKING:
    from engine.export.workbook import Book


@dataclass(slots=True)
class PictureExport:
    """One export at work. Raises FactoryError; leaves nothing where it raises or is cancelled."""

    source: Source
    scratch: Path
    hide: Callable[[str], str]
    progress: ExportProgress
    threads: Threads
    missing: list[MissingView]
    """Grows while it works."""
    bytes: int = 0
    """Of all pictures that were found."""

    async def gather(self, image_ids: Sequence[int]) -> list[ImageView]:
        """The images that have a picture, in this order; the others are missing."""
        self.progress.begin(ExportPhase.GATHERING, len(image_ids))
        found: list[ImageView] = []
        async for page in self.source.pages(image_ids):
            reasons, size = await self.threads.do(_look, page)
            self.bytes += size
            found += [image for image, reason in zip(page, reasons, strict=True) if reason is None]
            self.missing += [reason for reason in reasons if reason is not None]
            self.progress.step(len(page))
        known = {image.image_id for image in found} | {one.image_id for one in self.missing}
        self.missing += [
            MissingView(image_id=image_id, file=None, reason="there is no such image")
            for image_id in image_ids
            if image_id not in known
        ]
        return found

    async def pictures(self, image_ids: Sequence[int], target: Target, *, has_originals: bool) -> Written:
        """`images/`, `originals/` where asked for, and `metadata.xlsx`."""
        images = await self.gather(image_ids)
        names = UniqueNames()
        named = [(image, names.take(_name(image))) for image in images]
        async with drafting(target, self.threads) as draft:
            with closing(Archive(draft.file)) as archive:
                packed = await self._pack(archive, target, named)
                if not packed:
                    raise FactoryError("None of the pictures is there; nothing was exported.", code="nothing")
                files = len(packed)
                if has_originals:
                    files += await self._pack_originals(archive, target, packed)
                await self._add_texts(archive, target, packed)
                await self.threads.do(self._finish, archive, draft, target.folder)
            return Written((await self.threads.finish(draft.place),), files, len(packed))

    async def sheet(
        self, image_ids: Sequence[int], preset: Preset, choices: SheetChoices, *, is_short: bool
    ) -> tuple[Sheet, list[tuple[ImageView, str]]]:
        """The sheet, nothing written, and its pictures with their names in it. `is_short`: names that are longer than
        the agency takes are made shorter, because the pictures are packed under them."""
        images = await self.gather(image_ids)
        sheet = Sheet(preset, choices)
        return sheet, await self.threads.do(_add_rows, sheet, images, is_short=is_short)

    async def write_sheet(self, sheet: Sheet, target: Target) -> Written:
        """The .csv, or where the agency's limit of rows asks for it, several."""
        self.progress.begin(ExportPhase.WORKBOOK, len(sheet.rows))
        parts = await self.threads.do(sheet.files)
        async with AsyncExitStack() as stack:
            drafts = []
            for part in parts:
                draft = await stack.enter_async_context(drafting(target, self.threads))
                drafts.append(draft)
                await self.threads.do(_write, draft, part, target.folder)
            crash_point("mid_export")
            placed = await self.threads.finish(_place_all, drafts)
        self.progress.step(len(sheet.rows))
        return Written(placed, len(placed), len(sheet.rows))

    async def pack_sheet(
        self, sheet: Sheet, rows: Sequence[tuple[ImageView, str]], stem: str, target: Target
    ) -> Written:
        """A .zip of the sheet and its pictures, under the names that are in the sheet."""
        async with drafting(target, self.threads) as draft:
            with closing(Archive(draft.file)) as archive:
                packed = await self._pack(archive, target, rows)
                if len(packed) < len(rows):
                    raise FactoryError(
                        f"{len(rows) - len(packed)} pictures that the sheet names went away while they were packed.",
                        hint="Export again.",
                    )
                parts = await self.threads.do(sheet.files)
                with storage_errors(target.folder):
                    for number, part in enumerate(parts, 1):
                        name = f"{stem}{_suffix(number, len(parts))}.csv"
                        await self.threads.do(archive.add_bytes, name, part)
                await self.threads.do(self._finish, archive, draft, target.folder)
            return Written((await self.threads.finish(draft.place),), len(packed), len(packed))

    async def _pack(
        self, archive: Archive, target: Target, named: Iterable[tuple[ImageView, str]]
    ) -> list[tuple[ImageView, str]]:
        """Put the pictures into `images/`; those that are in there now."""
        wanted = list(named)
        self.progress.begin(ExportPhase.ZIPPING, len(wanted))
        packed = []
        for image, name in wanted:
            if await self._add(archive, target, image, image.file, f"images/{name}"):
                packed.append((image, name))
            self.progress.step()
            crash_point("mid_export")
        return packed

    async def _pack_originals(
        self, archive: Archive, target: Target, packed: Sequence[tuple[ImageView, str]]
    ) -> int:
        self.progress.begin(ExportPhase.ZIPPING, len(packed))
        count = 0
        for image, name in packed:
            place = Path(name).with_suffix(Path(image.original_file or name).suffix)
            count += await self._add(archive, target, image, image.original_file, f"originals/{place}")
            self.progress.step()
        return count

    async def _add(
        self, archive: Archive, target: Target, image: ImageView, file: str | None, name: str
    ) -> bool:
        try:
            with storage_errors(target.folder, self.bytes):
                return await self.threads.do(
                    archive.add_file, Path(file or ""), name, is_cancelled=self.threads.is_cancelled
                )
        except SourceMissingError as error:
            self.missing.append(MissingView(image_id=image.image_id, file=file, reason=f"{name}: {error}"))
            return False

    async def _add_texts(
        self, archive: Archive, target: Target, packed: Sequence[tuple[ImageView, str]]
    ) -> None:
        self.progress.begin(ExportPhase.WORKBOOK, len(packed))
        book = await self.threads.do(open_book, self.scratch, self.hide)
        text = io.BytesIO()
        try:
            with storage_errors(self.scratch):
                await self.threads.do(_fill, book, packed)
                await self.threads.do(book.save, text, is_cancelled=self.threads.is_cancelled)
        finally:
            await self.threads.clean_up(book.discard)
        with storage_errors(target.folder):
            await self.threads.do(archive.add_bytes, "metadata.xlsx", text.getvalue())
        self.progress.step(len(packed))

    def _finish(self, archive: Archive, draft: Draft, folder: Path) -> None:
        with storage_errors(folder):
            if self.missing:
                lines = [f"image {one.image_id}  {one.file or '-'}  {one.reason}" for one in self.missing]
                archive.add_bytes("missing.txt", "\n".join([*lines, ""]).encode(errors="replace"))
            archive.finish()
        draft.finish()


def _look(page: Sequence[ImageView]) -> tuple[list[MissingView | None], int]:
    """Why each picture is missing, and the bytes of those that are not."""
    reasons = [why_missing(image) for image in page]
    size = 0
    for image, reason in zip(page, reasons, strict=True):
        if reason is None:
            with suppress(OSError):  # it goes away this very moment: the packing will notice
                size += Path(image.file or "").stat().st_size
    return reasons, size


def _name(image: ImageView) -> str:
    return Path(image.file or "").name


def _short(image: ImageView, longest: int | None) -> str:
    name = _name(image)
    if longest is None or len(name) <= longest:
        return name
    label = name.partition(f"_{image.job_id}_")[0]
    return short_name(label, image.job_id, image.number, Path(name).suffix[1:], longest)


def _add_rows(sheet: Sheet, images: Iterable[ImageView], *, is_short: bool) -> list[tuple[ImageView, str]]:
    """Those that are in the sheet, with their names."""
    names = UniqueNames()
    rows = []
    for image in images:
        name = _name(image)
        if is_short:  # the sheet would put an apostrophe in front of a sign, and no longer name the file
            name = names.take(_short(image, sheet.preset.file_name_max).lstrip("=+-@"))
        if sheet.add(sheet_row(image, name)):
            rows.append((image, name))
    return rows


def _fill(book: "Book", packed: Iterable[tuple[ImageView, str]]) -> None:
    sheet = book.sheet("Images", METADATA_COLUMNS)
    for image, name in packed:
        add_metadata(sheet, name, image)


def _suffix(number: int, count: int) -> str:
    return f"-part{number}" if count > 1 else ""


def _place_all(drafts: Sequence[Draft]) -> tuple[Path, ...]:
    """All of them, or none."""
    placed: list[Path] = []
    try:
        for number, draft in enumerate(drafts, 1):
            placed.append(draft.place(_suffix(number, len(drafts))))
    except BaseException:
        for path in placed:
            path.unlink(missing_ok=True)
        raise
    return tuple(placed)


def _write(draft: Draft, content: bytes, folder: Path) -> None:
    with storage_errors(folder):
        draft.file.write(content)
    draft.finish()
