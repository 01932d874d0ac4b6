from pathlib import Path

import pytest

from db.errors import DatabaseBusyError, DatabaseCorruptError, DatabaseError, DatabaseFullError
from db.status import Stage
from engine.errors import (
    AnswerLostError,
    BadAnswerError,
    CreditExhaustedError,
    KeyRefusedError,
    NotFoundError,
    PauseRequired,
    PolicyRefusedError,
    StageError,
)
from engine.failures import FailureStreak, is_fatal, pause_for, stage_error_of


def policy(message: str = "refused") -> StageError:
    return StageError(Stage.GENERATE, message, code="policy")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (CreditExhaustedError("piapi", "402"), "credit"),
        (KeyRefusedError("openai", "401"), "key"),
        (DatabaseFullError("no room"), "disk"),
        (DatabaseBusyError("locked"), "database"),
    ],
)
def test_what_the_user_must_mend_pauses_and_says_what_to_do(error: Exception, code: str) -> None:
    pause = pause_for(error)
    assert pause is not None
    assert pause.code == code
    assert pause.hint
    if isinstance(error, CreditExhaustedError | KeyRefusedError):
        assert error.service in pause.message


def test_a_pause_stays_what_it_is() -> None:
    pause = PauseRequired("no room", code="disk")
    assert pause_for(pause) is pause


@pytest.mark.parametrize(
    "error",
    [
        PolicyRefusedError("piapi", "no"),
        AnswerLostError("piapi", "gone"),
        BadAnswerError("openai", "prose"),
        StageError(Stage.SAVE, "no", code="file"),
        DatabaseCorruptError("torn"),
        ValueError("odd"),
    ],
)
def test_other_errors_pause_nothing(error: Exception) -> None:
    assert pause_for(error) is None


def test_an_error_of_ours_keeps_its_words() -> None:
    failure = stage_error_of(NotFoundError("There is no file.", hint="Look for it."), Stage.CONVERT)
    assert (failure.stage, failure.code, failure.message, failure.hint) == (
        Stage.CONVERT,
        "not_found",
        "There is no file.",
        "Look for it.",
    )
    own = StageError(Stage.TRIM, "empty", code="empty_box")
    assert stage_error_of(own, Stage.SAVE) is own


def test_an_unforeseen_error_says_where_it_came_from() -> None:
    try:
        Path("/nowhere").relative_to("/elsewhere")
    except ValueError as error:
        failure = stage_error_of(error, Stage.SAVE)
    assert failure.code == "internal"
    assert failure.stage is Stage.SAVE
    assert "ValueError" in failure.message
    assert "relative_to" in failure.message
    assert "internal" in stage_error_of(KeyError("x"), Stage.SAVE).code


def test_only_a_damaged_database_ends_everything() -> None:
    assert is_fatal(DatabaseCorruptError("torn"))
    assert is_fatal(DatabaseError("gone"))
    assert not is_fatal(DatabaseFullError("no room"))
    assert not is_fatal(DatabaseBusyError("locked"))
    assert not is_fatal(OSError("disk"))


def test_the_fifth_equal_failure_in_a_row_asks_for_a_pause_and_counts_anew() -> None:
    streak = FailureStreak()
    pauses = [streak.note_failure(policy(f"refused {number}")) for number in range(10)]
    assert [pause is not None for pause in pauses] == [False] * 4 + [True] + [False] * 4 + [True]
    assert pauses[4] is not None
    assert pauses[4].code == "repeated_failure"
    assert "refused 4" in pauses[4].message


def test_a_success_or_another_failure_breaks_the_row() -> None:
    streak = FailureStreak()
    for _ in range(4):
        assert streak.note_failure(policy()) is None
    streak.note_success()
    for _ in range(4):
        assert streak.note_failure(policy()) is None
    assert streak.note_failure(StageError(Stage.GENERATE, "late", code="timeout")) is None
    assert streak.note_failure(StageError(Stage.PROMPT, "late", code="timeout")) is None
    assert streak.note_failure(policy()) is None
