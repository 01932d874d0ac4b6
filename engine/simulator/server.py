"""The simulator's HTTP server: binds 127.0.0.1 only, starts and stops, says where it listens.

**Services.** `Simulator.urls` names each base URL under the environment variable from which clients read it:
`/piapi` (the task API, and OpenAI's surface below `/piapi/v1`), `/openai/v1`, `/removebg/v1.0`,
`/runware/v1`; finished pictures lie below `/files`. Every key that is not empty is accepted, unless the
options name one.

**Control**, JSON over HTTP, without a key:

    GET  /control/ledger    {"payments": [{number, service, operation, request_id, task_id, model, prompt,
                            amount_micros, at, is_answered, is_refunded}], "total_micros"};
                            a payment is booked when the work is accepted; the total leaves refunds out
    GET  /control/requests  [{number, service, operation, method, path, query, headers, body, at, fault,
                            status}], filtered by ?service= and ?operation=; keys are hashes, pictures facts
    GET  /control/stats     requests, payments and tasks by kind, and how many there were at once
    GET  /control/script    the rules in force, each with `seen` and `acted`
    POST /control/script    a list of rules replaces them; {"add": [...]} puts more behind them
    POST /control/credit    {"piapi": 1000000}: what an account holds, in micros; null: without end
    POST /control/reset     forgets everything; script and credit are those of the options again

**Script.** A list of rules; each is an object of which `service` and `action` are required:

    {"service": "piapi", "operation": "submit", "nth": 2, "action": "lose_answer"}
    {"service": "openai", "operation": "chat.check", "every": 3, "action": "say", "text": "Looks fine"}
    {"service": "piapi", "operation": "submit", "match": "kitten", "action": "status", "code": 429,
     "headers": {"Retry-After": "2"}, "times": 2}

- `service`: piapi, openai, removebg, runware, files. `operation` (default `*`): piapi submit, poll, cancel,
  account, active, history; openai chat (or chat.prompt, chat.check, chat.metadata, chat.other), images,
  models; removebg remove, account; runware submit, poll, account; files download.
- `match`: only requests whose path, body or picture's prompt contains this text.
- `nth`: starts with the nth request that fits; `every`: each nth; `times`: at most so often (default: 1 with
  `nth`, else without end). Every rule counts the requests that fit it from the moment it was set. The first
  rule that acts on a request wins.
- `process`: whether the service does its work and takes its payment although the answer is spoilt. Default:
  no for status, drop, drop_before_read, hang and redirect; yes for the rest.
- `action`, with the fields it reads: status (code, body, headers), drop, drop_before_read, lose_answer, hang,
  slow (seconds), html, list, wrong_types, empty, garbage (bytes), truncate (bytes), cut (bytes), endless,
  redirect (url), bomb, svg, blank, expired, status_word (word), no_images, duplicate, fail (text), say (text, word),
  refuse (text), no_choices. engine.simulator.faults.Action describes each.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping

from aiohttp import web

from engine.simulator import files, openai, piapi, removebg, runware
from engine.simulator.control import control_routes
from engine.simulator.exchange import Exchange
from engine.simulator.options import SimulatorOptions
from engine.simulator.world import World

_HOST = "127.0.0.1"
_LARGEST_BODY = 64 * 1024 * 1024
_SHUTDOWN_SECONDS = 0.5
_PARENT_CHECK_SECONDS = 1.0
_PATHS = {
    "PIAPI_BASE_URL": "/piapi",
    "OPENAI_BASE_URL": "/openai/v1",
    "REMOVE_BG_BASE_URL": "/removebg/v1.0",
    "RUNWARE_BASE_URL": "/runware/v1",
}


class Simulator:
    """One server with a world of its own; `async with Simulator(options) as simulator` runs it."""

    def __init__(self, options: SimulatorOptions | None = None, *, world: World | None = None) -> None:
        self._options = options or SimulatorOptions()
        self._world = world
        self._runner: web.AppRunner | None = None
        self._port: int | None = None

    @property
    def address(self) -> str:
        """`http://127.0.0.1:PORT`. Raises RuntimeError before the start."""
        if self._port is None:
            raise RuntimeError("the simulator has not been started")
        return f"http://{_HOST}:{self._port}"

    @property
    def urls(self) -> dict[str, str]:
        """Base URLs by the environment variable that names them to clients."""
        return {name: self.address + path for name, path in _PATHS.items()}

    @property
    def world(self) -> World:
        """The state, for a test in the same process. Raises RuntimeError before the start."""
        if self._world is None:
            raise RuntimeError("the simulator has not been started")
        return self._world

    async def start(self) -> None:
        """Bind and serve. Raises OSError where the port is taken."""
        world = self._world = self._world or World(self._options)
        exchange = Exchange(world)
        app = web.Application(client_max_size=_LARGEST_BODY)
        for module in (piapi, openai, removebg, runware, files):
            for route in module.routes():
                app.router.add_route(route.method, route.path, exchange.endpoint(route))
        app.add_routes(control_routes(world))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        try:
            await self._runner.setup()
            await web.TCPSite(self._runner, _HOST, self._options.port).start()
        except OSError:
            await self.stop()
            raise
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every connection and end the worker threads. Safe to call twice."""
        if self._world is not None:
            self._world.stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._world is not None:
            self._world.close()

    async def __aenter__(self) -> "Simulator":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def run_simulator(options: SimulatorOptions, *, parent_pid: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT, or until the process `parent_pid` is gone; the exit status, 0.

    When it is ready, one line of JSON goes to stdout: `{"pid", "urls", "control"}`. Raises OSError where the
    port is taken.
    """
    asyncio.run(_serve(options, parent_pid))
    return 0


async def _serve(options: SimulatorOptions, parent_pid: int | None) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with Simulator(options) as simulator:
        _announce({"pid": os.getpid(), "urls": simulator.urls, "control": f"{simulator.address}/control"})
        while not ended.is_set() and _is_alive(parent_pid):
            try:
                async with asyncio.timeout(None if parent_pid is None else _PARENT_CHECK_SECONDS):
                    await ended.wait()
            except TimeoutError:
                continue


def _announce(facts: Mapping[str, object]) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def _is_alive(pid: int | None) -> bool:
    """Whether the process is there; True for None."""
    if pid is None:
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
