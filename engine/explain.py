"""Errors from below as errors of ours, for the edge of a front end: a sentence, a code, and what to do."""

from db.errors import (
    DatabaseBusyError,
    DatabaseCorruptError,
    DatabaseError,
    DatabaseFullError,
    SchemaTooNewError,
)
from engine.errors import FactoryError

_DATABASE: tuple[tuple[type[DatabaseError], str, str], ...] = (
    (DatabaseBusyError, "database_busy", "End the other program that holds the database, then try again."),
    (DatabaseFullError, "disk", "Make room on the disk, then try again."),
    (
        DatabaseCorruptError,
        "database_corrupt",
        "`gimf doctor` says more; `gimf restore` puts a copy back.",
    ),
    (SchemaTooNewError, "database_too_new", "Use the newer version of the program that wrote it."),
    (DatabaseError, "database", "`gimf doctor` says more."),
)


def explain(error: Exception) -> FactoryError | None:
    """The error in our terms; None for one that only a fault of the program can have raised."""
    if isinstance(error, FactoryError):
        return error
    if isinstance(error, DatabaseError):
        code, hint = next((code, hint) for kind, code, hint in _DATABASE if isinstance(error, kind))
        return FactoryError(str(error), hint=hint, code=code)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return FactoryError(f"{place}{error.strerror or error}", code="system")
    return None
