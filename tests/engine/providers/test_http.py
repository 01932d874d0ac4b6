import asyncio
import traceback
from collections.abc import Callable
from dataclasses import replace

import pytest

from engine.errors import AnswerLostError, BadAnswerError, KeyRefusedError, NotSentError, ServiceError
from engine.providers.http import (
    MAX_IN_FLIGHT,
    HttpCall,
    HttpGateway,
    Timeouts,
    key_report_of,
    read_error_object,
    read_object,
)
from tests.engine.providers.scripted import SILENCE, VANISH, Answer, ScriptedServer, cut, endless, html, reply

CallOf = Callable[..., HttpCall]


@pytest.fixture
def call_of(server: ScriptedServer, key: str, patient: Timeouts) -> CallOf:
    plain = HttpCall("PiAPI", "POST", f"{server.url}/task", key, "X-API-Key", json={"a": 1}, timeouts=patient)
    return lambda **changes: replace(plain, **changes)


async def test_what_leaves(server: ScriptedServer, gateway: HttpGateway, call_of: CallOf, key: str) -> None:
    server.say(reply(200, {"ok": True}, {"Retry-After": "5"}), reply(404), reply(200))
    answer = await gateway.call(call_of())
    assert (answer.status, answer.is_success, answer.retry_after) == (200, True, 5.0)
    assert await answer.json() == {"ok": True}
    seen = server.last
    assert (seen.method, seen.target, seen.json) == ("POST", "/task", {"a": 1})
    assert seen.headers["x-api-key"] == key
    assert seen.headers["content-type"] == "application/json"
    answer = await gateway.call(
        call_of(
            method="GET", json=None, params={"page": "1"}, key_header="Authorization", key_prefix="Bearer "
        )
    )
    assert (answer.status, answer.is_success) == (404, False)
    assert server.last.target == "/task?page=1"
    assert server.last.headers["authorization"] == f"Bearer {key}"
    assert server.last.body == b""


async def test_paid_calls_take_fresh_connections(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf
) -> None:
    server.say(*[reply(200, {})] * 4)
    for is_paid in (False, False, True, True):
        await gateway.call(call_of(is_paid=is_paid))
    connections = [seen.connection for seen in server.requests]
    assert connections[0] == connections[1]
    assert len(set(connections)) == 3


@pytest.mark.parametrize("is_paid", [True, False])
async def test_a_closed_port_is_not_sent(
    gateway: HttpGateway, call_of: CallOf, dead_url: str, *, is_paid: bool
) -> None:
    with pytest.raises(NotSentError, match="PiAPI cannot be reached"):
        await gateway.call(call_of(url=dead_url, is_paid=is_paid))


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/x", "nonsense", "http://[::1", "http://no-such-host.invalid/", "http://"]
)
async def test_an_impossible_address_is_not_sent(gateway: HttpGateway, call_of: CallOf, url: str) -> None:
    with pytest.raises(NotSentError):
        await gateway.call(call_of(url=url, is_paid=True))


async def test_a_failed_tls_handshake_is_not_sent(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf
) -> None:
    soon = Timeouts(connect=0.2, read=5, write=5, total=20)
    with pytest.raises(NotSentError):
        await gateway.call(call_of(url=server.url.replace("http:", "https:"), is_paid=True, timeouts=soon))
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [VANISH, cut(), Answer(b"garbage\r\n\r\n", "close"), Answer(b"HTTP/1.1 200 OK\r\nContent-", "close")],
    ids=["vanish", "cut", "garbage", "half a head"],
)
@pytest.mark.parametrize(("is_paid", "error"), [(True, AnswerLostError), (False, BadAnswerError)])
async def test_what_breaks_after_sending(
    server: ScriptedServer,
    gateway: HttpGateway,
    call_of: CallOf,
    answer: Answer,
    error: type[ServiceError],
    *,
    is_paid: bool,
) -> None:
    server.say(answer)
    with pytest.raises(error):
        await gateway.call(call_of(is_paid=is_paid))
    assert len(server.requests) == 1


async def test_damaged_compression_is_a_lost_answer(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf
) -> None:
    server.say(reply(200, b"this was never compressed", {"Content-Encoding": "gzip"}))
    with pytest.raises(AnswerLostError):
        await gateway.call(call_of(is_paid=True))


@pytest.mark.parametrize(("is_paid", "error"), [(True, AnswerLostError), (False, BadAnswerError)])
async def test_silence(
    server: ScriptedServer,
    gateway: HttpGateway,
    call_of: CallOf,
    impatient: Timeouts,
    error: type[ServiceError],
    *,
    is_paid: bool,
) -> None:
    server.say(SILENCE)
    with pytest.raises(error, match="ran out"):
        await gateway.call(call_of(is_paid=is_paid, timeouts=impatient))
    assert len(server.requests) == 1


async def test_a_trickle_is_ended_by_the_total_limit(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf, patient: Timeouts
) -> None:
    server.say(SILENCE)
    with pytest.raises(AnswerLostError, match="ran out"):
        await gateway.call(call_of(is_paid=True, timeouts=replace(patient, total=0.1)))


async def test_an_endless_answer_is_cut_off(server: ScriptedServer, call_of: CallOf) -> None:
    gateway = await HttpGateway.open(max_body_bytes=100_000)
    try:
        server.say(endless())
        with pytest.raises(AnswerLostError, match="larger than 100000 bytes"):
            await gateway.call(call_of(is_paid=True))
    finally:
        await gateway.close()


async def test_redirects_are_not_followed(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf
) -> None:
    server.say(reply(307, b"", {"Location": "/elsewhere"}))
    assert (await gateway.call(call_of())).status == 307
    assert len(server.requests) == 1


async def test_never_more_than_the_limit_in_flight(server: ScriptedServer, call_of: CallOf) -> None:
    gateway = await HttpGateway.open()
    server.say(*[SILENCE] * (2 * MAX_IN_FLIGHT))
    calls = [asyncio.create_task(gateway.call(call_of())) for _ in range(MAX_IN_FLIGHT + 5)]
    try:
        async with asyncio.timeout(20):
            while len(server.requests) < MAX_IN_FLIGHT:
                await asyncio.sleep(0)
        for _ in range(200):
            await asyncio.sleep(0)
        assert len(server.requests) == MAX_IN_FLIGHT
    finally:
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await gateway.close()


@pytest.mark.parametrize("key", ["", "with space", "with\nbreak"])
async def test_a_key_that_cannot_be_sent(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf, key: str
) -> None:
    with pytest.raises(KeyRefusedError):
        await gateway.call(call_of(key=key, is_paid=True))
    assert server.requests == []


async def test_the_key_is_in_no_error_and_no_representation(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf, key: str, dead_url: str
) -> None:
    assert key not in repr(call_of())
    server.say(VANISH)
    for url in (server.url, dead_url, f"http://{key}.invalid/"):
        with pytest.raises(ServiceError) as caught:
            await gateway.call(call_of(url=url, is_paid=True))
        error = caught.value
        assert key not in f"{error} {error.hint}"
        assert f"X-API-Key: {key}" not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(
    "answer", [html(), reply(200, []), reply(200, b""), reply(200, b"[" * 200_000), reply(200, b'{"a": 1')]
)
async def test_only_a_json_object_is_an_object(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf, answer: Answer
) -> None:
    server.say(answer, answer)
    paid, free = call_of(is_paid=True), call_of()
    with pytest.raises(AnswerLostError):
        await read_object(paid, await gateway.call(paid))
    http_answer = await gateway.call(free)
    with pytest.raises(BadAnswerError):
        await read_object(free, http_answer)
    assert await read_error_object(http_answer) == {}


async def test_a_large_body_is_read_whole(
    server: ScriptedServer, gateway: HttpGateway, call_of: CallOf
) -> None:
    server.say(reply(200, {"image": "A" * 1_000_000}))
    document = await read_object(call_of(), await gateway.call(call_of()))
    assert len(str(document["image"])) == 1_000_000


async def test_closing_twice_is_safe() -> None:
    gateway = await HttpGateway.open()
    await gateway.close()
    await gateway.close()


def test_what_a_failed_key_test_reports() -> None:
    assert key_report_of(KeyRefusedError("PiAPI", "refused")).is_accepted is False
    with pytest.raises(NotSentError):
        key_report_of(NotSentError("PiAPI", "no network"))
    with pytest.raises(BadAnswerError):
        key_report_of(BadAnswerError("PiAPI", "html"))
