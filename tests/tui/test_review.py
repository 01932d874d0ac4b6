"""The review screen: a key for each verdict, the next picture at once, and everything can be taken back."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
from textual.geometry import Region

from engine.api import ImageQuery
from engine.views import ImageStatus
from tests.support.app import wait_until
from tests.support.engine import EngineHome, engine_home, request
from tests.support.review import desk
from tui.screens.review import ReviewScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.app_footer import AppFooter
from tui.widgets.confirm_bar import ConfirmBar

S = ImageStatus


@pytest.fixture
async def rejecting(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """A home whose check rejects every picture."""
    async with engine_home(tmp_path / "gimf", reject_share=1.0) as opened:
        yield opened


async def test_it_shows_what_failed_and_why(rejecting: EngineHome) -> None:
    async with desk(rejecting) as (at, images):
        assert at.current == images[0].image_id
        await wait_until(at.pilot, lambda: at.preview.frame is not None)
        assert (images[0].reason or "missing") in at.words()
        await wait_until(at.pilot, lambda: "[Failed 4]" in at.line("TabLine"))
        await at.press("j")
        assert at.preview.picture is not None
        assert at.preview.picture.image_id == images[1].image_id
        assert (images[1].reason or "missing") in at.words()


async def test_approve_shows_the_next_at_once(rejecting: EngineHome) -> None:
    async with desk(rejecting) as (at, images):
        await at.press("a")
        assert at.current == images[1].image_id
        assert at.preview.picture is not None
        assert at.preview.picture.image_id == images[1].image_id
        await at.until_status(images[0].image_id, S.APPROVED)
        approved = await at.engine.image(images[0].image_id)
        assert Path(approved.file or "").exists()
        await wait_until(at.pilot, lambda: "[Failed 3]" in at.line("TabLine"))


async def test_trash_and_undo_one_after_the_other(rejecting: EngineHome) -> None:
    async with desk(rejecting) as (at, images):
        await at.press("d", "a")
        await at.until_status(images[0].image_id, S.TRASHED)
        await at.until_status(images[1].image_id, S.APPROVED)
        await at.press("u")
        await at.until_status(images[1].image_id, S.QC_FAILED)
        await at.until_count(3)
        await wait_until(at.pilot, lambda: at.current == images[1].image_id)
        await at.press("u")
        await at.until_status(images[0].image_id, S.QC_FAILED)
        await at.until_count(4)
        await wait_until(at.pilot, lambda: at.current == images[0].image_id)
        assert not list(rejecting.paths.default_output_dir.iterdir())


async def test_undo_while_the_decision_is_on_its_way(rejecting: EngineHome) -> None:
    rejecting.script({"service": "openai", "operation": "chat.metadata", "action": "slow", "seconds": 0.3})
    async with desk(rejecting, 2) as (at, images):
        await at.press("a", "u")
        await wait_until(at.pilot, lambda: not at.app.decisions.pending)
        assert (await at.engine.image(images[0].image_id)).status is S.QC_FAILED
        await at.until_count(2)


async def test_a_key_is_not_lost_while_the_image_is_still_read(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        at.screen._shelf.source._views.clear()  # as in the moment after a decision was taken back
        assert at.screen.current_image() is None
        await at.press("d")
        await at.until_status(images[0].image_id, S.TRASHED)


async def test_marked_images_are_asked_about_once_in_the_bar(rejecting: EngineHome) -> None:
    async with desk(rejecting) as (at, images):
        await at.press("space", "space")
        await wait_until(at.pilot, lambda: at.preview.frame is not None)
        size, frame = at.preview.size, at.preview.frame
        await at.press("d")
        bar = at.screen.query_one(ConfirmBar)
        await wait_until(at.pilot, lambda: bar.is_asking)
        assert "2 images" in str(bar.render())
        assert (at.preview.size, at.preview.frame) == (size, frame), "it need not be drawn once more"
        assert not at.screen.query_one(AppFooter).display, "its keys are dead meanwhile"
        assert bar.region.y > at.preview.region.bottom - 1, "the question is not over the picture"
        await at.press("escape")
        assert at.count == 4
        await at.press("d")
        await wait_until(at.pilot, lambda: bar.is_asking)
        await at.press("enter")
        await at.until_count(2)
        for image in images[:2]:
            await at.until_status(image.image_id, S.TRASHED)
        assert at.table.marks == frozenset()
        await at.press("u")
        await at.until_count(4)


async def test_a_refused_approval_comes_back_with_its_reason(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        Path(images[0].original_file or "").unlink()
        await at.press("a")
        await wait_until(at.pilot, lambda: bool(at.app._notifications))
        (notice,) = at.app._notifications
        assert "no such file" in notice.message
        assert "not approved" in notice.title
        await at.until_count(2)
        assert not at.app.decisions.can_undo


async def test_the_undecided_before_and_after(rejecting: EngineHome) -> None:
    async with desk(rejecting) as (at, images):
        await at.press("full_stop", "full_stop", "comma")
        assert at.current == images[1].image_id


async def test_reason_and_facts(rejecting: EngineHome) -> None:
    async with desk(rejecting, 1) as (at, (image,)):
        assert image.prompt not in " ".join(at.words().split())
        await at.press("i")
        assert "flux-schnell" in at.words()
        assert f"{image.number} of its job" in at.words(), "the number that the log and the file's name have"
        await at.press("i")
        assert "flux-schnell" not in at.words()
        await at.press("w")
        assert at.screen.query_one("#review-text").has_class("-whole")
        await at.press("escape")
        assert not at.screen.query_one("#review-text").has_class("-whole")


async def test_tabs_and_what_empty_ones_say(rejecting: EngineHome) -> None:
    async with desk(rejecting, 1) as (at, _):
        await at.press("right_square_bracket")
        await at.until_count(0)
        await wait_until(at.pilot, lambda: "retry" in at.table.empty)
        assert at.preview.picture is None
        await at.press("a", "d", "enter", "i", "w")
        await at.press("left_square_bracket")
        await at.until_count(1)


async def test_filters(rejecting: EngineHome) -> None:
    async with desk(rejecting, 3) as (at, images):
        await at.press("slash", *images[1].prompt.split()[-1].strip(".").lower(), "enter")
        words = ImageQuery(statuses=(S.QC_FAILED,), text=images[1].prompt.split()[-1].strip("."))
        expected = await at.engine.image_ids(words)
        await wait_until(at.pilot, lambda: list(at.screen._shelf.source.ids) == expected)
        await at.press("escape")
        await at.until_count(3)
        at.screen.show_job("nothing")
        await wait_until(at.pilot, lambda: bool(at.app._notifications))
        assert "nothing" in next(iter(at.app._notifications)).message
        at.screen.show_job(images[0].job_id)
        await at.until_count(3)


async def test_images_that_fail_meanwhile_appear(rejecting: EngineHome) -> None:
    async with desk(rejecting, 1) as (at, (image,)):
        job = await at.engine.start_job(request("More", generation={"generations": 3}))
        await at.engine.wait_for_job(job.job_id)
        await at.until_count(4)
        assert at.current == image.image_id, "the cursor stays with its image"


async def test_what_others_decide_disappears(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, images):
        await at.engine.trash_images([images[0].image_id])
        await at.until_count(1)
        assert at.current == images[1].image_id


async def test_enter_opens_the_viewer_on_the_same_images(rejecting: EngineHome) -> None:
    async with desk(rejecting, 3) as (at, images):
        await at.press("j", "enter")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, ViewerScreen))
        viewer = cast("ViewerScreen", at.app.screen)
        await wait_until(at.pilot, lambda: viewer.current_image() is not None)
        await at.press("a")
        await at.until_status(images[1].image_id, S.APPROVED)
        await wait_until(at.pilot, lambda: viewer.current_image() is not None)
        shown = viewer.current_image()
        assert shown is not None
        assert shown.image_id == images[2].image_id
        await at.press("escape")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, ReviewScreen))
        await at.until_count(2)


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_it_works_in_small_terminals(rejecting: EngineHome, size: tuple[int, int]) -> None:
    async with desk(rejecting, 2, size) as (at, images):
        assert at.preview.region.width >= 25
        assert at.table.region.width >= 25
        assert at.table.region.height >= 3
        await at.press("a")
        await at.until_status(images[0].image_id, S.APPROVED)


async def test_the_picture_is_left_out_under_a_dialog_and_back_after_it(rejecting: EngineHome) -> None:
    async with desk(rejecting, 2) as (at, _):
        preview = at.preview

        def is_drawn() -> bool:
            width, height = preview.size
            (line,) = preview.render_lines(Region(0, height // 2, width, 1))
            return bool(line.text.strip())

        await wait_until(at.pilot, lambda: preview.frame is not None and is_drawn())
        await at.press("question_mark")
        await wait_until(at.pilot, lambda: not is_drawn())
        await at.press("escape")
        await wait_until(at.pilot, is_drawn)
