"""A task that was accepted: asked after until it ends, for as long as that makes sense, and never ordered anew."""

import pytest

from engine.simulator.actions import Service
from tests.acceptance.support import (
    QUIET,
    assert_converged,
    booked,
    log_messages,
    outcome_of,
    rows,
    rule,
    run_job,
)
from tests.support.clock import FakeClock
from tests.support.engine import EngineHome, request, until

pytestmark = pytest.mark.acceptance


@pytest.mark.fault(6)
async def test_five_bad_answers_in_a_row_end_the_polling_and_keep_the_id(
    home: EngineHome, clock: FakeClock
) -> None:
    home.script(rule("piapi", "poll", "status", code=500))
    done = await run_job(home, request(generation={"timeout_minutes": 60}), clock=clock)
    ((task,),) = [one.tasks for one in done.job.generations]
    assert len(home.requests("piapi", "poll")) == 5
    assert (done.job.status, str(task.state), bool(task.task_id)) == ("failed", "failed", True)
    assert task.error is not None
    assert task.task_id is not None
    assert task.task_id in task.error.hint
    assert done.job.spend.unknown > 0, "it was accepted, so it may have been charged"


@pytest.mark.fault(6)
async def test_twenty_bad_answers_in_all_end_the_polling(home: EngineHome, clock: FakeClock) -> None:
    home.script(
        rule("piapi", "poll", "status", code=500, every=2),
        rule("piapi", "poll", "status_word", word="processing"),
    )
    done = await run_job(home, request(generation={"timeout_minutes": 60}), clock=clock)
    ((task,),) = [one.tasks for one in done.job.generations]
    assert (len(home.requests("piapi", "poll")), str(task.state)) == (40, "failed")


@pytest.mark.fault(7)
@pytest.mark.parametrize("action", ["html", "list", "wrong_types", "empty", "garbage"])
async def test_unreadable_answers_to_polls_count_but_do_not_break(
    home: EngineHome, clock: FakeClock, action: str
) -> None:
    home.script(rule("piapi", "poll", action, times=4))
    done = await run_job(home, request(generation={"timeout_minutes": 60}, ai=QUIET), clock=clock)
    assert done.statuses == ["approved"]
    assert len(home.requests("piapi", "poll")) >= 5


@pytest.mark.fault(8)
@pytest.mark.parametrize("word", ["COMPLETED", "Succeeded"])
async def test_other_words_for_the_same_state(home: EngineHome, word: str) -> None:
    home.script(rule("piapi", "poll", "status_word", word=word))
    assert (await run_job(home, request(ai=QUIET))).statuses == ["approved"]


@pytest.mark.fault(8)
async def test_unknown_word_is_still_going(home: EngineHome, clock: FakeClock) -> None:
    home.script(rule("piapi", "poll", "status_word", word="marinating", times=6))
    done = await run_job(home, request(generation={"timeout_minutes": 60}, ai=QUIET), clock=clock)
    assert done.statuses == ["approved"]
    assert len([one for one in log_messages(home) if "marinating" in one]) == 1


async def test_task_that_failed_there_is_not_polled_again(home: EngineHome) -> None:
    home.script(rule("piapi", "poll", "fail", text="the GPU caught fire", nth=1))
    done = await run_job(home, request(generation={"generations": 2}, ai=QUIET))
    failed = [task for one in done.job.generations for task in one.tasks if task.state == "failed"]
    assert [bool(task.task_id) for task in failed] == [True]
    assert failed[0].error is not None
    assert "the GPU caught fire" in failed[0].error.message
    assert (done.job.status, done.statuses, done.job.images.failed) == ("completed", ["approved"], 1)
    assert len(home.requests("piapi", "submit")) == 2
    assert sum(failed[0].task_id in record.path for record in home.requests("piapi", "poll")) == 1
    assert len(home.payments("piapi", "submit")) == 1, "the other one was refunded"


@pytest.mark.fault(9)
async def test_completed_without_an_image(home: EngineHome) -> None:
    home.script(rule("piapi", "poll", "no_images"))
    done = await run_job(home, request())
    assert (done.job.status, done.images) == ("failed", ())
    assert done.job.error is not None
    assert done.job.error.code == "no_image"
    (payment,) = home.payments("piapi", "submit")
    assert booked(home, "task", "actual") == payment["amount_micros"]


@pytest.mark.fault(10)
async def test_same_picture_named_twice_is_one_image(home: EngineHome) -> None:
    home.script(rule("piapi", "poll", "duplicate"))
    done = await run_job(home, request(generation={"variations": 3}))
    assert done.statuses == ["approved"] * 3
    assert len(home.requests("files", "download")) == 3
    assert_converged(home, 3)


async def test_fewer_images_than_asked_are_missing_and_not_ordered_again(home: EngineHome) -> None:
    busy = rule("piapi", "poll", "status_word", word="processing")
    home.script(busy)
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"variations": 3}))
        await until(lambda: bool(home.requests("piapi", "poll")))
        (payment,) = home.payments("piapi", "submit")
        task = home.simulator.world.task(Service.PIAPI, payment["task_id"])
        assert task is not None
        (name, *_) = home.simulator.world.link_names(task)
        data = {
            "task_id": payment["task_id"],
            "status": "completed",
            "output": {"image_urls": [f"{home.simulator.address}/files/{name}"]},
        }
        home.script(rule("piapi", "poll", "status", code=200, body={"code": 200, "data": data}))
        done = await outcome_of(engine, job.job_id)
    assert (done.job.status, done.statuses, done.job.images.failed) == ("completed", ["approved"], 2)
    (stored,) = rows(home, "SELECT missing FROM jobs")
    assert stored["missing"] == 2
    assert len(home.requests("piapi", "submit")) == 1
    assert any("1 images came of 3" in one for one in log_messages(home))
