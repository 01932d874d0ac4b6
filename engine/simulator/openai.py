"""OpenAI's surface: chat completions, image generations, models. Also served below PiAPI, which proxies it.

Wire format: OpenAI's API reference for /chat/completions, /images/generations and /models.
"""

import asyncio
import base64
import math
import re
import uuid
from dataclasses import replace
from typing import Any

from engine.simulator import chat, damage
from engine.simulator.actions import Action, Service
from engine.simulator.call import Call, Route
from engine.simulator.drawing import Picture
from engine.simulator.reply import RefusedError, Reply, json_reply
from engine.simulator.tasks import LaneFullError, SimTask

_CHAT_MODELS = ("gpt-5.4-mini", "gpt-5.4", "gpt-5-mini", "gpt-4o-mini")
_IMAGE_MODELS = ("gpt-image-2", "gpt-image-1.5", "gpt-image-1-mini")
_MICROS_PER_TOKEN = (0.75, 4.5)
"""Input and output of gpt-5.4-mini: $0.75 and $4.50 a million tokens."""
_IMAGE_MICROS = {"low": 9_000, "medium": 34_000, "high": 133_000, "auto": 34_000}
_IMAGE_TOKENS = {"low": 272, "medium": 1_056, "high": 4_160, "auto": 1_056}
_EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp"}
_BACKGROUNDS = ("transparent", "opaque", "auto")


def routes() -> list[Route]:
    """Below /openai/v1 and /piapi/v1."""
    found = []
    for root in ("/openai/v1", "/piapi/v1"):
        found += [
            Route("POST", f"{root}/chat/completions", Service.OPENAI, "chat", _chat, classify=_classify),
            Route("POST", f"{root}/images/generations", Service.OPENAI, "images", _images),
            Route("GET", f"{root}/models", Service.OPENAI, "models", _models),
        ]
    return found


def _classify(call: Call) -> str:
    return chat.operation_of(call.json)


def _refusal(
    status: int,
    message: str,
    *,
    kind: str = "invalid_request_error",
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> RefusedError:
    return RefusedError(
        json_reply(
            {"error": {"message": message, "type": kind, "param": param, "code": code}}, status, headers
        )
    )


def _check_key(call: Call) -> None:
    """Repeats the ends of the key, as OpenAI does: clients have to keep it out of their messages."""
    if not call.is_key_accepted:
        shown = f"{call.key[:8]}********{call.key[-4:]}" if call.key else ""
        raise _refusal(401, f"Incorrect API key provided: {shown}.", code="invalid_api_key")


def _take_credit(call: Call, amount_micros: int) -> None:
    if not call.world.take_credit(Service.OPENAI, amount_micros):
        raise _refusal(
            429,
            "You exceeded your current quota, please check your plan and billing details.",
            kind="insufficient_quota",
            code="insufficient_quota",
        )


def _reply(data: dict[str, Any]) -> Reply:
    headers = {
        "x-request-id": f"req_{uuid.uuid4().hex}",
        "x-ratelimit-remaining-requests": "9999",
        "x-ratelimit-remaining-tokens": "1999999",
        "x-ratelimit-reset-requests": "6ms",
    }
    return json_reply(data, headers=headers)


async def _models(call: Call) -> Reply:
    _check_key(call)
    names = (*_CHAT_MODELS, *_IMAGE_MODELS)
    data = [
        {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "simulator"} for name in names
    ]
    return _reply({"object": "list", "data": data})


async def _chat(call: Call) -> Reply:
    world = call.world
    _check_key(call)
    try:
        request = await world.studio.run(chat.read_chat, call.json)
    except chat.InvalidChatError as error:
        raise _refusal(400, str(error), param=error.param, code=error.code) from error
    content: str | None = chat.answer(
        call.operation,
        request,
        call.json,
        seed=world.options.seed,
        turn=world.turn("chat", request.user),
        reject_share=world.options.reject_share,
    )
    refusal, finish = None, "stop"
    if call.is_hit_by(Action.SAY) and call.rule:
        content, finish = call.rule.text, call.rule.word or "stop"
    elif call.is_hit_by(Action.REFUSE) and call.rule:
        content, refusal = None, call.rule.text or "I'm sorry, I can't help with that."
    written = len(content or refusal or "") // 4 + 1
    amount = math.ceil(request.tokens * _MICROS_PER_TOKEN[0] + written * _MICROS_PER_TOKEN[1])
    _take_credit(call, amount)
    call.pay(amount, prompt=request.user, model=request.model)
    await world.pause(world.options.chat_latency_seconds)
    message: dict[str, Any] = {"role": "assistant", "content": content, "refusal": refusal, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish}
    return _reply(
        {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(world.now().timestamp()),
            "model": request.model,
            "choices": [] if call.is_hit_by(Action.NO_CHOICES) else [choice],
            "usage": {
                "prompt_tokens": request.tokens,
                "completion_tokens": written,
                "total_tokens": request.tokens + written,
            },
            "system_fingerprint": "simulator",
        }
    )


async def _images(call: Call) -> Reply:
    world, body = call.world, call.json
    _check_key(call)
    try:
        pictures = _plan(call)
    except chat.InvalidChatError as error:
        raise _refusal(400, str(error), param=error.param, code=error.code) from error
    prompt, refused = body["prompt"], world.options.refused_word
    if refused and refused in prompt.lower():
        raise _refusal(
            400,
            "Your request was rejected by the safety system.",
            kind="image_generation_user_error",
            code="moderation_blocked",
        )
    quality = body.get("quality") or "auto"
    amount = len(pictures) * _IMAGE_MICROS[quality]
    _take_credit(call, amount)
    task = SimTask(
        task_id=str(uuid.uuid4()),
        service=Service.OPENAI,
        request=body,
        prompt=prompt,
        pictures=pictures,
        amount_micros=amount,
        created=world.clock(),
        created_at=world.now(),
    )
    try:
        world.add_task(task)
    except LaneFullError as error:
        world.return_credit(Service.OPENAI, amount)
        raise _refusal(
            429,
            f"Rate limit reached: {error}",
            kind="requests",
            code="rate_limit_exceeded",
            headers={"Retry-After": "1"},
        ) from error
    call.pay(amount, prompt=prompt, model=str(body.get("model")), task_id=task.task_id)
    await world.pause(world.options.submit_latency_seconds)
    await world.wait_for(task)
    data = [{"b64_json": base64.b64encode(item).decode()} for item in await _drawn(call, pictures)]
    tokens = (len(prompt) // 4 + 1, len(pictures) * _IMAGE_TOKENS[quality])
    return _reply(
        {
            "created": int(world.now().timestamp()),
            "data": data,
            "background": body.get("background") or "auto",
            "output_format": body.get("output_format") or "png",
            "quality": quality,
            "size": body.get("size") or "auto",
            "usage": {
                "input_tokens": tokens[0],
                "input_tokens_details": {"image_tokens": 0, "text_tokens": tokens[0]},
                "output_tokens": tokens[1],
                "total_tokens": sum(tokens),
            },
        }
    )


def _plan(call: Call) -> tuple[Picture, ...]:
    """The pictures asked for. Raises InvalidChatError."""
    body = call.json
    if not isinstance(body, dict) or not isinstance(body.get("prompt"), str) or not body["prompt"].strip():
        raise chat.InvalidChatError("Missing required parameter: 'prompt'.", param="prompt")
    count, extension = body.get("n") or 1, body.get("output_format") or "png"
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 10:
        raise chat.InvalidChatError("'n' must be an integer from 1 to 10", param="n")
    if extension not in _EXTENSIONS:
        raise chat.InvalidChatError("'output_format' must be png, jpeg or webp", param="output_format")
    if (body.get("quality") or "auto") not in _IMAGE_MICROS:
        raise chat.InvalidChatError("'quality' must be low, medium, high or auto", param="quality")
    background = body.get("background") or "auto"
    if background not in _BACKGROUNDS:
        raise chat.InvalidChatError("'background' must be transparent, opaque or auto", param="background")
    if background == "transparent" and extension == "jpeg":
        raise chat.InvalidChatError("Transparent background needs png or webp", param="background")
    if "response_format" in body:
        raise chat.InvalidChatError("Unknown parameter: 'response_format'.", param="response_format")
    size = body.get("size") or "auto"
    sides = re.fullmatch(r"([1-9]\d{1,3})x([1-9]\d{1,3})", "1024x1024" if size == "auto" else str(size))
    if not sides:
        raise chat.InvalidChatError(f"Invalid value: '{size}' for 'size'", param="size", code="invalid_value")
    world, prompt = call.world, body["prompt"]
    first = world.picture(
        prompt, world.fresh_seed(prompt), 0, int(sides[1]), int(sides[2]), extension=_EXTENSIONS[extension]
    )
    first = replace(first, is_transparent=background == "transparent")
    return tuple(replace(first, index=index) for index in range(count))


async def _drawn(call: Call, pictures: tuple[Picture, ...]) -> list[bytes]:
    if call.is_hit_by(Action.NO_IMAGES):
        return []
    if call.is_hit_by(Action.BOMB):
        return [damage.bomb_png()] * len(pictures)
    if call.is_hit_by(Action.SVG):
        return [damage.SVG_DOCUMENT] * len(pictures)
    drawn = await asyncio.gather(*(call.world.studio.picture(picture) for picture in pictures))
    return list(drawn) * (2 if call.is_hit_by(Action.DUPLICATE) else 1)
