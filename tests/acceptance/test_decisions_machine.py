"""Random decisions, retries, stops, undos and kills of a real engine process: files and rows always agree, nothing
unchecked is approved, nothing is lost, nothing is paid for twice. GIMF_EXAMPLES=50 tries longer."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.api import ImageQuery, RetryRequest
from engine.client import EngineClient
from engine.errors import ConflictError
from engine.trash import Trash
from engine.views import ImageStatus, JobStatus
from tests.acceptance.support import decoded, files_below, rows
from tests.acceptance.support import rule as fault
from tests.support.engine import EngineHome, engine_home, request
from tui.attach import EngineProcess

pytestmark = pytest.mark.acceptance

IMAGES = 5
WAITING_S = 60.0
NO = json.dumps({"passed": False, "reason": "blurred"})
SETTINGS: dict[str, dict[str, Any]] = {
    "generation": {"generations": IMAGES, "dimensions": ["512x512"], "backoff_seconds": 0},
    "processing": {
        "remove_background": True,
        "on_remove_background_failure": "fail",
        "convert": True,
        "convert_format": "jpg",
    },
}
FAULTS: dict[str, tuple[dict[str, Any], ...]] = {
    "well": (),
    "rejects": (fault("openai", "chat.check", "say", text=NO),),
    "no verdict": (fault("openai", "chat.check", "say", text="It looks fine to me."),),
    "no background": (fault("removebg", "remove", "status", code=400),),
    "some of each": (
        fault("openai", "chat.check", "say", text=NO, every=3),
        fault("removebg", "remove", "status", code=400, every=2),
        fault("openai", "chat.metadata", "status", code=500, every=2),
    ),
}
AT_WORK = {ImageStatus.RETRY_PENDING, ImageStatus.PROCESSING}
ids = st.sets(st.integers(1, IMAGES), min_size=1).map(sorted)


class Decisions(RuleBasedStateMachine):
    """One data folder, one engine process at a time, one client. Image ids are 1 to IMAGES."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp(prefix="gimf-decisions-"))
        self.stack = AsyncExitStack()
        self.client_stack = AsyncExitStack()
        self.home: EngineHome
        self.client: EngineClient

    def teardown(self) -> None:
        async def end() -> None:
            await self.client.shut_down(at_once=True)
            await self.client_stack.aclose()
            await self.stack.aclose()

        self.runner.run(end())
        self.runner.close()
        shutil.rmtree(self.folder)

    async def _attach(self) -> None:
        process = EngineProcess(
            self.home.paths, {**os.environ, **self.home.environ}, str(self.home.root), idle_s=0
        )
        self.client = await self.client_stack.enter_async_context(process.attach())

    async def _settled(self) -> None:
        """Wait until no job is at work or waiting."""
        async with asyncio.timeout(WAITING_S):
            for job in await self.client.unfinished_jobs():
                await self.client.wait_for_job(job.job_id)

    @initialize()
    def a_job_whose_images_were_rejected(self) -> None:
        async def begin() -> None:
            self.home = await self.stack.enter_async_context(engine_home(self.folder / "home"))
            self.home.script(*FAULTS["rejects"])
            await self._attach()
            job = await self.client.start_job(request("Cats", **SETTINGS))
            await self.client.wait_for_job(job.job_id)

        self.runner.run(begin())

    # ---- what a person may do

    @rule(name=st.sampled_from(sorted(FAULTS)))
    def services_change(self, name: str) -> None:
        self.home.script(*FAULTS[name])

    @rule(image_ids=ids)
    def approve(self, image_ids: list[int]) -> None:
        self.runner.run(self.client.approve_images(image_ids))

    @rule(image_ids=ids)
    def unapprove(self, image_ids: list[int]) -> None:
        self.runner.run(self.client.unapprove_images(image_ids))

    @rule(image_ids=ids)
    def trash(self, image_ids: list[int]) -> None:
        self.runner.run(self.client.trash_images(image_ids))

    @rule(image_ids=ids)
    def restore(self, image_ids: list[int]) -> None:
        self.runner.run(self.client.restore_images(image_ids))

    @rule(
        image_ids=ids,
        processing=st.none() | st.just({"convert_format": "webp"}) | st.just({"remove_background": False}),
        checks_again=st.sampled_from([None, None, True]),
        writes_metadata_again=st.booleans(),
    )
    def retry(self, image_ids: list[int], **options: Any) -> None:
        started = self.runner.run(self.client.retry_images(RetryRequest(tuple(image_ids), **options)))
        assert sorted([*started.done, *(one.image_id for one in started.refused)]) == image_ids

    @rule(is_forced=st.booleans())
    def stop_a_retry(self, is_forced: bool) -> None:
        async def stop() -> None:
            for job in (await self.client.unfinished_jobs())[:1]:
                try:
                    await self.client.stop_job(job.job_id, is_forced=is_forced)
                except ConflictError:
                    return  # it has just ended
                await self.client.wait_for_job(job.job_id)

        self.runner.run(stop())

    @rule()
    def resume_what_was_stopped(self) -> None:
        async def resume() -> None:
            for row in rows(self.home, "SELECT job_id FROM jobs WHERE kind = 'retry' AND status = 'stopped'")[
                :1
            ]:
                await self.client.resume_job(row["job_id"])

        self.runner.run(resume())

    @rule()
    def let_it_work(self) -> None:
        self.runner.run(self._settled())

    @rule(delay=st.sampled_from([0.0, 0.05, 0.2]))
    def kill(self, delay: float) -> None:
        async def kill() -> None:
            await asyncio.sleep(delay)  # the moment is what is drawn
            os.kill(self.client.engine_pid, signal.SIGKILL)
            await self.client_stack.aclose()
            await self._attach()

        self.runner.run(kill())

    # ---- what always holds

    @invariant()
    def nothing_is_lost_or_approved_unchecked(self) -> None:
        if not hasattr(self, "client"):
            return
        images = rows(  # in one statement, as of one moment: the engine may be at work
            self.home,
            """SELECT *, (SELECT count(*) FROM retries WHERE retries.image_id = images.image_id
                AND retries.state IN ('waiting', 'working')) AS active FROM images""",
        )
        assert len(images) == IMAGES
        for image in images:
            decoded(Path(image["original_file"]))
            assert image["active"] == (ImageStatus(image["status"]) in AT_WORK)
            if image["status"] == ImageStatus.APPROVED:
                assert image["approval"] == "manual" or image["is_checked"] == 1
                assert image["approval"] != "manual" or image["before_approval"] is not None
                decoded(Path(image["output_file"]))
        assert len(self.home.payments("piapi", "submit")) == IMAGES

    @invariant()
    def what_is_at_rest_agrees(self) -> None:
        """With nobody at work the output folder holds the approved pictures and nothing else, and the job's counters
        are those of its images."""
        if not hasattr(self, "client") or self.runner.run(self.client.unfinished_jobs()):
            return
        images = rows(self.home, "SELECT * FROM images")
        approved = {image["output_file"] for image in images if image["status"] == ImageStatus.APPROVED}
        assert {str(path) for path in files_below(self.home.paths.default_output_dir)} == approved
        trash = Trash(self.home.paths.trash_dir)
        for image in images:
            if image["status"] == ImageStatus.TRASHED and image["output_file"]:
                assert trash.holds(image["output_file"])
                decoded(Path(image["output_file"]))
        counts = Counter(image["status"] for image in images)
        (job,) = rows(self.home, "SELECT * FROM jobs WHERE kind = 'generate'")
        assert {status: job[status] for status in ImageStatus} == {
            status: counts[status] for status in ImageStatus
        }
        for retry in rows(self.home, "SELECT * FROM jobs WHERE kind = 'retry'"):
            assert retry["status"] in (JobStatus.COMPLETED, JobStatus.STOPPED)
            assert (retry["retry_pending"], retry["processing"], retry["committed_micros"]) == (0, 0, 0)
        page = self.runner.run(self.client.images(ImageQuery(statuses=(), limit=100)))
        assert {image.image_id: image.status for image in page.rows} == {
            image["image_id"]: image["status"] for image in images
        }


Decisions.TestCase.settings = settings(
    max_examples=int(os.environ.get("GIMF_EXAMPLES", "4")),
    stateful_step_count=12,
    deadline=None,
    derandomize="GIMF_EXAMPLES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
TestDecisions = Decisions.TestCase
