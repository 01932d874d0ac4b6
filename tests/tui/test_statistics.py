"""The statistics screen: its keys, the days that it shows, and that it follows what happens."""

from textual.pilot import Pilot
from textual.widgets import Static

from engine.statistics_views import DayView
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome, request
from tui.screens.dashboard import DashboardScreen
from tui.screens.statistics import StatisticsScreen
from tui.statistics_days import periods
from tui.widgets.statistics_pane import StatisticsPane


def title(pilot: Pilot[int]) -> str:
    return str(pilot.app.screen.query_one("#statistics-title", Static).render())


def text(pilot: Pilot[int]) -> str:
    return str(pilot.app.screen.query_one("StatisticsPane Static", Static).render())


def is_shown(pilot: Pilot[int]) -> bool:
    screen = pilot.app.screen
    return isinstance(screen, StatisticsScreen) and not screen.is_loading_now


async def test_keys_pages_and_days(home: EngineHome) -> None:
    async with home.open() as engine:
        job = await engine.start_job(request(generation={"generations": 2}))
        await engine.wait_for_job(job.job_id)
        async with running(services_for(engine, home=home), (80, 24), has_toasts=True) as pilot:
            await pilot.press("i")
            await wait_until(pilot, lambda: is_shown(pilot) and "2 images" in title(pilot))
            assert "all days" in title(pilot)
            assert "Images a day" in text(pilot)

            pane = pilot.app.screen.query_one(StatisticsPane)
            for page, words in (
                ("reasons", "No image was rejected"),
                ("steps", "generate and download"),
                ("configurations", "2 images, 100 %, 1 job"),
                ("models", "piapi flux-schnell"),
                ("days", "Images a day"),
            ):
                await pilot.press("right_square_bracket")
                assert pane.page == page
                await wait_until(pilot, lambda words=words: words in text(pilot))  # type: ignore[misc]
            await pilot.press("left_square_bracket")
            assert pane.page == "models"

            await pilot.press("left_square_bracket", "left_square_bracket", "left_square_bracket")
            await pilot.press("left_square_bracket", "slash", *"2020", "enter")
            await wait_until(
                pilot, lambda: any("no date" in str(one.message) for one in pilot.app._notifications)
            )
            assert "all days" in title(pilot)
            await pilot.press("slash", *"2020-02", "enter")
            await wait_until(pilot, lambda: "2020-02 · 0 images" in title(pilot))
            assert "nothing was spent in these days" in text(pilot)
            await pilot.press("escape")
            await wait_until(pilot, lambda: "all days · 2 images" in title(pilot))
            await pilot.press("f")
            await wait_until(pilot, lambda: "last 7 days" in title(pilot))
            await pilot.press("slash", *"month")
            await pilot.press("escape")
            assert "last 7 days" in title(pilot)
            await pilot.press("escape")
            await wait_until(pilot, lambda: "all days" in title(pilot))
            await pilot.press("escape")
            assert isinstance(pilot.app.screen, DashboardScreen)


async def test_the_palette_opens_it_from_another_section_and_it_follows_a_job(home: EngineHome) -> None:
    async with home.open() as engine, running(services_for(engine, home=home)) as pilot:
        await pilot.press("5", "colon")
        await pilot.press(*"dashboard statistics")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await wait_until(pilot, lambda: is_shown(pilot))
        assert "0 images" in title(pilot)
        assert "Nothing yet" in text(pilot)
        job = await engine.start_job(request())
        await engine.wait_for_job(job.job_id)
        await wait_until(pilot, lambda: "0 images" not in title(pilot), turns=1_000)


def day(name: str, **sums: float) -> DayView:
    counts = {"images": 0, "approved": 0, "qc_failed": 0, "failed": 0, "pending": 0, "trashed": 0}
    return DayView.model_validate({"day": name, "spend_usd": 0.0, "success_rate": None, **counts, **sums})


def test_days_are_put_together_until_there_is_room() -> None:
    days = [
        day("2026-01-30", approved=1),
        day("2026-02-02", approved=2, spend_usd=0.5),
        day("2026-03-01", failed=3),
    ]
    noun, shown = periods(days, 31)
    assert (noun, len(shown), shown[0].label, shown[-1].rejected) == ("day", 31, "01-30", 3)
    noun, shown = periods(days, 30)
    assert (noun, [one.label for one in shown]) == ("week", ["01-26", "02-02", "02-09", "02-16", "02-23"])
    assert [(one.approved, one.rejected) for one in shown] == [(1, 0), (2, 0), (0, 0), (0, 0), (0, 3)]
    noun, shown = periods(days, 3)
    assert (noun, [one.spend_usd for one in shown]) == ("month", [0, 0.5, 0])
    noun, shown = periods([*days, day("2999-01-01", approved=1)], 5)
    assert (noun, len(shown), shown[-1].label) == ("year", 974, "2999")
    assert periods([], 5) == ("day", [])
