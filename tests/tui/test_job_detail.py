"""One job on its screen: as run, images, log, the settings of the next run."""

from rich.console import Console
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from engine.api import JobQuery, JobRequest
from engine.places import Places
from engine.service import Engine
from engine.views import JobStatus
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request, settings
from tui.format import bytes_text
from tui.messages import OpenImage, OpenJob
from tui.screens.job_detail import JobDetailScreen
from tui.widgets.confirm_bar import ConfirmBar
from tui.widgets.gallery_grid import GalleryGrid
from tui.widgets.job_images import JobImages
from tui.widgets.log_panel import LogPanel
from tui.widgets.next_run import NextRun
from tui.widgets.tab_line import TabLine

QUICK = {"quality_check": False, "metadata": False}


def screen(pilot: Pilot[int]) -> JobDetailScreen:
    found = pilot.app.screen
    assert isinstance(found, JobDetailScreen)
    return found


def text_of(pilot: Pilot[int], selector: str) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(screen(pilot).query_one(selector, Static).content)
    return capture.get()


def is_at(pilot: Pilot[int], job_id: str) -> bool:
    found = pilot.app.screen
    if not isinstance(found, JobDetailScreen) or found.is_loading_now:
        return False
    job = found.current_job()
    return job is not None and job.job_id == job_id


async def open_job(pilot: Pilot[int], job_id: str, *neighbours: str, tab: str = "overview") -> None:
    pilot.app.post_message(OpenJob(job_id, neighbours, tab=tab))
    await wait_until(pilot, lambda: is_at(pilot, job_id))


async def finished(engine: Engine, label: str, **groups: dict[str, object]) -> str:
    job = await engine.start_job(request(label, **{"ai": QUICK, **groups}))
    await engine.wait_for_job(job.job_id)
    return job.job_id


async def question(pilot: Pilot[int]) -> str:
    bar = pilot.app.screen.query_one(ConfirmBar)
    await wait_until(pilot, lambda: bar.is_asking)
    return str(bar.content)


async def test_the_overview_says_what_the_job_is_and_ran_with(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id = await finished(
            engine, "a", generation={"generations": 2, "negative_prompt": "no [bold] text"}
        )
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            shown = text_of(pilot, "#overview Static")
            assert job_id in shown
            assert "approved               2" in shown
            assert "Negative prompt        no [bold] text" in shown
            assert "success rate           100 %" in shown
            assert "pk-piapi" not in shown
            assert "completed" in text_of(pilot, "#job-title")
            total = (await engine.job_space(job_id, Places(home.paths, home.preferences))).total
            assert total > 0
            taken = f"on the disk            {bytes_text(total)}: finished "
            await wait_until(pilot, lambda: taken in text_of(pilot, "#overview Static"))


async def test_a_job_and_its_reruns_name_each_other(home: EngineHome) -> None:
    """By number and label, both ways, also while it is open and after another key changed the list."""
    async with home.open() as engine:
        first = await finished(engine, "[/]cats")
        (again,) = await engine.rerun_jobs([first], is_as_run=True)
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, first)
            name = f"#{again.number} [/]cats (rerun {first[:6]})"
            assert f"run again as           {name}" in text_of(pilot, "#overview Static")
            (third,) = await engine.rerun_jobs([first], is_as_run=True)
            await wait_until(pilot, lambda: f", #{third.number} " in text_of(pilot, "#overview Static"))
            await engine.delete_jobs([third.job_id])
            await wait_until(pilot, lambda: f"#{third.number} " not in text_of(pilot, "#overview Static"))
            await open_job(pilot, again.job_id)
            assert "rerun of               #1 [/]cats" in text_of(pilot, "#overview Static")
            await engine.rename_job(first, "dogs")
            await wait_until(pilot, lambda: "#1 dogs" in text_of(pilot, "#overview Static"))


async def test_why_it_failed_comes_first(home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "submit", "action": "status", "code": 400})
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        job = await engine.job(job_id)
        assert job.error is not None
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            assert text_of(pilot, "#overview Static").startswith("Error at generate: ")
            assert job.error.message in text_of(pilot, "#overview Static")


async def test_why_it_waits_comes_first_with_what_to_do(home: EngineHome) -> None:
    home.script({"service": "piapi", "operation": "submit", "action": "status", "code": 402})
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        job = await engine.job(job_id)
        assert job.pause is not None
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            shown = text_of(pilot, "#overview Static")
            assert shown.startswith("Paused: ")
            assert f"What to do: {job.pause.hint}" in shown
            assert "paused" in text_of(pilot, "#job-title")


async def test_images_are_filtered_listed_shown_as_a_grid_and_opened(home: EngineHome) -> None:
    heard: list[Message] = []
    async with home.open() as engine:
        job_id = await finished(engine, "a", generation={"generations": 4})
        async with running(services_for(engine, home=home), heard=heard) as pilot:
            await open_job(pilot, job_id, tab="images")
            images = screen(pilot).query_one(JobImages)
            await wait_until(pilot, lambda: images.image is not None)
            assert images.image is not None
            assert images.image.number == 1
            await pilot.press("f", "l", "space", "escape")  # only the rejected ones: none
            await wait_until(pilot, lambda: images.seen.cursor_key is None)
            await pilot.press("escape")
            await wait_until(pilot, lambda: images.image is not None)
            await pilot.press("j", "v")
            await wait_until(pilot, lambda: isinstance(images.seen, GalleryGrid) and images.image is not None)
            assert images.image.number == 2
            await pilot.press("enter")
            await wait_until(pilot, lambda: any(isinstance(one, OpenImage) for one in heard))
            message = next(one for one in heard if isinstance(one, OpenImage))
            assert len(message.neighbours) == 4


async def test_the_log_is_complete_when_the_job_is_long_finished(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        await finished(engine, "b")
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await open_job(pilot, job_id)
        await pilot.press("right_square_bracket", "right_square_bracket")
        view = screen(pilot).query_one(LogPanel).view
        await wait_until(pilot, lambda: bool(view.entries))
        assert {entry.job_id for entry in view.entries} == {job_id}
        assert "created" in view.entries[0].message
        assert "Completed" in view.entries[-1].message
        assert view.has_focus


async def test_a_running_job_moves_by_itself_and_its_log_with_it(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request("a", ai=QUICK, generation={"generations": 30}))
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job.job_id, tab="logs")
            view = screen(pilot).query_one(LogPanel).view

            def is_over() -> bool:
                shown = screen(pilot).current_job()
                return (
                    shown is not None and shown.status is JobStatus.COMPLETED and shown.images.approved == 30
                )

            await wait_until(pilot, is_over, turns=2_000)
            await wait_until(pilot, lambda: "Completed" in view.entries[-1].message)
            stored = [entry.entry_id for entry in view.entries]
            assert len(stored) == len(set(stored))


async def test_next_and_previous_stay_on_the_tab(home: EngineHome) -> None:
    async with home.open() as engine:
        first, second = [await finished(engine, name) for name in "ab"]
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, second, second, first, tab="logs")
            view = screen(pilot).query_one(LogPanel).view
            await pilot.press("n")
            await wait_until(pilot, lambda: is_at(pilot, first))
            await wait_until(pilot, lambda: {entry.job_id for entry in view.entries} == {first})
            assert screen(pilot).query_one(TabLine).active == "logs"
            await pilot.press("n")  # it was the last one
            await pilot.pause()
            assert is_at(pilot, first)
            await pilot.press("N")
            await wait_until(pilot, lambda: is_at(pilot, second))


async def test_editing_the_next_run_changes_the_configuration_and_not_the_job(home: EngineHome) -> None:
    async with home.open() as engine:
        document = settings(ai=QUICK, generation={"generations": 2})
        await engine.save_configuration("stock", document)
        job = await engine.start_job(JobRequest(document, label="a", configuration="stock"))
        await engine.wait_for_job(job.job_id)
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job.job_id)
            await pilot.press("E")
            pane = screen(pilot).query_one(NextRun)
            await wait_until(pilot, lambda: pane.form is not None and pane.form.fields.has_focus)
            assert "does not change" in str(pane.query_one("#next-run-note", Static).content)
            assert pane.form is not None
            pane.form.put("generation.generations", 5)
            await pilot.press("d")  # deletes no job while the form is open
            await pilot.press("ctrl+s")
            await wait_until(pilot, lambda: pane.form is None)
            assert (await engine.configuration("stock")).settings["generation"]["generations"] == 5
            assert (await engine.job_settings(job.job_id)).generation.generations == 2
            await pilot.press("r")
            await question(pilot)
            await pilot.press("enter")
            await wait_until(pilot, lambda: not pilot.app.screen.query_one(ConfirmBar).is_asking)
            while not (reruns := (await engine.jobs(JobQuery(text="(rerun"))).rows):
                await pilot.pause()
            assert reruns[0].images.planned == 5
            assert (await engine.job(job.job_id)).deleted_at is None


async def test_a_job_without_a_configuration_is_run_again_with_the_edits(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            await pilot.press("E")
            pane = screen(pilot).query_one(NextRun)
            await wait_until(pilot, lambda: pane.form is not None)
            assert pane.form is not None
            pane.form.put("generation.generations", 3)
            await pilot.press("ctrl+s")
            await wait_until(pilot, lambda: pane.form is None)
            await pilot.press("r")
            await question(pilot)
            await pilot.press("enter")
            while not (reruns := (await engine.jobs(JobQuery(text="(rerun"))).rows):
                await pilot.pause()
            assert reruns[0].images.planned == 3
            assert reruns[0].parent_job_id == job_id


async def test_edits_are_not_lost_without_a_question(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            await pilot.press("E")
            pane = screen(pilot).query_one(NextRun)
            await wait_until(pilot, lambda: pane.form is not None)
            assert pane.form is not None
            pane.form.put("generation.generations", 3)
            await pilot.press("q")
            assert "1 edit" in await question(pilot)
            await pilot.press("escape")
            await pilot.pause()
            assert pane.form.changed
            await pilot.press("q")
            await question(pilot)
            await pilot.press("enter")
            await wait_until(pilot, lambda: not isinstance(pilot.app.screen, JobDetailScreen))


async def test_delete_and_undo_here(home: EngineHome) -> None:
    async with home.open() as engine:
        job_id = await finished(engine, "a")
        async with running(services_for(engine, home=home)) as pilot:
            await open_job(pilot, job_id)
            await pilot.press("d")
            assert "1 image" in await question(pilot)
            await pilot.press("enter")
            await wait_until(pilot, lambda: "deleted" in text_of(pilot, "#job-title"))
            await pilot.press("u")
            await wait_until(pilot, lambda: "deleted" not in text_of(pilot, "#job-title"))
            assert (await engine.job(job_id)).deleted_at is None
