"""A front end as a process of its own, to be killed while it is attached: `python -m tests.soak.attached HOME`. It
asks and listens without end and changes nothing."""

import asyncio
import os
import sys
from pathlib import Path

from engine.client import EngineClient
from engine.errors import EngineUnreachableError
from engine.paths import Paths

_AGAIN_S = 0.2


async def stay_attached(paths: Paths) -> None:
    """Attach again whenever the engine has gone."""
    while True:
        try:
            async with EngineClient.connect(paths) as client, client.subscribe(100) as events:
                while not client.is_lost:
                    await client.unfinished_jobs()
                    await events.next_batch()
        except EngineUnreachableError:
            await asyncio.sleep(_AGAIN_S)


if __name__ == "__main__":
    asyncio.run(stay_attached(Paths.resolve(Path(sys.argv[1]), os.environ)))
