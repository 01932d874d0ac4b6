"""The lines that go over the engine's socket: one JSON object each, written and read in one place.

Server first: `{"hello": {"protocol": 1, "version": "...", "pid": 123}}`. Then, in any order:
client `{"id": 7, "call": "start_job", "args": {...}}`; server `{"id": 7, "result": ...}` or
`{"id": 7, "error": {"kind", "code", "message", "hint", "problems"?, "pid"?}}`; and, after the call `subscribe`,
`{"event": "JobStarted", ...}` lines as engine.events writes them.
"""

import json
from typing import Any

from engine import errors
from engine.errors import EngineHeldError, FactoryError, Problem, SettingsError

PROTOCOL = 1
LINE_LIMIT = 16 * 1024 * 1024
"""Bytes of one line; a longer one ends the connection."""

_PLAIN_ERRORS: dict[str, type[FactoryError]] = {
    kind.__name__: kind
    for kind in (
        errors.FactoryError,
        errors.InputError,
        errors.KeywordsError,
        errors.TemplateError,
        errors.NotFoundError,
        errors.ConflictError,
        errors.PauseRequired,
    )
}


class ProtocolError(FactoryError):
    """The other side speaks something else."""

    code = "protocol"


def encode(message: dict[str, Any]) -> bytes:
    """One line, its end included."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Raises ProtocolError for anything but an object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("The engine's socket carries a line that is no JSON.") from error
    if not isinstance(message, dict):
        raise ProtocolError("The engine's socket carries a line that is no object.")
    return message


def error_to_json(error: FactoryError) -> dict[str, Any]:
    """What a front end needs to raise the same error again."""
    document: dict[str, Any] = {
        "kind": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "hint": error.hint,
    }
    if isinstance(error, SettingsError):
        document["problems"] = [
            {"field": one.field, "message": one.message, "hint": one.hint, "is_warning": one.is_warning}
            for one in error.problems
        ]
    if isinstance(error, EngineHeldError):
        document["pid"] = error.pid
    return document


def error_from_json(document: object) -> FactoryError:
    """The error as it was raised in the engine; kinds that only the engine knows become a FactoryError."""
    if not isinstance(document, dict):
        return ProtocolError("The engine answered with an error that cannot be read.")
    message, hint, code = (str(document.get(name, "")) for name in ("message", "hint", "code"))
    kind, pid = document.get("kind"), document.get("pid")
    if kind == SettingsError.__name__:
        listed = document.get("problems")
        error = SettingsError(
            [_problem(one) for one in listed] if isinstance(listed, list) else [], hint=hint
        )
        error.code = code or error.code
        return error
    if kind == EngineHeldError.__name__:
        return EngineHeldError(message, hint=hint, pid=pid if isinstance(pid, int) else None)
    return _PLAIN_ERRORS.get(str(kind), FactoryError)(message, hint=hint, code=code or "error")


def _problem(document: object) -> Problem:
    if not isinstance(document, dict):
        return Problem("", str(document))
    field, message, hint = (str(document.get(name, "")) for name in ("field", "message", "hint"))
    return Problem(field, message, hint, is_warning=bool(document.get("is_warning")))
