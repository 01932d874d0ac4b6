"""Runware's task API: a JSON array of tasks in, data and errors out.

Wire format: Runware's documentation of imageInference, getResponse and its error objects. Each task of an
array is answered by itself, in `data` or in `errors`.
"""

import asyncio
import base64
import math
import uuid
from dataclasses import replace
from typing import Any

from engine.simulator.actions import Action, Service
from engine.simulator.call import Call, Route
from engine.simulator.files import link
from engine.simulator.reply import Reply, json_reply
from engine.simulator.tasks import LaneFullError, SimTask, TaskState

_MICROS = {"runware:100@1": 600, "runware:101@1": 3_800}
"""The price of one megapixel picture; other models cost as much as the dearest here."""
_EXTENSIONS = {"PNG": "png", "JPG": "jpg", "WEBP": "webp"}
_DONE_WORDS = frozenset({"success", "completed"})


class TaskError(ValueError):
    """One task cannot be carried out; carries the fields of its error object and the HTTP status."""

    def __init__(self, code: str, message: str, *, parameter: str | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.parameter = parameter
        self.status = status


def routes() -> list[Route]:
    """The one address of the API."""
    return [
        Route("POST", path, Service.RUNWARE, "submit", _serve, classify=_classify, subject=_prompts)
        for path in ("/runware/v1", "/runware/v1/")
    ]


def _items(call: Call) -> list[dict[str, Any]]:
    return [item for item in call.json if isinstance(item, dict)] if isinstance(call.json, list) else []


def _classify(call: Call) -> str:
    kinds = {item.get("taskType") for item in _items(call)}
    if kinds and kinds <= {"ping", "authentication", "accountManagement"}:
        return "account"
    return "poll" if kinds == {"getResponse"} else "submit"


def _prompts(call: Call) -> str:
    tasks = (call.world.task(Service.RUNWARE, str(item.get("taskUUID"))) for item in _items(call))
    return "\n".join(task.prompt for task in tasks if task)


async def _serve(call: Call) -> Reply:
    if not call.is_key_accepted:
        refused = TaskError("invalidApiKey", "Invalid API key", parameter="apiKey")
        return json_reply({"errors": [_error_object(refused, {"taskType": "authentication"})]}, 401)
    if not isinstance(call.json, list) or not call.json or len(_items(call)) != len(call.json):
        wrong = TaskError("invalidRequest", "The body must be a JSON array of task objects")
        return json_reply({"errors": [_error_object(wrong, {})]}, 400)
    data: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    status = 200
    for item in _items(call):
        try:
            data += await _run(call, item)
        except TaskError as error:
            errors.append(_error_object(error, item))
            status = error.status
    body: dict[str, Any] = {}
    if data:
        body["data"] = data
    if errors:
        body["errors"] = errors
    headers = {"Retry-After": "1"} if status == 429 and not data else None
    return json_reply(body, 200 if data else status, headers)


def _error_object(error: TaskError, item: dict[str, Any]) -> dict[str, Any]:
    found = {
        "code": error.code,
        "message": str(error),
        "parameter": error.parameter,
        "type": "string",
        "taskType": item.get("taskType"),
        "taskUUID": item.get("taskUUID"),
    }
    if item.get("taskType") == "getResponse":
        found["status"] = "error"
    return found


async def _run(call: Call, item: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of one task in `data`. Raises TaskError."""
    match item.get("taskType"):
        case "imageInference":
            return await _submit(call, item)
        case "getResponse":
            return await _poll(call, item)
        case "authentication":
            return [{"taskType": "authentication", "connectionSessionUUID": str(uuid.uuid4())}]
        case "ping":
            return [{"taskType": "ping", "pong": True}]
        case "accountManagement":
            held = call.world.credit.get(Service.RUNWARE, 10_000_000) / 1_000_000
            return [{"taskType": "accountManagement", "taskUUID": item.get("taskUUID"), "balance": held}]
    raise TaskError("invalidTaskType", f"unknown task type {item.get('taskType')!r}", parameter="taskType")


async def _submit(call: Call, item: dict[str, Any]) -> list[dict[str, Any]]:
    world, task = call.world, _planned(call, item)
    if call.is_hit_by(Action.FAIL) and call.rule:
        raise TaskError("taskFailed", call.rule.text or "The task failed upstream")
    if not world.take_credit(Service.RUNWARE, task.amount_micros):
        raise TaskError("insufficientCredits", "Insufficient credits to run this task", status=402)
    try:
        world.add_task(task)
    except LaneFullError as error:
        world.return_credit(Service.RUNWARE, task.amount_micros)
        raise TaskError("concurrencyLimitExceeded", str(error), status=429) from error
    call.pay(task.amount_micros, prompt=task.prompt, model=str(item["model"]), task_id=task.task_id)
    await world.pause(world.options.submit_latency_seconds)
    if item.get("deliveryMethod", "sync") == "async":
        acknowledged = {"taskType": "imageInference", "taskUUID": task.task_id}
        if call.is_hit_by(Action.STATUS_WORD) and call.rule:
            acknowledged["status"] = call.rule.word
        return [acknowledged]
    await world.wait_for(task)
    return await _results(call, task, word=None)


async def _poll(call: Call, item: dict[str, Any]) -> list[dict[str, Any]]:
    task = call.world.task(Service.RUNWARE, str(item.get("taskUUID")))
    if task is None:
        raise TaskError("taskNotFound", "No task with this taskUUID was found", parameter="taskUUID")
    if call.is_hit_by(Action.FAIL) and call.rule:
        call.world.fail_task(task, call.rule.text or "The task failed upstream")
    if task.state is TaskState.FAILED:
        raise TaskError("taskFailed", task.failure)
    is_done = task.state is TaskState.FINISHED
    word = "success" if is_done else "processing"
    if call.is_hit_by(Action.STATUS_WORD) and call.rule:
        word = call.rule.word
        is_done = is_done and word.lower() in _DONE_WORDS
    if not is_done:
        return [{"taskType": "imageInference", "taskUUID": task.task_id, "status": word}]
    results = await _results(call, task, word=word)
    if call.is_hit_by(Action.EXPIRED):
        task.expire_links()
    return results


def _planned(call: Call, item: dict[str, Any]) -> SimTask:
    """The task that the request describes. Raises TaskError."""
    world = call.world
    for name, value in item.items():
        if value is None:
            raise TaskError("invalidParameter", f"{name} must not be null", parameter=name)
    task_id = item.get("taskUUID")
    try:
        is_version_4 = uuid.UUID(str(task_id)).version == 4
    except ValueError:
        is_version_4 = False
    if not is_version_4:
        raise TaskError("invalidTaskUUID", "taskUUID must be a version 4 UUID", parameter="taskUUID")
    if world.task(Service.RUNWARE, str(task_id)):
        raise TaskError("conflictTaskUUID", "A task with this taskUUID exists already", parameter="taskUUID")
    prompt, model = item.get("positivePrompt"), item.get("model")
    if not isinstance(prompt, str) or not 2 <= len(prompt) <= 3_000:
        raise TaskError(
            "invalidPositivePrompt", "2 to 3000 characters are needed", parameter="positivePrompt"
        )
    if not isinstance(model, str) or not model:
        raise TaskError("invalidModel", "a model is needed", parameter="model")
    refused = world.options.refused_word
    if refused and refused in prompt.lower():
        raise TaskError(
            "contentPolicyViolation", "The prompt violates the content policy", parameter="positivePrompt"
        )
    width, height = (_whole(item, name, 128, 2_048, None) for name in ("width", "height"))
    for name, side in (("width", width), ("height", height)):
        if side % 8:
            raise TaskError(f"invalid{name.title()}", f"{name} must be a multiple of 8", parameter=name)
    count = _whole(item, "numberResults", 1, 20, 1)
    seed = _whole(item, "seed", 0, 2**63, -1)
    _whole(item, "steps", 1, 100, 20)
    kind, output = item.get("outputFormat", "JPG"), item.get("outputType", "URL")
    if kind not in _EXTENSIONS:
        raise TaskError("invalidOutputFormat", "use PNG, JPG or WEBP", parameter="outputFormat")
    if output not in ("URL", "base64Data"):
        raise TaskError("invalidOutputType", "use URL or base64Data", parameter="outputType")
    seed = world.fresh_seed(prompt) if seed < 0 else seed
    first = world.picture(prompt, seed, 0, width, height, extension=_EXTENSIONS[kind])
    each = math.ceil(_MICROS.get(model, 3_800) * max(1.0, width * height / 1_048_576))
    return SimTask(
        task_id=str(task_id),
        service=Service.RUNWARE,
        request=item,
        prompt=prompt,
        pictures=tuple(replace(first, seed=seed + index) for index in range(count)),
        amount_micros=each * count,
        created=world.clock(),
        created_at=world.now(),
        extra={"image_uuids": [str(uuid.uuid4()) for _ in range(count)], "cost": each / 1_000_000},
    )


def _whole(item: dict[str, Any], name: str, low: int, high: int, default: int | None) -> int:
    value = item.get(name, default)
    if name not in item and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise TaskError(
            f"invalid{name[0].upper()}{name[1:]}",
            f"{name} must be a whole number from {low} to {high}",
            parameter=name,
        )
    return value


async def _results(call: Call, task: SimTask, *, word: str | None) -> list[dict[str, Any]]:
    """One entry a picture, with `status` where there was a poll."""
    request, results = task.request, []
    names = call.world.link_names(task)
    is_inline = request.get("outputType") == "base64Data"
    drawn = await asyncio.gather(*map(call.world.studio.picture, task.pictures)) if is_inline else []
    for slot, picture in enumerate(task.pictures):
        entry: dict[str, Any] = {
            "taskType": "imageInference",
            "taskUUID": task.task_id,
            "imageUUID": task.extra["image_uuids"][slot],
            "seed": picture.seed,
        }
        if word is not None:
            entry["status"] = word
        if request.get("includeCost"):
            entry["cost"] = task.extra["cost"]
        if request.get("checkNSFW"):
            entry["NSFWContent"] = False
        if not call.is_hit_by(Action.NO_IMAGES):
            if is_inline:
                entry["imageBase64Data"] = base64.b64encode(drawn[slot]).decode()
            else:
                entry["imageURL"] = link(call.base, names[slot])
        results += [entry] * (2 if call.is_hit_by(Action.DUPLICATE) else 1)
    return results
