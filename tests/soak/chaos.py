"""What goes wrong in a soak, and what a person does meanwhile: both drawn from one seed."""

import json
from random import Random
from typing import Any

from engine.api import ImageQuery, RetryRequest, TaskChoice
from engine.client import EngineClient
from engine.views import ImageStatus, JobKind

_NO = json.dumps({"passed": False, "reason": "blurred"})
_LATER = {"Retry-After": "1"}
_LIMITED: dict[str, Any] = {"action": "status", "code": 429, "headers": _LATER}
_BROKEN: dict[str, Any] = {"action": "status", "code": 500}
_BROKEN_BUT_DONE: dict[str, Any] = {"action": "status", "code": 502, "process": True}
_ANY: tuple[dict[str, Any], ...] = (
    _LIMITED,
    _BROKEN,
    {"action": "drop"},
    {"action": "drop_before_read"},
    {"action": "lose_answer"},
    {"action": "slow", "seconds": 1},
    {"action": "html"},
    {"action": "list"},
    {"action": "wrong_types"},
    {"action": "empty"},
    {"action": "garbage"},
    {"action": "truncate"},
    {"action": "cut", "bytes": 40},
)
_TASK = ({"action": "fail", "text": "out of luck"}, {"action": "status_word", "word": "Musing"})
_POLL = (*_ANY, *_TASK, {"action": "no_images"}, {"action": "duplicate"}, {"action": "expired"})
_CHAT = (
    *_ANY,
    {"action": "say", "text": "It looks fine to me."},
    {"action": "refuse", "text": "I would rather not."},
    {"action": "no_choices"},
)
_PICTURE = (*_ANY, {"action": "bomb"}, {"action": "svg"}, {"action": "blank"})
_SPOILT: dict[tuple[str, str], tuple[dict[str, Any], ...]] = {
    ("piapi", "submit"): (*_ANY, _BROKEN_BUT_DONE),
    ("piapi", "poll"): _POLL,
    ("piapi", "history"): _ANY,
    ("runware", "submit"): (*_ANY, _BROKEN_BUT_DONE),
    ("runware", "poll"): _POLL,
    ("openai", "images"): (*_ANY, _BROKEN_BUT_DONE, {"action": "svg"}, {"action": "no_images"}),
    ("openai", "chat.prompt"): _CHAT,
    ("openai", "chat.check"): (*_CHAT, {"action": "say", "text": _NO}, {"action": "say", "text": _NO[:20]}),
    ("openai", "chat.metadata"): _CHAT,
    ("removebg", "remove"): _PICTURE,
    ("files", "download"): (*_PICTURE, {"action": "expired"}, {"action": "endless"}),
}
"""Every action that fits, but `hang` (it costs the client's whole patience each time) and `redirect`."""

HORIZON = 4_000
"""More than arrive between two kills."""

MAKERS: tuple[dict[str, Any], ...] = (
    {},
    {"variations": 3},
    {"provider": "runware", "model": "runware:100@1"},
    {"provider": "openai", "model": "gpt-image-2"},
)
DEEDS = (
    "retry",
    "retry",
    "approve",
    "unapprove",
    "trash",
    "restore",
    "decide",
    "regenerate",
    "pause",
    "stop",
)
_FAILED = (ImageStatus.QC_FAILED, ImageStatus.FAILED, ImageStatus.RETRY_FAILED)
_MEANT: dict[str, tuple[ImageStatus, ...]] = {
    "retry": _FAILED,
    "approve": _FAILED,
    "unapprove": (ImageStatus.APPROVED,),
    "trash": (ImageStatus.APPROVED, ImageStatus.FAILED, ImageStatus.RETRY_PENDING),
    "restore": (ImageStatus.TRASHED,),
    "regenerate": _FAILED,
}


def faults(rng: Random, share: float) -> list[dict[str, Any]]:
    """Rules under which this share of every kind of request goes wrong, for the next HORIZON requests of a kind."""
    return [
        {"service": service, "operation": operation, **rng.choice(actions), "nth": number}
        for (service, operation), actions in _SPOILT.items()
        for number in range(1, HORIZON + 1)
        if rng.random() < share
    ]


def job_settings(rng: Random, images: int) -> dict[str, Any]:
    """A job of about `images` small pictures, of one provider, with stages on or off."""
    maker = rng.choice(MAKERS)
    variations = maker.get("variations", 1)
    return {
        "generation": {
            "generations": max(1, images // variations),
            "dimensions": ["512x512"],
            "concurrency": rng.randint(2, 12),
            "poll_interval_seconds": 0.5,
            "backoff_seconds": 0.2,
            **maker,
        },
        "processing": {
            "remove_background": rng.random() < 0.3,
            "on_remove_background_failure": rng.choice(["fail", "continue"]),
            "convert": rng.random() < 0.7,
            "convert_format": rng.choice(["jpg", "webp"]),
        },
        "ai": {"metadata": rng.random() < 0.7},
    }


class Person:
    """Does one random thing at a time to jobs, images and lost orders; `sent_again` counts orders that were paid
    for again knowingly, by our own task number."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self.sent_again: dict[int, int] = {}

    async def act(self, client: EngineClient) -> str:
        """Its name. Raises what the command raises."""
        deed = self._rng.choice(DEEDS)
        if deed == "decide":
            await self._decide(client)
        elif deed in ("pause", "stop"):
            await self._interrupt(client, deed)
        elif ids := await self._some(client, _MEANT[deed]):
            await self._change(client, deed, ids)
        return deed

    async def _change(self, client: EngineClient, deed: str, ids: list[int]) -> None:
        match deed:
            case "retry":
                checks_again = self._rng.choice([None, None, True])
                await client.retry_images(RetryRequest(tuple(ids), checks_again=checks_again))
            case "approve":
                await client.approve_images(ids)
            case "unapprove":
                await client.unapprove_images(ids)
            case "trash":
                await client.trash_images(ids)
            case "restore":
                await client.restore_images(ids)
            case "regenerate":
                await client.regenerate_images(ids[:1])
            case _:
                raise AssertionError(deed)

    async def _some(self, client: EngineClient, statuses: tuple[ImageStatus, ...]) -> list[int]:
        ids = await client.image_ids(ImageQuery(statuses=statuses))
        return self._rng.sample(ids, min(len(ids), self._rng.randint(1, 4)))

    async def _decide(self, client: EngineClient) -> None:
        """Any of what can be decided, lost included."""
        for task in (await client.undecided_tasks())[:3]:
            choice = TaskChoice(self._rng.choice(task.choices))
            if choice is TaskChoice.SUBMIT:
                # Counted before: a kill may come between the commit and the answer.
                self.sent_again[task.task] = self.sent_again.get(task.task, 0) + 1
            await client.decide_tasks([task.task], choice)

    async def _interrupt(self, client: EngineClient, deed: str) -> None:
        jobs = [job for job in await client.unfinished_jobs() if job.kind is JobKind.GENERATE]
        if not jobs or self._rng.random() < 0.5:
            return
        job_id = self._rng.choice(jobs).job_id
        if deed == "pause":
            await client.pause_job(job_id)
        else:
            await client.stop_job(job_id, is_forced=self._rng.random() < 0.5)
