"""`gimf restore`, as a process of its own, and a database of a newer version."""

import sqlite3
from datetime import UTC, datetime

import pytest

from engine.care.backups import make_backup
from engine.paths import Paths
from tests.support.many_jobs import fill_jobs
from tests.tui.conftest import Program


@pytest.mark.acceptance
async def test_a_copy_is_listed_and_put_back(program: Program) -> None:
    paths = Paths.resolve(program.home, {})
    assert (await program.run("restore", "--json")).document == []
    await fill_jobs(paths, 2)
    make_backup(paths.database_file, paths.backups_dir, datetime(2026, 1, 2, tzinfo=UTC), lambda: False)
    await program.run("jobs", "delete", "1", "--yes")
    (listed,) = (await program.run("restore", "--json")).document
    assert listed["name"] == "factory-20260102T000000Z.db"

    await program.run("engine", "start")
    try:
        held = await program.run("restore", "latest", "--yes")
        assert held.status == 75
        assert "is in use by process" in held.stderr
    finally:
        await program.run("engine", "stop", "--force")
    unasked = await program.run("restore", "latest")
    assert unasked.status == 2
    assert "Add --yes" in unasked.stderr
    assert len((await program.run("jobs", "list", "--json")).document) == 1
    done = await program.run("restore", "latest", "--yes")
    assert done.status == 0, done.stderr
    assert "The one before is" in done.stdout
    assert len((await program.run("jobs", "list", "--json")).document) == 2


async def test_a_database_of_a_newer_version_is_refused(program: Program) -> None:
    paths = Paths.resolve(program.home, {})
    await fill_jobs(paths, 1)
    connection = sqlite3.connect(paths.database_file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = paths.database_file.read_bytes()
    refused = await program.run("run", "--json")
    assert refused.document["error"]["code"] == "database_too_new"
    assert "install that one" in refused.stderr
    assert paths.database_file.read_bytes() == before
