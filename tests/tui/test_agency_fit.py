"""The gallery says which pictures an agency takes, and shows only those, over all of them."""

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest
from textual.widgets import Static

from engine.export.requests import ImageEdit
from engine.service import Engine
from tests.support.app import running, services_for, wait_until
from tests.support.engine import EngineHome
from tests.support.images import finished_job
from tests.tui.test_gallery import Gallery
from tui.screens.gallery import GalleryScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.facet_panel import FacetPanel

OWN = """[tiny]
name = "Tiny Pictures"
generated = "accepted"
title = { max = 30 }
columns = [{ header = "File", value = "file_name" }, { header = "Title", value = "title" }]
"""


async def two_that_fit(home: EngineHome, engine: Engine) -> list[int]:
    """Four images, newest first; the first and the third have a title that Tiny Pictures takes."""
    home.paths.agencies_file.write_text(OWN, encoding="utf-8")
    ids = sorted((image.image_id for image in await finished_job(engine, 4)), reverse=True)
    await engine.edit_images(ids, ImageEdit(title="t" * 31))
    await engine.edit_images(ids[::2], ImageEdit(title="Short"))
    return ids


async def open_gallery(at: Gallery) -> None:
    await at.press("4")
    await wait_until(
        at.pilot,
        lambda: (
            isinstance(at.app.screen, GalleryScreen)
            and not at.screen.is_loading_now
            and bool(at.screen._agencies)
        ),
    )


async def choose(at: Gallery, facet: str, value: str) -> None:
    """With keys: the options of `f` are walked to the one that is wanted."""
    await at.press("f")
    panel = at.screen.query_one(FacetPanel)
    for _ in range(30):
        here = panel._facets[panel._row]
        if here.id == facet:
            break
        await at.press("j")
    for _ in range(30):
        if panel._options(here)[panel._column][0] == value:
            break
        await at.press("l")
    assert (here.id, panel._options(here)[panel._column][0]) == (facet, value)
    await at.press("space", "f")


def line(at: Gallery) -> str:
    return str(at.screen.query_one("#gallery-line", Static).content)


def fits_shown(at: Gallery) -> list[str]:
    cells = [at.table.source.cells(index) for index in range(at.table.source.count)]
    return [str(row[2]) for row in cells if row is not None]


async def test_an_agency_is_chosen_and_its_answer_filtered_by(home: EngineHome) -> None:
    async with home.open() as engine:
        ids = await two_that_fit(home, engine)
        async with running(services_for(engine, home=home), (80, 24)) as pilot:
            at = Gallery(pilot, engine)
            await open_gallery(at)
            await at.press("v")
            assert "agency" not in at.table._painter.header().text
            await choose(at, "agency", "tiny")
            yes, no = "✓ takes it", "✗ title 31/30"
            await wait_until(pilot, lambda: fits_shown(at) == [yes, no, yes, no])
            assert "agency" in at.table._painter.header().text
            await at.press("j")
            await wait_until(pilot, lambda: line(at).startswith(" Tiny Pictures: ✗ title 31/30 "))

            await choose(at, "takes", "yes")
            await at.until_ids(ids[::2])
            await choose(at, "takes", "no")
            await at.until_ids(ids[1::2])
            # What is mended leaves the list of those that are not taken.
            await engine.edit_images(ids[1:2], ImageEdit(title="Mended"))
            await at.until_ids(ids[3:])
            await at.press("v")
            await choose(at, "takes", "yes")
            await at.until_ids(ids[:3])
            assert await engine.trash_images(ids[:1])
            await at.until_ids(ids[1:3])
            await choose(at, "agency", "shutterstock")
            await at.until_ids([])
            await at.press("escape")
            await at.until_ids(ids[1:])
            assert at.screen._source.agency.agency == ""


async def test_the_answer_is_waited_for_beside_the_keys(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with home.open() as engine:
        ids = sorted((image.image_id for image in await finished_job(engine, 2)), reverse=True)
        fitting_images, goes_on = engine.fitting_images, asyncio.Event()

        async def slowly(image_ids: Sequence[int], agency: str) -> list[int]:
            await goes_on.wait()
            return await fitting_images(image_ids, agency)

        monkeypatch.setattr(engine, "fitting_images", slowly)
        async with running(services_for(engine, home=home)) as pilot:
            at = Gallery(pilot, engine)
            await open_gallery(at)
            # Without an agency there is nobody to ask.
            await choose(at, "takes", "no")
            await wait_until(pilot, lambda: not at.screen._bar.state.is_filtered)
            assert any("Choose an agency first" in one.message for one in pilot.app._notifications)
            assert at.ids == ids
            await choose(at, "agency", "adobe")
            await choose(at, "takes", "yes")
            summary = at.screen.query_one("#filter-summary", Static)
            await wait_until(pilot, lambda: "asking what Adobe Stock takes" in str(summary.content))
            await at.press("l")
            assert at.grid.cursor_key == ids[1], "the list before stays, and keys are answered"
            goes_on.set()
            await at.until_ids([])
            assert "asking" not in str(summary.content)


async def test_agencies_that_cannot_be_read_are_said_once_and_hide_no_image(home: EngineHome) -> None:
    async with home.open() as engine:
        ids = [image.image_id for image in await finished_job(engine, 1)]
        home.paths.agencies_file.write_text("[tiny]\nnam = 1\n", encoding="utf-8")
        async with running(services_for(engine, home=home)) as pilot:
            at = Gallery(pilot, engine)
            await at.press("4")

            def told() -> int:
                return sum("agencies.toml" in one.message for one in pilot.app._notifications)

            await wait_until(pilot, lambda: told() == 1)
            await at.until_ids(ids)
            at.screen.reload()
            await wait_until(pilot, lambda: not at.screen.is_loading_now)
            await pilot.pause()
            assert told() == 1


async def test_a_target_agency_is_chosen_from_the_start(home: EngineHome) -> None:
    home.paths.ensure()
    home.paths.config_file.write_text('target_agency = "Shutterstock"\n', encoding="utf-8")
    async with home.open() as engine:
        await finished_job(engine, 1)
        async with running(services_for(engine, home=home)) as pilot:
            at = Gallery(pilot, engine)
            await open_gallery(at)
            await wait_until(pilot, lambda: "✗ Shutterstock refuses generated images" in line(at))
            assert not at.screen._bar.state.is_filtered
            await at.press("enter")
            await wait_until(pilot, lambda: isinstance(pilot.app.screen, ViewerScreen))
            viewer = cast("ViewerScreen", pilot.app.screen)
            await wait_until(pilot, lambda: viewer.current_image() is not None)
            await at.press("i")
            image = viewer.current_image()
            assert image is not None
            await wait_until(pilot, lambda: bool(viewer._fits.get(image.image_id)))
            await pilot.pause()
            shown = "\n".join(strip.text for strip in viewer._compositor.render_strips())
            viewer.query_one("#viewer-facts").scroll_end(animate=False)
            await pilot.pause()
            shown += "\n".join(strip.text for strip in viewer._compositor.render_strips())
            assert "shutterstock: Shutterstock refuses" in shown
            assert "adobe: " in shown
