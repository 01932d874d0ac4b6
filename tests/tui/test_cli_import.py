"""`gimf import-electron`, and its outcome in the lists and in doctor, as processes of their own."""

from pathlib import Path

import pytest

from tests.support.electron import OPENAI_KEY, PIAPI_KEY, OldProgram
from tests.tui.conftest import Program


@pytest.mark.acceptance
async def test_an_import_is_seen_everywhere(program: Program, tmp_path: Path) -> None:
    old = OldProgram(tmp_path / "old")
    old.fill()
    dry = await program.run("import-electron", str(old.path), "--dry-run")
    assert dry.status == 3
    assert dry.stdout.startswith(f"Would be taken over from {old.path}:")
    assert (await program.run("jobs", "list", "--json")).document == []

    done = await program.run("import-electron", str(old.path))
    assert done.status == 3, done.stderr
    assert "Keys lie in clear text" in done.stdout
    assert "parameters.pollingInterval: its unit is not certain" in done.stdout
    assert "./keywords.txt" in done.stdout
    assert "/nowhere/c.png (cats [/oops]): there is no such file" in done.stdout
    jobs = await program.run("jobs", "list")
    images = await program.run("images", "list", "--json")
    doctor = await program.run("doctor")
    log = (program.home / "data" / "gimf.log").read_text()
    assert "cats [/oops]" in jobs.stdout
    assert len(images.document) == 11
    assert "from the Electron program: 2 configurations, 5 jobs, 11 images" in doctor.stdout
    assert "ok   database: whole" in doctor.stdout
    for text in (done.stdout, done.stderr, jobs.stdout, images.stdout, doctor.stdout, log):
        assert OPENAI_KEY not in text
        assert PIAPI_KEY not in text
        assert "\x1b" not in text

    again = (await program.run("import-electron", str(old.path), "--json")).document
    assert (again["jobs"]["imported"], again["images"]["imported"], again["images"]["already"]) == (0, 0, 11)


async def test_a_file_that_is_none_is_refused(program: Program, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("not a database")
    refused = await program.run("import-electron", str(tmp_path / "notes.db"))
    assert refused.status == 2
    assert "is no SQLite database" in refused.stderr
