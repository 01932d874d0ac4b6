"""A data folder that an older version of the program left: brought to this one's schema, with a copy kept before."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from db.migrate import MIGRATIONS, migrate, migration_files
from engine.api import JobQuery
from engine.views import JobStatus
from tests.support.engine import EngineHome, request

pytestmark = pytest.mark.fault(28)
JOB = """INSERT INTO jobs (job_id, kind, label, status, created_at, output_dir)
    VALUES ('abcd2345', 'generate', 'of old', 'completed', '2025-01-01T00:00:00.000Z', '/somewhere')"""


@pytest.mark.parametrize("version", range(1, len(migration_files())))
async def test_an_engine_goes_on_where_any_older_version_stopped(
    home: EngineHome, tmp_path: Path, version: int
) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    for file in sorted(MIGRATIONS.glob("*.sql"))[:version]:
        shutil.copy(file, folder)
    path = home.paths.database_file
    path.parent.mkdir(parents=True)
    path.touch()
    migrate(path, busy_timeout=1, folder=folder)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(JOB)
        connection.execute(
            "INSERT INTO job_snapshots (job_id, settings, inputs) VALUES ('abcd2345', '{}', '{}')"
        )

    async with home.open() as engine:
        (old,) = (await engine.jobs(JobQuery())).rows
        assert (old.label, old.status) == ("of old", JobStatus.COMPLETED)
        new = await engine.start_job(request(ai={"quality_check": False, "metadata": False}))
        assert (await engine.wait_for_job(new.job_id)).images.approved == 1

    (copy,) = path.parent.glob(f"{path.name}.v{version}.*.bak")
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        assert connection.execute("SELECT label FROM jobs").fetchall() == [("of old",)]
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
