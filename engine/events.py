"""What happened, in the past tense: small, frozen, serialisable. The database is the truth; an event says what changed.

Whoever missed some gets one `Resynced` and asks again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.views import LogView, ProgressView, View


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    @property
    def merge_key(self) -> str | None:
        """Events with the same key replace each other in a subscriber's queue; None: each one counts."""
        return None

    @property
    def name(self) -> str:
        """The word by which the event goes over a wire."""
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class JobCreated(Event):
    job_id: str


@dataclass(frozen=True, slots=True)
class JobStarted(Event):
    job_id: str
    is_resumed: bool


@dataclass(frozen=True, slots=True)
class JobStatusChanged(Event):
    job_id: str
    status: str


@dataclass(frozen=True, slots=True)
class JobPaused(Event):
    """`code` is `user`, or a code of PauseRequired."""

    job_id: str
    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class JobFinished(Event):
    job_id: str
    status: str


@dataclass(frozen=True, slots=True)
class JobChanged(Event):
    """Its label, or whether it is deleted."""

    job_id: str


@dataclass(frozen=True, slots=True)
class JobProgressed(Event):
    job_id: str
    progress: ProgressView

    @property
    def merge_key(self) -> str | None:
        return f"progress:{self.job_id}"


@dataclass(frozen=True, slots=True)
class QueueChanged(Event):
    @property
    def merge_key(self) -> str | None:
        return "queue"


@dataclass(frozen=True, slots=True)
class TaskChanged(Event):
    job_id: str
    generation_id: int
    state: str


@dataclass(frozen=True, slots=True)
class ImageChanged(Event):
    """An image row was made or got another status."""

    job_id: str
    image_id: int
    status: str


@dataclass(frozen=True, slots=True)
class LogRecorded(Event):
    entry: LogView


@dataclass(frozen=True, slots=True)
class ConfigurationsChanged(Event):
    @property
    def merge_key(self) -> str | None:
        return "configurations"


@dataclass(frozen=True, slots=True)
class ImportProgressed(Event):
    """Of so many images of another program so many were looked at."""

    done: int
    total: int

    @property
    def merge_key(self) -> str | None:
        return "import"


@dataclass(frozen=True, slots=True)
class ExportProgressed(Event):
    """`phase` is one of engine.export.progress; `done` of `total` images."""

    export_id: str
    phase: str
    done: int
    total: int

    @property
    def merge_key(self) -> str | None:
        return f"export:{self.export_id}"


@dataclass(frozen=True, slots=True)
class ExportEnded(Event):
    """`state` is done, failed or cancelled."""

    export_id: str
    state: str


@dataclass(frozen=True, slots=True)
class Resynced(Event):
    """The subscriber was too slow and lost events: ask again for everything shown."""


@dataclass(frozen=True, slots=True)
class EngineLost(Event):
    """Told by a client: the engine's process has gone away."""


@dataclass(frozen=True, slots=True)
class EngineSilent(Event):
    """Told by a client: the engine has not answered for a while; its process may be stopped."""

    pid: int


@dataclass(frozen=True, slots=True)
class EngineAnswers(Event):
    """Told by a client: it answers again."""


_VIEW_FIELDS = ("progress", "entry")
_EVENTS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        JobCreated,
        JobStarted,
        JobStatusChanged,
        JobPaused,
        JobFinished,
        JobChanged,
        JobProgressed,
        QueueChanged,
        TaskChanged,
        ImageChanged,
        LogRecorded,
        ConfigurationsChanged,
        ImportProgressed,
        ExportProgressed,
        ExportEnded,
        Resynced,
        EngineLost,
        EngineSilent,
        EngineAnswers,
    )
}


def _views() -> dict[str, type[View]]:
    """The models of _VIEW_FIELDS; loaded with the first event, not with the screens."""
    from engine.views import LogView, ProgressView  # noqa: PLC0415 - see above

    return dict(zip(_VIEW_FIELDS, (ProgressView, LogView), strict=True))


def event_to_json(event: Event) -> dict[str, Any]:
    """`{"event": name, field: value, ...}`, JSON-able."""
    document: dict[str, Any] = {"event": event.name}
    for field in event.__dataclass_fields__:
        value = getattr(event, field)
        document[field] = value.model_dump(mode="json") if field in _VIEW_FIELDS else value
    return document


def event_from_json(document: dict[str, Any]) -> Event:
    """The inverse of event_to_json. Raises ValueError for an event of another version."""
    fields = dict(document)
    kind = _EVENTS.get(str(fields.pop("event", "")))
    if kind is None:
        raise ValueError(f"unknown event {document.get('event')!r}")
    for field, view in _views().items():
        if field in fields:
            fields[field] = view.model_validate(fields[field])
        elif field in kind.__dataclass_fields__:
            raise ValueError(f"event {kind.__name__} without its {field}")
    for name, value in fields.items():
        if name not in _VIEW_FIELDS and not isinstance(value, str | int | None):
            raise ValueError(f"event {kind.__name__}: {name} is no text and no number")
    try:
        return kind(**fields)
    except TypeError as error:
        raise ValueError(f"event {kind.__name__}: {error}") from error
