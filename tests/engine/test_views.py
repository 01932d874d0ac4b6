"""The JSON that commands print is a contract: names are added to, never changed."""

from typing import Any

import pytest
from pydantic import ValidationError

from engine.views import (
    ConfigurationView,
    ErrorView,
    GenerationView,
    ImageCounts,
    ImageView,
    JobDetailView,
    JobView,
    LogView,
    Page,
    PlanView,
    ProblemView,
    ProgressView,
    Spend,
    TaskView,
    TotalsView,
    View,
)

COUNTS = {"planned", "approved", "qc_failed", "failed", "pending", "unknown", "trashed"}
ERROR = {"stage", "code", "message", "hint"}
JOB = {
    "job_id",
    "label",
    "kind",
    "status",
    "created_at",
    "started_at",
    "finished_at",
    "duration_s",
    "images",
    "spend_usd",
    "output_dir",
    "error",
}
IMAGE = {
    "image_id",
    "job_id",
    "generation_id",
    "status",
    "stage",
    "reason",
    "warnings",
    "prompt",
    "keyword",
    "provider",
    "model",
    "task_id",
    "width",
    "height",
    "seed",
    "file",
    "original_file",
    "title",
    "description",
    "tags",
    "cost_usd",
    "created_at",
    "replaces_image_id",
}
GENERATION = {
    "generation_id",
    "index",
    "keyword",
    "prompt",
    "aspect_ratio",
    "width",
    "height",
    "seed",
    "tasks",
}
TASK = {"provider", "model", "task_id", "state", "images", "cost_usd"}


@pytest.mark.parametrize(
    ("view", "names"),
    [
        (ImageCounts, COUNTS),
        (ErrorView, ERROR),
        (JobView, JOB),
        (JobDetailView, JOB | {"settings", "generations"}),
        (GenerationView, GENERATION),
        (TaskView, TASK),
        (ImageView, IMAGE),
    ],
)
def test_the_contract_names_are_there(view: type[View], names: set[str]) -> None:
    assert names <= set(view.model_fields)


ADDED: dict[type[View], set[str]] = {
    ImageCounts: set(),
    ErrorView: set(),
    JobView: {
        "number",
        "spend",
        "pause",
        "configuration",
        "parent_job_id",
        "queue_position",
        "deleted_at",
        "budget_usd",
    },
    GenerationView: set(),
    TaskView: {"images_requested", "submissions", "error"},
    ImageView: {"number", "category", "replaced_by"},
}


@pytest.mark.parametrize("view", ADDED, ids=lambda view: view.__name__)
def test_what_is_added_to_the_contract_is_added_knowingly(view: type[View]) -> None:
    """A field that is new here belongs into the documentation of the command line's JSON too."""
    contract = {
        ImageCounts: COUNTS,
        ErrorView: ERROR,
        JobView: JOB,
        GenerationView: GENERATION,
        TaskView: TASK,
        ImageView: IMAGE,
    }[view]
    assert set(view.model_fields) - contract == ADDED[view]


def test_no_view_has_room_for_a_key() -> None:
    views: list[type[View]] = [
        ConfigurationView,
        ImageView,
        JobDetailView,
        LogView,
        PlanView,
        ProblemView,
        ProgressView,
        Spend,
        TotalsView,
    ]
    names = {name for view in views for name in view.model_fields}
    assert not {
        name for name in names if "key" in name and name not in {"keyword", "keywords", "keyword_source"}
    }


def counts(**changes: int) -> ImageCounts:
    return ImageCounts(**{**dict.fromkeys(COUNTS, 0), "planned": 10, **changes})


def progress(images: ImageCounts) -> ProgressView:
    values: dict[str, Any] = dict.fromkeys(ProgressView.model_fields, 0)
    return ProgressView(**{**values, "job_id": "k7", "images": images, "is_quiescent": False})


def test_views_are_frozen_and_refuse_what_they_do_not_know() -> None:
    view = counts()
    with pytest.raises(ValidationError):
        view.approved = 5  # type: ignore[misc]
    with pytest.raises(ValidationError):
        ImageCounts(**{**view.model_dump(), "lovely": 1})


def test_finished_are_images_that_need_no_more_work() -> None:
    view = counts(approved=3, qc_failed=1, failed=1, trashed=1, pending=2, unknown=2)
    assert view.finished == 6
    assert view.success_rate == 0.5
    assert counts().success_rate is None


@pytest.mark.parametrize(
    ("changes", "fraction"),
    [
        ({}, 0.0),
        ({"approved": 5}, 0.5),
        ({"approved": 8, "unknown": 2}, 1.0),
        ({"approved": 9, "pending": 1}, 0.9),
        ({"planned": 0}, 0.0),
        ({"approved": 12}, 1.0),
    ],
)
def test_the_whole_is_reached_only_when_every_image_is_accounted_for(
    changes: dict[str, int], fraction: float
) -> None:
    assert progress(counts(**changes)).fraction == pytest.approx(fraction)


def test_a_plan_can_start_with_warnings() -> None:
    values: dict[str, Any] = dict.fromkeys(PlanView.model_fields, 0)
    texts = {"provider": "", "model": "", "keyword_source": "", "output_dir": ""}
    lists = {"keywords": (), "sizes": (), "costs": ()}

    def plan(*problems: ProblemView) -> PlanView:
        return PlanView(**{**values, **texts, **lists, "problems": problems})

    warning = ProblemView(field="generation.seed", message="not sent", hint="", is_warning=True)
    error = ProblemView(field="keys.piapi", message="no key", hint="set it", is_warning=False)
    assert plan().can_start
    assert plan(warning).can_start
    assert not plan(warning, error).can_start


def test_a_page_becomes_json() -> None:
    page = Page[ImageCounts](rows=(counts(),), next_cursor=None)
    assert Page[ImageCounts].model_validate_json(page.model_dump_json()) == page
