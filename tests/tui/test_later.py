"""Work whose worker may never begin."""

import asyncio
import gc
import warnings

import pytest

from tui.later import Later


async def answer(number: int) -> int:
    await asyncio.sleep(0)
    return number


async def test_it_is_awaited_like_what_it_holds() -> None:
    assert await Later(answer(7)) == 7


async def test_what_is_never_begun_ends_without_a_word() -> None:
    inner = Later(answer(1))

    async def outer(work: Later[int]) -> int:
        return await work

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        later = Later(outer(inner))
        del later, inner
        gc.collect()
    assert told == []


async def test_cancelling_reaches_what_has_begun() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def begin() -> None:
        await Later(work())

    task = asyncio.create_task(begin())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
