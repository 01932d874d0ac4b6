"""The export dialog: what is asked for is what is written, problems come first, esc leaves no file."""

import asyncio
import csv
import os
import zipfile
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from engine.export.requests import ExportRequest
from engine.service import Engine
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tests.support.images import finished_job
from tests.support.screen_text import text_of_screen
from tui.screens.export_dialog import ExportDialog
from tui.screens.job_detail import JobDetailScreen
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.gallery_grid import GalleryGrid


def text(pilot: Pilot[Any]) -> str:
    return str(pilot.app.screen.query_one("#export-text", Static).content)


def files(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.exists() else []


async def open_dialog(pilot: Pilot[Any], *keys: str) -> ExportDialog:
    await pilot.press(*keys)
    await wait_until(pilot, lambda: isinstance(pilot.app.screen, ExportDialog))
    dialog = pilot.app.screen
    assert isinstance(dialog, ExportDialog)
    await wait_until(pilot, lambda: bool(dialog._agencies))
    return dialog


async def choose(pilot: Pilot[Any], line: str, chosen: str) -> None:
    choice = pilot.app.screen.query_one(f"#export-{line}", ChoiceLine)
    choice.focus()
    for _ in range(12):
        if choice.chosen == chosen:
            return
        await pilot.press("right")
    raise AssertionError(f"{line} never was {chosen}")


async def test_jobs_are_exported_where_the_dialog_says(home: EngineHome, tmp_path: Path) -> None:
    folder = home.paths.default_export_dir
    async with home.open() as engine:
        await finished_job(engine, 1, "Cats [/b]")
        await finished_job(engine, 1, "Dogs")
        async with running(services_for(engine, home=home)) as pilot:
            await pilot.press("2")
            await wait_until(pilot, lambda: "jobs" in str(type(pilot.app.screen)).lower())
            await pilot.pause()
            await open_dialog(pilot, "e")
            await pilot.press("enter")
            await wait_until(pilot, lambda: "✓" in text(pilot))
            (name,) = files(folder)
            assert name.startswith("Dogs_")
            assert str(folder / name) in text(pilot)
            copied: list[str] = []
            pilot.app.copy_to_clipboard = copied.append  # type: ignore[method-assign]
            await pilot.press("y")
            assert copied == [str(folder / name)]
            await pilot.press("escape")
            assert openpyxl.load_workbook(folder / name).sheetnames[0] == "Job"

            await pilot.press("space", "space")
            await open_dialog(pilot, "e")
            place = pilot.app.screen.query_one("#export-place", Input)
            place.value = str(tmp_path / "both.zip")
            await pilot.press("enter")
            await wait_until(pilot, lambda: "both.zip" in text(pilot))
            with zipfile.ZipFile(tmp_path / "both.zip") as archive:
                assert len(archive.namelist()) == 3
            await pilot.press("enter")
            assert not isinstance(pilot.app.screen, ExportDialog)
            # The place is remembered.
            dialog = await open_dialog(pilot, "e")
            await wait_until(pilot, lambda: bool(dialog.query_one("#export-place", Input).value))
            assert dialog.query_one("#export-place", Input).value == f"{tmp_path}/"
            await pilot.press("escape", "escape", "G", "enter")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, JobDetailScreen))
            await wait_until(pilot, lambda: pilot.app.screen.query_one("#job-title", Static).content != "")
            dialog = await open_dialog(pilot, "e")
            assert "Cats [/b]" in str(dialog.query_one(".dialog-title", Static).content)


async def test_problems_of_a_sheet_come_before_it_is_written(
    home: EngineHome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a check that is under way does not take the place of what comes of the export."""
    begun, go_on = asyncio.Event(), asyncio.Event()
    check_sheet = Engine.check_sheet

    async def waits(self: Engine, request: ExportRequest) -> Any:
        begun.set()
        await go_on.wait()
        return await check_sheet(self, request)

    async with home.open() as engine:
        images = await finished_job(engine, 2)
        async with running(services_for(engine, home=home)) as pilot:
            await pilot.press("4")
            await wait_until(pilot, lambda: len(pilot.app.screen.query(GalleryGrid)) == 1)
            await wait_until(pilot, lambda: pilot.app.screen.query_one(GalleryGrid).cursor_key is not None)
            await open_dialog(pilot, "A", "e")
            await choose(pilot, "what", "sheet")
            await choose(pilot, "agency", "adobe")
            await wait_until(pilot, lambda: "of at least 4 megapixels" in text(pilot))
            monkeypatch.setattr(Engine, "check_sheet", waits)
            await pilot.press("right", "left")
            await wait_until(pilot, begun.is_set)
            await pilot.press("enter")
            await wait_until(pilot, lambda: "--force" in text(pilot))
            go_on.set()
            checks = [one for one in pilot.app.workers if one.group == "check"]
            await wait_until(pilot, lambda: all(one.is_finished for one in checks))
            assert "--force" in text(pilot)
            assert files(home.paths.default_export_dir) == []
            await choose(pilot, "agency", "generic")
            await wait_until(pilot, lambda: "2 images, nothing in the way" in text(pilot))
            pilot.app.screen.query_one("#export-place", Input).value = str(tmp_path / "a.csv")
            await pilot.press("enter")
            await wait_until(pilot, lambda: "2 images, 1 file" in text(pilot))
            with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
                rows = list(csv.reader(file))[1:]
            assert {row[0] for row in rows} == {Path(image.file or "").name for image in images}


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_the_line_of_keys_is_never_pushed_out(home: EngineHome, size: tuple[int, int]) -> None:
    async with home.open() as engine:
        await finished_job(engine, 12)
        async with running(services_for(engine, home=home), size) as pilot:
            await pilot.press("2")
            await wait_until(pilot, lambda: not getattr(pilot.app.screen, "is_loading_now", True))
            await open_dialog(pilot, "e")
            await choose(pilot, "what", "sheet")
            await choose(pilot, "agency", "adobe")
            await wait_until(pilot, lambda: "limits broken" in text(pilot))
            await wait_until(pilot, lambda: "enter export" in text_of_screen(pilot.app))
            assert "limits broken" in text_of_screen(pilot.app)


async def test_esc_cancels_what_is_being_written(home: EngineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home.paths.default_export_dir
    reached, go_on = asyncio.Event(), asyncio.Event()
    async with home.open() as engine:
        await finished_job(engine, 1)
        logs = Engine.logs

        async def waits(self: Engine, query: Any) -> Any:
            reached.set()
            await go_on.wait()
            return await logs(self, query)

        async with running(services_for(engine, home=home)) as pilot:
            await pilot.press("2")
            await pilot.pause()
            await wait_until(pilot, lambda: not getattr(pilot.app.screen, "is_loading_now", True))
            await open_dialog(pilot, "e")
            monkeypatch.setattr(Engine, "logs", waits)
            await pilot.press("enter")
            await wait_until(pilot, reached.is_set)
            assert len(files(folder)) == 1
            await wait_until(pilot, lambda: "workbook" in text(pilot))
            await pilot.press("escape")
            await wait_until(pilot, lambda: "cancelled" in text(pilot))
            assert files(folder) == []
            assert isinstance(pilot.app.screen, ExportDialog)
            monkeypatch.undo()
            await pilot.press("enter")
            await wait_until(pilot, lambda: "✓" in text(pilot))
            assert len(files(folder)) == 1
