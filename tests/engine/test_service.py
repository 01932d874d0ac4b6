import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine import service
from engine.api import ImageQuery, JobQuery, JobRequest, LogQuery
from engine.errors import ConflictError, EngineHeldError, NotFoundError, SettingsError
from engine.events import (
    ConfigurationsChanged,
    ImageChanged,
    JobChanged,
    JobCreated,
    JobFinished,
    JobProgressed,
    JobStarted,
    JobStatusChanged,
    QueueChanged,
    TaskChanged,
)
from engine.ids import ID_ALPHABET
from engine.service import Engine
from engine.views import ImageStatus, JobStatus, JobView, LogLevel
from tests.support.clock import FakeClock
from tests.support.engine import KEYS, EngineHome, Listener, request, settings, until

BARE = {"quality_check": False, "metadata": False}
"""The `ai` group of a job that asks the language model for prompts only."""


@pytest.fixture
async def engine(home: EngineHome, clock: FakeClock) -> AsyncIterator[Engine]:
    async with home.open(clock=clock) as opened:
        yield opened


@pytest.fixture
async def idle(home: EngineHome, clock: FakeClock) -> AsyncIterator[Engine]:
    """An engine that carries out commands and runs no job, so that what is queued stays queued."""
    async with home.open(clock=clock, is_working=False) as opened:
        yield opened


async def order(engine: Engine) -> list[str]:
    return [job.label for job in await engine.queue()]


class TestStarting:
    async def test_a_job_from_its_plan_to_its_pictures(self, engine: Engine, home: EngineHome) -> None:
        wanted = request("Harbour", generation={"generations": 2, "variations": 2})
        plan = await engine.plan_job(wanted)
        job = await engine.start_job(wanted)
        view = await engine.wait_for_job(job.job_id)
        assert plan.can_start
        assert plan.images == view.images.planned == view.images.approved == 4
        assert view.status is JobStatus.COMPLETED
        assert view.started_at is not None
        assert view.finished_at is not None
        assert (view.error, view.pause, view.queue_position, view.images.pending) == (None, None, None, 0)
        page = await engine.images(ImageQuery(job_id=job.job_id, sort="number"))
        assert [image.number for image in page.rows] == [1, 2, 3, 4]
        files = sorted(path.name for path in home.paths.default_output_dir.iterdir())
        assert files == [f"Harbour_{job.job_id}_{number}.png" for number in (1, 2, 3, 4)]
        assert sorted(str(image.file).rpartition("/")[2] for image in page.rows) == files
        assert all(image.title and image.tags and image.reason for image in page.rows)

    async def test_what_a_new_job_says(self, idle: Engine, home: EngineHome) -> None:
        job = await idle.start_job(request("Ä label / with: all", generation={"generations": 3}))
        assert job.status is JobStatus.QUEUED
        assert job.label == "Ä label / with: all"
        assert re.fullmatch(f"[{ID_ALPHABET}]{{8}}", job.job_id)
        assert (job.number, job.kind, job.images.planned, job.duration_s) == (1, "generate", 3, None)
        assert job.spend.estimate > 0
        assert job.spend_usd == 0
        assert job.created_at == "2026-11-22T12:00:00.000Z"
        assert job.output_dir == str(home.paths.default_output_dir)
        (log,) = [one for one in await idle.logs(LogQuery(job_id=job.job_id)) if "created" in one.message]
        assert "3 images" in log.message

    async def test_without_a_label_it_is_named_after_the_time(self, idle: Engine) -> None:
        assert re.fullmatch(r"job_2026112[12]_\d{6}", (await idle.start_job(request())).label)

    async def test_labels_need_not_be_unique(self, idle: Engine) -> None:
        first, second = await idle.start_job(request("A")), await idle.start_job(request("A"))
        assert first.job_id != second.job_id
        with pytest.raises(ConflictError) as caught:
            await idle.resolve_job("A")
        assert first.job_id in caught.value.message
        assert second.job_id in caught.value.message

    @pytest.mark.parametrize("label", ["", "   ", "x" * 201, "\x1b\x07"])
    async def test_a_label_that_is_none(self, idle: Engine, label: str) -> None:
        with pytest.raises(SettingsError, match="label"):
            await idle.start_job(JobRequest(settings(), label=label or " "))
        assert await order(idle) == []

    async def test_control_characters_leave_a_label(self, idle: Engine) -> None:
        assert (await idle.start_job(request("red\x1b[31m\tfox\u202e"))).label == "red[31m fox"

    async def test_every_problem_at_once_and_nothing_is_sent(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        del home.environ["PIAPI_API_KEY"], home.environ["OPENAI_API_KEY"]
        async with home.open(clock=clock) as engine:
            with pytest.raises(SettingsError) as caught:
                await engine.start_job(
                    request(
                        "A", files={"keywords_file": "none.csv"}, generation={"dimensions": ["1000x1001"]}
                    )
                )
            assert {problem.field for problem in caught.value.problems} == {
                "keys.piapi",
                "keys.openai",
                "files.keywords_file",
                "generation.dimensions",
            }
            assert not any(problem.is_warning for problem in caught.value.problems)
            assert (await engine.jobs(JobQuery())).rows == ()
        assert list(home.simulator.world.requests) == []

    async def test_warnings_do_not_stop_a_job_and_are_logged(self, idle: Engine) -> None:
        job = await idle.start_job(request("A", generation={"model": "midjourney"}))
        warnings = await idle.logs(LogQuery(job_id=job.job_id, min_level=LogLevel.WARNING))
        assert any("4 images instead of 1" in entry.message for entry in warnings)

    async def test_planning_changes_nothing(self, idle: Engine, home: EngineHome) -> None:
        plan = await idle.plan_job(request("A", generation={"generations": 5, "variations": 3}))
        assert (plan.generations, plan.images) == (5, 15)
        assert (await idle.jobs(JobQuery())).rows == ()
        assert not home.paths.default_output_dir.exists()
        assert list(home.simulator.world.requests) == []

    async def test_an_unknown_setting_is_named(self, idle: Engine) -> None:
        plan = await idle.plan_job(JobRequest({"generation": {"generatons": 5}}))
        (problem,) = [one for one in plan.problems if "generatons" in one.field]
        assert problem.is_warning
        with pytest.raises(SettingsError, match=r"generation\.generations"):
            await idle.plan_job(JobRequest({"generation": {"generations": 0}}))


class TestEvents:
    async def test_what_is_heard_of_a_job(self, engine: Engine) -> None:
        async with Listener(engine) as heard:
            job = await engine.start_job(request("A"))
            await heard.wait_for(JobFinished)
        told = [event for event in heard.events if getattr(event, "job_id", job.job_id) == job.job_id]
        assert told == heard.events or all(hasattr(event, "job_id") for event in told)
        words = [type(event) for event in heard.events]
        for kind in (JobCreated, JobStarted, JobFinished):
            assert words.count(kind) == 1
        assert words.index(JobCreated) < words.index(JobStarted) < words.index(JobFinished)
        assert QueueChanged in words[: words.index(JobStarted)]
        assert [event.status for event in heard.of(JobStatusChanged)] == ["running", "completed"]
        assert [event.state for event in heard.of(TaskChanged)] == [
            "submitting",
            "submitted",
            "ready",
            "downloaded",
        ]
        assert [event.status for event in heard.of(ImageChanged)] == ["pending", "approved"]
        assert words.index(TaskChanged) < words.index(ImageChanged) < words.index(JobFinished)
        assert heard.of(JobStarted)[0].is_resumed is False

    async def test_the_last_progress_is_the_whole(self, engine: Engine) -> None:
        async with Listener(engine) as heard:
            job = await engine.start_job(request("A", generation={"generations": 3}))
            await heard.wait_for(JobFinished)
        last = heard.of(JobProgressed)[-1].progress
        assert (last.fraction, last.done, last.images.approved, last.in_flight) == (1.0, 3, 3, 0)
        assert (last.prompted, last.submitted, last.downloaded, last.checked) == (3, 3, 3, 3)
        view = await engine.job(job.job_id)
        assert last.spend_usd == pytest.approx(view.spend_usd)
        fractions = [event.progress.fraction for event in heard.of(JobProgressed)]
        assert fractions == sorted(fractions)


class TestWaiting:
    async def test_waiting_for_a_job_that_is_done_answers_at_once(self, engine: Engine) -> None:
        job = await engine.start_job(request("A"))
        await engine.wait_for_job(job.job_id)
        assert (await engine.wait_for_job(job.job_id)).status is JobStatus.COMPLETED

    async def test_a_finished_job_is_not_waited_for_because_another_one_runs(
        self, engine: Engine, home: EngineHome
    ) -> None:
        first = await engine.start_job(request("A", ai=BARE))
        view = await engine.wait_for_job(first.job_id)
        home.script({"service": "openai", "operation": "chat.prompt", "action": "hang"})
        second = await engine.start_job(request("B", ai=BARE))
        await until(lambda: bool(home.requests("openai", "chat.prompt")[1:]))
        assert (await engine.job(second.job_id)).status is JobStatus.RUNNING
        assert await engine.wait_for_job(first.job_id) == view
        await engine.shut_down(at_once=True)

    async def test_there_is_no_such_job(self, engine: Engine) -> None:
        with pytest.raises(NotFoundError):
            await engine.wait_for_job("nothere1")

    async def test_who_waits_is_let_go_when_the_engine_leaves(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        await idle.shut_down(at_once=True)
        assert (await idle.wait_for_job(job.job_id)).status is JobStatus.QUEUED


class TestQueueCommands:
    async def test_jobs_wait_in_the_order_in_which_they_came(self, idle: Engine) -> None:
        for label in "ABC":
            await idle.start_job(request(label))
        assert await order(idle) == ["A", "B", "C"]
        assert [job.queue_position for job in await idle.queue()] == [1, 2, 3]

    @pytest.mark.parametrize(
        ("label", "position", "outcome"),
        [("C", 1, "CABD"), ("A", 3, "BCAD"), ("B", 99, "ACDB"), ("D", 0, "DABC")],
    )
    async def test_a_waiting_job_can_be_moved(
        self, idle: Engine, label: str, position: int, outcome: str
    ) -> None:
        ids = {one: (await idle.start_job(request(one))).job_id for one in "ABCD"}
        async with Listener(idle) as heard:
            await idle.move_in_queue(ids[label], position)
            await heard.wait_for(QueueChanged)
        assert "".join(await order(idle)) == outcome

    async def test_only_waiting_jobs_can_be_moved_or_removed(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        await idle.remove_from_queue(job.job_id)
        with pytest.raises(ConflictError):
            await idle.move_in_queue(job.job_id, 1)
        with pytest.raises(ConflictError):
            await idle.remove_from_queue(job.job_id)
        with pytest.raises(NotFoundError):
            await idle.remove_from_queue("nothere1")

    async def test_a_removed_job_is_stopped_and_can_be_resumed_at_the_front(self, idle: Engine) -> None:
        ids = [(await idle.start_job(request(label))).job_id for label in "ABC"]
        await idle.remove_from_queue(ids[1])
        assert await order(idle) == ["A", "C"]
        view = await idle.job(ids[1])
        assert (view.status, view.queue_position) == (JobStatus.STOPPED, None)
        await idle.resume_job(ids[1])
        assert await order(idle) == ["B", "A", "C"]

    async def test_stopping_a_waiting_job_removes_it(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        async with Listener(idle) as heard:
            await idle.stop_job(job.job_id)
            await heard.wait_for(JobStatusChanged, status="stopped")
        with pytest.raises(ConflictError, match="nothing to stop"):
            await idle.stop_job(job.job_id)

    async def test_only_the_job_at_work_can_be_paused(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        with pytest.raises(ConflictError):
            await idle.pause_job(job.job_id)
        with pytest.raises(ConflictError, match="nothing to resume"):
            await idle.resume_job(job.job_id)

    async def test_renaming(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        async with Listener(idle) as heard:
            await idle.rename_job(job.job_id, "  B\x1b ")
            await heard.wait_for(JobChanged, job_id=job.job_id)
        assert (await idle.job(job.job_id)).label == "B"
        with pytest.raises(SettingsError):
            await idle.rename_job(job.job_id, " ")
        with pytest.raises(NotFoundError):
            await idle.rename_job("nothere1", "C")

    async def test_resolving(self, idle: Engine) -> None:
        job = await idle.start_job(request("Harbour"))
        for text in (job.job_id, job.job_id[:5], "1", "#1", "Harbour"):
            assert await idle.resolve_job(text) == job.job_id
        with pytest.raises(NotFoundError):
            await idle.resolve_job("Port")


class TestRerunning:
    async def test_as_it_ran(self, idle: Engine) -> None:
        await idle.save_configuration("stock", settings(generation={"generations": 2}))
        wanted = JobRequest(settings(generation={"generations": 3}), label="A", configuration="stock")
        original = await idle.start_job(wanted)
        (rerun,) = await idle.rerun_jobs([original.job_id], is_as_run=True)
        assert rerun.label == f"A (rerun {original.job_id[:6]})"
        assert rerun.parent_job_id == original.job_id
        assert rerun.configuration == "stock"
        assert rerun.images.planned == 3
        assert rerun.job_id != original.job_id
        assert await idle.job(original.job_id) == original
        assert (await idle.job_detail(original.job_id)).child_job_ids == (rerun.job_id,)

    async def test_with_the_configuration_as_it_is_now(self, idle: Engine) -> None:
        await idle.save_configuration("stock", settings(generation={"generations": 2}))
        wanted = JobRequest(settings(generation={"generations": 3}), label="A", configuration="stock")
        original = await idle.start_job(wanted)
        await idle.save_configuration("stock", settings(generation={"generations": 5}))
        (rerun,) = await idle.rerun_jobs([original.job_id], is_as_run=False)
        assert rerun.images.planned == 5

    async def test_a_job_without_a_configuration_can_only_run_as_it_ran(self, idle: Engine) -> None:
        original = await idle.start_job(request("A", generation={"generations": 3}))
        (rerun,) = await idle.rerun_jobs([original.job_id], is_as_run=False)
        assert rerun.images.planned == 3

    async def test_many_are_queued_in_the_order_given(self, idle: Engine) -> None:
        ids = {label: (await idle.start_job(request(label))).job_id for label in "ABC"}
        views = await idle.rerun_jobs([ids["C"], ids["A"]], is_as_run=True)
        assert [view.label[0] for view in views] == ["C", "A"]
        assert [label[0] for label in await order(idle)] == ["A", "B", "C", "C", "A"]

    async def test_one_that_cannot_start_fails_and_keeps_no_other_back(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        keywords = home.root.parent / "keywords.txt"
        keywords.write_text("cat\n")
        async with home.open(clock=clock, is_working=False) as idle:
            good = await idle.start_job(request("good"))
            bad = await idle.start_job(request("bad", files={"keywords_file": str(keywords)}))
            keywords.unlink()
            with pytest.raises(SettingsError, match=r"bad files\.keywords_file"):
                await idle.rerun_jobs([bad.job_id], is_as_run=True)
            assert await order(idle) == ["good", "bad"]
            views = await idle.rerun_jobs([bad.job_id, good.job_id], is_as_run=True)
            assert [view.status for view in views] == [JobStatus.FAILED, JobStatus.QUEUED]
            assert views[0].error is not None
            assert views[0].error.message.startswith("It cannot start: files.keywords_file")
            assert await order(idle) == ["good", "bad", views[1].label]

    async def test_the_longest_label_can_be_rerun_again_and_again(self, idle: Engine) -> None:
        job = await idle.start_job(request("x" * 200))
        for _ in range(2):
            (rerun,) = await idle.rerun_jobs([job.job_id], is_as_run=True)
            assert rerun.label.endswith(f"(rerun {job.job_id[:6]})")
            assert len(rerun.label) <= 200
            job = rerun


class TestSnapshots:
    @pytest.mark.fault(30)
    async def test_a_job_keeps_the_settings_that_it_was_started_with(
        self, home: EngineHome, clock: FakeClock
    ) -> None:
        keywords = home.root.parent / "keywords.txt"
        keywords.write_text("first keyword\n")
        document = settings(generation={"generations": 2}, files={"keywords_file": str(keywords)}, ai=BARE)
        async with home.open(clock=clock, is_working=False) as idle:
            await idle.save_configuration("stock", document)
            chosen = await idle.configuration("stock")
            job = await idle.start_job(JobRequest(chosen.settings, label="A", configuration="stock"))
            before = await idle.job_detail(job.job_id)
            await idle.save_configuration("stock", settings(generation={"generations": 7}))
            await idle.rename_configuration("stock", "other")
            await idle.delete_configuration("other")
            assert await idle.job_detail(job.job_id) == before
        keywords.write_text("second keyword\n")
        keywords.unlink()
        async with home.open(clock=clock) as engine:
            view = await engine.wait_for_job(job.job_id)
            after = await engine.job_detail(job.job_id)
        assert view.images.approved == 2
        assert after.settings == before.settings
        assert {one.keyword for one in after.generations} == {"first keyword"}
        sent = [str(record.body) for record in home.requests("openai", "chat.prompt")]
        assert len(sent) == 2
        assert all("first keyword" in body and "second" not in body for body in sent)

    async def test_keys_are_no_part_of_it(self, idle: Engine) -> None:
        job = await idle.start_job(request("A"))
        text = (await idle.job_detail(job.job_id)).model_dump_json()
        assert not any(key in text for key in KEYS.values())


class TestDeleting:
    async def test_images_go_to_the_trash_and_come_back_as_what_they_were(
        self, engine: Engine, home: EngineHome
    ) -> None:
        home.script(
            {
                "service": "openai",
                "operation": "chat.check",
                "nth": 1,
                "action": "say",
                "text": '{"passed": false, "reason": "A logo."}',
            }
        )
        job = await engine.start_job(request("A", generation={"generations": 3}))
        before = await engine.wait_for_job(job.job_id)
        assert (before.images.approved, before.images.qc_failed) == (2, 1)
        assert await engine.delete_jobs([job.job_id]) == 1
        assert (await engine.jobs(JobQuery())).rows == ()
        deleted = await engine.job(job.job_id)
        assert deleted.deleted_at is not None
        assert deleted.images.trashed == 3
        assert (await engine.images(ImageQuery())).rows == ()
        assert await engine.delete_jobs([job.job_id]) == 0
        assert await engine.restore_jobs([job.job_id]) == 1
        assert await engine.job(job.job_id) == before
        page = await engine.images(ImageQuery(statuses=(), job_id=job.job_id))
        assert sorted(image.status for image in page.rows) == ["approved", "approved", "qc_failed"]
        assert await engine.restore_jobs([job.job_id]) == 0

    async def test_a_waiting_job_leaves_the_queue(self, idle: Engine) -> None:
        ids = [(await idle.start_job(request(label))).job_id for label in "AB"]
        assert await idle.delete_jobs(ids[:1]) == 1
        assert await order(idle) == ["B"]
        await idle.restore_jobs(ids[:1])
        assert (await idle.job(ids[0])).status is JobStatus.STOPPED

    @pytest.mark.fault(30)
    async def test_a_job_at_work_is_not_deleted(self, engine: Engine, home: EngineHome) -> None:
        home.script({"service": "openai", "operation": "chat.prompt", "action": "hang"})
        other = await engine.start_job(request("A"))
        await until(lambda: bool(home.requests("openai", "chat.prompt")))
        waiting = await engine.start_job(request("B"))
        with pytest.raises(ConflictError, match="A is at work"):
            await engine.delete_jobs([waiting.job_id, other.job_id])
        assert (await engine.job(waiting.job_id)).deleted_at is None
        await engine.shut_down(at_once=True)

    async def test_a_job_that_is_not_there(self, idle: Engine) -> None:
        with pytest.raises(NotFoundError):
            await idle.delete_jobs(["nothere1"])


async def test_a_replaced_key_is_used_from_the_next_job_on(home: EngineHome) -> None:
    def keys_sent() -> list[str]:
        return [one.headers["authorization"]["sha256"] for one in home.requests("openai", "chat.prompt")]

    async with home.open() as engine:
        first = await engine.start_job(request("A"))
        await engine.wait_for_job(first.job_id)
        home.environ["OPENAI_API_KEY"] = "sk-openai-replaced-55"
        await engine.reload_preferences()
        second = await engine.start_job(request("B"))
        await engine.wait_for_job(second.job_id)
    before, after = keys_sent()
    assert before != after


class TestConfigurations:
    async def test_saving_fills_in_every_default_and_overwrites(self, idle: Engine) -> None:
        async with Listener(idle) as heard:
            saved = await idle.save_configuration("stock", {"generation": {"generations": 9}})
            await heard.wait_for(ConfigurationsChanged)
        assert saved.settings["generation"]["generations"] == 9
        assert saved.settings["processing"]["jpg_quality"] == 85
        assert not saved.is_default
        await idle.save_configuration("stock", {"ai": {"metadata": False}})
        again = await idle.configuration("stock")
        assert again.settings["generation"]["generations"] == 1
        assert again.settings["ai"]["metadata"] is False
        assert [one.name for one in await idle.configurations()] == ["stock"]

    async def test_a_bad_one_names_its_fields_and_changes_nothing(self, idle: Engine) -> None:
        await idle.save_configuration("stock", {"generation": {"generations": 9}})
        with pytest.raises(SettingsError) as caught:
            await idle.save_configuration(
                "stock", {"generation": {"generations": 0}, "ai": {"metadata": "maybe"}}
            )
        assert {one.field for one in caught.value.problems} == {"generation.generations", "ai.metadata"}
        assert (await idle.configuration("stock")).settings["generation"]["generations"] == 9

    async def test_what_is_called_default_is_it_where_nothing_else_is(self, idle: Engine) -> None:
        await idle.save_configuration("default", {"generation": {"generations": 7}})
        assert (await idle.configuration("default")).is_default
        await idle.save_configuration("stock", {}, is_default=True)
        assert not (await idle.configuration("default")).is_default
        await idle.delete_configuration("stock")
        assert (await idle.configuration(None)).settings["generation"]["generations"] == 7
        assert [one.is_default for one in await idle.configurations()] == [True]

    async def test_one_that_is_renamed_to_default_is_it(self, idle: Engine) -> None:
        await idle.save_configuration("stock", {"generation": {"generations": 7}})
        await idle.rename_configuration("stock", "default")
        assert (await idle.configuration(None)).updated_at != ""

    async def test_the_default_one(self, idle: Engine) -> None:
        built_in = await idle.configuration(None)
        assert (built_in.name, built_in.is_default) == ("default", True)
        await idle.save_configuration("a", {}, is_default=True)
        await idle.save_configuration("b", {}, is_default=True)
        assert (await idle.configuration(None)).name == "b"
        assert [(one.name, one.is_default) for one in await idle.configurations()] == [
            ("a", False),
            ("b", True),
        ]

    async def test_renaming_keeps_everything_and_takes_no_other_name(self, idle: Engine) -> None:
        await idle.save_configuration("a", {"generation": {"generations": 3}}, is_default=True)
        await idle.save_configuration("b", {"generation": {"generations": 4}})
        with pytest.raises(ConflictError, match="“b”"):
            await idle.rename_configuration("a", "b")
        await idle.rename_configuration("a", "c")
        renamed = await idle.configuration("c")
        assert (renamed.settings["generation"]["generations"], renamed.is_default) == (3, True)
        with pytest.raises(NotFoundError):
            await idle.configuration("a")
        with pytest.raises(NotFoundError):
            await idle.rename_configuration("a", "d")
        with pytest.raises(SettingsError):
            await idle.rename_configuration("c", "  ")

    async def test_deleting(self, idle: Engine) -> None:
        await idle.save_configuration("a", {})
        await idle.delete_configuration("a")
        with pytest.raises(NotFoundError):
            await idle.delete_configuration("a")


async def test_a_second_engine_on_the_same_folder_is_refused(home: EngineHome, clock: FakeClock) -> None:
    async with home.open(clock=clock) as engine:
        with pytest.raises(EngineHeldError) as caught:
            async with home.open(clock=clock):
                pytest.fail("two engines in one folder")
        assert caught.value.pid is not None
        view: JobView = await engine.wait_for_job((await engine.start_job(request("A", ai=BARE))).job_id)
        assert view.images.approved == 1
    async with home.open(clock=clock) as engine:
        assert (await engine.job(view.job_id)).status is JobStatus.COMPLETED


async def test_an_unfinished_job_is_listed_until_it_is_done(home: EngineHome, clock: FakeClock) -> None:
    async with home.open(clock=clock, is_working=False) as idle:
        jobs = [await idle.start_job(request(label, ai=BARE)) for label in "AB"]
        assert [job.label for job in await idle.unfinished_jobs()] == ["A", "B"]
        assert not await idle.is_idle()
    async with home.open(clock=clock) as engine:
        for job in jobs:
            await engine.wait_for_job(job.job_id)
        assert await engine.unfinished_jobs() == []
        images: Any = await engine.images(ImageQuery(statuses=(ImageStatus.APPROVED,)))
        assert len(images.rows) == 2


async def test_a_network_folder_is_warned_of(home: EngineHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "is_network_filesystem", lambda _: True)
    async with home.open() as engine:
        (entry,) = [one for one in await engine.logs(LogQuery()) if "network file system" in one.message]
        assert entry.level == "warning"
