"""kill -9 at every named point: the next start converges, nothing is lost and nothing is paid for twice."""

from pathlib import Path
from typing import Any

import pytest

from engine.crash import CRASH_POINTS
from engine.files import sha256_of
from engine.views import JobView
from tests.acceptance.conftest import MakeHome
from tests.acceptance.support import (
    Finished,
    Program,
    assert_converged,
    assert_nothing_approved_unchecked,
    overrides,
    rows,
)
from tests.support.engine import EngineHome, request

pytestmark = pytest.mark.acceptance

GENERATIONS = 3
VARIATIONS = 2
PLANNED = GENERATIONS * VARIATIONS
SETTINGS: dict[str, dict[str, Any]] = {
    "generation": {
        "generations": GENERATIONS,
        "variations": VARIATIONS,
        "dimensions": ["512x512"],
        "concurrency": 2,
        "poll_interval_seconds": 0.5,
    },
    "processing": {"remove_background": "on", "convert": "on", "convert_format": "jpg", "enhance": "on"},
}
"""Every stage has work to do, and each is passed several times."""

ELSEWHERE = ("mid_export", "mid_edit", "mid_trash", "mid_restore", "mid_migration")
"""No part of a job: told by the tests of what they belong to."""
POINTS = tuple(name for name in CRASH_POINTS if name not in ELSEWHERE)
LATER = ("after_answer:2", "mid_poll:3", "mid_download:4", "mid_background:3", "mid_metadata:4", "mid_save:5")
_SLOW_ENOUGH_S = 1.0
"""What the provider takes to accept a task, so that `in_post` kills while it does."""


async def _killed(home: EngineHome, point: str, settings: dict[str, dict[str, Any]] = SETTINGS) -> set[str]:
    """Run a job until it dies at the point; nothing may be wrong even then. Answers the prompts whose requests
    were somewhere between the commit of the intent and that of the answer."""
    died = await Program(home).run("run", "--json", *overrides(settings), GIMF_CRASH_AT=point)
    assert died.was_killed, f"{point} was not reached: {died.stderr}"
    assert died.stdout == ""
    assert [job["status"] for job in rows(home, "SELECT status FROM jobs")] == ["running"]
    assert_nothing_approved_unchecked(home)
    return _prompts_of(home, "submitting")


async def _resumed(home: EngineHome) -> Finished:
    return await Program(home).run("run", "--resume", "--json")


async def _resumed_here(home: EngineHome) -> JobView:
    """A start in this process, which goes on with the job by itself."""
    async with home.open() as engine:
        (unfinished,) = await engine.unfinished_jobs()
        return await engine.wait_for_job(unfinished.job_id)


def _prompts_of(home: EngineHome, state: str) -> set[str]:
    statement = "SELECT prompt FROM tasks JOIN generations USING (generation_id) WHERE state = ?"
    return {row["prompt"] for row in rows(home, statement, state)}


def _assert_resumed(home: EngineHome, resumed: Finished, unknown_prompts: set[str]) -> None:
    """Everything is there but the images of these prompts, which wait for a decision."""
    unknown = len(unknown_prompts) * VARIATIONS
    assert resumed.status == (4 if unknown else 0), resumed.stderr
    images = resumed.document["images"]
    assert (images["approved"], images["unknown"]) == (PLANNED - unknown, unknown)
    assert (resumed.document["spend"]["unknown"] > 0) >= bool(unknown)
    assert _prompts_of(home, "unknown") == unknown_prompts
    assert_converged(home, PLANNED, unknown=unknown)


def _paid(home: EngineHome) -> set[str]:
    return {payment["prompt"] for payment in home.payments("piapi", "submit")}


@pytest.mark.fault(17)
@pytest.mark.parametrize("point", POINTS)
async def test_next_start_converges(make_home: MakeHome, point: str) -> None:
    """With PiAPI's task history, every request that arrived is found again. One that did not arrive (killed
    right after the intent) stays unknown: the history cannot prove that nothing was bought."""
    home = await make_home(submit_latency_seconds=_SLOW_ENOUGH_S if point == "in_post" else 0.0)
    at_risk = await _killed(home, point)
    if point in ("after_intent", "in_post", "after_answer"):
        assert at_risk
    if point in ("in_post", "after_answer"):
        assert at_risk & _paid(home)
    _assert_resumed(home, await _resumed(home), at_risk - _paid(home))


@pytest.mark.fault(17)
@pytest.mark.parametrize("point", LATER)
async def test_next_start_converges_from_later_passages(make_home: MakeHome, point: str) -> None:
    """The same where several images are in several stages."""
    home = await make_home()
    at_risk = await _killed(home, point)
    view = await _resumed_here(home)
    unknown = at_risk - _paid(home)
    assert view.images.approved == PLANNED - len(unknown) * VARIATIONS
    assert_converged(home, PLANNED, unknown=len(unknown) * VARIATIONS)


@pytest.mark.fault(3, 17)
@pytest.mark.parametrize("point", ["in_post", "after_answer"])
async def test_lost_answer_waits_for_a_decision_where_it_cannot_be_looked_up(
    make_home: MakeHome, point: str
) -> None:
    home = await make_home(
        has_task_history=False, submit_latency_seconds=_SLOW_ENOUGH_S if point == "in_post" else 0.0
    )
    at_risk = await _killed(home, point)
    assert at_risk
    _assert_resumed(home, await _resumed(home), at_risk)

    sent = len(home.requests("piapi", "submit"))
    again = await _resumed(home)
    assert (again.status, again.document["resumed_jobs"]) == (0, [])
    assert len(home.requests("piapi", "submit")) == sent <= GENERATIONS


@pytest.mark.fault(17)
@pytest.mark.parametrize("point", ["after_intent", "in_post", "after_answer"])
async def test_runware_is_asked_by_our_own_id(make_home: MakeHome, point: str) -> None:
    """Whether the request came or not, Runware knows; so nothing stays unknown and nothing is paid twice."""
    home = await make_home(submit_latency_seconds=_SLOW_ENOUGH_S if point == "in_post" else 0.0)
    generation = {**SETTINGS["generation"], "provider": "runware", "model": "runware:100@1"}
    await _killed(home, point, {**SETTINGS, "generation": generation})
    view = await _resumed_here(home)
    assert (view.status, view.images.approved, view.images.unknown) == ("completed", PLANNED, 0)
    assert_converged(home, PLANNED, service="runware")


@pytest.mark.fault(17)
@pytest.mark.parametrize(("point", "unknown"), [("after_answer", 1), ("after_id", 0)])
async def test_pictures_that_came_with_the_answer(make_home: MakeHome, point: str, unknown: int) -> None:
    """OpenAI's pictures come with the answer: once they are kept, they survive; before that they are lost."""
    home = await make_home()
    settings: dict[str, dict[str, Any]] = {
        "generation": {"provider": "openai", "model": "gpt-image-2", "generations": 3, "concurrency": 1},
        "processing": {"convert": "on", "convert_format": "jpg"},
    }
    await _killed(home, point, settings)
    view = await _resumed_here(home)
    assert (view.images.approved, view.images.unknown) == (3 - unknown, unknown)
    assert_converged(home, 3, unknown=unknown, service="openai", operation="images")
    assert len(home.requests("openai", "images")) == 3


@pytest.mark.fault(17)
async def test_killed_in_mid_migration(home: EngineHome, program: Program) -> None:
    """A database that was being made is made again at the next start."""
    died = await program.run("run", "--json", GIMF_CRASH_AT="mid_migration")
    assert died.was_killed
    done = await program.run("run", "--json", "--set", "generation.poll_interval_seconds=0.5")
    assert done.status == 0, done.stderr
    assert_converged(home, 1)


@pytest.mark.fault(17)
@pytest.mark.parametrize("passage", [1, 3])
async def test_killed_while_a_job_is_deleted_and_while_it_comes_back(
    make_home: MakeHome, passage: int
) -> None:
    """No picture is lost; the next start brings all of them to where their rows say."""
    home = await make_home()
    program = Program(home)
    async with home.open() as engine:
        job = await engine.start_job(request("cats", generation={"generations": 3}))
        await engine.wait_for_job(job.job_id)
    output = home.paths.default_output_dir

    def pictures(folder: Path) -> dict[str, str]:
        return {path.name: sha256_of(path) for path in folder.rglob("*.png")}

    before = pictures(output)
    assert len(before) == 3
    died = await program.run("jobs", "delete", "1", "--yes", GIMF_CRASH_AT=f"mid_trash:{passage}")
    assert died.was_killed, died.stderr
    assert pictures(home.paths.trash_dir) | pictures(output) == before
    assert len(pictures(home.paths.trash_dir)) == passage
    async with home.open() as engine:
        assert pictures(home.paths.trash_dir) == before
        assert pictures(output) == {}
        assert (await engine.job(job.job_id)).images.trashed == 3
    died = await program.run("jobs", "restore", "1", GIMF_CRASH_AT=f"mid_restore:{passage}")
    assert died.was_killed, died.stderr
    assert len(pictures(output)) == passage
    async with home.open() as engine:
        assert pictures(home.paths.trash_dir) == before
        assert pictures(output) == {}
        assert await engine.restore_jobs([job.job_id]) == 1
        assert pictures(output) == before
        assert pictures(home.paths.trash_dir) == {}
        assert (await engine.job(job.job_id)).images.approved == 3


@pytest.mark.fault(17)
async def test_killed_twice(home: EngineHome, program: Program) -> None:
    """A resume that dies too is resumed."""
    at_risk = await _killed(home, "mid_check:2")
    died = await program.run("run", "--resume", "--json", GIMF_CRASH_AT="mid_save:2")
    assert died.was_killed
    at_risk |= _prompts_of(home, "submitting") | _prompts_of(home, "unknown")
    _assert_resumed(home, await _resumed(home), at_risk - _paid(home))
