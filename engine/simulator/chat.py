"""What a chat completion asks for and what is answered. Reads the request's messages; sends nothing.

The kind is told by the properties of the JSON schema in `response_format`, or, without one, by the words of
the messages.
"""

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from engine.simulator.dice import dice_of, share_of
from engine.simulator.uploads import ImageFacts, UnreadableImageError, data_url_bytes, facts_of
from engine.simulator.wording import describe, judge, subject_of, write_prompt

_NO_TEMPERATURE = re.compile(r"^(gpt-(?:[5-9]|\d\d)|o\d)")
"""Models that refuse sampling parameters and `max_tokens` (OpenAI's notes on reasoning models)."""


class InvalidChatError(ValueError):
    """A request that OpenAI would answer with 400; carries its error fields."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """A checked request. `image` is the first picture's bytes; `tokens` counts the whole input."""

    model: str
    system: str
    user: str
    image: bytes | None
    tokens: int


def operation_of(body: object) -> str:
    """chat.prompt, chat.check, chat.metadata or chat.other; never raises."""
    properties = _schema_properties(body)
    if properties:
        for kind, names in (
            ("prompt", {"prompt"}),
            ("check", {"passed", "reason"}),
            ("metadata", {"title", "tags"}),
        ):
            if names <= properties.keys():
                return f"chat.{kind}"
        return "chat.other"
    system, user, has_image = _words(body)
    text = f"{system}\n{user}".lower()
    if '"tags"' in text or ("title" in text and "tags" in text):
        return "chat.metadata"
    if has_image:
        return "chat.check"
    return "chat.prompt" if user else "chat.other"


def read_chat(body: object) -> ChatRequest:
    """Check a request as OpenAI does, every picture down to its last pixel. Slow: call it in a worker thread.

    Raises InvalidChatError.
    """
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise InvalidChatError("you must provide a model parameter", param="model")
    messages, model = body.get("messages"), body["model"]
    if not isinstance(messages, list) or not messages:
        raise InvalidChatError("messages: expected a list of at least one message", param="messages")
    if body.get("stream"):
        raise InvalidChatError("streaming is not simulated", param="stream")
    if _NO_TEMPERATURE.match(model):
        if body.get("temperature") not in (None, 1, 1.0):
            raise InvalidChatError(
                f"Unsupported value: 'temperature' does not support {body['temperature']} with this model.",
                param="temperature",
                code="unsupported_value",
            )
        if "max_tokens" in body:
            raise InvalidChatError(
                "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens'.",
                param="max_tokens",
                code="unsupported_parameter",
            )
    facts: list[ImageFacts] = []
    image: bytes | None = None
    for url in _image_urls(messages):
        try:
            declared, data = data_url_bytes(url)
            seen = facts_of(data, is_decoded=True)
        except UnreadableImageError as error:
            raise InvalidChatError(
                f"Invalid image: {error}", param="messages", code="invalid_image_format"
            ) from error
        if declared.replace("jpg", "jpeg") != seen.type:
            raise InvalidChatError(
                f"Invalid image: declared as {declared}, but it is {seen.type}",
                param="messages",
                code="invalid_image_format",
            )
        facts.append(seen)
        image = image or data
    system, user, _ = _words(body)
    tokens = (len(system) + len(user)) // 4 + 8 * len(messages) + sum(_image_tokens(item) for item in facts)
    return ChatRequest(model, system, user, image, tokens)


def answer(
    operation: str, request: ChatRequest, body: dict[str, Any], *, seed: int, turn: int, reject_share: float
) -> str:
    """The text of the answer: JSON where a schema or the word JSON asks for it.

    A check depends on the picture and the seed only, so that asking again gives the same verdict.
    """
    properties = _schema_properties(body)
    wants_json = bool(body.get("response_format")) or "json" in f"{request.system}\n{request.user}".lower()
    if operation == "chat.check":
        digest = dice_of("check", seed, request.image if request.image is not None else request.user)
        is_rejected = share_of("reject", seed, request.image or request.user) < reject_share
        return _dump(judge(is_rejected=is_rejected, dice=digest))
    if operation == "chat.metadata":
        subject = subject_of(request.user, request.system)
        described = describe(subject, request.user, dice_of("metadata", seed, request.user, request.image))
        if properties.get("tags", {}).get("type") == "string":
            described["tags"] = (
                ", ".join(map(str, described["tags"])) if isinstance(described["tags"], list) else ""
            )
        return _dump(described)
    if operation == "chat.prompt":
        prompt = write_prompt(subject_of(request.user), dice_of("prompt", seed, request.user, turn))
        return _dump({"prompt": prompt}) if wants_json else prompt
    return "{}" if wants_json else "This is the simulator. Ask for a prompt, a check or metadata."


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _schema_properties(body: object) -> dict[str, Any]:
    node: object = body
    for name in ("response_format", "json_schema", "schema", "properties"):
        node = node.get(name) if isinstance(node, dict) else None
    return node if isinstance(node, dict) else {}


def _parts(content: object) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _words(body: object) -> tuple[str, str, bool]:
    """The instructions, what the user says, and whether there is a picture."""
    messages = body.get("messages") if isinstance(body, dict) else None
    instructions: list[str] = []
    said: list[str] = []
    has_image = False
    for message in messages if isinstance(messages, list) else []:
        if not isinstance(message, dict):
            continue
        for part in _parts(message.get("content")):
            has_image = has_image or part.get("type") == "image_url"
            if isinstance(part.get("text"), str):
                (said if message.get("role") == "user" else instructions).append(part["text"])
    return "\n".join(instructions), "\n".join(said), has_image


def _image_urls(messages: list[Any]) -> list[str]:
    urls = []
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in {
            "system",
            "developer",
            "user",
            "assistant",
        }:
            raise InvalidChatError(
                f"messages[{place}]: expected an object with a role", param=f"messages[{place}]"
            )
        for part in _parts(message.get("content")):
            if part.get("type") == "image_url":
                holder = part.get("image_url")
                urls.append(str(holder.get("url")) if isinstance(holder, dict) else "")
    return urls


def _image_tokens(facts: ImageFacts) -> int:
    """85 and 170 for each tile of 512 px, as OpenAI counts pictures in high detail."""
    return 85 + 170 * math.ceil(facts.width / 512) * math.ceil(facts.height / 512)
