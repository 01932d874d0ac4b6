import asyncio
import csv
import errno
import os
import secrets
import shutil
import subprocess
import threading
import zipfile
from collections.abc import AsyncIterator
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from db.connection import Database
from engine.client import EngineClient
from engine.errors import ConflictError, FactoryError, InputError, NotFoundError, PauseRequired
from engine.events import ExportEnded, ExportProgressed
from engine.export.archive import Archive, SourceMissingError
from engine.export.cells import visible
from engine.export.requests import ExportKind, ExportRequest
from engine.export.target import Draft
from engine.files import PARTIAL_SUFFIX, partial_path
from engine.host import serving
from engine.service import Engine
from engine.views import ImageView
from tests.engine.export.test_workbook import FORMULAS, ODD
from tests.support.engine import KEYS, EngineHome, Listener, until
from tests.support.images import finished_job

K = ExportKind
UNZIP = shutil.which("unzip")
SOFFICE = shutil.which("soffice")


@pytest.fixture
async def engine(home: EngineHome) -> AsyncIterator[Engine]:
    async with home.open() as opened:
        yield opened


def ask(kind: ExportKind, *images: ImageView, **fields: Any) -> ExportRequest:
    """An export of the jobs of these images, with an id of its own unless `fields` say otherwise."""
    jobs = tuple(dict.fromkeys(image.job_id for image in images))
    return ExportRequest(**{"export_id": secrets.token_hex(8), "kind": kind, "job_ids": jobs, **fields})


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def members(path: str | Path) -> list[str]:
    """What is in the archive, when every reader at hand finds it whole."""
    if UNZIP is not None:
        subprocess.run([UNZIP, "-tq", str(path)], check=True, capture_output=True)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return archive.namelist()


async def test_the_workbook_of_a_job(engine: Engine, home: EngineHome) -> None:
    home.script(
        {"service": "openai", "operation": "chat.metadata", "action": "say", "nth": 1}
        | {"text": '{"title": "=HYPERLINK(\\"x\\")", "description": "@SUM", "tags": ["-cat", "dog"]}'}
    )
    images = await finished_job(engine, 3, "Cats / dogs", processing={"enhance": True})
    async with Listener(engine) as heard:
        view = await engine.export(ask(K.WORKBOOK, *images))
        await heard.wait_for(ExportEnded, state="done")
    path = Path(view.path)
    assert (view.files, view.images, view.missing, view.paths) == (1, 3, (), (view.path,))
    assert path.parent == home.paths.default_export_dir
    assert path.name.startswith("Cats_dogs_2")
    assert left(path.parent) == [path.name]
    assert left(home.paths.scratch_dir) == []
    phases = [event.phase for event in heard.of(ExportProgressed)]
    assert phases[0] == "gathering"
    assert (heard.of(ExportProgressed)[-1].phase, heard.of(ExportProgressed)[-1].done) == ("workbook", 3)

    book = openpyxl.load_workbook(path)
    assert book.sheetnames == ["Job", "Images", "Log", "Spend"]
    about = {row[0].value: row[1].value for row in book["Job"].iter_rows(min_row=2)}
    job = await engine.job(images[0].job_id)
    assert (about["Job id"], about["Label"], about["Images approved"]) == (job.job_id, "Cats / dogs", 3)
    assert about["Processing: Enhance"] == "yes"
    assert about["Created (UTC)"].isoformat() == job.created_at[:-1] + "000"
    assert abs(about["Spend (USD)"] - job.spend_usd) < 1e-9
    rows = list(book["Images"].iter_rows(min_row=2))
    header = [cell.value for cell in book["Images"][1]]
    assert [row[header.index("Image")].value for row in rows] == [image.image_id for image in images]
    assert [row[header.index("Generation")].value for row in rows] == [1, 2, 3]
    title = next(row for row in rows if str(row[header.index("Title")].value).startswith("="))
    assert title[header.index("Title")].data_type == "s"
    assert title[header.index("Description")].value == "@SUM"
    link = rows[0][header.index("File")]
    assert link.hyperlink.target == Path(images[0].file or "").as_uri()
    spent = sum(row[5].value for row in book["Spend"].iter_rows(min_row=2) if row[4].value == "actual")
    assert abs(spent - job.spend.actual) < 1e-9
    messages = [row[4].value for row in book["Log"].iter_rows(min_row=2)]
    assert len(messages) > 5
    assert {row[1].value for row in book["Log"].iter_rows(min_row=2)} <= {"info", "warning", "error"}
    with zipfile.ZipFile(path) as parts:
        whole = b"".join(parts.read(name) for name in parts.namelist())
    assert [key for key in KEYS.values() if key.encode() in whole] == []


@pytest.mark.fault(26)
@pytest.mark.skipif(SOFFICE is None, reason="soffice (LibreOffice) is not installed")
async def test_libreoffice_reads_every_sheet_as_openpyxl_does(engine: Engine, tmp_path: Path) -> None:
    """And computes nothing: what was meant as a formula is shown as the text that it is."""
    images = await finished_job(engine, 4)
    texts = [*FORMULAS, *ODD]
    columns = ("title", "description", "keyword", "prompt", "reason", "category")
    async with engine._database.transaction() as connection:
        for number, text in enumerate(texts):
            image, column = images[number % len(images)], columns[number // len(images)]
            await connection.execute(
                f"UPDATE images SET {column} = ? WHERE image_id = ?",
                (text, image.image_id),
            )
    path = Path((await engine.export(ask(K.WORKBOOK, *images, to=str(tmp_path / "job.xlsx")))).path)
    await asyncio.to_thread(to_csv, path)
    book = openpyxl.load_workbook(path)
    seen: set[str] = set()
    for sheet in book:
        with (tmp_path / f"job-{sheet.title}.csv").open(encoding="utf-8", newline="") as file:
            found = list(csv.reader(file))
        rows = list(sheet.iter_rows(values_only=True))
        assert len(found) == len(rows) > 1
        for told, row in zip(found, rows, strict=True):
            assert [as_read(cell, value) for cell, value in zip(told, row, strict=True)] == [
                as_stored(value) for value in row
            ]
            seen.update(told)
    assert {visible(text) for text in texts} <= seen


def to_csv(book: Path) -> None:
    """Every sheet of it as `<book>-<sheet>.csv` beside it, with the values as they are shown."""
    profile = f"-env:UserInstallation={(book.parent / 'profile').as_uri()}"
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    command = [str(SOFFICE), profile, "--headless", "--convert-to", every_sheet]
    subprocess.run(
        [*command, "--outdir", str(book.parent), str(book)], check=True, capture_output=True, timeout=100
    )


def as_stored(value: object) -> object:
    match value:
        case datetime():
            return value.replace(microsecond=0).isoformat(" ")
        case bool() | int() | float():
            return pytest.approx(value, rel=1e-6, abs=1e-6)
        case None:
            return ""
        case _:
            return unescape(str(value))


def as_read(cell: str, value: object) -> object:
    """A number as one where a number was stored."""
    return float(cell.replace("$", "").replace(",", "")) if isinstance(value, int | float) else cell


async def test_an_archive_of_jobs(engine: Engine, tmp_path: Path) -> None:
    one, two = await finished_job(engine, 1, "Same"), await finished_job(engine, 2, "Same")
    view = await engine.export(ask(K.ARCHIVE, *one, *two, to=str(tmp_path / "all.zip")))
    assert (view.path, view.files, view.images) == (str(tmp_path / "all.zip"), 2, 3)
    names = members(view.path)
    assert names == [
        f"0001_Same_{one[0].job_id}.xlsx",
        f"0002_Same_{two[0].job_id}.xlsx",
        "export_summary.txt",
    ]
    with zipfile.ZipFile(view.path) as archive:
        summary = archive.read("export_summary.txt").decode()
        book = openpyxl.load_workbook(BytesIO(archive.read(names[1])))
    assert "2 jobs, 3 approved images" in summary
    assert all(name in summary for name in names[:2])
    assert len(list(book["Images"].iter_rows(min_row=2))) == 2
    assert await engine.last_export_folder() == str(tmp_path)


async def test_pictures_with_their_texts(engine: Engine, tmp_path: Path) -> None:
    images = await finished_job(engine, 4)
    first, second, gone, rejected = images
    # The same name in another folder, and letter case that some systems do not tell apart.
    other = tmp_path / "elsewhere" / Path(first.file or "").name.upper()
    other.parent.mkdir()
    Path(second.file or "").rename(other)
    Path(gone.file or "").unlink()
    async with engine._database.transaction() as connection:
        await connection.execute(
            "UPDATE images SET output_file = ? WHERE image_id = ?", (str(other), second.image_id)
        )
    await engine.trash_images([rejected.image_id])
    request = ask(K.IMAGES, *images, image_ids=(first.image_id, rejected.image_id, 999), has_originals=True)
    view = await engine.export(request)
    assert (view.files, view.images) == (4, 2)
    assert {one.image_id: one.reason for one in view.missing} == {
        gone.image_id: "the file is not there",
        rejected.image_id: "it is not approved (trashed)",
        999: "there is no such image",
    }
    names = members(view.path)
    stem = Path(first.file or "").stem
    again = f"images/{other.stem}-2{other.suffix}"
    assert names[:2] == [f"images/{Path(first.file or '').name}", again]
    assert names[2] == f"originals/{stem}{Path(first.original_file or '').suffix}"
    assert names[4:] == ["metadata.xlsx", "missing.txt"]
    with zipfile.ZipFile(view.path) as archive:
        assert archive.read(names[0]) == Path(first.file or "").read_bytes()
        assert archive.read(names[2]) == Path(first.original_file or "").read_bytes()
        assert archive.getinfo(names[0]).compress_type == zipfile.ZIP_STORED
        sheet = openpyxl.load_workbook(BytesIO(archive.read("metadata.xlsx")))["Images"]
        assert "the file is not there" in archive.read("missing.txt").decode()
    header, *rows = sheet.iter_rows(values_only=True)
    assert header == ("Image name", "Title", "Description", "Tags", "Date (UTC)")
    assert [row[0] for row in rows] == [Path(name).name for name in names[:2]]
    assert rows[0][1:4] == (first.title, first.description, ", ".join(first.tags))


async def test_names_and_places(engine: Engine, tmp_path: Path) -> None:
    (image,) = await finished_job(engine, 1)
    job = {"job_ids": (image.job_id,)}
    place = tmp_path / "mine.xlsx"
    place.write_text("not ours")
    numbered = await engine.export(ask(K.WORKBOOK, to=str(place), **job))
    assert numbered.path == str(tmp_path / "mine-2.xlsx")
    assert place.read_text() == "not ours"
    replaced = await engine.export(ask(K.WORKBOOK, to=str(place), is_overwriting=True, **job))
    assert replaced.path == str(place)
    assert openpyxl.load_workbook(place).sheetnames[0] == "Job"
    inside = await engine.export(ask(K.IMAGES, to=str(tmp_path), **job))
    assert Path(inside.path).parent == tmp_path
    for to, message in (
        ("here.xlsx", "no absolute path"),
        (str(tmp_path / "x.zip"), "does not end in .xlsx"),
        (str(tmp_path / "no" / "x.xlsx"), "There is no folder"),
    ):
        with pytest.raises(InputError, match=message):
            await engine.export(ask(K.WORKBOOK, to=to, **job))
    with pytest.raises(InputError, match="of one job"):
        await engine.export(ask(K.WORKBOOK))
    with pytest.raises(NotFoundError):
        await engine.export(ask(K.ARCHIVE, job_ids=("nope",)))
    Path(image.file or "").unlink()
    with pytest.raises(FactoryError, match="None of the pictures is there"):
        await engine.export(ask(K.IMAGES, to=str(tmp_path / "none.zip"), **job))
    assert left(tmp_path) == sorted(["gimf", "mine.xlsx", "mine-2.xlsx", Path(inside.path).name])


@pytest.mark.parametrize("kind", [K.WORKBOOK, K.ARCHIVE, K.IMAGES])
async def test_cancelled_in_the_middle(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ExportKind
) -> None:
    images = await finished_job(engine, 2)
    reached = asyncio.Event()
    for module in ("books", "pictures"):
        monkeypatch.setattr(f"engine.export.{module}.crash_point", lambda _: reached.set())
    folder = tmp_path / "out"
    folder.mkdir()
    async with Listener(engine) as heard:
        work = asyncio.create_task(engine.export(ask(kind, *images, to=str(folder), export_id="x")))
        await reached.wait()
        assert [name for name in left(folder) if name.endswith(PARTIAL_SUFFIX)] != []
        assert not await engine.is_idle()
        assert await engine.cancel_export("x")
        with pytest.raises(ConflictError, match="cancelled"):
            await work
        await heard.wait_for(ExportEnded, state="cancelled")
    assert left(folder) == []
    assert left(engine._paths.scratch_dir) == []
    assert not await engine.cancel_export("x")
    assert await engine.is_idle()


@pytest.mark.parametrize(("step", "is_too_late"), [("open", False), ("finish", False), ("place", True)])
async def test_cancelled_while_a_thread_is_at_work(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, is_too_late: bool
) -> None:
    """The thread is waited for: what it makes is removed; the file that it has placed stays, and is told."""
    images = await finished_job(engine, 1)
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(Draft, step)

    def waits(self: Draft) -> object:
        result = original(self)
        reached.set()
        go_on.wait(20)
        return result

    monkeypatch.setattr(Draft, step, waits)
    folder = tmp_path / "out"
    folder.mkdir()
    work = asyncio.create_task(engine.export(ask(K.WORKBOOK, *images, to=f"{folder}/a.xlsx", export_id="x")))
    await until(reached.is_set)
    cancelling = asyncio.create_task(engine.cancel_export("x"))
    await asyncio.sleep(0)
    assert not work.done()
    go_on.set()
    assert await cancelling is not is_too_late
    if is_too_late:
        assert (await work).path == f"{folder}/a.xlsx"
        assert left(folder) == ["a.xlsx"]
    else:
        with pytest.raises(ConflictError, match="cancelled"):
            await work
        assert left(folder) == []


@pytest.mark.parametrize("kind", [K.WORKBOOK, K.ARCHIVE])
async def test_cancelled_while_the_workbook_is_put_together(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ExportKind
) -> None:
    """Its last step, which takes seconds with many images: it ends in the middle and leaves nothing."""
    images = await finished_job(engine, 1)
    reached, go_on = threading.Event(), threading.Event()
    put, write = 0, ZipFile.write

    def waits(self: ZipFile, *args: Any, **options: Any) -> object:
        nonlocal put
        put += 1
        reached.set()
        go_on.wait(20)
        return write(self, *args, **options)

    monkeypatch.setattr("engine.export.workbook.ZipFile.write", waits)
    folder = tmp_path / "out"
    folder.mkdir()
    work = asyncio.create_task(engine.export(ask(kind, *images, to=str(folder), export_id="x")))
    await until(reached.is_set)
    cancelling = asyncio.create_task(engine.cancel_export("x"))
    await asyncio.sleep(0)
    go_on.set()
    assert await cancelling
    with pytest.raises(ConflictError, match="cancelled"):
        await work
    assert put == 1, "no further sheet was put into it"
    assert left(folder) == []
    assert left(engine._paths.scratch_dir) == []


async def test_an_engine_that_ends_leaves_no_half_export(
    home: EngineHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = asyncio.Event()

    async def waits(self: Engine, query: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    async with home.open() as engine:
        images = await finished_job(engine, 1)
        monkeypatch.setattr(Engine, "logs", waits)
        work = asyncio.create_task(engine.export(ask(K.WORKBOOK, *images, to=str(tmp_path / "a.xlsx"))))
        await reached.wait()
    with pytest.raises(ConflictError, match="cancelled"):
        await work
    assert left(tmp_path) == ["gimf"]
    with pytest.raises(ConflictError, match="ending"):
        await engine.export(ask(K.WORKBOOK, *images))


@pytest.mark.fault(14)
async def test_a_full_disk_leaves_no_file(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = await finished_job(engine, 2)
    folder = tmp_path / "out"
    folder.mkdir()
    fsync = os.fsync

    def no_room(descriptor: int) -> None:
        if os.path.realpath(f"/proc/self/fd/{descriptor}").startswith(str(folder)):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr("engine.export.target.os.fsync", no_room)
    for kind in (K.WORKBOOK, K.ARCHIVE, K.IMAGES):
        with pytest.raises(PauseRequired, match="MB free") as caught:
            await engine.export(ask(kind, *images, to=str(folder)))
        assert caught.value.code == "disk"
        assert "export again" in caught.value.hint
        assert left(folder) == []
    monkeypatch.undo()

    def full(self: Draft) -> None:
        self.temporary.write_text("half")
        self._file = Path("/dev/full").open("wb")  # noqa: SIM115 - the draft closes it

    if Path("/dev/full").exists():  # not on macOS
        monkeypatch.setattr(Draft, "open", full)
        for kind in K:
            with pytest.raises(PauseRequired, match="MB free"):
                await engine.export(ask(kind, *images, to=str(folder), agency="generic"))
            assert left(folder) == left(engine._paths.scratch_dir) == []


async def test_what_a_killed_export_left_is_removed_at_the_next_start(
    home: EngineHome, tmp_path: Path
) -> None:
    async with home.open():
        pass
    ours, foreign = tmp_path / f".999999999-00{PARTIAL_SUFFIX}", partial_path(tmp_path)
    scrap = home.paths.scratch_dir / f".999999999-01{PARTIAL_SUFFIX}"
    for file in (ours, foreign, scrap):
        file.write_text("half")
    database = await Database.open(home.paths.database_file)
    async with database.transaction() as connection:
        await connection.execute(
            "INSERT INTO exports (export_id, folder, is_chosen, started_at)"
            " VALUES ('a', ?, 1, 'x'), ('b', '/no', 1, 'x')",
            (str(tmp_path),),
        )
    await database.close()
    async with home.open() as engine:
        assert left(tmp_path) == sorted(["gimf", foreign.name])
        assert left(home.paths.scratch_dir) == []
        assert await engine.last_export_folder() is None
        async with engine._database.reading() as connection:
            rows = await connection.execute_fetchall("SELECT count(*) FROM exports WHERE ended_at IS NULL")
        assert [row[0] for row in rows] == [0]


async def test_over_the_socket_an_export_outlives_its_window(home: EngineHome, tmp_path: Path) -> None:
    async with home.open() as engine, serving(engine, home.paths.socket_file):
        images = await finished_job(engine, 1)
        async with EngineClient.connect(home.paths) as client:
            view = await client.export(ask(K.IMAGES, *images))
            assert members(view.path)[0].startswith("images/")
            with pytest.raises(InputError, match="does not end in"):
                await client.export(ask(K.IMAGES, *images, to=str(tmp_path / "x.csv")))
            assert [one.agency for one in await client.agencies()][:2] == ["generic", "adobe"]
            assert not await client.cancel_export("x")
            late = asyncio.create_task(client.export(ask(K.ARCHIVE, *images, to=str(tmp_path / "late.zip"))))
            await until(lambda: not engine._exporter.is_idle)
        late.cancel()
        await until((tmp_path / "late.zip").exists)
        assert members(tmp_path / "late.zip")[-1] == "export_summary.txt"


@pytest.mark.skipif(UNZIP is None, reason="unzip is not installed")
def test_an_archive_may_be_larger_than_4_gb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the limit was 1,000 bytes, so that the long form is used; a reader that we did not write reads it."""
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 1_000)
    big, small = tmp_path / "big.png", tmp_path / "small.png"
    big.write_bytes(os.urandom(3_000_000))
    small.write_bytes(b"x")
    path = tmp_path / "a.zip"
    with path.open("wb") as file:
        archive = Archive(file)
        assert archive.add_file(big, "images/big.png")
        assert archive.add_file(small, "images/small.png")
        archive.finish()
    tested = subprocess.run(["unzip", "-tq", str(path)], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout
    assert b"PK\x06\x06" in path.read_bytes()
    with zipfile.ZipFile(path) as read:
        assert read.read("images/big.png") == big.read_bytes()


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    archive = Archive(BytesIO())
    for name in ("pipe", "nothing", "."):
        with pytest.raises(SourceMissingError):
            archive.add_file(tmp_path / name, "x")
    archive.finish()
