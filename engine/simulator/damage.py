"""Spoilt answers: what the actions of the script make of a reply, as bytes. Pure functions."""

import io
import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from PIL import Image

from engine.simulator.actions import Action
from engine.simulator.dice import dice_of
from engine.simulator.faults import Rule
from engine.simulator.reply import Reply

HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
)
LIST_BODY = b'["this", "is", "a", "list"]'
SVG_DOCUMENT = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="64" height="64">'
    b'<script>alert(1)</script><circle cx="32" cy="32" r="30"/></svg>'
)


def garbage(length: int) -> bytes:
    """Random bytes that are neither JSON nor a picture."""
    return dice_of("garbage", length).randbytes(length)


def bomb_png() -> bytes:
    """A small PNG that claims 100,000 x 100,000 pixels, with right checksums (PNG specification, 5.3)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def blank_png(side: int = 64) -> bytes:
    """A square PNG of which nothing is visible."""
    buffer = io.BytesIO()
    Image.new("RGBA", (side, side), (0, 0, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def wrong_types(body: bytes) -> bytes:
    """The same JSON objects with every value of another type; anything that is no JSON becomes a number."""
    try:
        value = json.loads(body)
    except ValueError:
        return b"7"
    return json.dumps(_twisted(value)).encode()


def _twisted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _twisted(item) for key, item in value.items()}
    if isinstance(value, str):
        return 7
    if isinstance(value, bool):
        return "maybe"
    if isinstance(value, (int, float)):
        return "seven"
    if isinstance(value, list):
        return {"0": "a list was here"}
    return [None]


def status_body(code: int) -> bytes:
    """An error body that every one of the services' clients finds its message in."""
    message = f"scripted status {code}"
    return json.dumps(
        {
            "code": code,
            "message": message,
            "error": {"message": message, "type": "scripted", "param": None, "code": None},
            "errors": [{"title": message, "code": "scripted", "message": message}],
        }
    ).encode()


def _status(rule: Rule, _reply: Reply) -> Reply:
    body, content_type = status_body(rule.code), "application/json"
    if isinstance(rule.body, str):
        body, content_type = rule.body.encode("utf-8", "replace"), "text/plain"
    elif rule.body is not None:
        body = json.dumps(rule.body).encode()
    headers = {name.lower(): value for name, value in rule.headers.items()}
    content_type = headers.pop("content-type", content_type)
    return Reply(rule.code, body, content_type, headers)


def _cut(rule: Rule, reply: Reply) -> Reply:
    end = len(reply.body) // 2 if rule.bytes is None else rule.bytes
    return Reply(reply.status, reply.body[:end], reply.content_type, reply.headers)


def _instead_of_picture(data: bytes) -> Callable[[Rule, Reply], Reply]:
    def replace(_rule: Rule, reply: Reply) -> Reply:
        return Reply(200, data, "image/png") if reply.content_type.startswith("image/") else reply

    return replace


_SPOILERS: Mapping[Action, Callable[[Rule, Reply], Reply]] = {
    Action.STATUS: _status,
    Action.HTML: lambda _rule, _reply: Reply(200, HTML_PAGE, "text/html"),
    Action.LIST: lambda _rule, _reply: Reply(200, LIST_BODY),
    Action.EMPTY: lambda _rule, reply: Reply(200, b"", reply.content_type),
    Action.WRONG_TYPES: lambda _rule, reply: Reply(200, wrong_types(reply.body)),
    Action.GARBAGE: lambda rule, reply: Reply(200, garbage(rule.bytes or 4096), reply.content_type),
    Action.CUT: _cut,
    Action.REDIRECT: lambda rule, _reply: Reply(302, b"", "text/plain", {"Location": rule.url}),
    Action.BOMB: _instead_of_picture(bomb_png()),
    Action.SVG: _instead_of_picture(SVG_DOCUMENT),
    Action.BLANK: _instead_of_picture(blank_png()),
}


def spoilt(rule: Rule, reply: Reply) -> Reply:
    """The answer as the rule wants it; untouched where the handler or the connection does the action."""
    spoil = _SPOILERS.get(rule.action)
    return spoil(rule, reply) if spoil else reply
