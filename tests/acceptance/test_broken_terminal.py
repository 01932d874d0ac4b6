"""What nobody foresaw, in a real terminal: the program goes on with a notice, or ends with a sentence and a terminal as
it was. The traceback is in the log, whose path is said, and nowhere else.
"""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.paths import Paths
from tests.acceptance.test_terminal_conditions import assert_no_traceback, words
from tests.acceptance.test_terminal_story import ROOT, plain_environ
from tests.support.engine import KEYS
from tests.support.studio import NOWHERE, fill_studio
from tests.support.tmux import PATIENCE_S, Tmux, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

FAULTY = f"{sys.executable} {ROOT / 'tests/acceptance/faulty.py'}"
DAMAGE = """
UPDATE jobs SET started_at = 'when?' WHERE job_number = 40;
DROP TRIGGER job_snapshots_are_immutable;
UPDATE job_snapshots SET settings = '[]' WHERE job_id = (SELECT job_id FROM jobs WHERE job_number = 41);
"""
ONE_BY_ONE = (
    ("4v", "Could not do that"),
    ("3i", "Could not do that"),
    ("L", "Logs broke down"),
    ("1i", "Statistics broke down"),
    ("5", "Settings broke down"),
    ("2", "Jobs broke down"),
)
"""Keys, and what is said after them. The last one meets the damaged row."""


async def until_logged(log: Path, count: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not log.exists() or log.read_text().count("Traceback") < count:
            await asyncio.sleep(0.05)


async def assert_left(tmux: Tmux, folder: Path, status: int) -> None:
    await tmux.until(f"status {status}", lambda text: f"status {status}" in text)
    assert (folder / "before").read_text() == (folder / "after").read_text()
    for variable, value in (("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")):
        assert await tmux.state(variable) == value, variable
    assert_no_traceback(tmux)


async def test_faults_that_nobody_foresaw(tmp_path: Path) -> None:
    paths = Paths.resolve(tmp_path / "g", {})
    await fill_studio(paths)
    with closing(sqlite3.connect(paths.database_file)) as connection, connection:
        connection.executescript(DAMAGE)
    environ = {**plain_environ(), **NOWHERE, **KEYS}

    def command(*places: str) -> str:
        return (
            f"clear; stty -g >'{tmp_path}/before'; {FAULTY} {' '.join(places)} -- --in-process"
            f" --home '{tmp_path / 'g'}'; echo status $?; stty -g >'{tmp_path}/after'"
        )

    async with tmux_terminal(tmp_path / "tmux", environ, (120, 36)) as tmux:
        await tmux.run(command("key", "worker", "message", "render", "layout"))
        await tmux.wait_for("city-night")
        for count, (keys, said) in enumerate(ONE_BY_ONE, 1):
            await tmux.press(*keys)
            await tmux.until(said, lambda text, said=said: said in text and "gimf.log" in words(text))  # type: ignore[misc]
            await until_logged(paths.log_file, count)
        await tmux.press("1", "q")
        await tmux.wait_for("Stop the job and leave")
        await tmux.press("Enter")
        await assert_left(tmux, tmp_path, 0)

        for place, said in (
            ("start", "The program broke down: RuntimeError"),
            ("draw", "jobs are not touched"),
        ):
            await tmux.run(command(place))
            screen = await tmux.until(said, lambda text, said=said: said in words(text))  # type: ignore[misc]
            assert "gimf.log" in words(screen)
            await assert_left(tmux, tmp_path, 1)
    assert "RuntimeError: nobody foresaw this" in paths.log_file.read_text()
