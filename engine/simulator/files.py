"""The host of finished pictures: draws them when they are downloaded, and lets links expire."""

from engine.simulator.actions import Action, Service
from engine.simulator.call import Call, Route
from engine.simulator.reply import Reply

_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
_EXPIRED = (
    b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code>'
    b"<Message>Request has expired</Message></Error>"
)


def link(base: str, file_name: str) -> str:
    """The address under which a picture is downloaded."""
    return f"{base}/files/{file_name}"


def routes() -> list[Route]:
    """GET /files/{name}, without a key."""
    return [Route("GET", "/files/{name}", Service.FILES, "download", _download, subject=_prompt)]


def _prompt(call: Call) -> str:
    found = call.world.linked_picture(call.parts["name"])
    return found[1].prompt if found else ""


async def _download(call: Call) -> Reply:
    found = call.world.linked_picture(call.parts["name"])
    if found is None:
        return Reply(404, b"not found", "text/plain")
    task, picture, is_alive = found
    if call.is_hit_by(Action.EXPIRED):
        task.expire_links()
        is_alive = False
    if not is_alive:
        return Reply(403, _EXPIRED, "application/xml")
    return Reply(200, await call.world.studio.picture(picture), _TYPES[picture.extension])
