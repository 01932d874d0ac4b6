"""What every command that makes jobs needs, and how they say what stands in the way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from db.connection import Database
from engine.bus import EventBus
from engine.clock import Clock
from engine.costs import PriceBook
from engine.errors import Problem, SettingsError
from engine.logs import LogBook
from engine.places import Places
from engine.queries import Queries
from engine.secrets import KeyName, KeyStore
from engine.sizes import Size

_OTHER_SIZES = "The size stays as it is. Larger pictures need a job with larger dimensions."


@dataclass(frozen=True, slots=True)
class JobTools:
    """`places` answers where files go by the preferences as they are now."""

    database: Database
    queries: Queries
    keys: KeyStore
    prices: PriceBook
    places: Callable[[], Places]
    clock: Clock
    log_book: LogBook
    bus: EventBus
    target_warnings: Callable[[Sequence[Size]], Awaitable[list[Problem]]]
    """What the user's target agency would say of pictures of these sizes."""

    async def size_warnings(self, sizes: Iterable[tuple[int | None, int | None]]) -> list[Problem]:
        """`target_warnings` about pictures whose size is that of earlier ones; those of no known size are left out."""
        known = [Size(width, height, f"{width}:{height}") for width, height in sizes if width and height]
        return [
            replace(one, hint=_OTHER_SIZES) if one.field == "generation.dimensions" else one
            for one in await self.target_warnings(known)
        ]

    async def keys_there(self) -> set[KeyName]:
        """The services that there is a key for."""
        return {name for name in KeyName if await asyncio.to_thread(self.keys.get, name)}


def blocking(problems: Sequence[Problem]) -> list[Problem]:
    """Those that are more than a warning."""
    return [problem for problem in problems if not problem.is_warning]


def refuse_blocked(problems: Sequence[Problem]) -> None:
    """Raise SettingsError with everything that keeps the work from beginning, if anything does."""
    if hard := blocking(problems):
        raise SettingsError(hard)
