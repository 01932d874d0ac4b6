"""The product used as its user does, in a real terminal (tmux) with nothing but keys, over a loopback ssh where there
is an SSH server: the demo from the first screen to its end, review, gallery, settings that the next job runs with, and
out again. Everything is waited for on the screen and proved in the database.
"""

import os
import re
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from engine.greeting import end_engine
from engine.paths import Paths
from tests.support.sshd import is_ssh_there, ssh_server
from tests.support.tmux import PROMPT, Tmux, tmux_terminal

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(180)]

GIMF = f"{sys.executable} -m tui"
ROOT = Path(__file__).parents[2]
SIZES = [(120, 36), (80, 24)]
NAMES = ("PATH", "HOME", "PYTHON_KEYRING_BACKEND")


def plain_environ() -> dict[str, str]:
    """What a shell of a user without keys has."""
    kept = {name: os.environ[name] for name in NAMES if name in os.environ}
    return {**kept, "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT), "EDITOR": "true"}


def rows(database: Path, statement: str) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(statement)]


def statuses(database: Path) -> Mapping[int, str]:
    """The images' statuses by their number."""
    return {row["image_number"]: row["status"] for row in rows(database, "SELECT * FROM images")}


async def database_says(tmux: Tmux, database: Path, statement: str, wanted: Any) -> None:
    """Until a query's single answer is as wanted."""

    def is_so(_: str) -> bool:
        return [list(row.values()) for row in rows(database, statement)] == [[wanted]]

    await tmux.until(f"{statement} = {wanted}", is_so)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_new_user_from_the_first_screen_to_the_last(tmp_path: Path, size: tuple[int, int]) -> None:
    home = tmp_path / "g"
    database = home / "data/demo/data/factory.db"
    async with AsyncExitStack() as stack:
        line = f"{GIMF} --home '{home}'"
        if is_ssh_there():
            server = await stack.enter_async_context(ssh_server(tmp_path / "sshd"))
            line = server.line_for(line, plain_environ(), ROOT)
        tmux = await stack.enter_async_context(tmux_terminal(tmp_path / "tmux", plain_environ(), size))
        await tmux.run(f"clear; stty -g >'{tmp_path}/before'; {line}; stty -g >'{tmp_path}/after'")
        screen = await tmux.wait_for("Try the demo")
        assert "There is no key for piapi" in screen
        assert await tmux.state("alternate_on") == "1"
        await tmux.press("t")
        await watch_the_job(tmux)
        await follow_the_log(tmux)
        await decide_on_failed_images(tmux, database)
        await look_at_pictures(tmux)
        await change_a_setting_and_start(tmux, database)
        await leave(tmux)
        assert (tmp_path / "before").read_text() == (tmp_path / "after").read_text()
        assert "Traceback" not in tmux.written.decode(errors="replace")
    for left in (home, home / "data/demo"):
        await end_engine(Paths.resolve(left, {}), at_once=True)


async def watch_the_job(tmux: Tmux) -> None:
    """The dashboard follows by itself to the job's end; what is outside of the window follows too."""
    await tmux.wait_for("● running")
    seen: set[str] = set()

    def is_over(screen: str) -> bool:
        seen.update(re.findall(r"(\d+) of 12", screen))
        return (
            "Nothing is at work" in screen and re.search(r"✓ completed #\d+ demo +\d+/12", screen) is not None
        )

    await tmux.until("the job's end", is_over, 60)
    assert len(seen) > 2, "progress was seen on the way"
    assert re.search(rb"\x1b\]2;\d+% demo - gimf", tmux.written), "the terminal's title"
    assert re.search(rb"\x1b\]9;4;1;\d+", tmux.written), "progress in the task bar"
    assert re.search(rb"\x1b\]9;4;0", tmux.written), "and its end"
    assert b"\x07" in tmux.written, "the bell"


async def follow_the_log(tmux: Tmux) -> None:
    await tmux.press("L")
    await tmux.until("the log", lambda screen: "every stage" in screen and "Completed:" in screen)
    await tmux.press("q")
    await tmux.wait_for("Recent jobs")


async def decide_on_failed_images(tmux: Tmux, database: Path) -> None:
    """Approve, undo, approve again, and trash another; the database agrees each time."""
    before = statuses(database)
    rejected = [number for number, status in before.items() if status == "qc_failed"]
    approved = "SELECT count(*) FROM images WHERE status = 'approved'"
    count = sum(status == "approved" for status in before.values())
    assert len(rejected) >= 2
    await tmux.press("3")
    await tmux.wait_for(f"[Failed {len(rejected)}]")
    await tmux.wait_for("rejected at quality check")
    await tmux.press("a")
    await database_says(tmux, database, approved, count + 1)
    await tmux.wait_for(f"[Failed {len(rejected) - 1}]")
    await tmux.press("u")
    await database_says(tmux, database, approved, count)
    await tmux.wait_for(f"[Failed {len(rejected)}]")
    assert statuses(database) == before
    await tmux.press("a")
    await database_says(tmux, database, approved, count + 1)
    await tmux.wait_for(f"[Failed {len(rejected) - 1}]")
    await tmux.press("d")
    await database_says(tmux, database, "SELECT count(*) FROM images WHERE status = 'trashed'", 1)
    await tmux.wait_for(f"Review {len(rejected) - 2}" if len(rejected) > 2 else "Nothing to review")


async def look_at_pictures(tmux: Tmux) -> None:
    await tmux.press("4")
    screen = await tmux.until("pictures", lambda screen: "images  ·" in screen and "▀▀▀" in screen)
    (images,) = re.findall(r"(\d+) images", screen)
    await tmux.press("Enter")
    screen = await tmux.until("the viewer", lambda screen: f"1 of {images}" in screen and "fit " in screen)
    await tmux.press("z")
    await tmux.wait_for("zoom 100%")
    await tmux.press("+")
    await tmux.wait_for("zoom 125%")
    await tmux.press("l")
    await tmux.wait_for(f"2 of {images}")
    await tmux.wait_for("fit ")
    await tmux.press("q")
    await tmux.wait_for(f"{images} images  ·")


async def change_a_setting_and_start(tmux: Tmux, database: Path) -> None:
    """What the settings show is what the next job runs with."""
    await tmux.press("5")
    await tmux.wait_for("Output folder")
    await tmux.press("/")
    await tmux.type("generation.generations")
    await tmux.press("Enter")
    await tmux.until("the setting", lambda screen: re.search(r"›\*? +Generations +‹? ?1", screen) is not None)
    await tmux.press("l", "l")
    await tmux.until(
        "another value", lambda screen: re.search(r"›\*? +Generations +‹? ?3", screen) is not None
    )
    await tmux.press("C-s")
    await database_says(
        tmux, database, "SELECT json_extract(settings, '$.generation.generations') FROM configurations", 3
    )
    await tmux.wait_for("Saved default")
    await tmux.press("s")
    await tmux.until(
        "the start dialog", lambda screen: "Start a job" in screen and "3 from 3 prompts" in screen
    )
    await tmux.press("Enter")
    await database_says(tmux, database, "SELECT count(*) FROM jobs", 2)
    (job,) = rows(
        database, "SELECT * FROM jobs JOIN job_snapshots USING (job_id) ORDER BY job_number DESC LIMIT 1"
    )
    assert '"generations":3' in job["settings"].replace(" ", "")
    assert job["planned_images"] == 3
    await tmux.press("1")
    await tmux.wait_for("● running")


async def leave(tmux: Tmux) -> None:
    """`q` asks, because a job runs; from the demo it goes back to where the demo was chosen, and from there out. The
    terminal is as it was."""
    await tmux.press("q")
    await tmux.wait_for("Stop the job and leave")
    await tmux.press("Escape")
    await tmux.wait_without("Stop the job and leave")
    await tmux.press("q")
    await tmux.wait_for("Stop the job and leave")
    await tmux.press("Enter")
    await tmux.wait_for("Try the demo")
    await tmux.press("q")
    await tmux.wait_for("the demo cost nothing")
    await tmux.wait_for(PROMPT)
    for variable, value in (("alternate_on", "0"), ("cursor_flag", "1"), ("mouse_any_flag", "0")):
        assert await tmux.state(variable) == value, variable
