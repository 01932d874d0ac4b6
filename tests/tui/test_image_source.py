"""Ids for the whole list, views for what is in sight, and what changes meanwhile."""

import asyncio
from collections.abc import Coroutine
from typing import Any, cast

import pytest

from engine.api import EngineApi, ImageQuery
from tests.support.engine import until
from tests.support.images import ManyImages, image_view
from tui.widgets.agency_fit import AgencyChoice
from tui.widgets.image_rows import gallery_cells
from tui.widgets.image_source import KEPT_VIEWS, ImageSource


class Listener:
    """A source with a list that hears what it is told."""

    def __init__(self, count: int) -> None:
        self.images = ManyImages([image_view(number) for number in range(1, count + 1)])
        self.engine = cast("EngineApi", self.images)
        self.tasks: set[asyncio.Task[None]] = set()
        self.loaded = 0
        self.resets: list[bool] = []
        self.rows: list[tuple[int, int]] = []
        self.source = ImageSource(cells=gallery_cells, spawn=self.spawn, on_loaded=self.note)
        self.source.on_reset = self.resets.append
        self.source.on_rows = lambda first, last: self.rows.append((first, last))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    def note(self) -> None:
        self.loaded += 1

    async def show(self, sort: str = "newest", **options: Any) -> None:
        await self.source.show(self.engine, ImageQuery(sort=sort), **options)

    async def until_loaded(self) -> None:
        await asyncio.gather(*self.tasks)


async def test_a_list_knows_its_length_before_its_rows() -> None:
    heard = Listener(10_000)
    assert not heard.source.is_ready
    await heard.show()
    assert (heard.source.count, heard.images.asked, heard.resets) == (10_000, [], [False])
    assert heard.source.cells(0) is None
    assert heard.source.key_at(0) == 10_000
    assert heard.source.key_at(10_000) is None
    heard.source.request(0, 20)
    await heard.until_loaded()
    cells = heard.source.cells(0)
    assert cells is not None
    assert cells[1] == "Title 10000"
    assert len(heard.images.asked) < 100
    assert heard.rows == [(0, 70)]
    assert heard.loaded == 1
    heard.source.request(5, 15)
    assert len(heard.tasks) == 1, "everything in sight is there"


@pytest.mark.parametrize("sort", ["newest", "oldest"])
async def test_places_by_id_and_ids_by_place(sort: str) -> None:
    heard = Listener(50)
    await heard.show(sort)
    for index in (0, 7, 49):
        assert heard.source.index_of(heard.source.key_at(index)) == index
    assert heard.source.index_of(51) is None
    assert heard.source.index_of("7") is None
    assert list(await heard.source.keys(1, 3)) == list(heard.source.ids[1:4])


@pytest.mark.parametrize(("sort", "after"), [("newest", [9, 5, 4, 2, 1]), ("oldest", [1, 2, 4, 5, 9])])
async def test_images_come_to_their_place_and_go(sort: str, after: list[int]) -> None:
    heard = Listener(5)
    await heard.show(sort)
    heard.source.change(added=[9, 5], removed=[3, 77])
    assert list(heard.source.ids) == after
    assert heard.resets == [False, True], "told once"
    heard.source.change(added=[9], removed=[3])
    assert heard.resets == [False, True], "nothing changed"


async def test_what_is_pending_is_left_out() -> None:
    heard = Listener(5)
    await heard.show(without={2, 4})
    assert list(heard.source.ids) == [5, 3, 1]


async def test_a_changed_image_is_asked_for_again() -> None:
    heard = Listener(5)
    await heard.show()
    heard.source.request(0, 4)
    await heard.until_loaded()
    heard.images.views[3] = image_view(3, title="New")
    heard.source.forget(3)
    await heard.until_loaded()
    view = heard.source.view(3)
    assert view is not None
    assert view.title == "New"
    heard.source.patch(image_view(3, title="Newer"))
    heard.source.patch(image_view(99))
    view = heard.source.view(3)
    assert view is not None
    assert view.title == "Newer"
    assert heard.source.view(99) is None


async def test_an_image_that_is_gone_is_not_asked_for_again_and_again() -> None:
    heard = Listener(3)
    await heard.show()
    del heard.images.views[2]
    heard.source.request(0, 2)
    await heard.until_loaded()
    heard.source.request(0, 2)
    await heard.until_loaded()
    assert heard.images.asked == [3, 2, 1]


async def test_what_was_seen_is_forgotten_in_time() -> None:
    heard = Listener(KEPT_VIEWS * 2)
    await heard.show()
    for first in range(0, KEPT_VIEWS * 2, 200):
        heard.source.request(first, first + 199)
        await until(lambda at=first + 199: heard.source.cells(at) is not None)  # type: ignore[misc]
    assert heard.source.cells(0) is None
    assert heard.source.cells(KEPT_VIEWS * 2 - 1) is not None


async def test_the_same_list_seen_another_way() -> None:
    heard, other = Listener(5), Listener(0)
    await heard.show()
    heard.source.request(0, 4)
    await heard.until_loaded()
    other.source.copy(heard.source)
    assert list(other.source.ids) == list(heard.source.ids)
    assert other.source.view(3) == heard.source.view(3)
    other.source.change(removed=[3])
    assert 3 in heard.source.ids


async def test_views_that_are_there_already() -> None:
    heard = Listener(0)
    heard.source.show_views([image_view(7), image_view(3)])
    assert list(heard.source.ids) == [7, 3]
    assert heard.source.cells(1) is not None


async def test_only_the_rows_in_sight_are_asked_what_an_agency_says() -> None:
    heard = Listener(10_000)
    heard.images.taken = {10_000}
    await heard.show(agency=AgencyChoice("adobe", "Adobe Stock"))
    assert (heard.source.count, heard.images.weighed) == (10_000, [])
    heard.source.request(0, 20)
    await heard.until_loaded()
    assert sorted(heard.images.fits_asked) == sorted(heard.images.asked)
    assert len(heard.images.fits_asked) < 100
    answers = [heard.source.fit(image_id) for image_id in (10_000, 9_999, 1)]
    assert [None if one is None else one.is_accepted for one in answers] == [True, False, None]
    heard.source.forget(9_999)
    assert heard.source.fit(9_999) is None
    await heard.until_loaded()
    assert heard.source.fit(9_999) is not None
    await heard.show()
    assert heard.source.fit(10_000) is None, "nobody's answers are wanted any more"


async def test_an_agency_is_asked_about_all_images_once_and_of_changed_ones_again() -> None:
    heard = Listener(10_000)
    heard.images.taken = {2, 5_000, 9_999}
    taken = AgencyChoice("adobe", "Adobe Stock", only=True)
    await heard.show(agency=taken)
    assert list(heard.source.ids) == [9_999, 5_000, 2]
    assert [len(ids) for ids in heard.images.weighed] == [10_000]
    await heard.show(agency=AgencyChoice("adobe", "Adobe Stock", only=False))
    assert heard.source.count == 9_997
    heard.images.taken = {2, 3}
    heard.source.forget_fits([3, 5_000])
    await heard.show(agency=taken)
    assert list(heard.source.ids) == [9_999, 3, 2], "9999 was not said to have changed"
    assert heard.images.weighed[1:] == [[5_000, 3]]
    heard.source.forget_fits()
    await heard.show(agency=taken)
    assert list(heard.source.ids) == [3, 2]
    await heard.show(agency=AgencyChoice("other", "Other", only=True))
    assert [len(ids) for ids in heard.images.weighed[2:]] == [10_000, 10_000]
