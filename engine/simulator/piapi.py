"""PiAPI's unified task API: submit, poll, cancel, account, active tasks, history.

Wire format: PiAPI's documentation of the unified API schema. Success is `code: 200`; usage is counted in
1/10,000,000 US dollar (`type: llm`).
"""

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from engine.simulator.actions import Action, Service
from engine.simulator.call import Call, Handler, Route
from engine.simulator.drawing import Picture
from engine.simulator.files import link
from engine.simulator.piapi_models import CUT_OUT_MICROS, IMAGE_TOOLKIT, MODELS, InvalidInputError, plan
from engine.simulator.reply import RefusedError, Reply, json_reply
from engine.simulator.tasks import LaneFullError, SimTask, TaskState
from engine.simulator.world import World

_USAGE_UNITS_PER_MICRO = 10
_NO_TIME = "0001-01-01T00:00:00Z"
_WORDS = {
    TaskState.WAITING: "pending",
    TaskState.RUNNING: "processing",
    TaskState.FINISHED: "completed",
    TaskState.FAILED: "failed",
    TaskState.CANCELLED: "failed",
}
_DONE_WORDS = frozenset({"completed", "complete", "success", "succeeded"})


def routes() -> list[Route]:
    """Everything below /piapi, but the part that is OpenAI's surface."""

    def route(
        method: str, path: str, operation: str, handler: Handler, subject: Callable[[Call], str] | None = None
    ) -> Route:
        return Route(method, f"/piapi{path}", Service.PIAPI, operation, handler, subject=subject)

    return [
        route("POST", "/api/v1/task", "submit", _submit),
        route("GET", "/api/v1/task/{task_id}", "poll", _poll, _prompt),
        route("DELETE", "/api/v1/task/{task_id}", "cancel", _cancel, _prompt),
        route("GET", "/account/info", "account", _account),
        route("GET", "/account/active_tasks", "active", _active),
        route("GET", "/api/open/tasks/histories", "history", _history),
    ]


def _prompt(call: Call) -> str:
    task = call.world.task(Service.PIAPI, call.parts["task_id"])
    return task.prompt if task else ""


def _refusal(status: int, message: str, headers: dict[str, str] | None = None) -> RefusedError:
    error = {"code": status, "raw_message": message, "message": message, "detail": None}
    data = {"code": status, "message": message, "data": {"task_id": "", "error": error}}
    return RefusedError(json_reply(data, status, headers))


def _check_key(call: Call) -> None:
    if not call.is_key_accepted:
        raise _refusal(401, "Invalid API key")


def _task(call: Call) -> SimTask:
    """The task that the path names. Raises RefusedError."""
    task = call.world.task(Service.PIAPI, call.parts["task_id"])
    if task is None:
        raise _refusal(404, "task not found")
    return task


async def _submit(call: Call) -> Reply:
    world = call.world
    _check_key(call)
    task = _planned(call)
    if call.is_hit_by(Action.FAIL):
        world.fail_task(task, (call.rule.text if call.rule else "") or "upstream model error")
        return _task_reply(call, task)
    if not world.take_credit(Service.PIAPI, task.amount_micros):
        raise _refusal(402, "Insufficient credits: please top up your account")
    try:
        world.add_task(task)
    except LaneFullError as error:
        world.return_credit(Service.PIAPI, task.amount_micros)
        raise _refusal(429, f"concurrency limit reached: {error}", {"Retry-After": "1"}) from error
    call.pay(task.amount_micros, prompt=task.prompt, model=task.request["model"], task_id=task.task_id)
    reply = _task_reply(call, task, word="pending")
    await world.pause(world.options.submit_latency_seconds)
    return reply


def _planned(call: Call) -> SimTask:
    """The task that the body describes. Raises RefusedError."""
    world, body = call.world, call.json
    if not isinstance(body, dict) or not isinstance(body.get("input"), dict):
        raise _refusal(400, "invalid request: a JSON object with model, task_type and input is required")
    name, request = (str(body.get("model")), str(body.get("task_type"))), body["input"]
    prompt, refused = str(request.get("prompt") or ""), world.options.refused_word
    if refused and refused in prompt.lower():
        raise _refusal(400, "The prompt was refused by the content policy")
    pictures: tuple[Picture, ...]
    if name == IMAGE_TOOLKIT:
        source = world.linked_picture(str(request.get("image")).rpartition("/")[2])
        if source is None or not source[2]:
            raise _refusal(400, "invalid request: input.image cannot be downloaded")
        prompt, amount = source[1].prompt, CUT_OUT_MICROS
        pictures = (replace(source[1], is_transparent=True, extension="png"),)
    elif name in MODELS:
        try:
            pictures, amount = plan(world, name, request)
        except InvalidInputError as error:
            raise _refusal(400, f"invalid request: {error}") from error
    else:
        raise _refusal(400, f"model {name[0]} with task type {name[1]} is not supported")
    return SimTask(
        task_id=str(uuid.uuid4()),
        service=Service.PIAPI,
        request=body,
        prompt=prompt,
        pictures=pictures,
        amount_micros=amount,
        created=world.clock(),
        created_at=world.now(),
    )


async def _poll(call: Call) -> Reply:
    world = call.world
    _check_key(call)
    task = _task(call)
    if call.is_hit_by(Action.FAIL):
        world.fail_task(task, (call.rule.text if call.rule else "") or "upstream model error")
    reply = _task_reply(call, task)
    if call.is_hit_by(Action.EXPIRED) and task.state is TaskState.FINISHED:
        task.expire_links()
    return reply


async def _cancel(call: Call) -> Reply:
    _check_key(call)
    task = _task(call)
    if not call.world.cancel_task(task):
        raise _refusal(400, "only a pending task can be cancelled")
    task.failure = "task cancelled"
    return _task_reply(call, task)


async def _account(call: Call) -> Reply:
    _check_key(call)
    held = call.world.credit.get(Service.PIAPI, 100_000_000)
    data = {
        "account_id": "simulated",
        "account_name": "Simulated account",
        "credits": held // 100,
        "equivalent_in_usd": held / 1_000_000,
    }
    return json_reply({"code": 200, "message": "success", "data": data})


async def _active(call: Call) -> Reply:
    _check_key(call)
    tasks = [_task_data(call, task) for task in call.world.tasks(Service.PIAPI) if task.is_open]
    return json_reply({"code": 200, "message": "success", "data": {"tasks": tasks, "total": len(tasks)}})


async def _history(call: Call) -> Reply:
    world, query = call.world, call.query
    _check_key(call)
    if not world.options.has_task_history:
        raise _refusal(404, "not found")
    try:
        start, end = _moment(query.get("start_time")), _moment(query.get("end_time"))
        page, size = int(query.get("page") or 1), int(query.get("page_size") or 20)
    except ValueError as error:
        raise _refusal(400, f"invalid query: {error}") from error
    if page < 1 or not 1 <= size <= 1_000:
        raise _refusal(400, "invalid query: page from 1, page_size from 1 to 1000")
    tasks = [
        task
        for task in world.tasks(Service.PIAPI)
        if query.get("model") in (None, "", task.request.get("model"))
        and (start is None or task.created_at >= start)
        and (end is None or task.created_at <= end)
    ]
    shown = [_task_data(call, task) for task in tasks[(page - 1) * size : page * size]]
    data = {"tasks": shown, "total": len(tasks), "page": page, "page_size": size}
    return json_reply({"code": 200, "message": "success", "data": data})


def _moment(text: str | None) -> datetime | None:
    """RFC 3339, or seconds since 1970; UTC where no zone is given."""
    if not text:
        return None
    if text.isdecimal():
        return datetime.fromtimestamp(int(text), UTC)
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _task_reply(call: Call, task: SimTask, *, word: str = "") -> Reply:
    return json_reply({"code": 200, "message": "success", "data": _task_data(call, task, word=word)})


def _task_data(call: Call, task: SimTask, *, word: str = "") -> dict[str, Any]:
    world, body = call.world, task.request
    word = word or _WORDS[task.state]
    is_done = task.state is TaskState.FINISHED and word == "completed"
    if call.is_hit_by(Action.STATUS_WORD) and call.rule:
        word = call.rule.word
        is_done = task.state is TaskState.FINISHED and word.lower() in _DONE_WORDS
    is_free = task.state in (TaskState.FAILED, TaskState.CANCELLED)
    return {
        "task_id": task.task_id,
        "model": body.get("model"),
        "task_type": body.get("task_type"),
        "status": word,
        "config": body.get("config") or {},
        "input": body["input"],
        "output": _output(call, task) if is_done else None,
        "meta": {
            "created_at": task.created_at.isoformat(),
            "started_at": _time(world, task, task.started),
            "ended_at": _time(world, task, task.ended),
            "usage": {
                "type": "llm",
                "frozen": 0,
                "consume": 0 if is_free else task.amount_micros * _USAGE_UNITS_PER_MICRO,
            },
        },
        "detail": None,
        "logs": [],
        "error": {
            "code": 10000 if is_free else 0,
            "raw_message": task.failure,
            "message": task.failure,
            "detail": None,
        },
    }


def _time(world: World, task: SimTask, moment: float | None) -> str:
    time = world.time_of(task, moment)
    return time.isoformat() if time else _NO_TIME


def _output(call: Call, task: SimTask) -> dict[str, Any]:
    if call.is_hit_by(Action.NO_IMAGES):
        return {"image_url": "", "image_urls": None, "temporary_image_urls": None, "image_base64": ""}
    links = [link(call.base, name) for name in call.world.link_names(task)]
    repeats = 2 if call.is_hit_by(Action.DUPLICATE) else 1
    output: dict[str, Any] = {"image_url": links[0], "image_urls": None, "image_base64": ""}
    if task.request.get("model") == "midjourney":
        has_singles = call.world.options.has_midjourney_singles
        output["image_url"] = links[4]
        output["temporary_image_urls"] = links[:4] * repeats if has_singles else None
    elif len(links) * repeats > 1:
        output |= {"image_url": "", "image_urls": links * repeats}
    return output
