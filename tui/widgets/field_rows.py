"""The rows of a form: fields under the headings of their groups, filtered by a search. Pure; draws nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.settings import FieldDescription


@dataclass(frozen=True, slots=True)
class Heading:
    """The line over a group."""

    group: str
    title: str


class FieldRows:
    """Places are counted from 0; only fields can hold the cursor."""

    def __init__(self, fields: Iterable[FieldDescription]) -> None:
        self._all = tuple(fields)
        self.rows: tuple[FieldDescription | Heading, ...] = ()
        self.find("")

    def find(self, text: str) -> None:
        """Keep only fields that have every word of the text in title, path, help or group."""
        words = text.lower().split()
        rows: list[FieldDescription | Heading] = []
        group = ""
        for field in self._all:
            hay = f"{field.title} {field.path} {field.description} {field.group_title}".lower()
            if not all(word in hay for word in words):
                continue
            if field.group != group:
                group = field.group
                rows.append(Heading(group, field.group_title))
            rows.append(field)
        self.rows = tuple(rows)

    def __len__(self) -> int:
        return len(self.rows)

    def field(self, place: int) -> FieldDescription | None:
        """The field there; None for a heading, and where nothing is."""
        row = self.rows[place] if 0 <= place < len(self.rows) else None
        return row if isinstance(row, FieldDescription) else None

    def place_of(self, path: str) -> int | None:
        """Where a field is; None where it is not shown."""
        return next((place for place in range(len(self)) if self._path(place) == path), None)

    def nearest(self, place: int, direction: int) -> int | None:
        """The first field from a place on, downwards (1) or upwards (-1)."""
        while 0 <= place < len(self):
            if self.field(place) is not None:
                return place
            place += direction
        return None

    def first_of(self, group: str) -> int | None:
        """The first field of a group."""
        for place, row in enumerate(self.rows):
            if isinstance(row, FieldDescription) and row.group == group:
                return place
        return None

    def group_after(self, group: str, direction: int) -> str:
        """The group after or before one, round and round."""
        groups = [row.group for row in self.rows if isinstance(row, Heading)]
        return groups[(groups.index(group) + direction) % len(groups)]

    def top_of(self, place: int) -> int:
        """The heading over a group's first field, which is to be seen with it; else the place itself."""
        return place - 1 if place and self.field(place - 1) is None else place

    def _path(self, place: int) -> str | None:
        field = self.field(place)
        return None if field is None else field.path
