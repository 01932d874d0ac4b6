"""What the snapshots share: one data folder, made once and put back before each test, a fixed clock and zone, and the
comparison with the stored text."""

import asyncio
import difflib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from engine.paths import Paths
from tests.support.app import running, services_for, wait_until
from tests.support.screen_text import describe_screen, strips_of, text_of_screen
from tests.support.studio import Studio, fill_studio

STORED = Path(__file__).parent
SIZES = [(80, 24), (120, 36)]
SHOWN_ROOT = "/srv/render/gimf-1"
TURNS = 250
STILL_TURNS = 12
"""Without any change, before a screen is written: loading, thumbnails and plans take their time."""

type Opened = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture(scope="session")
def root() -> Iterator[Path]:
    """A folder whose path is as long as the one that stands for it in the snapshots."""
    folder = Path(tempfile.mkdtemp(prefix="gimf-", dir="/tmp"))
    assert len(str(folder)) == len(SHOWN_ROOT)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def filled(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of everything as it was written first."""
    asyncio.run(fill_studio(Paths.resolve(root, {})))
    kept = tmp_path_factory.mktemp("studio") / "kept"
    shutil.copytree(root, kept)
    return kept


@pytest.fixture
def studio(root: Path, filled: Path) -> Studio:
    """The folder as it was written first."""
    shutil.rmtree(root)
    shutil.copytree(filled, root)
    return Studio(Paths.resolve(root, {}))


@pytest.fixture
def new_studio(root: Path) -> Studio:
    """A first start: no job, no configuration, no key."""
    shutil.rmtree(root)
    root.mkdir()
    return Studio(Paths.resolve(root, {}), {})


@pytest.fixture(autouse=True)
def fixed_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One hour before UTC everywhere, and no cursor that blinks."""
    monkeypatch.setenv("TZ", "CET-1")
    monkeypatch.setattr(Input, "_toggle_cursor", lambda _self: None)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def opened() -> Opened:
    """`async with opened(studio, size) as pilot`: the app over the studio, loaded."""

    @asynccontextmanager
    async def open_app(
        studio: Studio, size: tuple[int, int], *, is_running: bool = True, **options: Any
    ) -> AsyncIterator[Pilot[int]]:
        async with (
            studio.open(is_running=is_running) as engine,
            running(services_for(engine, home=studio, environ=studio.environ, **options), size) as pilot,
        ):
            yield pilot

    return open_app


@pytest.fixture
def matches(request: pytest.FixtureRequest, root: Path) -> Callable[..., Any]:
    """`await matches(pilot, "dashboard")`: the screen comes to look as it is stored in dashboard-80x24.txt."""

    async def check(pilot: Pilot[int], name: str, *, look: str = "gimf-dark") -> None:
        width, height = pilot.app.size
        title = f"{name}, {width}x{height}, {look}"

        def seen() -> str:
            return describe_screen(pilot.app, title, hide=lambda text: text.replace(str(root), SHOWN_ROOT))

        kind = "" if look == "gimf-dark" else f"-{look.removeprefix('gimf-')}"
        file = STORED / f"{name}-{width}x{height}{kind}.txt"
        if request.config.getoption("--write-snapshots"):
            await _settled(pilot)
            file.write_text(seen(), encoding="utf-8")
            return
        stored = file.read_text(encoding="utf-8") if file.exists() else ""
        for _ in range(TURNS):
            # The characters first: they cost little, and mostly they are what is still to come.
            text = "|\n|".join(text_of_screen(pilot.app).replace(str(root), SHOWN_ROOT).split("\n"))
            if f"|{text}|" in stored and seen() == stored:
                return
            await pilot.pause(0.03)
        difference = difflib.unified_diff(
            stored.splitlines(), seen().splitlines(), f"{file.name} as stored", "as it is", lineterm="", n=2
        )
        pytest.fail("\n".join(("the screen looks different (--write-snapshots stores it):", *difference)))

    return check


async def go_to(pilot: Pilot[int], section_key: str) -> None:
    """Go to a section and wait for its list, so that the next keys find a row."""
    await pilot.press(section_key)
    await wait_until(pilot, lambda: _is_listed(pilot))


def _is_listed(pilot: Pilot[int]) -> bool:
    screen = pilot.app.screen
    lists = [one for one in screen.query("RecordTable, GalleryGrid") if one.display]
    return not getattr(screen, "is_loading_now", True) and any(one.cursor_key is not None for one in lists)


async def _settled(pilot: Pilot[int]) -> None:
    """Once nothing has changed for a while."""
    before, turns = strips_of(pilot.app), 0
    while turns < STILL_TURNS:
        await pilot.pause(0.05)
        now = strips_of(pilot.app)
        before, turns = now, turns + 1 if now == before else 0
