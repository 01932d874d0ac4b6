"""An engine in this process, in a folder of its own, against a simulator: what tests of it start from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from engine.api import JobRequest
from engine.clock import Clock
from engine.events import Event
from engine.paths import Paths
from engine.preferences import Preferences, load_preferences
from engine.secrets import KeyStore
from engine.service import Engine
from engine.simulator import Simulator, SimulatorOptions, parse_script

KEYS = {
    "PIAPI_API_KEY": "pk-piapi-51c0f3a98d",
    "OPENAI_API_KEY": "sk-openai-7be20d64c1",
    "REMOVE_BG_API_KEY": "rb-removebg-0a9f55e2",
    "RUNWARE_API_KEY": "rw-runware-d83b1c7f06",
}
"""Values that no text has by chance, so that a test can look for them anywhere."""


class EngineHome:
    """A data folder and the services that its engines talk to; engines are opened on it one after another."""

    def __init__(self, root: Path, simulator: Simulator, environ: Mapping[str, str]) -> None:
        self.root = root
        self.simulator = simulator
        self.environ = dict(environ)

    @property
    def paths(self) -> Paths:
        return Paths.resolve(self.root, self.environ)

    @property
    def preferences(self) -> Preferences:
        return load_preferences(self.paths.config_file, self.environ)[0]

    def keys(self) -> KeyStore:
        """A key store that reads the environment of this home and never the system's own store."""
        return KeyStore(self.paths.keys_file, self.environ, load=lambda: None)

    @asynccontextmanager
    async def open(
        self, *, clock: Clock | None = None, is_working: bool = True, **preferences: Any
    ) -> AsyncIterator[Engine]:
        """An engine; `preferences` replace single fields, such as `resume_on_start=False`."""
        chosen = self.preferences.model_copy(update=preferences)
        async with Engine.open(
            self.paths, chosen, self.keys(), clock=clock, environ=self.environ, is_working=is_working
        ) as engine:
            yield engine

    def script(self, *rules: dict[str, Any]) -> None:
        """Let these fault rules be in force; see engine.simulator.server."""
        self.simulator.world.replace_script(parse_script(list(rules)))

    def payments(self, service: str, operation: str | None = None) -> list[dict[str, Any]]:
        """What the services were paid for, refunds left out."""
        return [
            payment
            for payment in self.simulator.world.ledger.payments()
            if payment["service"] == service
            and operation in (None, payment["operation"])
            and not payment["is_refunded"]
        ]

    def requests(self, service: str, operation: str) -> list[Any]:
        """Every request of that kind that arrived, oldest first."""
        return [
            record
            for record in self.simulator.world.requests
            if record.service == service
            and record.operation.partition(".")[0] == operation.partition(".")[0]
            and operation in (record.operation, record.operation.partition(".")[0])
        ]


@asynccontextmanager
async def engine_home(root: Path, **options: Any) -> AsyncIterator[EngineHome]:
    """A home below `root` with a simulator of its own; its pictures are small and ready at once unless
    `options` (those of SimulatorOptions) say otherwise."""
    chosen = SimulatorOptions(**{"latency_seconds": 0.0, "image_side_cap": 64, "text_share": 0.0, **options})
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(Simulator(chosen))
        yield EngineHome(root, simulator, {**simulator.urls, **KEYS})


def settings(**groups: Mapping[str, Any]) -> dict[str, Any]:
    """A settings document of a quick job: polls as often as it may, and whatever `groups` say."""
    document: dict[str, Any] = {"generation": {"poll_interval_seconds": 0.5}}
    for group, fields in groups.items():
        document.setdefault(group, {}).update(fields)
    return document


def request(label: str | None = None, **groups: Mapping[str, Any]) -> JobRequest:
    """A job of one image, or of what `groups` say: `request("A", generation={"generations": 3})`."""
    return JobRequest(settings(**groups), label=label)


async def until(is_true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that no event tells; TimeoutError when it does not come."""
    async with asyncio.timeout(seconds):
        while not is_true():
            await asyncio.sleep(0.002)


class Listener:
    """Keeps every event of an engine, or of a bus, in order: `async with Listener(engine) as heard`."""

    def __init__(self, source: Any) -> None:
        self._subscription = source.subscribe()
        self._task: asyncio.Task[None] | None = None
        self.events: list[Event] = []

    async def __aenter__(self) -> "Listener":
        self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._subscription.close()
        if self._task is not None:
            await self._task

    async def _listen(self) -> None:
        async for event in self._subscription:
            self.events.append(event)

    def of[T: Event](self, kind: type[T], **fields: Any) -> list[T]:
        """The events of a class whose fields have these values."""
        return [
            event
            for event in self.events
            if isinstance(event, kind)
            and all(getattr(event, name) == value for name, value in fields.items())
        ]

    async def wait_for[T: Event](self, kind: type[T], seconds: float = 20.0, **fields: Any) -> T:
        """The first such event, whether it has come already or is still to come."""
        await until(lambda: bool(self.of(kind, **fields)), seconds)
        return self.of(kind, **fields)[0]
