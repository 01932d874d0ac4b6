"""Every error that the engine raises on purpose.

FactoryError
├── InputError                 wrong use: settings, files, arguments; nothing was spent (exit status 2)
│   ├── SettingsError          carries every bad field
│   ├── KeywordsError          names file and line
│   └── TemplateError          names file, line and placeholder
├── EngineHeldError            another engine owns the data folder (exit status 75)
│   └── EngineSilentError      and it does not answer
├── EngineUnreachableError     no engine answers, or it went away in the middle
├── NotFoundError              no such job, image, configuration
├── ConflictError              the command does not fit the state that the thing is in
├── PauseRequired              the job cannot go on until the user has done something
│   (codes: credit, key, disk, folder, budget, repeated_failure)
├── StageError                 an image or a generation failed at a stage; the job goes on
└── ServiceError               a remote service; carries the service's name, never a key
    ├── NotSentError           no byte of the request left: safe to send again
    ├── RateLimitedError       429; carries how long to wait
    ├── KeyRefusedError        401, 403
    ├── CreditExhaustedError   402, or a message that says so
    ├── BadRequestError        400 and other 4xx: the request itself is wrong; nothing was bought
    ├── PolicyRefusedError     the content was refused; not to be tried again
    ├── AnswerLostError        sent, but what became of it is not known: may have been paid
    ├── BadAnswerError         an answer that cannot be read, to a call that costs nothing to repeat
    ├── TaskMissingError       the provider no longer knows the task
    └── TaskFailedError        the provider reports the task as failed
"""

from collections.abc import Sequence
from dataclasses import dataclass

from db.status import Stage


class FactoryError(Exception):
    """`code` is a stable word for programs, `message` says what happened, `hint` what to do."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with what the user gave; `field` is a settings path, a file, or an argument."""

    field: str
    message: str
    hint: str = ""
    is_warning: bool = False


class InputError(FactoryError):
    """Wrong use, settings or input. Raised before anything is spent."""

    code = "input"


class SettingsError(InputError):
    """Carries every problem at once, each naming its field."""

    code = "settings"

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("; ".join(f"{p.field}: {p.message}" for p in problems), hint=hint)
        self.problems = tuple(problems)


class KeywordsError(InputError):
    """The keywords file cannot be read as what it claims to be."""

    code = "keywords"


class TemplateError(InputError):
    """The template asks for something that the keywords do not have."""

    code = "template"


class EngineHeldError(FactoryError):
    """Another engine owns the data folder."""

    code = "held"

    def __init__(self, message: str, *, hint: str = "", pid: int | None = None) -> None:
        super().__init__(message, hint=hint)
        self.pid = pid


class EngineSilentError(EngineHeldError):
    """The engine is there and does not answer: its process is stopped, or its machine has no time for it."""

    code = "silent"


class EngineUnreachableError(FactoryError):
    """No engine answers on the socket, or it went away in the middle."""

    code = "unreachable"


class NotFoundError(FactoryError):
    """There is no such thing."""

    code = "not_found"


class ConflictError(FactoryError):
    """The command does not fit the state."""

    code = "conflict"


class PauseRequired(FactoryError):  # noqa: N818 - it is no fault of the work, it asks for the user
    """The job cannot go on until the user has done something; the item at hand is tried again then."""

    code = "paused"


class StageError(FactoryError):
    """The item failed at `stage`; the job goes on with the rest."""

    def __init__(self, stage: Stage, message: str, *, code: str, hint: str = "") -> None:
        super().__init__(message, hint=hint, code=code)
        self.stage = stage


class ServiceError(FactoryError):
    """Something with a remote service."""

    code = "service"

    def __init__(self, service: str, message: str, *, hint: str = "", code: str | None = None) -> None:
        super().__init__(message, hint=hint, code=code)
        self.service = service


class NotSentError(ServiceError):
    """No byte of the request left this machine."""

    code = "not_sent"


class RateLimitedError(ServiceError):
    """The service asks to wait; `retry_after` in seconds, already capped, None where it did not say."""

    code = "rate_limited"

    def __init__(
        self, service: str, message: str, *, retry_after: float | None = None, hint: str = ""
    ) -> None:
        super().__init__(service, message, hint=hint)
        self.retry_after = retry_after


class KeyRefusedError(ServiceError):
    """The key is missing, wrong, or not allowed to do this."""

    code = "key"


class CreditExhaustedError(ServiceError):
    """The account has no credit left."""

    code = "credit"


class BadRequestError(ServiceError):
    """The service calls the request wrong; it bought nothing."""

    code = "bad_request"


class PolicyRefusedError(ServiceError):
    """The service refuses this content."""

    code = "policy"


class AnswerLostError(ServiceError):
    """The request left, its answer did not arrive or cannot be read: it may have been paid."""

    code = "answer_lost"


class BadAnswerError(ServiceError):
    """An unreadable answer, a time-out or a 5xx to a call that may simply be made again."""

    code = "bad_answer"


class TaskMissingError(ServiceError):
    """The provider does not know the task (any more)."""

    code = "task_missing"


class TaskFailedError(ServiceError):
    """The provider reports the task as failed."""

    code = "task_failed"
