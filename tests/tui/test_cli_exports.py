"""`gimf export` and `gimf images edit`, as the command line carries them out."""

import asyncio
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from engine.errors import FactoryError
from engine.export.views import ExportView
from engine.files import PARTIAL_SUFFIX
from engine.service import Engine
from engine.views import ImageView
from tests.support.engine import KEYS, EngineHome
from tests.support.images import finished_job
from tests.tui.conftest import Program
from tui.cli import load_handler
from tui.cli.commands import parse
from tui.cli.output import Output
from tui.cli.statuses import exit_status_of_error


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended that ran in this process."""

    status: int
    stdout: str
    stderr: str

    @property
    def document(self) -> Any:
        return json.loads(self.stdout)


async def gimf(home: EngineHome, *arguments: str) -> Said:
    """A command as `main` carries it out, on the loop of the test: a process takes longer to start than an export."""
    stdout, stderr = io.StringIO(), io.StringIO()
    output = Output(stdout, stderr, is_json="--json" in arguments)
    try:
        options = parse([*arguments, "--home", str(home.root)])
        status = await load_handler(options.handler)(options, output)  # type: ignore[misc]
    except FactoryError as error:
        output.failure(error)
        status = exit_status_of_error(error)
    return Said(int(status), stdout.getvalue(), stderr.getvalue())


async def killed(home: EngineHome, point: str, *arguments: str) -> None:
    """A command in a process of its own that dies at the point."""
    program = Program(home.root, {**os.environ, **home.environ, "GIMF_CRASH_AT": point})
    done = await program.run(*arguments, "--home", str(home.root))
    assert done.status == -signal.SIGKILL, done.stderr


@pytest.fixture
async def made(home: EngineHome) -> list[ImageView]:
    """Three approved images of one job."""
    async with home.open() as engine:
        return await finished_job(engine, 3, "Cats")


def exported(done: Said) -> dict[str, Any]:
    """The document, which is as the schema says."""
    assert done.status == 0, done.stderr
    document: dict[str, Any] = done.document
    assert ExportView.model_validate(document).model_dump(mode="json") == document
    return document


@pytest.mark.acceptance
async def test_exports_on_the_command_line(home: EngineHome, made: list[ImageView], tmp_path: Path) -> None:
    book = exported(await gimf(home, "export", "job", "Cats", "--json", "--to", str(tmp_path / "cats.xlsx")))
    assert (book["path"], book["files"], book["missing"]) == (str(tmp_path / "cats.xlsx"), 1, [])
    rows = openpyxl.load_workbook(book["path"])["Images"].iter_rows(min_row=2, max_col=1, values_only=True)
    assert [row[0] for row in rows] == [image.image_id for image in made]

    archive = exported(await gimf(home, "export", "job", "1", "--json", "--to", str(tmp_path / "jobs.zip")))
    assert archive["kind"] == "archive"

    os.unlink(made[1].file or "")
    pictures = await gimf(home, "export", "images", "--job", "1", "--originals", "--json")
    assert pictures.status == 3, pictures.stderr
    assert pictures.document["files"] == 4
    (missing,) = pictures.document["missing"]
    assert (missing["image_id"], missing["file"]) == (made[1].image_id, made[1].file)
    place = Path(pictures.document["path"])
    assert place.parent == home.root / "output" / "exports"
    told = await gimf(home, "export", "images", "--job", "1", "--to", str(place.parent))
    assert f"missing: image {made[1].image_id}: the file is not there" in told.stdout

    sheet = tmp_path / "sheet.csv"
    one = ("export", "csv", "--image", str(made[0].image_id), "--to", str(sheet))
    generic = exported(await gimf(home, *one, "--agency", "generic", "--json"))
    with sheet.open(encoding="utf-8", newline="") as file:
        header, row = csv.reader(file)
    assert header == ["Filename", "Title", "Description", "Keywords"]
    assert row == [
        Path(made[0].file or "").name,
        made[0].title,
        made[0].description,
        ", ".join(made[0].tags),
    ]
    assert generic["images"] == 1

    small = await gimf(home, *one, "--agency", "adobe", "--overwrite", "--json")
    assert small.status == 2
    assert small.document["error"]["code"] == "limits"
    assert "megapixels" in small.document["error"]["problems"][0]["message"]
    refused = await gimf(home, *one, "--agency", "shutterstock", "--fix", "--leave-out")
    assert refused.status == 2
    with sheet.open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == header, "nothing was written"
    packed = await gimf(
        home,
        "export",
        "csv",
        "--agency",
        "adobe",
        "--job",
        "1",
        "--to",
        str(tmp_path / "a.zip"),
        "--force",
        "--fix",
        "--json",
    )
    assert packed.status == 3, packed.stderr
    with zipfile.ZipFile(tmp_path / "a.zip") as whole:
        names = whole.namelist()
        listed = list(csv.reader(whole.read("adobe.csv").decode().splitlines()))
    assert names == [*(f"images/{row[0]}" for row in listed[1:]), "adobe.csv", "missing.txt"]
    assert all(len(row[0]) <= 30 for row in listed[1:])
    assert "megapixels" in packed.document["problems"][0]["message"]

    fits = (await gimf(home, "export", "agencies", "--job", "1", "--json")).document
    adobe = next(one for one in fits if one["agency"] == "adobe")
    assert not adobe["is_accepted"]
    assert any("of at least 4 megapixels" in reason for reason in adobe["reasons"])
    assert "adobe: takes 0 of 3 images" in (await gimf(home, "export", "agencies", "--job", "1")).stdout
    for file in (tmp_path / "cats.xlsx", place, sheet):
        content = b"".join(_contents(file))
        assert [key for key in KEYS.values() if key.encode() in content] == []


def _contents(path: Path) -> Iterator[bytes]:
    if not zipfile.is_zipfile(path):
        yield path.read_bytes()
        return
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            yield archive.read(name)


@pytest.mark.acceptance
@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
async def test_texts_are_edited_in_the_row_and_in_the_file(home: EngineHome, made: list[ImageView]) -> None:
    image = made[0]
    edit = ("images", "edit", str(image.image_id))
    edited = await gimf(
        home,
        *edit,
        "--title",
        "A grey cat",
        "--description",
        "It sleeps & dreams",
        "--tags",
        "cat, grey,,Cat",
        "--json",
    )
    assert (edited.status, edited.document) == (0, {"done": [image.image_id], "refused": []}), edited.stderr
    categorised = await gimf(home, *edit, "--category", "landscapes")
    assert (categorised.status, categorised.stdout) == (0, "Edited 1 image.\n")
    (now,) = [one for one in (await gimf(home, "images", "list", "--json")).document if one["number"] == 1]
    texts = {name: now[name] for name in ("title", "description", "tags", "category", "file")}
    assert texts == {
        "title": "A grey cat",
        "description": "It sleeps & dreams",
        "tags": ["cat", "grey"],
        "category": "Landscapes",
        "file": image.file,
    }
    read = subprocess.run(["exiftool", "-json", image.file], capture_output=True, text=True, check=True)
    (inside,) = json.loads(read.stdout)
    assert (inside["Title"], inside["Description"]) == ("A grey cat", "It sleeps & dreams")
    assert (inside["Subject"], inside["ImageDescription"]) == (["cat", "grey"], "It sleeps & dreams")

    wrong = await gimf(home, *edit, "--category", "Dreams")
    assert wrong.status == 2
    assert "Landscapes" in wrong.stderr
    assert (await gimf(home, *edit)).status == 2

    # Killed between the row and the file: the next start writes the file.
    await killed(home, "mid_edit", *edit, "--title", "Killed")
    assert title_in(image.file) == "A grey cat"
    async with home.open() as engine:
        assert (await engine.image(image.image_id)).title == "Killed"
    assert title_in(image.file) == "Killed"


def title_in(file: str | None) -> str:
    command = ["exiftool", "-Title", "-s3", str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.fault(17)
@pytest.mark.acceptance
async def test_a_killed_export_leaves_no_file(
    home: EngineHome, made: list[ImageView], tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    exports = {
        "a.xlsx": ("job", "1"),
        "a.zip": ("images", "--job", "1"),
        "a.csv": ("csv", "--agency", "generic", "--job", "1"),
    }
    for name, arguments in exports.items():
        await killed(home, "mid_export", "export", *arguments, "--to", str(folder / name))
        assert [left for left in os.listdir(folder) if not left.endswith(PARTIAL_SUFFIX)] == []
        assert os.listdir(folder) != []
        async with home.open():
            assert os.listdir(folder) == os.listdir(home.paths.scratch_dir) == []
        exported(await gimf(home, "export", *arguments, "--to", str(folder / name), "--json"))
        assert os.listdir(folder) == [name]
        os.unlink(folder / name)


async def test_a_signal_cancels_the_export(
    home: EngineHome, made: list[ImageView], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made
    reached = asyncio.Event()

    async def waits(self: Engine, query: object) -> None:
        reached.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(Engine, "logs", waits)
    work = asyncio.create_task(gimf(home, "export", "job", "1", "--to", str(tmp_path / "a.xlsx"), "--json"))
    await reached.wait()
    signal.raise_signal(signal.SIGTERM)
    said = await work
    assert said.status == 128 + signal.SIGTERM
    assert said.document["error"]["code"] == "interrupted"
    assert [name for name in os.listdir(tmp_path) if name != "gimf"] == []


async def test_wrong_use(home: EngineHome, tmp_path: Path) -> None:
    for arguments, message in (
        (("export", "images"), "say which images"),
        (("export", "csv", "--job", "1"), "--agency"),
        (("export", "job", "nope", "--to", str(tmp_path / "x.xlsx")), "There is no job"),
    ):
        refused = await gimf(home, *arguments)
        assert refused.status == 2
        assert message in refused.stderr
