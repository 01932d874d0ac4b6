import base64
import io
import uuid
from typing import Any

import pytest
from PIL import Image


def inference(task_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "taskType": "imageInference",
        "taskUUID": task_id,
        "positivePrompt": "a red fox",
        "model": "runware:101@1",
        "width": 512,
        "height": 768,
        "numberResults": 1,
        "outputType": "URL",
        "outputFormat": "PNG",
        "includeCost": True,
        "deliveryMethod": "async",
        **fields,
    }


@pytest.fixture
def task_id() -> str:
    return str(uuid.uuid4())


async def send(bench: Any, *tasks: Any) -> Any:
    return await bench.client.post(bench.runware, json=list(tasks))


async def poll(bench: Any, task_id: str) -> Any:
    return await send(bench, {"taskType": "getResponse", "taskUUID": task_id})


async def test_an_async_task_is_acknowledged_and_then_polled(start: Any, task_id: str) -> None:
    bench = await start(with_clock=True, latency_seconds=5, image_side_cap=None)
    answer = await send(bench, inference(task_id, numberResults=2, seed=41))
    assert answer.json() == {"data": [{"taskType": "imageInference", "taskUUID": task_id}]}
    assert (await poll(bench, task_id)).json()["data"][0]["status"] == "processing"
    bench.clock.seconds += 5
    results = (await poll(bench, task_id)).json()["data"]
    assert [entry["status"] for entry in results] == ["success"] * 2
    assert [entry["seed"] for entry in results] == [41, 42]
    assert len({entry["imageUUID"] for entry in results}) == 2
    assert sum(entry["cost"] for entry in results) == pytest.approx(0.0076)
    download = await bench.client.get(results[0]["imageURL"])
    assert Image.open(io.BytesIO(download.content)).size == (512, 768)
    (payment,) = await bench.payments()
    assert (payment["request_id"], payment["task_id"], payment["amount_micros"]) == (task_id, task_id, 7600)


async def test_a_synchronous_task_answers_with_its_pictures(bench: Any, task_id: str) -> None:
    fields = {"deliveryMethod": "sync", "outputType": "base64Data", "outputFormat": "WEBP", "checkNSFW": True}
    (entry,) = (await send(bench, inference(task_id, **fields))).json()["data"]
    assert Image.open(io.BytesIO(base64.b64decode(entry["imageBase64Data"]))).format == "WEBP"
    assert entry["NSFWContent"] is False
    assert "status" not in entry


async def test_a_repeated_id_is_a_conflict_and_is_not_paid_again(bench: Any, task_id: str) -> None:
    await send(bench, inference(task_id))
    again = await send(bench, inference(task_id))
    (error,) = again.json()["errors"]
    assert (error["code"], error["taskUUID"]) == ("conflictTaskUUID", task_id)
    assert len(await bench.payments()) == 1


async def test_an_unknown_id_is_an_entry_in_errors(bench: Any, task_id: str) -> None:
    answer = await poll(bench, task_id)
    (error,) = answer.json()["errors"]
    assert (error["code"], error["taskUUID"], error["status"]) == ("taskNotFound", task_id, "error")
    assert "data" not in answer.json()


async def test_one_array_can_have_data_and_errors(bench: Any, task_id: str) -> None:
    answer = await send(bench, inference(task_id), inference(str(uuid.uuid4()), width=100))
    assert answer.status_code == 200
    assert answer.json()["data"][0]["taskUUID"] == task_id
    assert answer.json()["errors"][0]["code"] == "invalidWidth"


@pytest.mark.parametrize(
    ("fields", "parameter"),
    [
        ({"negativePrompt": None}, "negativePrompt"),
        ({"taskUUID": "not a uuid"}, "taskUUID"),
        ({"width": 2056}, "width"),
        ({"height": 129}, "height"),
        ({"numberResults": 21}, "numberResults"),
        ({"positivePrompt": "x"}, "positivePrompt"),
        ({"positivePrompt": "a forbidden fox"}, "positivePrompt"),
        ({"outputFormat": "GIF"}, "outputFormat"),
        ({"seed": "7"}, "seed"),
        ({"model": ""}, "model"),
    ],
)
async def test_bad_parameters_are_named_and_cost_nothing(
    bench: Any, task_id: str, fields: dict[str, Any], parameter: str
) -> None:
    answer = await send(bench, inference(task_id, **fields))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["parameter"] == parameter
    assert await bench.payments() == []


async def test_a_body_that_is_no_array_is_refused(bench: Any) -> None:
    answer = await bench.client.post(bench.runware, json={"taskType": "ping"})
    assert answer.status_code == 400
    assert answer.json()["errors"]


async def test_a_wrong_key_is_a_401(start: Any, task_id: str) -> None:
    bench = await start(expect_keys={"runware": "another"})
    answer = await send(bench, inference(task_id))
    assert answer.status_code == 401
    assert answer.json()["errors"][0]["code"] == "invalidApiKey"


async def test_credit_and_places_run_out(start: Any) -> None:
    bench = await start(
        with_clock=True,
        latency_seconds=5,
        concurrency=1,
        over_concurrency="reject",
        credit_micros={"runware": 4_000},
    )
    codes = []
    answer = await send(bench, inference(str(uuid.uuid4()), model="runware:100@1"))
    assert answer.status_code == 200
    for model in ("runware:100@1", "runware:101@1"):
        answer = await send(bench, inference(str(uuid.uuid4()), model=model))
        codes.append((answer.status_code, answer.json()["errors"][0]["code"]))
    assert codes == [(429, "concurrencyLimitExceeded"), (402, "insufficientCredits")]
    assert (await bench.control("stats"))["credit_micros"] == {"runware": 3_400}


async def test_cheap_calls_for_a_key_test(bench: Any, task_id: str) -> None:
    assert (await send(bench, {"taskType": "ping", "ping": True})).json()["data"][0]["pong"] is True
    answer = await send(
        bench, {"taskType": "accountManagement", "taskUUID": task_id, "operation": "getDetails"}
    )
    assert answer.json()["data"][0]["balance"] == 10
    assert await bench.payments() == []
