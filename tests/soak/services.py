"""The services of a soak: a simulator in a process of its own that outlives every killed engine, and a mirror of what
it saw. The mirror takes the place of EngineHome's simulator, so that the stories' proofs read it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from engine.demo import simulator_process
from tests.support.engine import KEYS, EngineHome

_MIRROR_EVERY_S = 3.0
_KEEP = 10_000
_UNSPOILT = (None, "slow")


class SoakHome(EngineHome):
    """A data folder whose services are in another process; `mirror` keeps up with them."""

    def __init__(self, root: Path, urls: dict[str, str], pid: int) -> None:
        super().__init__(root, None, {**urls, **KEYS})  # type: ignore[arg-type]
        self.simulator_pid = pid
        self.judged: set[str] = set()
        """SHA-256 of every picture about which a check gave a whole answer."""
        self.faults_sent = 0
        self._control = urls["PIAPI_BASE_URL"].removesuffix("/piapi") + "/control"
        self._paid: list[dict[str, Any]] = []
        self._checks: set[int] = set()
        self._http = httpx.AsyncClient(timeout=60, trust_env=False)

    async def close(self) -> None:
        await self._http.aclose()

    async def set_script(self, rules: list[dict[str, Any]]) -> None:
        """Put other faults in force; what the old ones did is counted first."""
        await self.count_faults()
        (await self._http.post(f"{self._control}/script", json=rules)).raise_for_status()

    async def count_faults(self) -> None:
        rules = (await self._http.get(f"{self._control}/script")).json()
        self.faults_sent += sum(rule["acted"] for rule in rules)

    async def mirror(self) -> None:
        """Take over the checks that came since the last time, before the simulator forgets them."""
        query = {"service": "openai", "operation": "chat.check"}
        records = (await self._http.get(f"{self._control}/requests", params=query)).json()
        for record in records:  # those of the last time too: an answer may have been under way
            self._checks.add(record["number"])
            if record["fault"] in _UNSPOILT and record["status"] == 200:
                self.judged.update(_pictures(record["body"]))

    async def keep_mirroring(self) -> None:
        while True:
            await self.mirror()
            await asyncio.sleep(_MIRROR_EVERY_S)

    async def take_stock(self) -> None:
        """Read everything that the proofs need. Raises RuntimeError where checks were forgotten meanwhile."""
        await self.mirror()
        self._paid = (await self._http.get(f"{self._control}/ledger")).json()["payments"]
        stats = (await self._http.get(f"{self._control}/stats")).json()
        arrived = stats["requests"].get("openai.chat.check", 0)
        if len(self._checks) != arrived:
            raise RuntimeError(f"{arrived} checks arrived, {len(self._checks)} were seen: mirror more often")

    def payments(self, service: str | None, operation: str | None = None) -> list[dict[str, Any]]:
        """As of the last `take_stock`; None: of every service."""
        return [
            payment
            for payment in self._paid
            if service in (None, payment["service"])
            and operation in (None, payment["operation"])
            and not payment["is_refunded"]
        ]


def _pictures(body: Any) -> set[str]:
    return {
        part["image_url"]["url"]["sha256"]
        for message in body["messages"]
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    }


@asynccontextmanager
async def soak_home(root: Path, seed: int) -> AsyncIterator[SoakHome]:
    """A home below `root` with small pictures, one check in ten that says no, and answers that take a moment."""
    options = {
        "--seed": seed,
        "--latency-seconds": 0.3,
        "--chat-latency-seconds": 0.05,
        "--submit-latency-seconds": 0.05,
        "--image-side-cap": 64,
        "--text-share": 0,
        "--reject-share": 0.1,
        "--keep-requests": _KEEP,
        "--keep-payments": 1_000_000,
        "--keep-tasks": 1_000_000,
        "--parent-pid": os.getpid(),
    }
    words = [str(word) for option in options.items() for word in option]
    async with simulator_process([sys.executable, "-m", "tui.cli", "simulator", *words]) as urls:
        async with httpx.AsyncClient(trust_env=False) as http:
            base = urls["PIAPI_BASE_URL"].removesuffix("/piapi")
            (await http.get(f"{base}/control/stats")).raise_for_status()
        home = SoakHome(root, dict(urls), _child_named("simulator"))
        try:
            yield home
        finally:
            await home.close()


def _child_named(word: str) -> int:
    """The process id of our child with this word in its command; 0 where there is no /proc to tell."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if parent == os.getpid() and word.encode() in command:
            return int(folder.name)
    return 0
