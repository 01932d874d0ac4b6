"""What the dashboard writes to the terminal: what changed, and nothing where nothing did."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual._compositor import CompositorUpdate
from textual.pilot import Pilot
from textual.screen import Screen

from engine.api import EngineApi
from engine.views import ImageCounts, JobKind, JobStatus, JobView, ProgressView, Spend
from tests.support.app import services_for
from tui.app import FactoryApp
from tui.screens.help import HelpScreen
from tui.screens.logs import LogsScreen
from tui.status import FrameStatus, Link

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class RecordingApp(FactoryApp):
    """Keeps what it would send to a terminal."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.sent: list[str] = []

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        if isinstance(renderable, CompositorUpdate):
            self.sent.append(renderable.render_segments(self.console))
        super()._display(screen, renderable)


@pytest.fixture
async def pilot(tmp_path: Path) -> AsyncIterator[Pilot[int]]:
    """A dashboard without an engine, that shows a job at work."""

    @asynccontextmanager
    async def never() -> AsyncIterator[EngineApi]:
        await asyncio.Event().wait()
        yield none

    none: Any = None
    app = RecordingApp(replace(services_for(none, tmp_path), attach=never))
    async with app.run_test(size=(120, 36)) as pilot:
        app.status = STATUS
        await written(pilot)
        yield pilot


def of(pilot: Pilot[int]) -> RecordingApp:
    assert isinstance(pilot.app, RecordingApp)
    return pilot.app


async def written(pilot: Pilot[int]) -> str:
    """What is sent until nothing more comes."""
    app = of(pilot)
    quiet, known = 0, len(app.sent)
    while quiet < 5:
        await pilot.pause(0.02)
        quiet, known = (quiet + 1 if len(app.sent) == known else 0), len(app.sent)
    sent = "".join(app.sent)
    app.sent.clear()
    return sent


COUNTS = ImageCounts(planned=100, approved=10, qc_failed=0, failed=0, pending=0, unknown=0, trashed=0)
JOB = JobView(
    job_id="01job",
    number=7,
    label="harbour",
    kind=JobKind.GENERATE,
    status=JobStatus.RUNNING,
    created_at="2026-11-22T12:00:00.000Z",
    started_at="2026-11-22T12:00:00.000Z",
    finished_at=None,
    duration_s=60.0,
    images=COUNTS,
    spend_usd=0.5,
    spend=Spend(actual=0.5, committed=0, unknown=0, estimate=5),
    output_dir="/pictures",
    error=None,
    pause=None,
    configuration=None,
    parent_job_id=None,
    queue_position=None,
)
PROGRESS = ProgressView(
    job_id=JOB.job_id,
    images=COUNTS,
    prompted=30,
    submitted=20,
    downloaded=12,
    checked=11,
    done=10,
    in_flight=8,
    images_per_minute=10.0,
    eta_s=540.0,
    spend_usd=0.5,
    is_quiescent=False,
)
STATUS = FrameStatus(link=Link.ATTACHED, job=JOB, progress=PROGRESS)


async def test_what_says_the_same_again_writes_nothing(pilot: Pilot[int]) -> None:
    app = of(pilot)
    app.status = replace(STATUS, progress=PROGRESS.model_copy(update={"images_per_minute": 10.1}))
    assert not await written(pilot)
    app.status = FrameStatus(link=Link.ATTACHED, job=JOB.model_copy(), progress=PROGRESS.model_copy())
    assert not await written(pilot)


async def test_one_more_prompt_writes_one_number(pilot: Pilot[int]) -> None:
    of(pilot).status = replace(STATUS, progress=PROGRESS.model_copy(update={"prompted": 31}))
    sent = await written(pilot)
    assert _ESCAPES.sub("", sent) == "1"
    assert len(sent) < 80


async def test_what_changes_below_another_screen_is_not_drawn_but_is_there_again(pilot: Pilot[int]) -> None:
    app = of(pilot)
    await app.push_screen(HelpScreen("dashboard"))
    await app.push_screen(LogsScreen(None))
    await written(pilot)
    app.status = replace(STATUS, progress=PROGRESS.model_copy(update={"prompted": 31, "checked": 12}))
    assert not await written(pilot)
    await app.pop_screen()
    await app.pop_screen()
    await written(pilot)
    shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
    assert "prompt 31" in shown


async def test_what_changes_behind_a_dialog_is_drawn(pilot: Pilot[int]) -> None:
    app = of(pilot)
    await app.push_screen(HelpScreen("dashboard"))
    await written(pilot)
    after = COUNTS.model_copy(update={"approved": 55})
    app.status = replace(STATUS, progress=PROGRESS.model_copy(update={"images": after}))
    assert "55/100" in _ESCAPES.sub("", await written(pilot))


async def test_a_cut_line_is_the_whole_ones_part(pilot: Pilot[int]) -> None:
    """Every narrow update puts the same characters to the same places as a full one."""
    app = of(pilot)
    after = COUNTS.model_copy(update={"approved": 99, "failed": 1})
    app.status = replace(STATUS, progress=PROGRESS.model_copy(update={"images": after, "done": 100}))
    sent = await written(pilot)
    shown = app.screen._compositor.render_strips()
    pieces = re.findall(r"\x1b\[(\d+);(\d+)H((?:\x1b\[[\d;]*m|[^\x1b])*)", sent)
    assert pieces
    for row, column, text in pieces:
        plain = _ESCAPES.sub("", text)
        line = shown[int(row) - 1].text
        assert line[int(column) - 1 :].startswith(plain)
