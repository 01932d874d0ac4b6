"""Texts are edited on the screen: lengths as one types, one image or many, and what was typed is in the file."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Sequence
from typing import cast

import pytest
from textual.widgets import Input, Static

from engine.export.requests import ImageEdit
from engine.views import DecisionView
from tests.support.app import wait_until
from tests.support.engine import EngineHome
from tests.tui.test_gallery import Gallery, gallery
from tui.edit_text import edit_question, tags_of
from tui.screens.edit_dialog import EditDialog
from tui.screens.gallery import GalleryScreen
from tui.screens.viewer import ViewerScreen
from tui.widgets.choice_line import ChoiceLine
from tui.widgets.confirm_bar import ConfirmBar


async def open_dialog(at: Gallery) -> EditDialog:
    await at.press("t")
    await wait_until(at.pilot, lambda: isinstance(at.app.screen, EditDialog))
    dialog = cast("EditDialog", at.app.screen)
    await wait_until(at.pilot, lambda: bool(dialog._agencies))
    return dialog


async def fill(at: Gallery, field: str, text: str) -> None:
    """Over what is there."""
    at.app.screen.query_one(f"#edit-{field}", Input).focus()
    await at.press("end", "ctrl+u", *text)


async def choose(at: Gallery, line: str, chosen: str) -> None:
    choice = at.app.screen.query_one(f"#edit-{line}", ChoiceLine)
    choice.focus()
    for _ in range(30):
        if choice.chosen == chosen:
            return
        await at.press("right")
    raise AssertionError(f"{line} never was {chosen}")


def said(at: Gallery, widget: str = "#edit-text") -> str:
    return str(at.app.screen.query_one(widget, Static).content)


async def until_closed(at: Gallery) -> None:
    await wait_until(at.pilot, lambda: not isinstance(at.app.screen, EditDialog))


async def test_one_image_is_edited_in_its_row_and_its_file(home: EngineHome) -> None:
    async with gallery(home, 2, (80, 24)) as (at, images):
        wanted, other = images
        dialog = await open_dialog(at)
        assert len(dialog.query_one("#edit-category", ChoiceLine)._choices) == 22, "21 names, and none"
        await choose(at, "agency", "adobe")
        await fill(at, "title", "A cat, grey")
        assert said(at, "#edit-title-length") == "11/70"
        assert "✗ title contains “,”" in said(at)
        await fill(at, "title", "A grey cat")
        assert "title" not in said(at)
        assert "✗ 0.00 of at least 4 megapixels" in said(at)
        await fill(at, "description", "It sleeps & [b]dreams")
        assert said(at, "#edit-description-length") == "21", "its sheet has no description"
        await fill(at, "keywords", "cat, grey,, Cat ,sleep")
        assert said(at, "#edit-keywords-length") == "3/49"
        await choose(at, "category", "Landscapes")
        await at.press("ctrl+s")
        await until_closed(at)
        now = await at.engine.image(wanted.image_id)
        assert (now.title, now.description) == ("A grey cat", "It sleeps & [b]dreams")
        assert (now.tags, now.category) == (("cat", "grey", "sleep"), "Landscapes")
        assert await at.engine.image(other.image_id) == other
        assert any("Edited 1 image." in one.message for one in at.app._notifications)
        await wait_until(at.pilot, lambda: "A grey cat" in str(at.screen.query_one("#gallery-line").render()))
        if shutil.which("exiftool") is not None:
            read = subprocess.run(
                ["exiftool", "-json", str(now.file)], capture_output=True, text=True, check=True
            )
            (inside,) = json.loads(read.stdout)
            assert (inside["Title"], inside["Description"]) == ("A grey cat", "It sleeps & [b]dreams")
            assert inside["Subject"] == ["cat", "grey", "sleep"]


async def test_what_cannot_be_written_is_said_and_stays_in_the_dialog(home: EngineHome) -> None:
    async with gallery(home, 1) as (at, images):
        dialog = await open_dialog(at)
        await at.press("tab", "shift+tab", "x")
        title = dialog.query_one("#edit-title", Input)
        assert title.value == f"{images[0].title}x", "what is there is mended, not replaced"
        at.app.screen.query_one("#edit-title", Input).value = "t" * 501
        await at.press("enter")
        await wait_until(at.pilot, lambda: "The title has 501 characters; 500 are the most." in said(at))
        await fill(at, "title", "Short")
        await at.engine.trash_images([images[0].image_id])
        await at.press("enter")
        await wait_until(at.pilot, lambda: "It is not approved." in said(at))
        assert at.app.screen.query_one("#edit-title", Input).value == "Short"
        assert not at.app.screen.query_one("#edit-fields").disabled


async def test_esc_asks_only_where_something_was_changed(home: EngineHome) -> None:
    async with gallery(home, 1) as (at, images):
        await at.press("enter")
        await wait_until(at.pilot, lambda: isinstance(at.app.screen, ViewerScreen))
        viewer = cast("ViewerScreen", at.app.screen)
        await wait_until(at.pilot, lambda: viewer.current_image() is not None)
        await open_dialog(at)
        await at.press("escape")
        await until_closed(at)
        dialog = await open_dialog(at)
        await fill(at, "title", "Another")
        await at.press("escape")
        bar = dialog.query_one(ConfirmBar)
        await wait_until(at.pilot, lambda: bar.is_asking)
        await at.press("escape")
        await wait_until(at.pilot, lambda: not bar.is_asking)
        assert dialog.query_one("#edit-title", Input).value == "Another"
        assert dialog.query_one("#edit-title", Input).has_focus
        await at.press("escape")
        await wait_until(at.pilot, lambda: bar.is_asking)
        await at.press("enter")
        await until_closed(at)
        assert at.app.screen is viewer
        assert await at.engine.image(images[0].image_id) == images[0]
        await open_dialog(at)
        await fill(at, "title", "Another")
        await at.press("enter")
        await until_closed(at)
        await wait_until(
            at.pilot,
            lambda: (image := viewer.current_image()) is not None and image.title == "Another",
        )


async def test_tags_and_category_of_all_marked_images(home: EngineHome) -> None:
    async with gallery(home, 4) as (at, images):
        ids = [image.image_id for image in images]
        await at.press("space", "space", "space")
        dialog = await open_dialog(at)
        assert not dialog.query("#edit-title")
        await choose(at, "category", "Animals")
        await fill(at, "keywords", "cat,grey")
        await at.press("enter")
        bar = dialog.query_one(ConfirmBar)
        await wait_until(at.pilot, lambda: bar.is_asking)
        assert "Replace the tags and set the category of 3 images to Animals?" in str(bar.render())
        await at.press("escape")
        await wait_until(at.pilot, lambda: not bar.is_asking)
        assert [one.category for one in await at.engine.images_by_id(ids)] == [None] * 4
        await at.press("enter")
        await wait_until(at.pilot, lambda: bar.is_asking)
        await at.press("enter")
        await until_closed(at)
        now = await at.engine.images_by_id(ids)
        assert [one.category for one in now] == ["Animals"] * 3 + [None]
        assert [one.tags for one in now[:3]] == [("cat", "grey")] * 3
        assert now[3] == images[3]
        assert [one.title for one in now] == [one.title for one in images]
        assert any("Edited 3 images." in one.message for one in at.app._notifications)
        assert isinstance(at.app.screen, GalleryScreen)


async def test_editing_many_is_stopped_by_esc_and_says_what_was_done(
    home: EngineHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.screens.edit_dialog.AT_ONCE", 1)
    async with gallery(home, 3) as (at, images):
        edit_images, goes_on = at.engine.edit_images, asyncio.Event()
        asked: list[int] = []

        async def slowly(image_ids: Sequence[int], edit: ImageEdit) -> DecisionView:
            asked.extend(image_ids)
            if len(asked) == 2:
                await goes_on.wait()
            return await edit_images(image_ids, edit)

        monkeypatch.setattr(at.engine, "edit_images", slowly)
        await at.press("A")
        dialog = await open_dialog(at)
        await fill(at, "keywords", "cat")
        await at.press("enter")
        await wait_until(at.pilot, lambda: dialog.query_one(ConfirmBar).is_asking)
        await at.press("enter")
        await wait_until(at.pilot, lambda: "1 of 3 images   esc stop" in said(at, "#edit-keys"))
        await wait_until(at.pilot, lambda: len(asked) == 2)
        await at.press("escape")
        goes_on.set()
        await until_closed(at)
        told = "Edited 2 images; 1 left as before."
        await wait_until(at.pilot, lambda: any(told in one.message for one in at.app._notifications))
        now = await at.engine.images_by_id([image.image_id for image in images])
        assert [one.tags for one in now] == [("cat",), ("cat",), images[2].tags]


@pytest.mark.parametrize(
    ("edit", "question"),
    [
        (ImageEdit(tags=("a",)), "Replace the tags of 2 images?"),
        (ImageEdit(category="Food"), "Set the category of 2 images to Food?"),
        (ImageEdit(category=""), "Take the category of 2 images away?"),
    ],
)
def test_the_question_names_what_and_how_many(edit: ImageEdit, question: str) -> None:
    assert edit_question(edit, 2) == question


def test_tags_are_told_apart_by_commas() -> None:
    assert tags_of(" cat,  big  dog ,,CAT") == ("cat", "big dog")
    assert tags_of(" , ") == ()
