import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from db import review as review_rows
from db.connection import Database
from db.records import utc_text
from engine.api import ImageQuery, LogQuery
from engine.client import EngineClient
from engine.clock import SystemClock
from engine.events import ImageChanged
from engine.host import serving
from engine.service import Engine
from engine.views import ImageStatus, ImageView
from tests.support.engine import EngineHome, Listener, engine_home, request, until

S = ImageStatus


@pytest.fixture
async def rejecting(tmp_path: Path) -> AsyncIterator[EngineHome]:
    """A home whose check rejects every picture."""
    async with engine_home(tmp_path / "gimf", reject_share=1.0) as opened:
        yield opened


async def made(engine: Engine, **groups: object) -> list[ImageView]:
    """The images of a job that has ended, of every status, in its order."""
    job = await engine.start_job(request("Cats", **groups))  # type: ignore[arg-type]
    await engine.wait_for_job(job.job_id)
    page = await engine.images(ImageQuery(job_id=job.job_id, statuses=(), sort="number"))
    return list(page.rows)


def delivered(home: EngineHome) -> list[str]:
    return sorted(file.name for file in home.paths.default_output_dir.iterdir())


async def change(home: EngineHome, statement: str, *values: object) -> None:
    """What a kill in mid-way would have left."""
    database = await Database.open(home.paths.database_file)
    async with database.transaction() as connection:
        await connection.execute(statement, values)
    await database.close()


async def test_an_approval_does_what_is_left_without_the_check(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine, Listener(engine) as heard:
        (image,) = await made(engine, processing={"convert": True, "convert_format": "jpg"})
        assert (image.status, delivered(rejecting)) == (S.QC_FAILED, [])
        outcome = await engine.approve_images([image.image_id])
        assert (outcome.done, outcome.refused) == ((image.image_id,), ())
        approved = await engine.image(image.image_id)
        assert (approved.status, approved.reason, approved.stage) == (S.APPROVED, "Manually approved", None)
        assert approved.title is not None
        assert approved.file is not None
        assert Path(approved.file).parent == rejecting.paths.default_output_dir
        assert Path(approved.file).suffix == ".jpg"
        assert len(rejecting.requests("openai", "chat.check")) == 1
        await heard.wait_for(ImageChanged, image_id=image.image_id, status=S.APPROVED)
        messages = [entry.message for entry in await engine.logs(LogQuery(job_id=image.job_id))]
        assert "Approved by hand." in messages
        counts = (await engine.job(image.job_id)).images
        assert (counts.approved, counts.qc_failed) == (1, 0)


async def test_what_cannot_be_approved_says_why_and_keeps_no_other_from_it(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        one, two, three = await made(engine, generation={"generations": 3})
        await engine.trash_images([two.image_id])
        Path(three.original_file or "").unlink()
        outcome = await engine.approve_images([one.image_id, two.image_id, three.image_id, 999])
        assert outcome.done == (one.image_id,)
        assert [refusal.image_id for refusal in outcome.refused] == [two.image_id, three.image_id, 999]
        assert "trash" in outcome.refused[0].message
        assert "no such file" in outcome.refused[1].message
        assert (await engine.image(three.image_id)).status is S.QC_FAILED
        again = await engine.approve_images([one.image_id])
        assert again.refused[0].message == "It is approved already."


async def test_an_approval_that_fails_changes_nothing_and_can_be_repeated(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine)
        output = rejecting.paths.default_output_dir
        output.rmdir()
        output.write_text("in the way")
        outcome = await engine.approve_images([image.image_id])
        assert outcome.refused[0].image_id == image.image_id
        assert (await engine.image(image.image_id)).status is S.QC_FAILED
        output.unlink()
        assert (await engine.approve_images([image.image_id])).done == (image.image_id,)


async def test_taking_an_approval_back_takes_the_file_back(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine, processing={"enhance": True})
        await engine.approve_images([image.image_id])
        first = await engine.image(image.image_id)
        assert (await engine.unapprove_images([image.image_id])).done == (image.image_id,)
        now = await engine.image(image.image_id)
        assert (now.status, now.stage, now.reason) == (image.status, image.stage, image.reason)
        assert delivered(rejecting) == []
        assert now.file is not None
        assert Path(now.file).exists()
        asked = len(rejecting.requests("openai", "chat"))
        assert (await engine.approve_images([image.image_id])).done == (image.image_id,)
        assert len(rejecting.requests("openai", "chat")) == asked, "what was paid for is kept"
        again = await engine.image(image.image_id)
        assert (again.file, again.title) == (first.file, first.title)


async def test_only_an_approval_by_hand_can_be_taken_back(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        outcome = await engine.unapprove_images([image.image_id])
        assert outcome.refused[0].message == "It was not approved by hand."
        assert (await engine.image(image.image_id)).status is S.APPROVED


async def test_the_trash_takes_the_delivered_file_and_gives_it_back(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        assert image.file is not None
        content = Path(image.file).read_bytes()
        assert (await engine.trash_images([image.image_id])).done == (image.image_id,)
        trashed = await engine.image(image.image_id)
        assert trashed.status is S.TRASHED
        assert delivered(home) == []
        assert Path(trashed.file or "").is_relative_to(home.paths.trash_dir)
        assert (await engine.restore_images([image.image_id])).done == (image.image_id,)
        restored = await engine.image(image.image_id)
        assert (restored.status, restored.file) == (S.APPROVED, image.file)
        assert Path(image.file).read_bytes() == content
        assert list(home.paths.trash_dir.iterdir()) == []


async def test_a_restored_file_overwrites_nothing(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        await engine.trash_images([image.image_id])
        place = Path(image.file or "")
        place.write_text("another picture")
        await engine.restore_images([image.image_id])
        restored = Path((await engine.image(image.image_id)).file or "")
        assert place.read_text() == "another picture"
        assert restored.name == f"{place.stem}-2{place.suffix}"


async def test_trash_of_a_rejected_image_and_back(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine)
        await engine.trash_images([image.image_id])
        again = await engine.trash_images([image.image_id])
        assert again.refused[0].message == "It is in the trash already."
        await engine.restore_images([image.image_id])
        assert (await engine.image(image.image_id)).status is S.QC_FAILED
        again = await engine.restore_images([image.image_id])
        assert again.refused[0].message == "It is not in the trash."


async def test_a_delivered_file_that_is_gone_is_no_obstacle(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        Path(image.file or "").unlink()
        assert (await engine.trash_images([image.image_id])).done == (image.image_id,)
        assert (await engine.restore_images([image.image_id])).done == (image.image_id,)


async def test_a_file_that_left_the_trash_is_not_restored_as_approved(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        await engine.trash_images([image.image_id])
        Path((await engine.image(image.image_id)).file or "").unlink()
        outcome = await engine.restore_images([image.image_id])
        assert outcome.refused[0].message == "Its file is no longer in the trash."
        assert (await engine.image(image.image_id)).status is S.TRASHED


async def test_two_decisions_about_one_image_come_one_after_the_other(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine)
        approved, trashed = await asyncio.gather(
            engine.approve_images([image.image_id]), engine.trash_images([image.image_id])
        )
        assert approved.done == trashed.done == (image.image_id,)
        now = await engine.image(image.image_id)
        assert now.status is S.TRASHED
        assert delivered(rejecting) == []
        await engine.restore_images([image.image_id])
        assert (await engine.image(image.image_id)).status is S.APPROVED
        await engine.unapprove_images([image.image_id])
        assert (await engine.image(image.image_id)).status is S.QC_FAILED


async def test_a_decision_is_carried_out_though_its_caller_went_away(rejecting: EngineHome) -> None:
    rejecting.script({"service": "openai", "operation": "chat.metadata", "action": "slow", "seconds": 0.2})
    async with rejecting.open() as engine:
        (image,) = await made(engine)
        call = asyncio.create_task(engine.approve_images([image.image_id]))
        await until(lambda: bool(rejecting.requests("openai", "chat.metadata")))
        call.cancel()
        async with Listener(engine) as heard:
            await heard.wait_for(ImageChanged, image_id=image.image_id, status=S.APPROVED)


@pytest.mark.fault(30)
async def test_approving_while_the_job_runs(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine, Listener(engine) as heard:
        job = await engine.start_job(request("Running", generation={"generations": 12, "concurrency": 1}))
        first = await heard.wait_for(ImageChanged, status=S.QC_FAILED)
        assert (await engine.approve_images([first.image_id])).done == (first.image_id,)
        view = await engine.wait_for_job(job.job_id)
        assert (view.images.approved, view.images.qc_failed) == (1, 11)


async def test_a_kill_between_the_trash_and_its_file(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
    await change(home, "UPDATE images SET status = 'trashed', previous_status = 'approved'")
    async with home.open() as engine:
        trashed = await engine.image(image.image_id)
        assert Path(trashed.file or "").is_relative_to(home.paths.trash_dir)
        assert delivered(home) == []
        await engine.restore_images([image.image_id])
        assert delivered(home) == [Path(image.file or "").name]


async def test_a_kill_between_the_trashed_file_and_its_row(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await made(engine)
        await engine.trash_images([image.image_id])
        place = (await engine.image(image.image_id)).file
    await change(home, "UPDATE images SET output_file = ?", image.file)
    async with home.open() as engine:
        assert (await engine.image(image.image_id)).file == place


async def test_a_kill_while_an_approval_is_taken_back(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine, processing={"enhance": True})
        await engine.approve_images([image.image_id])
    database = await Database.open(rejecting.paths.database_file)
    async with database.transaction() as connection:
        at = utc_text(SystemClock().now())
        assert await review_rows.take_back_approval(connection, image.image_id, at)
    await database.close()
    assert len(delivered(rejecting)) == 1
    async with rejecting.open() as engine:
        assert delivered(rejecting) == []
        now = await engine.image(image.image_id)
        assert now.status is S.QC_FAILED
        assert now.file is not None
        assert Path(now.file).exists()


async def test_a_kill_between_the_approved_file_and_its_row(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine)
        await engine.approve_images([image.image_id])
        approved = await engine.image(image.image_id)
    await change(
        rejecting,
        """UPDATE images SET status = 'qc_failed', stage = 'quality_check', approval = NULL, output_file = NULL,
            progress = 'described', reason = 'blurred'""",
    )
    async with rejecting.open() as engine:
        now = await engine.image(image.image_id)
        assert (now.status, now.file) == (S.APPROVED, approved.file)
        assert len(delivered(rejecting)) == 1


async def test_an_approval_that_cannot_be_finished_is_given_up(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        (image,) = await made(engine)
    Path(image.original_file or "").unlink()
    await change(
        rejecting, "UPDATE images SET progress = 'described', before_approval = json_object('status', status)"
    )
    for _ in range(2):
        async with rejecting.open() as engine:
            assert (await engine.image(image.image_id)).status is S.QC_FAILED
    entries = await _messages(rejecting, image)
    assert sum("could not be finished" in entry for entry in entries) == 1


async def _messages(home: EngineHome, image: ImageView) -> list[str]:
    async with home.open() as engine:
        return [entry.message for entry in await engine.logs(LogQuery(job_id=image.job_id))]


async def test_decisions_over_the_socket(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine, serving(engine, rejecting.paths.socket_file):
        one, two = await made(engine, generation={"generations": 2})
        async with EngineClient.connect(rejecting.paths) as client:
            ids = [one.image_id, two.image_id]
            assert (await client.approve_images(ids)).done == tuple(ids)
            assert (await client.unapprove_images(ids[:1])).done == (ids[0],)
            assert (await client.trash_images([*ids, 999])).refused[0].image_id == 999
            assert (await client.restore_images(ids)).done == tuple(ids)
            views = await client.images_by_id(ids)
            assert [view.status for view in views] == [S.QC_FAILED, S.APPROVED]


async def test_pages_and_totals_follow(rejecting: EngineHome) -> None:
    async with rejecting.open() as engine:
        one, two = await made(engine, generation={"generations": 2})
        await engine.approve_images([one.image_id])
        query = ImageQuery(statuses=(S.QC_FAILED,))
        assert await engine.image_ids(query) == [two.image_id]
        assert await engine.image_ids(replace(query, statuses=(S.APPROVED,))) == [one.image_id]
        views = await engine.images_by_id([two.image_id, 999, one.image_id])
        assert [view.image_id for view in views] == [two.image_id, one.image_id]
        by_status = (await engine.totals()).images_by_status
        assert (by_status[S.APPROVED], by_status[S.QC_FAILED]) == (1, 1)
