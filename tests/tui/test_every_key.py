"""Every action of the table by its key wherever it works, and the keys of dialogs, with data there: nothing fails
that nobody foresaw, every question can be answered with yes, and one comes back to where one was.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from engine.paths import Paths
from tests.support.app import running, services_for, wait_until
from tests.support.studio import AT_WORK, JOBS, Studio, fill_studio
from tui import keys_in_order
from tui.app import FactoryApp
from tui.keys import actions_on, split_keys
from tui.screens.job_detail import JobDetailScreen
from tui.screens.logs import LogsScreen
from tui.screens.start_dialog import StartDialog
from tui.screens.statistics import StatisticsScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.facet_panel import FacetPanel

SIZE = (80, 24)
STEPS_BACK = 4
LONGEST_S = 30.0
TURN_S, TURNS = 0.004, 25
"""What a key sets going is waited for, but not for ever: a question ends only with its answer."""
CHANGES = """
UPDATE tasks SET state = 'unknown' WHERE task_id IN (4109, 4110);
DELETE FROM images WHERE image_id IN (4109, 4110);
DROP TRIGGER job_snapshots_are_immutable;
UPDATE job_snapshots SET settings = json_set(settings, '$.ai.metadata', json('false'));
"""
"""Two tasks without a picture wait for a decision, and who approves waits for no service."""
FORESEEN = (
    "there is nothing to stop",
    "Only the job at work can be paused",
    "there is nothing to decide",
    "cannot be handed to an editor",
)
"""Said in toasts: the engine of a studio works on no job, a task may have been decided about a moment ago, and a test
has no terminal to lend."""

NEIGHBOURS = tuple(job.job_id for job in JOBS)
IMAGES = tuple(range(4001, 4013))
NEXT, BEFORE = "right_square_bracket", "left_square_bracket"


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere in the app, and how one gets there from a section."""

    name: str
    keys: tuple[str, ...] = ()
    screen: Callable[[], Screen[Any]] | None = None
    """Pushed before the keys are pressed."""
    is_another_view: bool = False
    """Of the first place's screen, whose own keys were pressed there."""


def job(number: int) -> Callable[[], Screen[Any]]:
    return lambda: JobDetailScreen(JOBS[number].job_id, NEIGHBOURS)


PLACES = {
    "dashboard": (
        Place("queue", ("1",)),
        Place("statistics", screen=StatisticsScreen),
        Place("starting", screen=StartDialog),
    ),
    "jobs": (
        Place("list", ("2",)),
        Place("filter", ("2", "f"), is_another_view=True),
        Place("exporting", ("2", "G", "e")),
    ),
    "job": (
        Place("overview of one at work", (), job(JOBS.index(AT_WORK))),
        Place("images", (NEXT,), job(2), is_another_view=True),
        Place("logs", (NEXT, NEXT), job(JOBS.index(AT_WORK)), is_another_view=True),
        Place("form of the next run", ("E",), job(2), is_another_view=True),
    ),
    "review": (
        Place("list", ("3",)),
        Place("grid", ("3", "v"), is_another_view=True),
        Place("decisions", ("3", BEFORE), is_another_view=True),
        Place("retry", ("3", "R")),
        Place("viewer", screen=lambda: ViewerScreen(IMAGES[8], IMAGES)),
    ),
    "gallery": (
        Place("grid", ("4",)),
        Place("list", ("4", "v"), is_another_view=True),
        Place("viewer", screen=lambda: ViewerScreen(IMAGES[0], IMAGES)),
        Place("texts", ("4", "t")),
        Place("exporting", ("4", "e")),
    ),
    "settings": (
        Place("form", ("5",)),
        Place("configurations", ("5", "c")),
        Place("reset", ("5", "Z")),
    ),
    "everywhere": (
        Place("logs", screen=LogsScreen),
        Place("palette", ("colon",)),
    ),
}
ASKING = (Input, FacetPanel, ConfirmBar)
NOT_HERE = {"ctrl+c", "ctrl+q"}
"""Textual's own; what they do has tests of its own."""


class ToldApp(FactoryApp):
    """Keeps what it says."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.told: list[str] = []

    def toast(self, message: str, **options: Any) -> None:
        if options.get("severity") == "error":
            self.told.append(message)
        super().toast(message, **options)


class Sweep:
    """Presses keys in a place and goes back there after each."""

    def __init__(self, pilot: Pilot[int], place: Place, *, is_first: bool) -> None:
        """`is_first`: the app's own keys are pressed too."""
        self.pilot = pilot
        self.app = cast("ToldApp", pilot.app)
        self.place = place
        self.is_first = is_first
        self.is_known = place.is_another_view

    async def press(self, key: str) -> None:
        app, workers = self.app, set(self.app.workers)
        taken = app._keys_taken
        app.simulate_key(key)
        async with asyncio.timeout(LONGEST_S):
            while app._keys_taken == taken or app._patience is not None:
                await asyncio.sleep(TURN_S)
        for _ in range(TURNS):
            await asyncio.sleep(TURN_S)
            if all(worker.is_finished for worker in set(app.workers) - workers):
                return

    async def arrive(self) -> None:
        """Go there, from wherever one is."""
        while len(self.app.screen_stack) > 1:
            await self.app.pop_screen()
        if self.place.screen is not None:
            await self.app.push_screen(self.place.screen())
        await self.loaded()
        for key in self.place.keys:
            await self.press(key)
            await self.loaded()

    async def loaded(self) -> None:
        await wait_until(self.pilot, lambda: not getattr(self.app.screen, "is_loading_now", False))

    def seen(self) -> tuple[object, ...]:
        """Where one is: the screen, its tab, and what has the focus; in a dialog whatever has it."""
        screen, focused = self.app.screen, self.app.focused
        if isinstance(screen, ModalScreen):
            return (type(screen),)
        return type(screen), getattr(screen, "_tab", ""), type(focused), getattr(focused, "id", None)

    def keys(self) -> list[str]:
        """For every action on this screen its first key; in a dialog, and where the same screen has something else in
        sight, the keys of what is in sight."""
        screen = self.app.screen
        section = getattr(screen, "SECTION", None)
        if section is None:
            return [key for key in screen.active_bindings if key not in NOT_HERE]
        keys = [
            split_keys(action.keys)[0]
            for action in actions_on(section)
            if self.is_first or action.section != "global"
        ]
        if self.is_known:
            held = {key for key, one in screen.active_bindings.items() if one.node not in (screen, self.app)}
            keys = [key for key in keys if key in held]
        return list(dict.fromkeys(keys))

    async def run(self) -> None:
        await self.arrive()
        home = self.seen()
        for key in self.keys():
            await self.press(key)
            if any(bar.is_asking for bar in self.app.screen.query(ConfirmBar)):
                await self.press("enter")
            self.check(key)
            await self.come_back(home)
            self.check(key)

    async def come_back(self, home: tuple[object, ...]) -> None:
        """By the key for it out of dialogs and questions; else anew."""
        for _ in range(STEPS_BACK):
            is_asked = isinstance(self.app.screen, ModalScreen) or isinstance(self.app.focused, ASKING)
            if self.seen() == home or not is_asked:
                break
            await self.press("escape")
        if self.seen() != home:
            await self.arrive()

    def check(self, key: str) -> None:
        app = self.app
        assert app._exception is None, f"{key} in {self.place.name}: {app._exception!r}"
        assert not app._exit, f"{key} in {self.place.name} ended the program"
        unforeseen = [said for said in app.told if not any(one in said for one in FORESEEN)]
        assert not unforeseen, f"{key} in {self.place.name}: {unforeseen}"


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.delenv("VISUAL", raising=False)
    paths = Paths.resolve(tmp_path / "home", {})
    await fill_studio(paths)
    with closing(sqlite3.connect(paths.database_file)) as connection, connection:
        connection.executescript(CHANGES)
    return Studio(paths)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a key may take longer than a person would like to wait."""
    monkeypatch.setattr(keys_in_order, "PATIENCE_S", 1.0)


@asynccontextmanager
async def opened(studio: Studio) -> AsyncIterator[Pilot[int]]:
    async with (
        studio.open(is_running=True) as engine,
        running(services_for(engine, home=studio, environ=studio.environ), SIZE, app_class=ToldApp) as pilot,
    ):
        yield pilot


@pytest.mark.timeout(180)
@pytest.mark.parametrize("area", PLACES)
async def test_every_key_in_every_place(studio: Studio, area: str) -> None:
    async with opened(studio) as pilot:
        for number, place in enumerate(PLACES[area]):
            await Sweep(pilot, place, is_first=number == 0).run()
            await pilot.press("1")
