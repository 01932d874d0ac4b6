"""What is remembered of each request: enough to prove what was sent, without keys and whole pictures."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.simulator.actions import Service
from engine.simulator.uploads import UnreadableImageError, data_url_bytes, facts_of

_KEY_HEADERS = frozenset({"authorization", "x-api-key", "cookie", "proxy-authorization"})
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Upload:
    """One file of a multipart body."""

    filename: str
    data: bytes


@dataclass(slots=True)
class RequestRecord:
    """One request as `GET /control/requests` shows it."""

    number: int
    service: Service
    operation: str
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, Any]
    """Names in lower case; a header with a key in it is `{"present": true, "sha256": ...}`."""
    body: Any
    """Decoded JSON or form; pictures as `{"type", "bytes", "width", "height"}`; null where unreadable."""
    at: str
    """RFC 3339, UTC."""
    fault: str | None = None
    """The scripted action that met it."""
    status: int | None = None
    """Of the answer; null while there is none, and where the connection was closed without one."""

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def key_of(headers: Mapping[str, str]) -> str:
    """The API key of a request, without `Bearer`; empty where there is none."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("X-API-Key", "").strip()


def reduced_headers(headers: Mapping[str, str]) -> dict[str, Any]:
    """The headers, with the hash of a key in the place of the key."""
    shown: dict[str, Any] = {}
    for name, value in headers.items():
        if name.lower() in _KEY_HEADERS:
            bare = value.partition(" ")[2] if value.lower().startswith("bearer ") else value
            shown[name.lower()] = {
                "present": True,
                "sha256": hashlib.sha256(bare.strip().encode()).hexdigest(),
            }
        else:
            shown[name.lower()] = value
    return shown


def reduced_body(value: Any) -> Any:
    """The same structure, with facts in the place of pictures, and with very long texts cut."""
    if isinstance(value, dict):
        return {key: reduced_body(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reduced_body(item) for item in value]
    if isinstance(value, Upload):
        return {"filename": value.filename, **_reduced_picture("", value.data)}
    return _reduced_text(value) if isinstance(value, str) else value


def _reduced_text(value: str) -> Any:
    if value.startswith("data:"):
        try:
            return _reduced_picture(*data_url_bytes(value))
        except UnreadableImageError as error:
            return {"type": "unreadable", "characters": len(value), "reason": str(error)}
    if len(value) > _LONGEST_TEXT:
        return f"{value[:_LONGEST_TEXT]} [cut, {len(value)} characters]"
    return value


def _reduced_picture(declared: str, data: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    try:
        facts = facts_of(data)
    except UnreadableImageError:
        return {"type": declared, "bytes": len(data), "width": None, "height": None, "sha256": digest}
    return {
        "type": declared or facts.type,
        "bytes": facts.size,
        "width": facts.width,
        "height": facts.height,
        "sha256": digest,
    }
