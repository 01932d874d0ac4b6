"""Between SQL and records: which columns a record needs, how a row becomes one, how values become parameters.

Every statement of the repositories goes through here, so no query ever selects a column that nobody asked
for.
"""

import dataclasses
import json
import sqlite3
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import aiosqlite

type Parameters = Sequence[object] | Mapping[str, object]
type Conversion = Callable[[Any], object]


def json_text(value: object) -> str:
    """Compact JSON that keeps letters as they are, so that full text search finds them."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def words(members: Iterable[StrEnum]) -> str:
    """A set of enum members as one JSON parameter for `IN (SELECT value FROM json_each(?))`."""
    return json_text([member.value for member in members])


def literals(members: Iterable[StrEnum]) -> str:
    """Enum members as an SQL list, `'a', 'b'`, for statements that are put together once, at import."""
    return ", ".join(f"'{member.value}'" for member in members)


def to_parameters(record: Any) -> dict[str, object]:
    """The fields of a `New...` record as named parameters, lists and objects as JSON text."""
    values = {item.name: getattr(record, item.name) for item in dataclasses.fields(record)}
    return {
        name: json_text(value) if isinstance(value, dict | list | tuple) else value
        for name, value in values.items()
    }


@dataclasses.dataclass(frozen=True, slots=True)
class _Shape:
    select: str
    conversions: tuple[Conversion | None, ...]


# Working out the type hints of a record takes far longer than reading a row.
_SHAPES: dict[type[Any], _Shape] = {}


def _shape(record: type[Any]) -> _Shape:
    if record not in _SHAPES:
        hints = get_type_hints(record)
        names = [item.name for item in dataclasses.fields(record)]
        _SHAPES[record] = _Shape(
            "SELECT " + ", ".join(names), tuple(_conversion(hints[name]) for name in names)
        )
    return _SHAPES[record]


def _conversion(hint: Any) -> Conversion | None:
    if get_origin(hint) in (types.UnionType, Union):
        (inner,) = (argument for argument in get_args(hint) if argument is not types.NoneType)
        return _conversion(inner)
    if isinstance(hint, type) and issubclass(hint, StrEnum | bool):
        return hint
    if get_origin(hint) is tuple:
        return lambda text: tuple(json.loads(text))
    if get_origin(hint) in (dict, list):
        return json.loads
    return None


def read[T](record: type[T], row: Sequence[Any] | sqlite3.Row) -> T:
    """Build a record from a row whose columns are the record's fields, in their order; NULL stays None."""
    values: list[object] = []
    for value, convert in zip(row, _shape(record).conversions, strict=True):
        values.append(value if convert is None or value is None else convert(value))
    return record(*values)


async def fetch_all[T](
    connection: aiosqlite.Connection, record: type[T], tail: str, parameters: Parameters = ()
) -> list[T]:
    """Rows as records; `tail` is the statement from its FROM on."""
    rows = await connection.execute_fetchall(f"{_shape(record).select} {tail}", _bound(parameters))
    return [read(record, row) for row in rows]


async def fetch_one[T](
    connection: aiosqlite.Connection, record: type[T], tail: str, parameters: Parameters = ()
) -> T | None:
    """The first row as a record, or None."""
    found = await fetch_all(connection, record, tail, parameters)
    return found[0] if found else None


async def fetch_rows(
    connection: aiosqlite.Connection, statement: str, parameters: Parameters = ()
) -> list[sqlite3.Row]:
    """Plain rows of a whole statement, for sums and ids."""
    return list(await connection.execute_fetchall(statement, _bound(parameters)))


async def change(connection: aiosqlite.Connection, statement: str, parameters: Parameters = ()) -> int:
    """Run one INSERT, UPDATE or DELETE; how many rows it changed, those that triggers changed not counted."""
    cursor = await connection.execute(statement, _bound(parameters))
    return cursor.rowcount


def _bound(parameters: Parameters) -> Any:
    # aiosqlite types parameters as an iterable, but hands a mapping on to sqlite3 as it is.
    return parameters
