"""What an error means for the job: pause it, fail the item, or end everything. One place, for every stage."""

import traceback

from db.errors import DatabaseBusyError, DatabaseError, DatabaseFullError
from db.status import Stage
from engine.errors import CreditExhaustedError, FactoryError, KeyRefusedError, PauseRequired, StageError


def pause_for(error: Exception) -> PauseRequired | None:
    """The pause that an error calls for, or None where the item alone has failed."""
    match error:
        case PauseRequired():
            return error
        case CreditExhaustedError():
            return PauseRequired(
                f"{error.service} has no credit left: {error.message}",
                hint=f"Add credit at {error.service}, then resume. Nothing that was paid for is lost.",
                code="credit",
            )
        case KeyRefusedError():
            return PauseRequired(
                f"{error.service} refuses the key: {error.message}",
                hint=error.hint or f"Set a valid key for {error.service} (gimf keys set), then resume.",
                code="key",
            )
        case DatabaseFullError():
            return PauseRequired(str(error), hint="Make room on the disk, then resume.", code="disk")
        case DatabaseBusyError():
            return PauseRequired(
                str(error),
                hint="End the other program that holds the database, then resume.",
                code="database",
            )
        case _:
            return None


def stage_error_of(error: Exception, stage: Stage) -> StageError:
    """The failure of an item, for any error that is no pause; an unforeseen one says so and keeps its origin."""
    if isinstance(error, StageError):
        return error
    if isinstance(error, FactoryError):
        return StageError(stage, error.message, code=error.code, hint=error.hint)
    origin = traceback.extract_tb(error.__traceback__)
    where = f" ({origin[-1].name}, line {origin[-1].lineno})" if origin else ""
    return StageError(
        stage,
        f"Unforeseen {type(error).__name__}: {error}{where}",
        code="internal",
        hint="This is a fault of the program; the log has the details. The item can be retried.",
    )


def is_fatal(error: Exception) -> bool:
    """Whether the job cannot go on at all: the database is damaged or gone."""
    return isinstance(error, DatabaseError) and not isinstance(error, DatabaseFullError | DatabaseBusyError)


class FailureStreak:
    """Counts how often in a row the same thing failed, and asks for a pause at the fifth time."""

    LIMIT = 5

    def __init__(self) -> None:
        self._last: tuple[Stage, str] | None = None
        self._count = 0

    def note_success(self) -> None:
        """Something worked: the row is broken."""
        self._last, self._count = None, 0

    def note_failure(self, error: StageError) -> PauseRequired | None:
        """The pause that is due now, if any; the count begins anew with it."""
        kind = (error.stage, error.code)
        self._count = self._count + 1 if kind == self._last else 1
        self._last = kind
        if self._count < self.LIMIT:
            return None
        self.note_success()
        return PauseRequired(
            f"The same failure {self.LIMIT} times in a row: {error.message}",
            hint="Look at the log, mend the cause, then resume; or stop the job.",
            code="repeated_failure",
        )
