"""The images of a list or a grid: all their ids, and the views of those in sight. A RowSource.

The ids say how long the list is and where each image stands, so a cursor, marks and neighbours need no more; rows are
asked for as they come into sight.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

from engine.api import EngineApi, ImageQuery
from engine.export.views import FitView
from engine.views import ImageView
from tui.widgets.agency_fit import NO_AGENCY, AgencyChoice
from tui.widgets.columns import Cell
from tui.widgets.list_source import Spawn

KEPT_VIEWS = 2_000
AROUND = 50
"""Views asked for before and after those in sight."""


class ImageSource:
    """Show a query with `show`; keep it up to date with `change`, `patch` and `forget`."""

    def __init__(
        self,
        *,
        cells: Callable[[ImageView], Sequence[Cell]],
        spawn: Spawn,
        on_loaded: Callable[[], None] | None = None,
    ) -> None:
        """`on_loaded` is called whenever views have come."""
        self.on_rows: Callable[[int, int], None] | None = None
        self.on_reset: Callable[[bool], None] | None = None
        self.is_ready = False
        self._cells = cells
        self._spawn = spawn
        self._on_loaded = on_loaded
        self._engine: EngineApi | None = None
        self._query = ImageQuery()
        self._agency = NO_AGENCY
        self._fits: dict[int, FitView] = {}
        """Of the views that are kept."""
        self._takes: dict[int, bool] = {}
        """Of every image that was asked about, whether the agency takes it."""
        self._ids: list[int] = []
        self._views: OrderedDict[int, ImageView] = OrderedDict()
        self._gone: set[int] = set()
        self._wanted = (0, -1)
        self._is_loading = False
        self._shows = 0

    # ---- what screens use

    async def show(
        self,
        engine: EngineApi,
        query: ImageQuery,
        *,
        without: Collection[int] = (),
        agency: AgencyChoice = NO_AGENCY,
    ) -> None:
        """Show what the query finds, but for `without`, and of it what the agency takes or does not take; what is known
        of these images is asked for anew."""
        self._shows += 1
        number = self._shows
        ids = await engine.image_ids(query)
        takes = self._takes if agency.agency == self._agency.agency else {}
        if agency.only is not None:
            if unknown := [image_id for image_id in ids if image_id not in takes]:
                taken = set(await engine.fitting_images(unknown, agency.agency))
                takes |= {image_id: image_id in taken for image_id in unknown}
            ids = [image_id for image_id in ids if takes.get(image_id) is agency.only]
        if number != self._shows:
            return
        is_same = self.is_ready and query == self._query and agency == self._agency
        self._engine, self._query, self.is_ready = engine, query, True
        self._agency, self._takes = agency, takes
        self._ids = [image_id for image_id in ids if image_id not in without] if without else ids
        self._views.clear()
        self._fits.clear()
        self._gone.clear()
        self._reset(is_same)

    def show_views(self, views: Sequence[ImageView]) -> None:
        """Show these, which somebody else asked for; newest first."""
        self._shows += 1
        self.is_ready = True
        self._ids = [view.image_id for view in views]
        self._views = OrderedDict((view.image_id, view) for view in views)
        self._reset(True)

    @property
    def ids(self) -> Sequence[int]:
        """All of them, in the order of the list."""
        return self._ids

    def view(self, image_id: int) -> ImageView | None:
        """What is known of an image; None: not loaded."""
        return self._views.get(image_id)

    @property
    def agency(self) -> AgencyChoice:
        """Whose answers are shown."""
        return self._agency

    def fit(self, image_id: int) -> FitView | None:
        """What the chosen agency says of an image; None: not known."""
        return self._fits.get(image_id)

    def forget_fits(self, image_ids: Iterable[int] | None = None) -> None:
        """Ask the agency about these anew, or about all, at the next `show`."""
        for image_id in list(self._takes) if image_ids is None else image_ids:
            self._takes.pop(image_id, None)

    def change(self, added: Iterable[int] = (), removed: Iterable[int] = ()) -> None:
        """Images that belong to the list now, and images that do not any more. A list in the order of a job cannot tell
        where new ones stand: show it anew."""
        gone = {image_id for image_id in removed if self.index_of(image_id) is not None}
        new = sorted({image_id for image_id in added if self.index_of(image_id) is None})
        if gone:
            self._ids = [image_id for image_id in self._ids if image_id not in gone]
            for image_id in gone:
                self._views.pop(image_id, None)
                self._fits.pop(image_id, None)
        for image_id in new:
            self._ids.insert(self._place(image_id), image_id)
            self._gone.discard(image_id)
        if gone or new:
            self._reset(True)

    def copy(self, other: "ImageSource") -> None:
        """Show what the other one shows."""
        self._shows += 1
        self._engine, self._query, self.is_ready = other._engine, other._query, other.is_ready
        self._ids, self._views, self._gone = list(other._ids), other._views.copy(), set(other._gone)
        self._agency, self._fits, self._takes = other._agency, other._fits.copy(), other._takes.copy()
        self._reset(True)

    def patch(self, view: ImageView) -> None:
        """An image has changed."""
        index = self.index_of(view.image_id)
        if index is not None:
            self._keep(view)
            self._tell(index, index)

    def forget(self, image_id: int) -> None:
        """An image has changed: ask for it again when it is in sight."""
        index = self.index_of(image_id)
        self._fits.pop(image_id, None)
        if index is not None and self._views.pop(image_id, None) is not None:
            self._tell(index, index)
            self._load_wanted()

    # ---- RowSource

    @property
    def count(self) -> int:
        return len(self._ids)

    def key_at(self, index: int) -> int | None:
        return self._ids[index] if 0 <= index < len(self._ids) else None

    def index_of(self, key: Hashable) -> int | None:
        if not isinstance(key, int):
            return None
        if self._query.sort == "number":
            return self._ids.index(key) if key in self._ids else None
        place = self._place(key)
        return place if place < len(self._ids) and self._ids[place] == key else None

    def cells(self, index: int) -> Sequence[Cell] | None:
        view = self._views.get(self._ids[index])
        return None if view is None else self._cells(view)

    def request(self, first: int, last: int) -> None:
        self._wanted = (first, last)
        self._load_wanted()

    async def keys(self, first: int, last: int) -> Sequence[Hashable]:
        return self._ids[first : last + 1]

    # ---- inside

    def _place(self, image_id: int) -> int:
        """Where an image stands, or would stand, in a list in the order of ids."""
        sign = -1 if self._query.sort == "newest" else 1
        return bisect_left(self._ids, sign * image_id, key=lambda one: sign * one)

    def _load_wanted(self) -> None:
        if not self._is_loading and self._missing():
            self._is_loading = True
            self._spawn(self._load())

    def _missing(self) -> list[int]:
        """What to ask for next: nothing while all that is in sight is there."""
        first, last = self._wanted
        if all(image_id in self._views or image_id in self._gone for image_id in self._ids[first : last + 1]):
            return []
        around = self._ids[max(0, first - AROUND) : last + 1 + AROUND]
        return [image_id for image_id in around if image_id not in self._views and image_id not in self._gone]

    async def _load(self) -> None:
        try:
            while missing := self._missing():
                assert self._engine is not None, "ids came from it"
                shows = self._shows
                views = await self._engine.images_by_id(missing)
                if shows != self._shows:
                    continue
                for view in views:
                    self._keep(view)
                self._gone.update(set(missing) - {view.image_id for view in views})
                self._tell_loaded(missing)
                if self._agency.agency:
                    fits = await self._engine.agency_fits(missing, self._agency.agency)
                    if shows == self._shows:
                        self._fits |= {one.image_id: one for one in fits if one.image_id in self._views}
                        self._tell_loaded(missing)
        finally:
            self._is_loading = False

    def _tell_loaded(self, image_ids: Sequence[int]) -> None:
        places = [place for one in image_ids if (place := self.index_of(one)) is not None]
        if places:
            self._tell(min(places), max(places))
        if self._on_loaded is not None:
            self._on_loaded()

    def _keep(self, view: ImageView) -> None:
        self._views[view.image_id] = view
        self._views.move_to_end(view.image_id)
        while len(self._views) > KEPT_VIEWS:
            self._fits.pop(self._views.popitem(last=False)[0], None)

    def _tell(self, first: int, last: int) -> None:
        if self.on_rows is not None:
            self.on_rows(first, last)

    def _reset(self, is_same: bool) -> None:
        if self.on_reset is not None:
            self.on_reset(is_same)
