"""Five jobs run again at once; one cannot start, one is stopped, and the engine is killed in between."""

from pathlib import Path

import pytest

from engine.api import JobQuery, JobRequest
from engine.events import JobStarted
from engine.views import JobStatus, JobView
from tests.acceptance.support import Program
from tests.support.engine import EngineHome, Listener, settings

pytestmark = pytest.mark.acceptance

LABELS = ("one", "two", "three", "four", "five")
QUICK = {"quality_check": False, "metadata": False}


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
