from pathlib import Path

import pytest
from PIL import Image

from db.connection import Database
from engine.editing import checked_edit
from engine.errors import InputError
from engine.events import ImageChanged
from engine.export.requests import ImageEdit
from engine.service import Engine
from engine.views import ImageView
from tests.support.engine import EngineHome, Listener
from tests.support.images import finished_job

CATEGORIES = ("Animals", "Landscapes")


def texts_in(file: str | None) -> str:
    with Image.open(file or "") as picture:
        return str(picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp"))


async def pending_edits(engine: Engine) -> int:
    async with engine._database.reading() as connection:
        rows = await connection.execute_fetchall("SELECT count(*) FROM images WHERE is_file_stale")
    return int(next(iter(rows))[0])


async def test_an_edit_is_in_the_row_and_in_the_file(home: EngineHome) -> None:
    async with home.open() as engine, Listener(engine) as heard:
        one, two = await finished_job(engine, 2)
        pixels = Path(one.file or "").stat().st_ino
        outcome = await engine.edit_images(
            [one.image_id, 99], ImageEdit(title="<b>Grey & soft</b>", tags=("a", "b"), category="animals")
        )
        assert outcome.done == (one.image_id,)
        assert outcome.refused[0].image_id == 99
        now = await engine.image(one.image_id)
        assert (now.title, now.tags, now.category) == ("<b>Grey & soft</b>", ("a", "b"), "Animals")
        assert (now.description, now.file) == (one.description, one.file)
        assert "&lt;b&gt;Grey &amp; soft&lt;/b&gt;" in texts_in(now.file)
        assert Path(now.file or "").stat().st_ino != pixels, "a whole new file took the place of the old one"
        assert await engine.image(two.image_id) == two
        assert await pending_edits(engine) == 0
        await heard.wait_for(ImageChanged, image_id=one.image_id, status="approved")
        cleared = await engine.edit_images([one.image_id], ImageEdit(title="", tags=(), category=""))
        assert cleared.done
        now = await engine.image(one.image_id)
        assert (now.title, now.tags, now.category) == (None, (), None)
        assert "Grey" not in texts_in(now.file)


async def test_where_the_file_cannot_be_written_the_row_stays_too(home: EngineHome) -> None:
    async with home.open() as engine:
        gone, long, rejected = await finished_job(
            engine, 3, processing={"convert": True, "convert_format": "jpg"}
        )
        Path(gone.file or "").unlink()
        await engine.trash_images([rejected.image_id])
        before = await engine.images_by_id([gone.image_id, long.image_id, rejected.image_id])
        ids = [image.image_id for image in before]
        # 100 tags of 100 ampersands, which are five bytes each in XML, with the description fill more than the 64 KB
        # that a segment of a JPEG holds.
        tags = tuple(f"{number:03}" + "&" * 97 for number in range(100))
        outcome = await engine.edit_images(ids, ImageEdit(title="New", tags=tags, description="&" * 4_000))
        reasons = {one.image_id: one.message for one in outcome.refused}
        assert reasons[gone.image_id] == "Its file is not there."
        assert reasons[rejected.image_id] == "It is not approved."
        after = await engine.images_by_id(ids)
        assert "a JPEG holds at most" in reasons[long.image_id]
        assert after == before
        assert await pending_edits(engine) == 0


async def test_files_without_texts_stay_without(home: EngineHome) -> None:
    async with home.open() as engine:
        (image,) = await finished_job(engine, 1, ai={"embed_metadata": False})
        content = Path(image.file or "").read_bytes()
        await engine.edit_images([image.image_id], ImageEdit(title="New"))
        assert (await engine.image(image.image_id)).title == "New"
        assert Path(image.file or "").read_bytes() == content


async def test_an_edit_that_was_cut_off_is_finished_at_the_next_start(home: EngineHome) -> None:
    async def cut_off(image: ImageView, title: str) -> None:
        database = await Database.open(home.paths.database_file)
        async with database.transaction() as connection:
            await connection.execute(
                "UPDATE images SET title = ?, is_file_stale = 1 WHERE image_id = ?", (title, image.image_id)
            )
        await database.close()

    async with home.open() as engine:
        one, two = await finished_job(engine, 2)
    await cut_off(one, "After the kill")
    await cut_off(two, "Gone")
    Path(two.file or "").unlink()
    async with home.open() as engine:
        assert "After the kill" in texts_in(one.file)
        assert await pending_edits(engine) == 0


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (ImageEdit(title="x" * 501), "The title has 501 characters"),
        (ImageEdit(description="x" * 4_001), "The description has"),
        (ImageEdit(tags=("x" * 101,)), "The tag has"),
        (ImageEdit(tags=tuple(map(str, range(101)))), "There are 101 tags"),
        (ImageEdit(category="Dreams"), "no category “Dreams”"),
    ],
)
def test_what_is_refused(edit: ImageEdit, message: str) -> None:
    with pytest.raises(InputError, match=message):
        checked_edit(edit, CATEGORIES)


def test_texts_are_cleaned() -> None:
    edit = checked_edit(
        ImageEdit("  a\x1b[31m \n cat ", None, (" b ", "a", "", "B", "c\u202e"), " landscapes"), CATEGORIES
    )
    assert edit == ImageEdit("a[31m cat", None, ("b", "a", "c"), "Landscapes")
