"""The routes below /control, with which a test looks into the simulator and turns it. See server.py."""

import json
from typing import Any

from aiohttp import web

from engine.simulator.actions import Service
from engine.simulator.faults import ScriptError, parse_script
from engine.simulator.world import World


def control_routes(world: World) -> list[web.RouteDef]:
    """They are neither recorded nor counted, and no rule meets them."""
    control = _Control(world)
    return [
        web.get("/control/script", control.show_script),
        web.post("/control/script", control.set_script),
        web.get("/control/ledger", control.show_ledger),
        web.get("/control/requests", control.show_requests),
        web.get("/control/stats", control.show_stats),
        web.post("/control/credit", control.set_credit),
        web.post("/control/reset", control.reset),
    ]


def _answer(data: Any, status: int = 200) -> web.Response:
    return web.json_response(data, status=status)


async def _read(request: web.Request) -> Any:
    """The decoded body. Raises ScriptError."""
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise ScriptError(f"not JSON: {error}") from error


class _Control:
    def __init__(self, world: World) -> None:
        self._world = world

    async def show_script(self, _request: web.Request) -> web.Response:
        return _answer(self._world.script.to_json())

    async def set_script(self, request: web.Request) -> web.Response:
        try:
            data = await _read(request)
            is_addition = isinstance(data, dict) and data.keys() == {"add"}
            rules = parse_script(data["add"] if is_addition else data)
        except ScriptError as error:
            return _answer({"error": str(error)}, 400)
        if is_addition:
            self._world.script.add(rules)
        else:
            self._world.replace_script(rules)
        return _answer(self._world.script.to_json())

    async def show_ledger(self, _request: web.Request) -> web.Response:
        payments = self._world.ledger.payments()
        total = sum(item["amount_micros"] for item in payments if not item["is_refunded"])
        return _answer({"payments": payments, "total_micros": total})

    async def show_requests(self, request: web.Request) -> web.Response:
        service, operation = request.query.get("service"), request.query.get("operation")
        records = [
            record.to_json()
            for record in self._world.requests
            if service in (None, str(record.service)) and operation in (None, record.operation)
        ]
        return _answer(records)

    async def show_stats(self, _request: web.Request) -> web.Response:
        return _answer(self._world.stats())

    async def set_credit(self, request: web.Request) -> web.Response:
        try:
            data = await _read(request)
        except ScriptError as error:
            return _answer({"error": str(error)}, 400)
        names = {str(service) for service in Service}
        if not isinstance(data, dict) or not data.keys() <= names:
            return _answer({"error": f"an object with some of {', '.join(sorted(names))} is needed"}, 400)
        for name, value in data.items():
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                return _answer({"error": f"{name}: {value!r} is neither null nor a sum in micros"}, 400)
        for name, value in data.items():
            self._world.set_credit(Service(name), value)
        return _answer({str(service): held for service, held in self._world.credit.items()})

    async def reset(self, _request: web.Request) -> web.Response:
        self._world.reset()
        return _answer({})
