"""Retries and new pictures from the review screen: one key, one question where it costs more, and true tabs."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Static

from engine.api import ImageQuery, JobQuery, RetryRequest
from engine.views import ImageStatus, JobKind, JobStatus, RetryState
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, engine_home
from tests.support.images import finished_job
from tests.support.review import Desk, desk
from tests.support.screen_text import text_of
from tui.messages import OpenJob
from tui.screens.job_detail import JobDetailScreen
from tui.screens.jobs import JobsScreen
from tui.screens.retry_dialog import RetryDialog
from tui.screens.review import ReviewScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.image_rows import facts_table
from tui.widgets.image_shelf import ImageShelf
from tui.widgets.job_images import JobImages
from tui.widgets.record_table import RecordTable

S = ImageStatus
CUT_OUT = {"remove_background": True, "on_remove_background_failure": "fail"}


@pytest.fixture
async def rejecting(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """A home whose check rejects every picture, until `passes` is in force."""
    async with engine_home(tmp_path / "gimf", reject_share=1.0) as opened:
        yield opened


def passes(**others: Any) -> dict[str, Any]:
    """A script line: the check says yes."""
    answer = '{"passed": true, "reason": "clean"}'
    return {"service": "openai", "operation": "chat.check", "action": "say", "text": answer, **others}


def rejects(reason: str) -> dict[str, Any]:
    return passes(text=f'{{"passed": false, "reason": "{reason}"}}')


async def until_known(at: Desk, job_id: str) -> None:
    """What the screen reads beforehand, so that `r` needs no question."""
    await wait_until(at.pilot, lambda: job_id in at.screen._known.removes)


async def retries(at: Desk) -> list[Any]:
    return list((await at.engine.jobs(JobQuery(kind=JobKind.RETRY))).rows)


async def test_one_key_retries_and_the_next_is_there_at_once(rejecting: EngineHome) -> None:
    async with desk(rejecting, 3) as (at, images):
        await until_known(at, images[0].job_id)
        rejecting.script(passes())
        await at.press("r")
        assert at.current == images[1].image_id
        assert at.preview.picture is not None
        assert at.preview.picture.image_id == images[1].image_id
        assert not at.bar.is_asking
        await at.until_status(images[0].image_id, S.APPROVED)
        (job,) = await retries(at)
        assert (job.label, job.images.planned) == ("retry of 1 image", 1)
        await wait_until(at.pilot, lambda: "[Failed 2]" in at.line("TabLine"))
        rejecting.script(rejects("worse"))
        await at.press("r")
        await at.until_status(images[1].image_id, S.RETRY_FAILED)
        await wait_until(at.pilot, lambda: "Retry failed 1" in at.line("TabLine"))
        await at.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        await at.until_count(1)
        await at.press("w")
        await wait_until(at.pilot, lambda: "Retry 1 in job #3" in at.words())
        assert "failed again at quality check: worse" in at.words()
        assert f"before it: ✗ rejected at quality check: {images[1].reason}" in at.words()
        await at.press("i")
        await wait_until(at.pilot, lambda: "titles kept where there is one" in " ".join(at.words().split()))
        await at.press("a")
        await at.until_status(images[1].image_id, S.APPROVED)
        await at.until_count(0)


async def test_marked_images_are_asked_about_once_and_followed_through_the_tabs(
    rejecting: EngineHome,
) -> None:
    async with desk(rejecting, 4) as (at, _):
        rejecting.script(passes(action="hang"))
        await at.press("space", "space", "space", "r")
        question = await at.until_asked("Retry 3 images")
        assert "3 checks, 3 titles: about $0.0" in question
        await at.press("escape")
        assert at.count == 4
        assert await retries(at) == []
        await at.press("r")
        await at.until_asked("Retry 3 images")
        await at.press("enter")
        await at.until_count(1)
        assert at.table.marks == frozenset()
        await wait_until(at.pilot, lambda: "Processing 3" in at.line("TabLine"))
        await wait_until(at.pilot, lambda: "retry #2" in at.line("#filter-summary"))
        assert "0 of 3" in at.line("#filter-summary")
        await at.press("right_square_bracket", "right_square_bracket")
        await at.until_count(3)
        rejecting.script(passes())
        (job,) = await retries(at)
        await at.engine.stop_job(job.job_id, is_forced=True)
        await at.until_count(0)
        await at.press("left_square_bracket", "left_square_bracket")
        await at.until_count(4)
        assert (await at.engine.job(job.job_id)).status is JobStatus.STOPPED


async def test_background_removal_is_asked_about_with_its_price(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2, processing=CUT_OUT) as (at, images):
        await at.press("r")
        assert "1 background removal" in await at.until_asked("Retry 1 image")
        assert at.current == images[0].image_id, "it is still in sight while it is asked about"
        await at.press("escape")
        assert (await at.engine.image(images[0].image_id)).status is S.QC_FAILED
        rejecting.script(passes())
        await at.press("r")
        await at.until_asked("Retry 1 image")
        await at.press("enter")
        await at.until_status(images[0].image_id, S.APPROVED)
        await at.until_count(1)


async def test_other_settings_are_planned_live_and_hold_for_the_batch_only(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        rejecting.script(passes())
        await at.press("R")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, RetryDialog))
        dialog = at.app.screen
        assert isinstance(dialog, RetryDialog)
        plan = dialog.query_one("#retry-plan", Static)
        await wait_until(at.pilot, lambda: "checks: 1 call" in str(plan.render()))
        assert "backgrounds" not in str(plan.render())
        await at.press("space")
        await wait_until(at.pilot, lambda: "backgrounds: 1 call" in str(plan.render()))
        key = rejecting.environ.pop("REMOVE_BG_API_KEY")
        await at.press("j", "plus")
        await wait_until(at.pilot, lambda: "problem" in str(plan.render()))
        await at.press("enter")
        assert at.app.screen is dialog, "nothing is started that cannot be"
        rejecting.environ["REMOVE_BG_API_KEY"] = key
        dialog._form.put("rules.remove_background", "fail")
        dialog._form.put("retry.writes_metadata_again", True)
        await wait_until(at.pilot, lambda: dialog._shown == dialog.request())
        await at.press("enter")
        await at.until_status(images[0].image_id, S.APPROVED)
        assert at.current == images[1].image_id
        (attempt,) = await at.engine.image_attempts(images[0].image_id)
        assert attempt.used["processing"]["remove_background"] is True
        assert (attempt.used["on_failure"], attempt.used["writes_metadata_again"]) == (
            {"remove_background": "fail"},
            True,
        )
        own = await at.engine.job_settings(images[0].job_id)
        assert own.processing.remove_background is False


async def test_a_new_picture_is_ordered_after_its_price_was_said(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        await at.press("ctrl+r")
        assert "1 image, 1 check, 1 title: about $" in await at.until_asked("Order a new picture")
        await at.press("escape")
        assert len((await at.engine.jobs(JobQuery())).rows) == 1
        rejecting.script(passes())
        await at.press("ctrl+r")
        await at.until_asked("Order a new picture")
        await at.press("enter")
        await at.until_told("in the queue")
        new = (await at.engine.jobs(JobQuery())).rows[0]
        assert new.parent_job_id == images[0].job_id
        await at.engine.wait_for_job(new.job_id)
        (made,) = (await at.engine.images(ImageQuery(job_id=new.job_id, statuses=()))).rows
        assert made.replaces_image_id == images[0].image_id
        told = " ".join(text_of(Static(facts_table(made))).split())
        assert f"replaces image {images[0].image_id}" in told
        old = await at.engine.image(images[0].image_id)
        assert (old.status, old.replaced_by) == (S.QC_FAILED, (made.image_id,))
        assert (await at.engine.images_by_id([made.image_id]))[0].replaced_by == ()
        await at.press("i")
        facts = at.screen.query_one("#review-words", Static)
        await wait_until(at.pilot, lambda: f"replaced by image {made.image_id}" in words_of(facts))


def words_of(widget: Static) -> str:
    return " ".join(text_of(widget).split())


async def test_the_target_agency_is_named_in_the_question(rejecting: EngineHome) -> None:
    rejecting.paths.ensure()
    rejecting.paths.config_file.write_text('target_agency = "adobe"\n', encoding="utf-8")
    async with desk(rejecting, 2) as (at, _):
        await at.press("ctrl+r")
        asked = await at.until_asked("Order a new picture")
        assert "of at least 4 megapixels: Adobe Stock would not take such pictures." in asked
        await at.press("escape")
        await wait_until(at.pilot, lambda: not at.bar.display)
        await at.press("A", "r")
        assert "Adobe Stock would not take such pictures." in await at.until_asked("Retry 2 images")


async def test_what_cannot_be_retried_is_told_and_comes_back(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        await until_known(at, images[0].job_id)
        del rejecting.environ["OPENAI_API_KEY"]
        await at.press("r")
        await at.until_told("keys.openai")
        await at.until_count(2)
        assert not at.app.decisions.can_undo
        await at.press("A", "r")
        await at.until_told("Not retried")
        assert {(await at.engine.image(one.image_id)).status for one in images} == {S.QC_FAILED}


async def test_a_retry_that_waits_can_be_taken_back(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        newest = max(await finished_job(engine, 2), key=lambda image: image.image_id)
    async with (
        rejecting.open(is_working=False) as engine,
        running(services_for(engine, home=rejecting)) as pilot,
    ):
        at = Desk(pilot, engine)
        await at.press("3")
        await wait_until(pilot, lambda: isinstance(at.app.screen, ReviewScreen) and at.count == 2)
        await until_known(at, newest.job_id)
        await at.press("r")
        await at.until_status(newest.image_id, S.RETRY_PENDING)
        await wait_until(pilot, lambda: "1 retry waiting" in at.line("#filter-summary"))
        await at.press("u")
        await at.until_status(newest.image_id, S.QC_FAILED)
        await at.until_count(2)
        await wait_until(pilot, lambda: at.current == newest.image_id)


async def test_the_grid_shows_the_same_images_and_takes_the_same_keys(rejecting: EngineHome) -> None:
    async with desk(rejecting, 4) as (at, images):
        await at.press("j", "v")
        shelf = at.screen.query_one(ImageShelf)
        assert isinstance(shelf.seen, GalleryGrid)
        assert shelf.cursor_key == images[1].image_id
        await at.press("space", "space", "d")
        await at.until_asked("2 images")
        await at.press("enter")
        for image in images[1:3]:
            await at.until_status(image.image_id, S.TRASHED)
        await wait_until(at.pilot, lambda: list(shelf.source.ids) == [images[0].image_id, images[3].image_id])
        await at.press("v")
        assert at.current == shelf.cursor_key
        assert at.count == 2


async def test_the_job_of_a_retry_says_what_it_was_asked_to_do(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        rejecting.script(passes())
        request = RetryRequest(
            tuple(image.image_id for image in images), processing={"convert": True, "convert_format": "webp"}
        )
        (job,) = (await at.engine.retry_images(request)).jobs
        await at.engine.wait_for_job(job.job_id)
        (attempt,) = await at.engine.image_attempts(images[0].image_id)
        assert attempt.state is RetryState.APPROVED
        at.app.post_message(OpenJob(job.job_id))
        await wait_until(
            at.pilot,
            lambda: isinstance(at.app.screen, JobDetailScreen) and at.app.screen.current_job() is not None,
        )
        screen = at.app.screen
        assert isinstance(screen, JobDetailScreen)
        asked = screen._settings_text.plain
        assert "Format                 webp" in asked
        assert "titles                 kept where there is one" in asked
        await at.press("r")
        await at.until_told("A retry is not run again")
        await at.press("right_square_bracket")
        await wait_until(at.pilot, lambda: screen.query_one(JobImages).image is not None)
        listed = screen.query_one(JobImages)._source.ids
        assert set(listed) == {image.image_id for image in images}
        await at.press("2")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, JobsScreen))
        jobs = at.app.screen.query_one(RecordTable)
        await wait_until(at.pilot, lambda: jobs.source.count == 2)
        await at.press("A", "r")
        bar = at.app.screen.query_one(ConfirmBar)
        await wait_until(at.pilot, lambda: bar.is_asking)
        assert "Run #1 Cats again" in str(bar.content)
        assert "Left out: a retry." in str(bar.content)
