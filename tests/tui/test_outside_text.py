"""Text from outside is shown as text, wherever it is shown: no escape sequence, no control, no markup of it acts."""

import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from textual import events
from textual.pilot import Pilot

from engine.errors import FactoryError, Problem, SettingsError
from engine.greeting import end_engine
from engine.paths import Paths
from tests.support.app import running, services_for, wait_until
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.screen_text import strips_of
from tests.support.studio import AT_WORK, JOBS, Studio, fill_studio
from tests.tui.conftest import Program
from tui.app import FactoryApp
from tui.messages import OpenJob
from tui.screens.confirm_dialog import ConfirmDialog
from tui.screens.help import HelpScreen
from tui.screens.job_detail import JobDetailScreen
from tui.screens.logs import LogsScreen
from tui.screens.quit_dialog import QuitDialog
from tui.screens.settings_dialog import SettingsDialog
from tui.screens.start_dialog import StartDialog
from tui.screens.viewer import ViewerScreen

SHOWN = "[@click=app.quit]"
MARK = (
    f"{SHOWN}x[/][/oops]"
    "\x1b[7;7r\x1b]52;c;aGk=\x07\x9b7;7r\x9d0;t\x9c\x85\x08\x7f\x00\u202e\u2066\u200f\u061c\ufeff{b}"
)
"""It is put in front of every text of a studio; its begin is what must be seen of it, also in a narrow column."""
ACTED_UPON = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


TURNS = 150


def say(text: str) -> str:
    return f"{MARK}{text}"


@pytest.fixture
async def studio(tmp_path: Path) -> Studio:
    """Every text begins with the mark, also the names of files and folders, as far as those can."""
    in_names = MARK.replace("/", "_").replace("\x00", "")
    made = Studio(Paths.resolve(tmp_path / in_names, {}))
    await fill_studio(made.paths, lambda text: say(text).replace("\x00", ""))
    return made


class Walk:
    """Goes through the app and looks at everything it shows."""

    def __init__(self, pilot: Pilot[int]) -> None:
        self.pilot = pilot
        self.app = cast("FactoryApp", pilot.app)

    def paste(self) -> None:
        """Put the mark into the field that has the focus, as a terminal pastes it."""
        self.app.post_message(events.Paste(MARK))

    async def sees(self, *keys: str, on: type[Any] | None = None, shown: str | None = None) -> None:
        """After these keys, and on such a screen, the mark is shown as text, and nothing on the screen acts."""
        await self.pilot.press(*keys)
        if on is not None:
            await wait_until(self.pilot, lambda: isinstance(self.app.screen, on))
        wanted = SHOWN if shown is None else shown
        for _ in range(TURNS):
            # The header, which has the label of the job at work on every screen, is left out.
            if wanted in (text := self._text()).partition("\n")[2]:
                return
            await self.pilot.pause(0.02)
        pytest.fail(f"after {keys} there is no {wanted!r} on {self.app.screen}:\n{text}")

    def _text(self) -> str:
        lines = []
        for strip in strips_of(self.app):
            for segment in strip:
                found = ACTED_UPON.search(segment.text)
                assert found is None, f"{found!r} is in {segment.text!r} on {self.app.screen}"
                meta = {} if segment.style is None else segment.style.meta
                assert "@click" not in meta, f"{segment.text!r} acts on a click on {self.app.screen}"
            lines.append(strip.text)
        return "\n".join(lines)


@asynccontextmanager
async def walk(studio: Studio) -> AsyncIterator[Walk]:
    async with (
        studio.open(is_running=True) as engine,
        running(
            services_for(engine, home=studio, environ=studio.environ), (160, 50), has_toasts=True
        ) as pilot,
    ):
        yield Walk(pilot)


@pytest.mark.fault(27)
async def test_sections_and_details(studio: Studio) -> None:
    async with walk(studio) as at:
        await at.sees()
        await at.sees("2")
        await at.sees("slash", "c", "i", "t", "y", "enter")
        await at.sees("escape", "t")
        await at.sees("escape", "G", "d")
        await at.sees("escape")
        at.app.post_message(OpenJob(AT_WORK.job_id, [job.job_id for job in JOBS]))
        await at.sees(on=JobDetailScreen)
        for _ in range(3):
            await at.sees("right_square_bracket")
        at.app.post_message(OpenJob(JOBS[1].job_id))
        await at.sees(on=JobDetailScreen)
        await at.sees("q", "q", "3")
        for key in ("w", "i"):
            await at.sees(key)
        await at.sees("enter", on=ViewerScreen, shown="00009.png")
        await at.sees("i")
        await at.sees("q", "4")
        await at.sees("v")
        await at.sees("L", on=LogsScreen)
        await at.sees("q", "1")


@pytest.mark.fault(27)
async def test_dialogs_questions_and_notices(studio: Studio) -> None:
    async with walk(studio) as at:
        await at.sees("s", on=StartDialog)
        await at.sees("f2", on=SettingsDialog)
        await at.sees("escape", "escape", "q", on=QuitDialog)
        await at.sees("escape", "5")
        await at.sees("c", on=ConfirmDialog)
        await at.sees("escape", "t")
        await at.sees("escape", "d")
        await at.sees("escape", "question_mark", on=HelpScreen)
        at.paste()
        await at.sees(shown=f"No key for “{SHOWN}")
        await at.sees("escape", "colon", shown="Find an action")
        at.paste()
        await at.sees()
        await at.sees("escape", "3")
        await at.sees("Y", shown="Copied prompt")
        await at.sees("y", shown="Copied path")
        error = FactoryError(say("refused"), hint=say("Try again."))
        at.app.report(error, say("do that"))
        await at.sees(shown="Try again.")
        problem = Problem(say("field"), say("is wrong"), say("mend it"))
        at.app.report(SettingsError([problem]), "save")
        await at.sees(shown="mend it")


@pytest.mark.fault(27)
async def test_search_and_filter_texts(studio: Studio) -> None:
    async with walk(studio) as at:
        await at.sees("2", "slash")
        at.paste()
        await at.sees("enter", shown=f"with “{SHOWN}")
        await at.sees("escape", "L", on=LogsScreen)
        await at.pilot.press("slash")
        at.paste()
        await at.sees("enter", shown=f"“{SHOWN}")


@pytest.mark.fault(27)
async def test_what_is_written_to_the_terminal(studio: Studio) -> None:
    command = [sys.executable, "-m", "tui", "--home", str(studio.paths.data_dir.parent)]
    async with PseudoTerminal(command, {**os.environ, **studio.environ}, size=(160, 50)) as terminal:
        await terminal.wait_for("Recent jobs")
        await terminal.wait_for(SHOWN)
        for keys, text in (
            ("2", "newest first"),
            ("3", "Retry pending"),
            ("i", "4109"),
            ("4", "Grid or list"),
        ):
            terminal.press(keys)
            await terminal.wait_for(text)
        terminal.press("L")
        await terminal.wait_for("Log of all jobs")
        terminal.press("qq")
        await terminal.wait_for("Stop the job and leave")
        terminal.press("\r")
        assert await terminal.end() == 0
    await end_engine(studio.paths, at_once=True)
    written = terminal.written.decode()
    for harmful in re.findall("\x1b\\[7;7r|\x1b]52|[\x80-\x9f\u061c\u200f\u202e\u2066\ufeff]", MARK):
        assert harmful not in written
    assert b"\x00" not in terminal.written
    assert "[7;7r" in terminal.text, "what was harmful is there as text"


COMMANDS = (
    ("jobs", "list"),
    ("jobs", "show", AT_WORK.job_id),
    ("images", "list"),
    ("logs", AT_WORK.job_id),
    ("config", "list"),
)


@pytest.mark.fault(27)
async def test_tables_of_the_command_line(studio: Studio, program: Program) -> None:
    home = str(studio.paths.data_dir.parent)
    for command in COMMANDS:
        done = await program.run(*command, "--home", home)
        assert done.status == 0, done.stderr
        assert SHOWN in done.stdout, command
        assert not ACTED_UPON.search(done.stdout.replace("\n", "")), command
        assert not ACTED_UPON.search(done.stderr.replace("\n", "")), command
