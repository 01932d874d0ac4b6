"""Exports: the Electron program's workbooks had empty columns and wrong counts. Here a job that is exported by key is
read back: each image with its own texts, file and status, dates as dates and numbers as numbers.

Every sheet, formulas that stay text, archives: tests/engine/export/test_exporter.py and test_workbook.py.
"""

from datetime import datetime
from pathlib import Path

import openpyxl
import pytest
from textual.widgets import Static

from tests.acceptance.regressions.steps import go, labels
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tests.support.images import finished_job
from tui.screens.export_dialog import ExportDialog
from tui.screens.jobs import JobsScreen

pytestmark = pytest.mark.acceptance

REJECTED = '{"passed": false, "reason": "six fingers"}'


async def test_the_workbook_says_what_the_engine_says(home: EngineHome) -> None:
    home.script({"service": "openai", "operation": "chat.check", "action": "say", "nth": 1, "text": REJECTED})
    async with home.open() as engine:
        images = await finished_job(engine, 2, "Cats", generation={"concurrency": 1})
        job = await engine.job(images[0].job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await go(pilot, "2", JobsScreen)
            await wait_until(pilot, lambda: labels(pilot) == ["Cats"])
            await pilot.press("e")
            await wait_until(
                pilot, lambda: isinstance(pilot.app.screen, ExportDialog) and bool(pilot.app.screen._agencies)
            )
            await pilot.press("enter")
            text = pilot.app.screen.query_one("#export-text", Static)
            await wait_until(pilot, lambda: "✓" in str(text.content))
    (path,) = home.paths.default_export_dir.iterdir()
    book = openpyxl.load_workbook(path)
    about = {row[0].value: row[1].value for row in book["Job"].iter_rows(min_row=2)}
    assert [about[f"Images {name}"] for name in ("planned", "approved")] == [2, 1]
    assert about["AI: Quality check"] == "yes"
    header, *rows = book["Images"].iter_rows(values_only=True)
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert sorted(str(image.status) for image in images) == ["approved", "qc_failed"]
    for row, image in zip(found, images, strict=True):
        assert (row["Image"], row["Status"], row["Prompt"]) == (image.image_id, image.status, image.prompt)
        assert (row["Title"], row["Description"]) == (image.title, image.description)
        assert (row["Width"], row["Height"], row["Cost (USD)"]) == (image.width, image.height, image.cost_usd)
        assert Path(row["File"]) == Path(image.file or "")
        assert isinstance(row["Created (UTC)"], datetime)
    rejected = next(row for row in found if row["Status"] == "qc_failed")
    assert "six fingers" in rejected["Reason"]
    assert job.images.qc_failed == 1
