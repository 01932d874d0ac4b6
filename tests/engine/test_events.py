import dataclasses
import json
from typing import Any

import pytest

import engine.events
from engine.events import (
    ConfigurationsChanged,
    EngineAnswers,
    EngineLost,
    EngineSilent,
    Event,
    ExportEnded,
    ExportProgressed,
    ImageChanged,
    ImportProgressed,
    JobChanged,
    JobCreated,
    JobFinished,
    JobPaused,
    JobProgressed,
    JobStarted,
    JobStatusChanged,
    LogRecorded,
    QueueChanged,
    Resynced,
    TaskChanged,
    event_from_json,
    event_to_json,
)
from engine.views import ImageCounts, JobStatus, LogLevel, LogView, ProgressView

COUNTS = ImageCounts(planned=4, approved=1, qc_failed=1, failed=0, pending=1, unknown=1, trashed=0)
PROGRESS = ProgressView(
    job_id="k7",
    images=COUNTS,
    prompted=4,
    submitted=3,
    downloaded=3,
    checked=2,
    done=2,
    in_flight=1,
    images_per_minute=3.5,
    eta_s=None,
    spend_usd=0.0123,
    is_quiescent=False,
)
ENTRY = LogView(
    entry_id=7,
    job_id="k7",
    at="2026-11-22T12:00:00.000Z",
    level=LogLevel.WARNING,
    stage="generate",
    image_number=None,
    message="a “quoted” message",
    cause="rate_limited",
    hint=None,
)
EXAMPLES: tuple[Event, ...] = (
    JobCreated("k7"),
    JobStarted("k7", is_resumed=True),
    JobStatusChanged("k7", JobStatus.PAUSED),
    JobPaused("k7", "credit", "piapi has no credit left", "Add credit."),
    JobFinished("k7", JobStatus.COMPLETED),
    JobChanged("k7"),
    JobProgressed("k7", PROGRESS),
    QueueChanged(),
    TaskChanged("k7", 3, "submitted"),
    ImageChanged("k7", 12, "approved"),
    LogRecorded(ENTRY),
    ConfigurationsChanged(),
    ImportProgressed(200, 3_000),
    ExportProgressed("x1", "zipping", 3, 10),
    ExportEnded("x1", "done"),
    Resynced(),
    EngineLost(),
    EngineSilent(pid=7),
    EngineAnswers(),
)


def test_every_class_of_event_has_an_example_here() -> None:
    classes = {
        value
        for value in vars(engine.events).values()
        if isinstance(value, type) and issubclass(value, Event) and value is not Event
    }
    assert {type(event) for event in EXAMPLES} == classes


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.name)
def test_an_event_survives_the_way_through_json(event: Event) -> None:
    document = json.loads(json.dumps(event_to_json(event)))
    assert document["event"] == type(event).__name__
    assert event_from_json(document) == event


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: event.name)
def test_events_cannot_be_changed(event: Event) -> None:
    names = [field.name for field in dataclasses.fields(event)] or ["job_id"]
    with pytest.raises((dataclasses.FrozenInstanceError, AttributeError, TypeError)):
        setattr(event, names[0], "other")


@pytest.mark.parametrize(
    "document",
    [
        {"event": "JobExploded", "job_id": "k7"},
        {"job_id": "k7"},
        {"event": None},
        {"event": "JobCreated"},
        {"event": "JobCreated", "job_id": "k7", "colour": "red"},
        {"event": "LogRecorded", "entry": {"entry_id": "seven"}},
        {"event": "JobProgressed", "job_id": "k7", "progress": None},
    ],
)
def test_an_event_of_another_version_is_a_value_error(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        event_from_json(document)


def test_only_what_a_later_one_makes_worthless_has_a_merge_key() -> None:
    keys = {event.name: event.merge_key for event in EXAMPLES if event.merge_key is not None}
    assert keys == {
        "JobProgressed": "progress:k7",
        "QueueChanged": "queue",
        "ConfigurationsChanged": "configurations",
        "ImportProgressed": "import",
        "ExportProgressed": "export:x1",
    }
