"""A running simulator and a plain HTTP client, for every test of this folder."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from engine.simulator import Simulator, SimulatorOptions
from engine.simulator.world import World

KEY = "sk-test-0123456789abcdef"


class Clock:
    """Monotonic seconds that stand still until they are set forward."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Bench:
    """A simulator with a client that knows its addresses and sends a key everywhere."""

    def __init__(self, simulator: Simulator, client: httpx.AsyncClient, clock: Clock | None) -> None:
        self.simulator = simulator
        self.client = client
        self._clock = clock

    @property
    def clock(self) -> Clock:
        assert self._clock is not None
        return self._clock

    @property
    def piapi(self) -> str:
        return self.simulator.urls["PIAPI_BASE_URL"]

    @property
    def openai(self) -> str:
        return self.simulator.urls["OPENAI_BASE_URL"]

    @property
    def removebg(self) -> str:
        return self.simulator.urls["REMOVE_BG_BASE_URL"]

    @property
    def runware(self) -> str:
        return self.simulator.urls["RUNWARE_BASE_URL"]

    async def control(self, name: str, **query: str) -> Any:
        answer = await self.client.get(f"{self.simulator.address}/control/{name}", params=query)
        assert answer.status_code == 200
        return answer.json()

    async def payments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.control("ledger"))["payments"]
        return found

    async def script(self, *rules: dict[str, Any]) -> httpx.Response:
        return await self.client.post(f"{self.simulator.address}/control/script", json=list(rules))

    async def submit(self, prompt: str = "a red fox", **fields: Any) -> httpx.Response:
        body = {
            "model": fields.pop("model", "Qubico/flux1-schnell"),
            "task_type": fields.pop("task_type", "txt2img"),
            "input": {"prompt": prompt, **fields},
        }
        return await self.client.post(f"{self.piapi}/api/v1/task", json=body)

    async def submitted(self, prompt: str = "a red fox", **fields: Any) -> str:
        answer = await self.submit(prompt, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["data"]["task_id"])

    async def poll(self, task_id: str) -> dict[str, Any]:
        answer = await self.client.get(f"{self.piapi}/api/v1/task/{task_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found


Start = Callable[..., Awaitable[Bench]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Starts simulators with the given options; pictures are small and ready at once by default."""
    async with AsyncExitStack() as stack:

        async def start(*, with_clock: bool = False, **options: Any) -> Bench:
            settings = SimulatorOptions(**{"latency_seconds": 0.0, "image_side_cap": 96, **options})
            clock = Clock() if with_clock else None
            world = World(settings, clock=clock) if clock else None
            simulator = await stack.enter_async_context(Simulator(settings, world=world))
            client = await stack.enter_async_context(
                httpx.AsyncClient(
                    transport=httpx.AsyncHTTPTransport(verify=False),
                    headers={"X-API-Key": KEY, "Authorization": f"Bearer {KEY}"},
                    trust_env=False,
                    timeout=20,
                )
            )
            return Bench(simulator, client, clock)

        yield start


@pytest.fixture
async def bench(start: Start) -> Bench:
    return await start()
