"""What a user of the stories does with real keys, and what the lists on the screen then hold."""

import asyncio

from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from engine.api import JobQuery
from engine.service import Engine
from engine.views import JobView
from tests.support.app import wait_until
from tui.screens.start_dialog import StartDialog
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.list_source import PagedSource
from tui.widgets.memory_source import MemorySource
from tui.widgets.record_table import RecordTable

PATIENCE = 2_000
"""Turns that a whole job may take."""
QUICK = {"quality_check": False, "metadata": False}
"""The group `ai` of a job that asks for nothing but prompts."""


async def go[S: Screen[object]](pilot: Pilot[int], key: str, kind: type[S]) -> S:
    """To a section, until what it shows is loaded."""
    await pilot.press(key)
    await wait_until(
        pilot,
        lambda: isinstance(pilot.app.screen, kind) and not getattr(pilot.app.screen, "is_loading_now", False),
    )
    found = pilot.app.screen
    assert isinstance(found, kind)
    return found


async def say_yes(pilot: Pilot[int]) -> str:
    """Answer the question at the bottom with enter; gives the question."""
    bar = pilot.app.screen.query_one(ConfirmBar)
    await wait_until(pilot, lambda: bar.is_asking)
    question = str(bar.content)
    await pilot.press("enter")
    await wait_until(pilot, lambda: not bar.is_asking)
    return question


async def start(pilot: Pilot[int]) -> None:
    """`s`, and enter when the plan is shown."""

    def is_planned() -> bool:
        screen = pilot.app.screen
        return isinstance(screen, StartDialog) and "estimate" in str(
            screen.query_one("#start-plan", Static).content
        )

    await pilot.press("s")
    await wait_until(pilot, is_planned)
    await pilot.press("enter")
    await wait_until(pilot, lambda: not isinstance(pilot.app.screen, StartDialog))


async def jobs_of(engine: Engine) -> list[JobView]:
    """Every job, oldest first."""
    return list((await engine.jobs(JobQuery(sort="oldest"))).rows)


async def job_after(engine: Engine, known: int) -> JobView:
    """The job that comes when there are `known` ones, at its end."""
    while len(jobs := await jobs_of(engine)) <= known:
        await asyncio.sleep(0.01)
    return await engine.wait_for_job(jobs[known].job_id)


def shown(pilot: Pilot[int], list_id: str | None = None) -> list[JobView]:
    """The jobs of a list on the screen: of the dashboard's by its id, else of the only one."""
    source = pilot.app.screen.query_one(f"#{list_id}" if list_id else "RecordTable", RecordTable).source
    if isinstance(source, MemorySource):
        return list(source.rows)
    assert isinstance(source, PagedSource)
    return [job for index in range(source.count) if (job := source.row_at(index)) is not None]


def labels(pilot: Pilot[int], list_id: str | None = None) -> list[str]:
    """As `shown`."""
    return [job.label for job in shown(pilot, list_id)]
