from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.errors import BadAnswerError, KeyRefusedError, NotSentError, RateLimitedError, ServiceError
from engine.providers.base import ImageRequest, Lookup, RemoteState
from engine.providers.http import HttpGateway, Timeouts
from engine.providers.piapi import PiapiProvider
from tests.engine.providers.scripted import VANISH, Answer, ScriptedServer, html, reply

type MakeRequest = Callable[..., ImageRequest]
SENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PROMPT = "a red kite over dunes"
SCHNELL = "Qubico/flux1-schnell"


@pytest.fixture
def provider(server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts) -> PiapiProvider:
    return PiapiProvider(server.url, key, gateway, poll_timeouts=patient)


def entry(
    task_id: str, prompt: str | None = PROMPT, at: object = "2026-11-22T12:00:05Z", **more: Any
) -> dict[str, Any]:
    """A listed task; without a prompt it looks as third-party clients have seen it."""
    listed = {
        "task_id": task_id,
        "created_at": at,
        "task_model": "txt2img",
        "status": "finished",
        "usage": 15000,
    }
    if prompt is not None:
        listed |= {"model": SCHNELL, "input": {"prompt": prompt, "batch_size": 1}}
    return listed | more


def listing(*entries: dict[str, Any]) -> Answer:
    return reply(200, {"code": 200, "data": {"data": list(entries), "page": 1, "size": 100}})


def task(task_id: str, prompt: str = PROMPT, **more: Any) -> Answer:
    data = {"task_id": task_id, "model": SCHNELL, "status": "pending", "input": {"prompt": prompt}}
    return reply(200, {"code": 200, "data": data | more})


async def test_one_match_is_found(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, key: str
) -> None:
    server.say(listing(entry("other", "a blue kite"), entry("t-9"), entry("known")))
    found = await provider.reconcile(make_request(), SENT, ["known"])
    assert found.lookup is Lookup.FOUND
    assert found.task is not None
    assert (found.task.task_id, found.task.state) == ("t-9", RemoteState.WORKING)
    assert "t-9" in found.detail
    seen = server.last
    assert (seen.method, seen.path) == ("GET", "/api/open/tasks/histories")
    assert seen.headers["x-api-key"] == key
    query = dict(pair.split("=") for pair in seen.target.partition("?")[2].split("&"))
    start, end = int(SENT.timestamp()) - 60, int(SENT.timestamp()) + 600
    assert query == {"page": "1", "page_size": "100", "start_time": str(start), "end_time": str(end)}


@pytest.mark.parametrize(
    "shape",
    [
        lambda rows: {"code": 200, "data": {"tasks": rows}},
        lambda rows: {"code": 0, "data": {"list": rows}},
        lambda rows: {"code": 1, "data": {"data": rows}, "message": "string"},
        lambda rows: {"data": rows, "page": 1, "size": 1, "total": 1},
        lambda rows: rows,
    ],
)
async def test_every_shape_of_the_list(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, shape: Callable[[Any], Any]
) -> None:
    server.say(reply(200, shape([None, 5, {}, {"task_id": 7}, entry("t-9")])))
    assert (await provider.reconcile(make_request(), SENT, [])).lookup is Lookup.FOUND


async def test_tasks_listed_without_a_prompt_are_asked(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(
        listing(entry("a", None), entry("b", None), entry("c", None), entry("d", None), entry("e", None)),
        task("a", "a blue kite"),
        task("b", model="Qubico/flux1-dev"),
        reply(404, {"code": 404, "message": "task not found"}),
        task("d", input={"prompt": PROMPT, "batch_size": 4}),
        task("e", meta={"created_at": "2026-11-22T12:00:05Z"}),
    )
    found = await provider.reconcile(make_request(), SENT, [])
    assert found.task is not None
    assert found.task.task_id == "e"
    assert [seen.path for seen in server.requests[1:]] == [f"/api/v1/task/{name}" for name in "abcde"]


@pytest.mark.parametrize(
    ("listed", "detail"),
    [
        ([], "None of the 0 tasks"),
        ([entry("a"), entry("b")], "2 tasks of those minutes with this prompt"),
        ([entry("a", at="2026-11-22T11:58:59Z")], "None of the 1 tasks"),
        ([entry("a", at="2026-11-22T12:10:01Z")], "None of the 1 tasks"),
        ([entry("a", at=int((SENT + timedelta(hours=1)).timestamp()))], "None of the 1 tasks"),
        ([entry("a", "a blue kite")], "None of the 1 tasks"),
        ([entry("a", model="Qubico/flux1-dev")], "None of the 1 tasks"),
        ([entry("a", input={"prompt": PROMPT, "batch_size": 4})], "None of the 1 tasks"),
        ([entry("known")], "None of the 1 tasks"),
        ([entry(f"t-{n}", None) for n in range(21)], "21 tasks of those minutes without their prompts"),
    ],
)
async def test_anything_but_one_match_cannot_tell(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    listed: list[dict[str, Any]],
    detail: str,
) -> None:
    server.say(listing(*listed))
    answer = await provider.reconcile(make_request(), SENT, ["known"])
    assert (answer.lookup, answer.task) == (Lookup.CANNOT_TELL, None)
    assert detail in answer.detail


@pytest.mark.parametrize(
    "at",
    ["2026-11-22T11:59:01Z", "2026-11-22T13:09:59+01:00", "2026-11-22T12:00:05.123456789Z", None, "soon"],
)
async def test_the_window_and_times_that_say_nothing(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, at: object
) -> None:
    server.say(listing(entry("t-9", at=at)))
    assert (await provider.reconcile(make_request(), SENT, [])).lookup is Lookup.FOUND


async def test_the_midjourney_version_belongs_to_the_prompt(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(listing(entry("t-9", f"{PROMPT} --v 6.1", model="midjourney")))
    request = make_request(model="midjourney", mj_version="6.1", images=4)
    assert (await provider.reconcile(request, SENT, [])).lookup is Lookup.FOUND


async def test_full_pages_are_followed_and_repeated_ones_end_it(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    full = listing(*(entry(f"t-{n}", "a blue kite") for n in range(100)))
    server.say(full, listing(entry("t-100")), full, full)
    found = await provider.reconcile(make_request(), SENT, [])
    assert found.task is not None
    assert found.task.task_id == "t-100"
    assert "page=2&" in server.last.target
    assert (await provider.reconcile(make_request(), SENT, [])).lookup is Lookup.CANNOT_TELL
    assert len(server.requests) == 4


async def test_too_many_tasks_cannot_tell(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(
        *(listing(*(entry(f"t-{page}-{n}", "a blue kite") for n in range(100))) for page in range(4)),
        listing(*(entry(f"t-4-{n}", "a blue kite") for n in range(99)), entry("t-9")),
    )
    answer = await provider.reconcile(make_request(), SENT, [])
    assert answer.lookup is Lookup.CANNOT_TELL
    assert "too many tasks" in answer.detail


@pytest.mark.parametrize("answer", [reply(404), html(404), reply(400, {"code": 400}), reply(405)])
async def test_an_address_without_history_cannot_tell(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest, answer: Answer
) -> None:
    server.say(answer)
    found = await provider.reconcile(make_request(), SENT, [])
    assert found.lookup is Lookup.CANNOT_TELL
    assert "no task history" in found.detail


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(401), KeyRefusedError),
        (reply(200, {"code": 401, "message": "no"}), KeyRefusedError),
        (reply(429), RateLimitedError),
        (reply(402), BadAnswerError),
        (reply(500), BadAnswerError),
        (reply(200, {"code": 500}), BadAnswerError),
        (html(200), BadAnswerError),
        (reply(200, "text"), BadAnswerError),
        (VANISH, BadAnswerError),
    ],
)
async def test_what_means_to_ask_later(
    provider: PiapiProvider,
    server: ScriptedServer,
    make_request: MakeRequest,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.reconcile(make_request(), SENT, [])
    assert type(caught.value) is error


async def test_a_task_that_cannot_be_asked_means_to_ask_later(
    provider: PiapiProvider, server: ScriptedServer, make_request: MakeRequest
) -> None:
    server.say(listing(entry("a", None), entry("t-9")), reply(402))
    with pytest.raises(BadAnswerError):
        await provider.reconcile(make_request(), SENT, [])


async def test_without_network_nothing_was_asked(
    gateway: HttpGateway, make_request: MakeRequest, key: str, dead_url: str
) -> None:
    with pytest.raises(NotSentError):
        await PiapiProvider(dead_url, key, gateway).reconcile(make_request(), SENT, [])
