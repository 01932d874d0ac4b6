"""A bulk rerun: in the Electron program it ended with the first job that failed, or lost the rest at a restart. Here
all are queued in the order shown, and one that cannot start, or is stopped, says so and keeps no other from its turn,
also after a kill.
"""

from pathlib import Path

import pytest

from engine.api import JobQuery, JobRequest
from engine.events import JobStarted
from engine.views import JobStatus, JobView
from tests.acceptance.regressions.steps import PATIENCE, QUICK, go, labels, say_yes, shown
from tests.acceptance.support import Program
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, Listener, settings
from tui.screens.jobs import JobsScreen

pytestmark = pytest.mark.acceptance

LABELS = ("one", "two", "three", "four", "five")


async def _reruns(home: EngineHome) -> list[JobView]:
    """In the order in which they were asked for."""
    async with home.open(is_working=False) as engine:
        page = await engine.jobs(JobQuery(sort="oldest"))
        return [job for job in page.rows if job.parent_job_id is not None]


async def test_the_rest_is_done_in_order_also_after_a_kill(
    home: EngineHome, program: Program, tmp_path: Path
) -> None:
    keywords = tmp_path / "keywords.txt"
    keywords.write_text("cat\n", encoding="utf-8")
    async with home.open() as engine:
        originals = []
        for label in LABELS:
            files = {"keywords_file": str(keywords)} if label == "two" else {}
            document = settings(files=files, ai=QUICK, generation={"generations": 2})
            job = await engine.start_job(JobRequest(document, label=label))
            await engine.wait_for_job(job.job_id)
            originals.append(job)
    keywords.unlink()

    ids = [job.job_id for job in originals]
    died = await program.run("jobs", "rerun", *ids, "--json", GIMF_CRASH_AT="mid_save:2")
    assert died.was_killed, died.stderr
    queue = await _reruns(home)
    assert [job.label.split()[0] for job in queue] == list(LABELS)
    assert queue[1].status is JobStatus.FAILED
    assert queue[1].error is not None
    assert "keywords_file" in queue[1].error.message
    assert [job.status for job in queue[2:]] == [JobStatus.QUEUED] * 3

    async with home.open(resume_on_start=True) as engine, Listener(engine) as heard:
        await engine.stop_job(queue[3].job_id)
        for job in queue:
            await engine.wait_for_job(job.job_id)
        begun = [event.job_id for event in heard.of(JobStarted)]
    assert begun == [job.job_id for job in (queue[0], queue[2], queue[4])]
    now = {job.label.split()[0]: job for job in await _reruns(home)}
    assert {label: now[label].status.value for label in LABELS} == {
        "one": "completed",
        "two": "failed",
        "three": "completed",
        "four": "stopped",
        "five": "completed",
    }
    assert [now[label].images.approved for label in ("one", "three", "five")] == [2, 2, 2]
    assert [now[label].parent_job_id for label in LABELS] == ids
    assert len(home.payments("piapi", "submit")) == 5 * 2 + 3 * 2


async def test_marked_with_keys_the_one_that_cannot_start_says_why_in_the_list(
    home: EngineHome, tmp_path: Path
) -> None:
    """Which marks are meant, and in which order: tests/tui/test_jobs.py."""
    keywords = tmp_path / "keywords.txt"
    keywords.write_text("cat\n", encoding="utf-8")
    async with home.open() as engine:
        for label in ("one", "two", "three"):
            files = {"keywords_file": str(keywords)} if label == "two" else {}
            job = await engine.start_job(JobRequest(settings(files=files, ai=QUICK), label=label))
            await engine.wait_for_job(job.job_id)
        keywords.unlink()
        async with running(services_for(engine, home=home)) as pilot:
            await go(pilot, "2", JobsScreen)
            await wait_until(pilot, lambda: len(labels(pilot)) == 3)
            await pilot.press("A", "r")
            assert "3 jobs" in await say_yes(pilot)

            def ended() -> dict[str, str]:
                return {job.label.split()[0]: str(job.status) for job in shown(pilot) if job.parent_job_id}

            await wait_until(
                pilot,
                lambda: ended() == {"three": "completed", "two": "failed", "one": "completed"},
                turns=PATIENCE,
            )
            reruns = {job.label.split()[0]: job for job in shown(pilot) if job.parent_job_id}
            assert reruns["three"].number < reruns["two"].number < reruns["one"].number, "in the order shown"
            assert reruns["two"].error is not None
            assert str(keywords) in f"{reruns['two'].error.message} {reruns['two'].error.hint}"
