"""tui.cli.statuses: how jobs and errors become exit statuses."""

from collections.abc import Callable

import pytest

from engine.errors import (
    AnswerLostError,
    ConflictError,
    EngineHeldError,
    FactoryError,
    InputError,
    NotFoundError,
    PauseRequired,
    SettingsError,
)
from engine.views import JobStatus, JobView
from tui.cli.statuses import ExitStatus, describe_statuses, exit_status_of, exit_status_of_error, worst_of

MakeJob = Callable[..., JobView]


@pytest.mark.parametrize(
    ("status", "counts", "expected"),
    [
        (JobStatus.COMPLETED, {}, 0),
        (JobStatus.COMPLETED, {"trashed": 1}, 0),
        (JobStatus.COMPLETED, {"qc_failed": 1}, 3),
        (JobStatus.COMPLETED, {"failed": 1}, 3),
        (JobStatus.COMPLETED, {"unknown": 1}, 4),
        (JobStatus.COMPLETED, {"unknown": 1, "failed": 2, "qc_failed": 3}, 4),
        (JobStatus.FAILED, {"approved": 0, "failed": 10}, 1),
        (JobStatus.FAILED, {"approved": 0, "unknown": 1}, 4),
        (JobStatus.STOPPED, {}, 1),
        (JobStatus.STOPPED, {"unknown": 1}, 4),
        (JobStatus.PAUSED, {}, 5),
        (JobStatus.PAUSED, {"unknown": 1, "failed": 1}, 5),
        (JobStatus.INTERRUPTED, {}, 5),
        (JobStatus.QUEUED, {"approved": 0}, 0),
    ],
)
def test_a_job_becomes_a_status(
    make_job: MakeJob, status: JobStatus, counts: dict[str, int], expected: int
) -> None:
    assert exit_status_of(make_job(status, **counts)) == expected


def test_every_job_status_has_an_exit_status(make_job: MakeJob) -> None:
    assert {exit_status_of(make_job(status)) for status in JobStatus} <= set(ExitStatus)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [((), 0), ((0, 3), 3), ((3, 4), 4), ((4, 5), 5), ((5, 1), 1), ((1, 0, 4), 1)],
)
def test_the_worst_of_several_counts(statuses: tuple[int, ...], expected: int) -> None:
    assert worst_of(ExitStatus(status) for status in statuses) == expected


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InputError("x"), 2),
        (SettingsError([]), 2),
        (NotFoundError("x"), 2),
        (ConflictError("x"), 2),
        (EngineHeldError("x"), 75),
        (PauseRequired("x"), 5),
        (AnswerLostError("piapi", "x"), 1),
        (FactoryError("x"), 1),
    ],
)
def test_an_error_becomes_a_status(error: FactoryError, expected: int) -> None:
    assert exit_status_of_error(error) == expected


def test_the_help_names_every_status() -> None:
    text = describe_statuses()
    assert all(f"  {int(status):>3}  " in text for status in ExitStatus)
    assert "130, 143" in text
