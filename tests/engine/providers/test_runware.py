import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    NotSentError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
    TaskFailedError,
    TaskMissingError,
)
from engine.providers.base import Charge, ImageRequest, Lookup, Lora, RemoteImage, RemoteState
from engine.providers.http import HttpGateway, Timeouts
from engine.providers.runware import RunwareProvider
from tests.engine.providers.scripted import SILENCE, VANISH, Answer, ScriptedServer, cut, html, reply

type MakeRequest = Callable[..., ImageRequest]
SENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
OURS = "0b7c2c9e-52f4-4a63-9f0e-2f6f3d0c7a11"


@pytest.fixture
def provider(server: ScriptedServer, gateway: HttpGateway, key: str, patient: Timeouts) -> RunwareProvider:
    return RunwareProvider(f"{server.url}/v1/", key, gateway, submit_timeouts=patient, poll_timeouts=patient)


@pytest.fixture
def ask(make_request: MakeRequest) -> MakeRequest:
    return lambda **changes: make_request(**({"model": "runware:101@1"} | changes))


def row(status: str | None = "success", image: str | None = "1", **more: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {"taskType": "imageInference", "taskUUID": OURS}
    if status is not None:
        entry["status"] = status
    if image is not None:
        entry |= {"imageUUID": image, "imageURL": f"https://im/{image}.png", "seed": 5, "cost": 0.0013}
    return entry | more


def problem(code: str, message: str = "", task: str | None = OURS) -> dict[str, Any]:
    entry = {"code": code, "message": message, "parameter": "x", "type": "string"}
    return entry if task is None else entry | {"taskUUID": task}


def data(*rows: object) -> Answer:
    return reply(200, {"data": list(rows)})


def errors(*problems: object, status: int = 400, rows: tuple[object, ...] = ()) -> Answer:
    return reply(status, {"data": list(rows), "errors": list(problems)})


async def test_a_submission_goes_out_once_under_our_own_id(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest, key: str
) -> None:
    server.say(data({"taskType": "imageInference", "taskUUID": OURS}))
    request = ask(
        images=2,
        negative_prompt="text",
        seed=1,
        steps=28,
        guidance=3.5,
        loras=(Lora("civitai:1@2", 0.8),),
        process_mode="fast",
    )
    task = await provider.submit(request)
    assert (task.task_id, task.state, task.is_known_status) == (OURS, RemoteState.WORKING, True)
    assert (server.last.method, server.last.target) == ("POST", "/v1")
    assert server.last.headers["authorization"] == f"Bearer {key}"
    assert server.last.json == [
        {
            "taskType": "imageInference",
            "taskUUID": OURS,
            "positivePrompt": "a red kite over dunes",
            "negativePrompt": "text",
            "model": "runware:101@1",
            "width": 1024,
            "height": 1024,
            "numberResults": 2,
            "outputType": "URL",
            "outputFormat": "PNG",
            "includeCost": True,
            "deliveryMethod": "async",
            "seed": 1,
            "steps": 28,
            "CFGScale": 3.5,
            "lora": [{"model": "civitai:1@2", "weight": 0.8}],
        }
    ]


async def test_what_is_not_set_is_left_out(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest
) -> None:
    server.say(data(row(None, None)))
    await provider.submit(ask(model="civitai:9@9", negative_prompt=""))
    sent = server.last.json[0]
    assert sent["model"] == "civitai:9@9"
    assert not {"negativePrompt", "seed", "steps", "CFGScale", "lora", "scheduler"} & sent.keys()
    assert None not in sent.values()


async def test_pictures_that_come_at_once(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest
) -> None:
    server.say(data(row(None, "1"), row(None, "2"), row(None, "9", taskUUID="another")))
    task = await provider.submit(ask(images=2))
    assert task.state is RemoteState.FINISHED
    assert task.images == (
        RemoteImage(url="https://im/1.png", seed=5),
        RemoteImage(url="https://im/2.png", seed=5),
    )
    assert task.charge == Charge(2600, 0.0026, "USD")


@pytest.mark.parametrize("status", [200, 400])
async def test_a_conflict_means_that_it_had_arrived(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest, status: int
) -> None:
    server.say(errors(problem("conflictTaskUUID", "already used"), status=status))
    task = await provider.submit(ask())
    assert (task.task_id, task.state) == (OURS, RemoteState.WORKING)


async def test_another_tasks_error_is_not_ours(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest
) -> None:
    server.say(errors(problem("invalidModel", task="another"), rows=(row(None, None),), status=200))
    assert (await provider.submit(ask())).state is RemoteState.WORKING


SUBMIT_ERRORS: list[tuple[Answer, type[ServiceError]]] = [
    (errors(problem("invalidWidth", "Image width must be a multiple of 8")), BadRequestError),
    (errors(problem("invalidWidth", "Image width must be a multiple of 8"), status=200), BadRequestError),
    (errors(problem("invalidApiKey", "Invalid API key", None), status=401), KeyRefusedError),
    (errors(problem("invalidApiKey", "Invalid API key", None), status=200), KeyRefusedError),
    (errors(problem("insufficientCredits"), status=400), CreditExhaustedError),
    (errors(problem("rateLimitExceeded"), status=400), RateLimitedError),
    (errors(problem("contentPolicyViolation")), PolicyRefusedError),
    (errors(problem("oddCode", "NSFW content in the prompt")), PolicyRefusedError),
    (errors(problem("providerAuthenticationFailed")), BadRequestError),
    (errors(problem("internalServerError"), status=200), AnswerLostError),
    (errors(problem("timeoutProvider"), status=504), AnswerLostError),
    (reply(401), KeyRefusedError),
    (reply(402), CreditExhaustedError),
    (reply(429, {"errors": []}), RateLimitedError),
    (reply(404), BadRequestError),
    (html(503), AnswerLostError),
    (html(200), AnswerLostError),
    (reply(200, []), AnswerLostError),
    (reply(200, {"data": []}), AnswerLostError),
    (reply(200, {"data": "x", "errors": {"a": 1}}), AnswerLostError),
    (reply(200, {"data": [None, 3, {"taskUUID": "another"}]}), AnswerLostError),
    (VANISH, AnswerLostError),
    (cut(b'{"data": ['), AnswerLostError),
]


@pytest.mark.parametrize(("answer", "error"), SUBMIT_ERRORS)
async def test_what_a_submission_may_end_in(
    provider: RunwareProvider,
    server: ScriptedServer,
    ask: MakeRequest,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.submit(ask())
    assert type(caught.value) is error
    assert caught.value.service == "Runware"
    assert len(server.requests) == 1


async def test_silence_and_no_network(
    server: ScriptedServer,
    gateway: HttpGateway,
    ask: MakeRequest,
    *,
    key: str,
    impatient: Timeouts,
    dead_url: str,
) -> None:
    server.say(SILENCE)
    with pytest.raises(AnswerLostError):
        await RunwareProvider(server.url, key, gateway, submit_timeouts=impatient).submit(ask())
    with pytest.raises(NotSentError):
        await RunwareProvider(dead_url, key, gateway).submit(ask())


async def test_an_echoed_key_is_not_repeated(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest, key: str
) -> None:
    server.say(*[errors(problem("invalidModel", f"no model for {key}"))] * 2)
    with pytest.raises(BadRequestError, match="no model for •••") as caught:
        await provider.submit(ask())
    assert key not in f"{caught.value} {caught.value.hint}"
    with pytest.raises(TaskFailedError) as polled:
        await provider.poll(OURS, ask())
    assert key not in str(polled.value)


async def test_a_poll_asks_with_get_response(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest
) -> None:
    server.say(data(row("processing", None)))
    task = await provider.poll(OURS, ask())
    assert (task.state, task.status_word, task.is_known_status) == (RemoteState.WORKING, "processing", True)
    assert server.last.json == [{"taskType": "getResponse", "taskUUID": OURS}]


@pytest.mark.parametrize(
    ("answer", "state", "pictures"),
    [
        (data(row(), row(image="2")), RemoteState.FINISHED, 2),
        (data(row(), row()), RemoteState.FINISHED, 1),
        (data(row(), row("processing", None)), RemoteState.WORKING, 0),
        (data(row("Success"), row("error", None)), RemoteState.FINISHED, 1),
        (errors(problem("taskFailed"), rows=(row(),), status=200), RemoteState.FINISHED, 1),
        (data(row("dreaming", None)), RemoteState.WORKING, 0),
        (data(), RemoteState.WORKING, 0),
    ],
)
async def test_mixed_states(
    provider: RunwareProvider,
    server: ScriptedServer,
    ask: MakeRequest,
    answer: Answer,
    *,
    state: RemoteState,
    pictures: int,
) -> None:
    server.say(answer)
    task = await provider.poll(OURS, ask(images=2))
    assert (task.state, len(task.images)) == (state, pictures)


async def test_unknown_words_flags_and_base64(
    provider: RunwareProvider, server: ScriptedServer, ask: MakeRequest
) -> None:
    encoded = base64.b64encode(b"picture").decode()
    server.say(
        data(row("dreaming", None)),
        data(),
        data(row(NSFWContent=True)),
        data(row(image=None, imageBase64Data=encoded, cost="0.00000051")),
        data(row(image=None, imageDataURI="data:image/png;base64," + encoded, cost=None)),
    )
    unknown = await provider.poll(OURS, ask())
    assert (unknown.status_word, unknown.is_known_status) == ("dreaming", False)
    assert (await provider.poll(OURS, ask())).status_word == "not listed"
    flagged = await provider.poll(OURS, ask())
    assert len(flagged.images) == 1
    assert "NSFW" in flagged.status_word
    inline = await provider.poll(OURS, ask())
    assert inline.images == (RemoteImage(data=b"picture"),)
    assert inline.charge == Charge(1, 0.00000051, "USD")
    assert await provider.poll(OURS, ask()) == inline.__class__(
        OURS, RemoteState.FINISHED, (RemoteImage(data=b"picture"),), status_word="success"
    )


POLL_ERRORS: list[tuple[Answer, type[ServiceError]]] = [
    (errors(problem("providerError", "the model crashed"), status=200), TaskFailedError),
    (errors(problem("timeoutProvider", "took too long"), status=400), TaskFailedError),
    (data(row("error", None)), TaskFailedError),
    (errors(problem("nsfwContentDetected"), status=200), PolicyRefusedError),
    (errors(problem("providerError", "rejected by the safety system"), status=200), PolicyRefusedError),
    (errors(problem("insufficientCredits"), status=200), CreditExhaustedError),
    (errors(problem("taskNotFound"), status=400), TaskMissingError),
    (errors(problem("taskExpired"), status=200), TaskMissingError),
    (errors(problem("invalidApiKey", task=None), status=401), KeyRefusedError),
    (errors(problem("rateLimitExceeded", task=None), status=429), RateLimitedError),
    (errors(problem("internalServerError", task=None), status=200), BadAnswerError),
    (errors(problem("unknownParameter", task=None)), BadAnswerError),
    (reply(404), BadAnswerError),
    (reply(500, {"errors": [problem("taskFailed")]}), BadAnswerError),
    (html(200), BadAnswerError),
    (reply(200, [1]), BadAnswerError),
    (VANISH, BadAnswerError),
]


@pytest.mark.parametrize(("answer", "error"), POLL_ERRORS)
async def test_what_a_poll_may_end_in(
    provider: RunwareProvider,
    server: ScriptedServer,
    ask: MakeRequest,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.poll(OURS, ask())
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("answer", "lookup", "state"),
    [
        (data(row()), Lookup.FOUND, RemoteState.FINISHED),
        (data(row("processing", None)), Lookup.FOUND, RemoteState.WORKING),
        (data(row("error", None)), Lookup.FOUND, RemoteState.WORKING),
        (errors(problem("providerError", "crashed")), Lookup.FOUND, RemoteState.WORKING),
        (errors(problem("taskNotFound")), Lookup.NOT_THERE, None),
        (errors(problem("taskNotFound", task=None), status=200), Lookup.NOT_THERE, None),
        (errors(problem("taskFailedOrNotFound")), Lookup.CANNOT_TELL, None),
        (errors(problem("taskExpired")), Lookup.CANNOT_TELL, None),
        (data(), Lookup.CANNOT_TELL, None),
        (data(row(taskUUID="another")), Lookup.CANNOT_TELL, None),
    ],
)
async def test_reconciling_by_our_own_id(
    provider: RunwareProvider,
    server: ScriptedServer,
    ask: MakeRequest,
    answer: Answer,
    *,
    lookup: Lookup,
    state: RemoteState | None,
) -> None:
    server.say(answer)
    found = await provider.reconcile(ask(), SENT, [])
    assert found.lookup is lookup
    assert (found.task.state if found.task else None) == state
    assert found.task is None or found.task.task_id == OURS
    assert found.detail
    assert server.last.json == [{"taskType": "getResponse", "taskUUID": OURS}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (errors(problem("invalidApiKey", task=None), status=401), KeyRefusedError),
        (reply(429), RateLimitedError),
        (errors(problem("insufficientCredits", task=None), status=200), BadAnswerError),
        (reply(500), BadAnswerError),
        (html(200), BadAnswerError),
    ],
)
async def test_what_means_to_ask_later(
    provider: RunwareProvider,
    server: ScriptedServer,
    ask: MakeRequest,
    answer: Answer,
    error: type[ServiceError],
) -> None:
    server.say(answer)
    with pytest.raises(ServiceError) as caught:
        await provider.reconcile(ask(), SENT, [])
    assert type(caught.value) is error


async def test_the_key_test(
    provider: RunwareProvider, server: ScriptedServer, gateway: HttpGateway, *, key: str, dead_url: str
) -> None:
    server.say(
        reply(200, {"data": [{"taskType": "accountManagement", "balance": 12.5}]}),
        errors(problem("unsupportedTaskType", task=None)),
        errors(problem("invalidApiKey", f"Invalid API key {key}", None), status=401),
        errors(problem("invalidApiKey", f"Invalid API key {key}", None), status=200),
        reply(429),
        html(200),
    )
    report = await provider.test_key()
    assert (report.is_accepted, report.detail) == (True, "The key is accepted; $12.50 left.")
    assert server.last.json[0]["operation"] == "getDetails"
    assert (await provider.test_key()).is_accepted is True
    for _ in range(2):
        refused = await provider.test_key()
        assert refused.is_accepted is False
        assert key not in refused.detail
    for _ in range(2):
        with pytest.raises(BadAnswerError):
            await provider.test_key()
    with pytest.raises(NotSentError):
        await RunwareProvider(dead_url, key, gateway).test_key()


async def test_nothing_is_taken_back(provider: RunwareProvider, server: ScriptedServer) -> None:
    assert await provider.cancel(OURS) is False
    await provider.close()
    assert server.requests == []
