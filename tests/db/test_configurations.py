import sqlite3

import pytest

from db import configurations
from tests.db.rows import LATER, NOW, Rows


async def test_save_and_get(rows: Rows) -> None:
    saved = await rows.do(configurations.save, "Mine", {"generation": {"steps": 4}}, NOW)
    assert saved == await rows.ask(configurations.get, "Mine")
    assert saved.settings == {"generation": {"steps": 4}}
    assert (saved.is_default, saved.created_at, saved.updated_at) == (False, NOW, NOW)
    assert await rows.ask(configurations.get, "mine") is None


async def test_saving_again_keeps_id_age_and_default(rows: Rows) -> None:
    first = await rows.do(configurations.save, "Mine", {"a": 1}, NOW)
    await rows.do(configurations.set_default, "Mine")
    second = await rows.do(configurations.save, "Mine", {"a": 2}, LATER)
    assert second.configuration_id == first.configuration_id
    assert (second.settings, second.created_at, second.updated_at) == ({"a": 2}, NOW, LATER)
    assert second.is_default


async def test_a_blank_name_is_refused(rows: Rows) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(configurations.save, "  ", {}, NOW)


async def test_list_is_by_name(rows: Rows) -> None:
    for name in ("zebra", "Apple", "mango"):
        await rows.do(configurations.save, name, {}, NOW)
    assert [one.name for one in await rows.ask(configurations.list_all)] == ["Apple", "mango", "zebra"]


async def test_rename(rows: Rows) -> None:
    await rows.do(configurations.save, "a", {}, NOW)
    await rows.do(configurations.save, "b", {}, NOW)
    assert await rows.do(configurations.rename, "a", "c", LATER)
    assert not await rows.do(configurations.rename, "a", "d", LATER)
    renamed = await rows.ask(configurations.get, "c")
    assert renamed is not None
    assert renamed.updated_at == LATER
    with pytest.raises(sqlite3.IntegrityError):
        await rows.do(configurations.rename, "c", "b", LATER)


async def test_delete(rows: Rows) -> None:
    await rows.do(configurations.save, "a", {}, NOW)
    assert await rows.do(configurations.delete, "a")
    assert not await rows.do(configurations.delete, "a")
    assert await rows.ask(configurations.list_all) == []


async def test_one_default(rows: Rows) -> None:
    assert await rows.ask(configurations.get_default) is None
    for name in ("a", "b"):
        await rows.do(configurations.save, name, {}, NOW)
        assert await rows.do(configurations.set_default, name)
    assert [one.name for one in await rows.ask(configurations.list_all) if one.is_default] == ["b"]
    assert not await rows.do(configurations.set_default, "missing")
    default = await rows.ask(configurations.get_default)
    assert default is not None
    assert default.name == "b"
