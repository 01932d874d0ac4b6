"""Finding a PiAPI task again whose submission went unanswered, in the account's task history. Never pays.

Source: third-party clients of GET /api/open/tasks/histories (PiAPI lists the path without describing it):
`page`, `page_size` up to 100, `start_time` and `end_time` in Unix seconds; entries carry `task_id`,
`created_at` and mostly no prompt, so that the tasks themselves have to be asked.
"""

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.errors import BadAnswerError, CreditExhaustedError, PolicyRefusedError, TaskMissingError
from engine.providers.answers import as_dict, as_list, as_text, as_whole_number, first_text
from engine.providers.base import ImageRequest, Lookup, Reconciliation, RemoteState, RemoteTask
from engine.providers.piapi_wire import TaskAnswer, moment_of, spec_of, wire_prompt

BEFORE = timedelta(seconds=60)
"""How far PiAPI's clock may be behind ours."""
AFTER = timedelta(minutes=10)
"""How long after the sending PiAPI may have written the task down."""
PAGE_SIZE = 100
_MOST_PAGES = 5
_MOST_FETCHES = 20
"""More tasks of the same minutes than these mean a busy account: then a person can tell better."""

type ListPage = Callable[[Mapping[str, str]], Awaitable[Mapping[str, object] | None]]
type FetchTask = Callable[[str], Awaitable[TaskAnswer]]


@dataclass(frozen=True, slots=True)
class _Entry:
    task_id: str
    model: str
    prompt: str
    images_asked: int | None
    created_at: datetime | None


class History:
    """One search. A task is ours when it was created within the window, is not known as another task of ours,
    and has our model, prompt and number of images, as far as PiAPI says them; the prompt it must say."""

    def __init__(
        self, request: ImageRequest, sent_after: datetime, known_task_ids: Sequence[str], *, key: str
    ) -> None:
        sent = sent_after if sent_after.tzinfo else sent_after.replace(tzinfo=UTC)
        self._key = key
        self._since = sent - BEFORE
        self._until = sent + AFTER
        self._known = frozenset(known_task_ids)
        self._spec = spec_of(request)
        self._prompt = wire_prompt(request).strip()
        self._images = request.images

    async def search(self, list_page: ListPage, fetch_task: FetchTask) -> Reconciliation:
        """FOUND for exactly one match. Everything else is CANNOT_TELL, an empty history too: PiAPI promises
        nowhere that it is complete or up to date, and `not there` would pay a second time."""
        entries = await self._list(list_page)
        if entries is None:
            return _cannot_tell("This PiAPI address has no task history to look the task up in.")
        if len(entries) >= PAGE_SIZE * _MOST_PAGES:
            return _cannot_tell("PiAPI lists too many tasks of those minutes to tell ours from the others.")
        candidates = [entry for entry in entries if self._may_be_ours(entry)]
        silent = [entry for entry in candidates if not entry.prompt]
        if len(silent) > _MOST_FETCHES:
            return _cannot_tell(f"PiAPI lists {len(silent)} tasks of those minutes without their prompts.")
        matches = {entry.task_id for entry in candidates if entry.prompt}
        for entry in silent:
            if await self._is_ours(entry.task_id, fetch_task):
                matches.add(entry.task_id)
        if len(matches) > 1:
            return _cannot_tell(f"PiAPI has {len(matches)} tasks of those minutes with this prompt.")
        if not matches:
            return _cannot_tell(
                f"None of the {len(entries)} tasks that PiAPI lists for those minutes is this one;"
                " its list may be late."
            )
        task_id = matches.pop()
        return Reconciliation(
            Lookup.FOUND,
            RemoteTask(task_id, RemoteState.WORKING, status_word="found in the history"),
            f"PiAPI's history has one task of those minutes with this prompt: {task_id}.",
        )

    async def _list(self, list_page: ListPage) -> list[_Entry] | None:
        entries: dict[str, _Entry] = {}
        for page in range(1, _MOST_PAGES + 1):
            document = await list_page(
                {
                    "page": str(page),
                    "page_size": str(PAGE_SIZE),
                    "start_time": str(math.floor(self._since.timestamp())),
                    "end_time": str(math.ceil(self._until.timestamp())),
                }
            )
            if document is None:
                return None
            rows = _rows_of(document)
            found = {entry.task_id: entry for row in rows if (entry := _entry_of(row)).task_id}
            # A server that ignores `page` answers the same page again.
            is_new = not found.keys() <= entries.keys()
            entries |= found
            if len(rows) < PAGE_SIZE or not is_new:
                break
        return list(entries.values())

    def _may_be_ours(self, entry: _Entry) -> bool:
        if entry.task_id in self._known:
            return False
        if entry.created_at is not None and not self._since <= entry.created_at <= self._until:
            return False
        if entry.prompt and entry.prompt != self._prompt:
            return False
        if entry.prompt and entry.model and entry.model != self._spec.wire_model:
            return False
        return not (entry.prompt and self._asks_for_other_images(entry.images_asked))

    async def _is_ours(self, task_id: str, fetch_task: FetchTask) -> bool:
        try:
            task = await fetch_task(task_id)
        except TaskMissingError:
            return False
        except (CreditExhaustedError, PolicyRefusedError) as error:
            raise BadAnswerError(error.service, error.message) from None
        return (
            task.prompt == self._prompt
            and task.model in ("", self._spec.wire_model)
            and (task.created_at is None or self._since <= task.created_at <= self._until)
            and not self._asks_for_other_images(task.images_asked)
        )

    def _asks_for_other_images(self, images_asked: int | None) -> bool:
        is_sent = self._spec.max_images > 1 and self._spec.fixed_images is None
        return is_sent and images_asked not in (None, self._images)


def _cannot_tell(detail: str) -> Reconciliation:
    return Reconciliation(Lookup.CANNOT_TELL, detail=detail)


def _rows_of(document: Mapping[str, object]) -> Sequence[object]:
    """The list of entries wherever an envelope was seen to carry it."""
    data = document.get("data")
    if isinstance(data, list):
        return data
    inner = as_dict(data)
    return next(
        (rows for name in ("tasks", "list", "data", "histories") if (rows := as_list(inner.get(name)))), ()
    )


def _entry_of(row: object) -> _Entry:
    entry = as_dict(row)
    detail = as_dict(entry.get("detail"))
    inputs = [as_dict(holder.get("input")) for holder in (entry, detail)]
    prompts = (*(given.get("prompt") for given in inputs), detail.get("prompt"), entry.get("prompt"))
    asked = (given.get("batch_size", given.get("num_images")) for given in inputs)
    created = (entry.get("created_at"), as_dict(entry.get("meta")).get("created_at"))
    return _Entry(
        task_id=first_text((entry.get("task_id"), detail.get("task_id"))),
        model=as_text(entry.get("model")),
        prompt=first_text(prompts),
        images_asked=next((number for value in asked if (number := as_whole_number(value))), None),
        created_at=next((moment for value in created if (moment := moment_of(value))), None),
    )
