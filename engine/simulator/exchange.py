"""One request and its answer: reads, records, asks the script, calls the service, spoils or sends the answer.

Knows no service's wire format. A payment counts as answered once the last byte of an undamaged answer was
written to a connection that was still open.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from socket import SO_LINGER, SOL_SOCKET

from aiohttp import BodyPartReader, hdrs, web

from engine.simulator.actions import Action
from engine.simulator.call import Call, Route
from engine.simulator.damage import spoilt
from engine.simulator.recording import RequestRecord, Upload, reduced_body, reduced_headers
from engine.simulator.reply import RefusedError, Reply
from engine.simulator.world import StoppingError, World

_THREAD_FROM = 65_536
"""Bodies longer than this are reduced for the record in a worker thread."""
_DEPARTURE_CHECK_SECONDS = 0.5
_LINGER_NOT_AT_ALL = struct.pack("ii", 1, 0)
"""With it, closing a socket sends RST instead of FIN (socket(7), SO_LINGER)."""


class Exchange:
    """Carries requests from aiohttp to the handlers and back."""

    def __init__(self, world: World) -> None:
        self._world = world

    def endpoint(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The aiohttp handler for a route."""

        async def endpoint(request: web.Request) -> web.StreamResponse:
            try:
                return await self._handle(request, route)
            except (StoppingError, ConnectionError):  # the latter: the client died while it sent
                return _hang_up(request)

        return endpoint

    async def _handle(self, request: web.Request, route: Route) -> web.StreamResponse:
        world = self._world
        call = Call(
            world=world,
            service=route.service,
            operation=route.operation,
            method=request.method,
            path=request.path,
            parts=request.match_info,
            query=request.query,
            headers=request.headers,
            base=f"http://{request.host}",
        )

        def text() -> str:
            return _matchable(call, route)

        call.rule = world.script.pick(route.service, route.operation, text, is_body_read=False)
        if call.rule is None:
            await _read_body(request, call)
            if route.classify:
                call.operation = route.classify(call)
        record = await self._record(call)
        if call.rule is None:
            call.rule = world.script.pick(call.service, call.operation, text, is_body_read=True)
        record.fault = str(call.rule.action) if call.rule else None
        async with self._counted(f"{call.service}.{call.operation}"):
            reply = None
            if call.rule is None or call.rule.is_processed:
                reply = await self._ask(route, call)
            return await self._answer(request, call, reply, record)

    async def _ask(self, route: Route, call: Call) -> Reply:
        try:
            return await route.handler(call)
        except RefusedError as refused:
            return refused.reply

    async def _record(self, call: Call) -> RequestRecord:
        world = self._world
        body = call.json if call.json is not None else call.form or None
        is_long = len(call.raw) > _THREAD_FROM or bool(call.form)
        record = RequestRecord(
            number=world.next_request_number(),
            service=call.service,
            operation=call.operation,
            method=call.method,
            path=call.path,
            query=dict(call.query),
            headers=reduced_headers(call.headers),
            body=await world.studio.run(reduced_body, body) if is_long else reduced_body(body),
            at=world.now().isoformat(),
        )
        world.requests.append(record)
        return record

    @asynccontextmanager
    async def _counted(self, name: str) -> AsyncIterator[None]:
        world = self._world
        world.request_counts[name] += 1
        in_flight, most = world.in_flight, world.max_in_flight
        in_flight[name] += 1
        most[name] = max(most[name], in_flight[name])
        try:
            yield
        finally:
            in_flight[name] -= 1

    async def _answer(
        self, request: web.Request, call: Call, reply: Reply | None, record: RequestRecord
    ) -> web.StreamResponse:
        rule = call.rule
        action = rule.action if rule else None
        if rule is not None:
            if action is Action.DROP_BEFORE_READ:
                return _hang_up(request, is_reset=True)
            if action in (Action.DROP, Action.LOSE_ANSWER):
                return _hang_up(request)
            if action is Action.HANG:
                await self._outwait(request)
                return _hang_up(request)
            if action is Action.SLOW:
                await self._world.pause(rule.seconds)
            reply = spoilt(rule, reply or Reply())
        reply = reply or Reply()
        record.status = reply.status
        if action is Action.ENDLESS:
            return await self._send_without_end(request, reply)
        if rule is not None and action is Action.TRUNCATE:
            return await _send_part(request, reply, rule.bytes)
        return await self._send(request, call, reply)

    async def _send(self, request: web.Request, call: Call, reply: Reply) -> web.StreamResponse:
        response = web.Response(status=reply.status, body=reply.body, headers=_headers(reply))
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            return response
        if request.transport is not None and not request.transport.is_closing():
            for payment in call.payments:
                self._world.ledger.answered(payment)
        return response

    async def _send_without_end(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=_headers(reply))
        response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            await response.write(reply.body[:1024] or b"\x89PNG\r\n\x1a\n")
            while not self._world.stopping.is_set():
                await response.write(bytes(65_536))
                await asyncio.sleep(0)
        except ConnectionError:
            return response
        return _hang_up(request)

    async def _outwait(self, request: web.Request) -> None:
        """Return when the client has left. Raises StoppingError."""
        while request.transport is not None and not request.transport.is_closing():
            await self._world.pause(_DEPARTURE_CHECK_SECONDS)


async def _read_body(request: web.Request, call: Call) -> None:
    if request.content_type == "multipart/form-data":
        await _read_parts(request, call)
        return
    call.raw = await request.read()
    if call.raw:
        try:
            call.json = json.loads(call.raw)
        except ValueError:
            call.json = None


async def _read_parts(request: web.Request, call: Call) -> None:
    """Part by part and in memory: `request.post()` leaves a temporary file open where the client is gone in the
    middle of an upload."""
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name is None:
            continue
        content = bytes(await part.read(decode=True))
        if part.filename is not None:
            call.form[part.name] = Upload(part.filename, content)
        else:
            call.form[part.name] = content.decode("utf-8", "replace")


def _matchable(call: Call, route: Route) -> str:
    """Where `match` is looked for: the path, the body with its escapes undone, the pictures' prompt."""
    body = call.raw.decode("utf-8", "replace")
    if call.json is not None:
        body = json.dumps(call.json, ensure_ascii=False)
    names = " ".join(item.filename if isinstance(item, Upload) else item for item in call.form.values())
    return "\n".join((call.path, body, names, route.subject(call) if route.subject else ""))


def _headers(reply: Reply) -> dict[str, str]:
    return {hdrs.CONTENT_TYPE: reply.content_type, **reply.headers}


def _hang_up(request: web.Request, *, is_reset: bool = False) -> web.StreamResponse:
    """Close the connection; the response returned is for aiohttp's books and reaches nobody."""
    if request.transport is not None:
        if is_reset:
            socket = request.transport.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_LINGER, _LINGER_NOT_AT_ALL)
        request.transport.close()
    return web.Response()


async def _send_part(request: web.Request, reply: Reply, length: int | None) -> web.StreamResponse:
    response = web.StreamResponse(status=reply.status, headers=_headers(reply))
    response.content_length = len(reply.body)
    part = reply.body[: len(reply.body) // 2 if length is None else length]
    try:
        await response.prepare(request)
        await response.write(part)
    except ConnectionError:
        return response
    return _hang_up(request)
