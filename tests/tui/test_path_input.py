"""The input for paths: tab completes, enter submits what stands there, the line below says what lies there."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Input, Static

from tests.support.app import wait_until
from tui.app import stylesheet
from tui.path_names import Completion, complete
from tui.widgets import path_input
from tui.widgets.path_input import PathInput


class PathApp(App[None]):
    CSS_PATH = stylesheet()

    def __init__(self, value: str, *, is_folder: bool) -> None:
        super().__init__()
        self.path = PathInput(value, is_folder=is_folder)
        self.submitted: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.path

    def on_mount(self) -> None:
        self.path.focus()

    def on_path_input_submitted(self, event: PathInput.Submitted) -> None:
        self.submitted.append(event.value)


@asynccontextmanager
async def opened(value: str = "", *, is_folder: bool = False) -> AsyncIterator[tuple[Pilot[None], PathApp]]:
    app = PathApp(value, is_folder=is_folder)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        yield pilot, app


def said(app: PathApp) -> str:
    return str(app.path.query_one(".path-state", Static).content)


async def test_tab_completes_step_by_step_and_enter_submits(tmp_path: Path) -> None:
    (tmp_path / "keywords").mkdir()
    (tmp_path / "keywords" / "cats.txt").touch()
    async with opened(f"{tmp_path}/k") as (pilot, app):
        await pilot.press("tab")
        await wait_until(pilot, lambda: app.path.value == f"{tmp_path}/keywords/")
        await pilot.press("tab")
        await wait_until(pilot, lambda: app.path.value == f"{tmp_path}/keywords/cats.txt")
        await wait_until(pilot, lambda: "✓ found" in said(app))
        await pilot.press("enter")
        await wait_until(pilot, lambda: app.submitted == [f"{tmp_path}/keywords/cats.txt"])


async def test_the_line_below_says_what_lies_there(tmp_path: Path) -> None:
    (tmp_path / "one.txt").touch()
    (tmp_path / "two.txt").touch()
    async with opened(f"{tmp_path}/") as (pilot, app):
        await wait_until(pilot, lambda: "one.txt  two.txt" in said(app))
        await pilot.press("x")
        await wait_until(pilot, lambda: said(app) == "✗ no such file")
        await pilot.press("ctrl+u")
        await wait_until(pilot, lambda: "not set" in said(app))


async def test_a_folder_that_is_not_there_yet_will_be_made(tmp_path: Path) -> None:
    async with opened(str(tmp_path / "new"), is_folder=True) as (pilot, app):
        await wait_until(pilot, lambda: "✓ will be made" in said(app))


async def test_one_that_is_taken_away_while_a_folder_is_read_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_end, is_read = threading.Event(), threading.Event()

    def slow(text: str, **options: Any) -> Completion:
        may_end.wait(20)
        is_read.set()
        return complete(text, **options)

    monkeypatch.setattr(path_input, "complete", slow)
    async with opened() as (pilot, app):
        await pilot.press("x", "tab")
        looks = [worker for worker in app.workers if worker.group in ("look", "complete")]
        assert looks
        # Not cancelled with it: that its end meets no widget any more is the rare case.
        monkeypatch.setattr(app.workers, "cancel_node", lambda _node: [])
        await app.path.remove()
        may_end.set()
        await wait_until(pilot, is_read.is_set)
        await wait_until(pilot, lambda: all(worker.is_finished for worker in looks))


async def test_a_dropped_file_comes_without_its_quotes(tmp_path: Path) -> None:
    async with opened() as (pilot, app):
        app.path.query_one(Input).post_message(events.Paste(f"'{tmp_path}/a b.txt' "))
        await wait_until(pilot, lambda: app.path.value == f"{tmp_path}/a b.txt")
