"""A whole HTTP answer as plain data, before anything is sent."""

import json
from dataclasses import dataclass, field


@dataclass(slots=True)
class Reply:
    """`content_type` is kept apart from the headers: a spoilt answer often keeps only that."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def json_reply(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    """An answer in JSON, in UTF-8."""
    return Reply(
        status, json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"), headers=headers or {}
    )


class RefusedError(Exception):
    """A handler's way out: the service answers with this instead of doing what it was asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"answered with {reply.status}")
        self.reply = reply
