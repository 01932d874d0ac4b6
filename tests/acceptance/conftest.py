"""Fixtures of the stories: homes with simulators of their own, and the program as a process."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("tests.acceptance.proofs", "tests.acceptance.support")

from tests.acceptance.support import Program  # noqa: E402 - their assertions are to explain themselves
from tests.support.engine import EngineHome, engine_home  # noqa: E402 - see above

MakeHome = Callable[..., Awaitable[EngineHome]]


@pytest.fixture
async def make_home(tmp_path: Path) -> AsyncIterator[MakeHome]:
    """Makes homes; the arguments are SimulatorOptions'."""
    async with AsyncExitStack() as stack:
        count = 0

        async def make(**options: Any) -> EngineHome:
            nonlocal count
            count += 1
            return await stack.enter_async_context(engine_home(tmp_path / f"home{count}", **options))

        yield make


@pytest.fixture
def program(home: EngineHome) -> Program:
    """The program in the folder of the `home` fixture."""
    return Program(home)
