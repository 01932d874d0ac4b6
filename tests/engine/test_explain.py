"""engine.explain: errors from below in our terms."""

import errno

import pytest

from db.errors import (
    DatabaseBusyError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseFullError,
    SchemaTooNewError,
)
from engine.errors import InputError
from engine.explain import explain


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (DatabaseBusyError, "database_busy"),
        (DatabaseFullError, "disk"),
        (DatabaseCorruptError, "database_corrupt"),
        (SchemaTooNewError, "database_too_new"),
        (DatabaseError, "database"),
    ],
)
def test_a_database_error_says_what_to_do(kind: type[DatabaseError], code: str) -> None:
    known = explain(kind("the file says no"))
    assert known is not None
    assert (known.code, known.message) == (code, "the file says no")
    assert known.hint


def test_an_error_of_the_system_names_its_file() -> None:
    known = explain(OSError(errno.ENOSPC, "No space left on device", "/data/x"))
    assert known is not None
    assert known.message == "/data/x: No space left on device"


def test_our_own_stay_and_faults_of_the_program_are_not_explained_away() -> None:
    ours = InputError("x")
    assert explain(ours) is ours
    assert explain(ZeroDivisionError()) is None
