"""Every number on the dashboard agrees with every other at any moment of a run, and with the database at rest; Jobs
and Job detail show the same ones."""

import re
import sqlite3
from contextlib import closing
from typing import Any

from textual.pilot import Pilot

from engine.service import Engine
from engine.views import JobStatus
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, engine_home, request
from tui.format import money
from tui.widgets.app_header import AppHeader
from tui.widgets.progress_panel import ProgressPanel
from tui.widgets.totals_panel import TotalsPanel


def numbers(text: str) -> dict[str, str]:
    """`approved 33   rejected 3` as names and what stands behind them."""
    return dict(
        re.findall(
            r"(jobs|done|images|approved|rejected|failed|to review|spent|in all|today) ([$\d.,]+)", text
        )
    )


def shown(pilot: Pilot[int]) -> tuple[dict[str, str], dict[str, str], str]:
    """What the panels of the job and of the totals say, and the header."""
    screen = pilot.app.screen
    header = screen.query_one(AppHeader)
    job = numbers(screen.query_one(ProgressPanel).plain)
    return job, numbers(screen.query_one(TotalsPanel).plain), header._line().plain


def disagreement(pilot: Pilot[int]) -> str:
    """What does not fit together while the first job of this folder runs."""
    job, totals, header = shown(pilot)
    finished = int(job["approved"]) + int(job["rejected"]) + int(job["failed"])
    pairs = {
        "approved": (job["approved"], totals["approved"]),
        "to review": (str(int(job["rejected"]) + int(job["failed"])), totals["to review"]),
        "done": (job["done"], str(finished)),
        "spent": (job["spent"], totals["in all"]),
        "spent today": (f"{job['spent']} today" in header, True),
        "header": (f" {finished}/24 " in header, True),
    }
    wrong = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
    return f"{wrong} in {job}, {totals}, {header}" if wrong else ""


def in_database(home: EngineHome) -> dict[str, Any]:
    with closing(sqlite3.connect(f"{home.paths.database_file.as_uri()}?mode=ro", uri=True)) as connection:
        statuses = dict(connection.execute("SELECT status, count(*) FROM images GROUP BY status").fetchall())
        (micros,) = connection.execute("SELECT coalesce(sum(amount_micros), 0) FROM ledger").fetchone()
    failed = statuses.get("failed", 0)
    rejected = statuses.get("qc_failed", 0)
    return {
        "approved": str(statuses.get("approved", 0)),
        "rejected": str(rejected),
        "failed": str(failed),
        "to review": str(rejected + failed),
        "images": str(sum(statuses.values())),
        "spent": money(micros / 1_000_000),
    }


async def test_the_numbers_agree_at_every_moment_of_a_run(tmp_path: Any) -> None:
    async with (
        engine_home(tmp_path / "gimf", reject_share=0.4, latency_seconds=0.4) as home,
        home.open() as engine,
        running(services_for(engine, home=home)) as pilot,
    ):
        job = await engine.start_job(request("A", generation={"generations": 24, "concurrency": 3}))
        panel = pilot.app.screen.query_one(ProgressPanel)
        await wait_until(pilot, lambda: panel.job is not None and "done" in panel.plain)
        seen: set[str] = set()

        def has_gone_on(until: int) -> bool:
            if not pilot.app.screen.query_one(ProgressPanel).job:
                return True
            assert not (wrong := disagreement(pilot)), wrong
            seen.add(shown(pilot)[0]["done"])
            return int(shown(pilot)[0]["done"]) >= until

        await wait_until(pilot, lambda: has_gone_on(6), turns=1_500)
        await engine.pause_job(job.job_id)
        await wait_until(pilot, lambda: "‖ paused" in panel.plain and "pausing" not in panel.plain)
        await agrees_with_the_database(pilot, home)
        await engine.resume_job(job.job_id)
        await wait_until(pilot, lambda: has_gone_on(24), turns=3_000)
        assert len(seen) > 3, seen
        await wait_until(pilot, lambda: panel.job is None)
        await agrees_with_the_database(pilot, home)
        await other_screens_agree(pilot, home, engine, job.job_id)


async def agrees_with_the_database(pilot: Pilot[int], home: EngineHome) -> None:
    """Nothing runs, so the screen comes to rest at what the rows say."""

    def is_same() -> bool:
        rows = in_database(home)
        job, totals, header = shown(pilot)
        spent = rows.pop("spent")
        assert set(totals) >= {"approved", "to review", "images", "in all"}
        return (
            all(totals[name] == rows[name] for name in ("approved", "to review", "images"))
            and totals["in all"] == spent
            and f"{spent} today" in header
            and (not job or all(job[name] == rows[name] for name in ("approved", "rejected", "failed")))
        )

    await wait_until(pilot, is_same)


async def other_screens_agree(pilot: Pilot[int], home: EngineHome, engine: Engine, job_id: str) -> None:
    rows = in_database(home)
    view = await engine.job(job_id)
    assert view.status is JobStatus.COMPLETED
    await pilot.press("2")
    await wait_until(pilot, lambda: "1 job" in screen_text(pilot))
    await wait_until(pilot, lambda: f"{rows['approved']}/24" in screen_text(pilot))
    assert rows["spent"] in screen_text(pilot)
    await pilot.press("enter")
    await wait_until(pilot, lambda: "success rate" in screen_text(pilot))
    text = screen_text(pilot)
    assert rows["spent"] in text
    for name in ("approved", "rejected", "failed"):
        assert re.search(rf"{name} +{rows[name]}\b", text), text


def screen_text(pilot: Pilot[int]) -> str:
    """The text on the screen."""
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())
