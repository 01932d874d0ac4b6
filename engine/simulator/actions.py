"""The vocabulary of a fault script: services, operations, actions, and which of them go together."""

from collections.abc import Mapping
from enum import StrEnum


class Service(StrEnum):
    PIAPI = "piapi"
    OPENAI = "openai"
    REMOVEBG = "removebg"
    RUNWARE = "runware"
    FILES = "files"
    """The host of the finished pictures."""


OPERATIONS: Mapping[Service, frozenset[str]] = {
    Service.PIAPI: frozenset({"submit", "poll", "cancel", "account", "active", "history"}),
    Service.OPENAI: frozenset(
        {"chat", "chat.prompt", "chat.check", "chat.metadata", "chat.other", "images", "models"}
    ),
    Service.REMOVEBG: frozenset({"remove", "account"}),
    Service.RUNWARE: frozenset({"submit", "poll", "account"}),
    Service.FILES: frozenset({"download"}),
}
"""What a rule may name beside `*`; `chat` stands for every kind of chat call."""


class Action(StrEnum):
    STATUS = "status"
    """Answers `code` with `body` and `headers`."""
    DROP = "drop"
    """Reads the request, then closes without an answer and without doing anything."""
    DROP_BEFORE_READ = "drop_before_read"
    """Resets the connection before the body is read."""
    LOSE_ANSWER = "lose_answer"
    """Does the work and books the payment, then closes without an answer."""
    HANG = "hang"
    """Never answers; the connection stays open until the client leaves."""
    SLOW = "slow"
    """Does the work and answers after `seconds`."""
    HTML = "html"
    """200 with an HTML page."""
    LIST = "list"
    """200 with a JSON list of strings."""
    WRONG_TYPES = "wrong_types"
    """The real answer with every value of another type."""
    EMPTY = "empty"
    """200 with an empty body."""
    GARBAGE = "garbage"
    """200 with random bytes under the real content type."""
    TRUNCATE = "truncate"
    """The real answer, the connection closed after `bytes` of its body (default: half)."""
    CUT = "cut"
    """The real answer cut after `bytes`, with a Content-Length that says so: only a decoder notices."""
    ENDLESS = "endless"
    """A body that never ends."""
    REDIRECT = "redirect"
    """302 to `url`."""
    BOMB = "bomb"
    """A PNG whose header claims 100,000 x 100,000 pixels."""
    SVG = "svg"
    """An SVG document where a PNG is expected."""
    BLANK = "blank"
    """A PNG without a single visible pixel."""
    EXPIRED = "expired"
    """Download: this link and its siblings have expired. Poll: the links given out already have."""
    STATUS_WORD = "status_word"
    """The task's status is `word`; pictures are named only where the word means completion."""
    NO_IMAGES = "no_images"
    """Completed, without a picture."""
    DUPLICATE = "duplicate"
    """Every picture is named twice."""
    FAIL = "fail"
    """The task has failed, with `text` as the message; its payment is given back."""
    SAY = "say"
    """The model answers `text`, with `word` (default `stop`) as its finish reason."""
    REFUSE = "refuse"
    """The model refuses, with `text`."""
    NO_CHOICES = "no_choices"
    """A completion without choices."""


_TASKS = frozenset({"submit", "poll"})
_PICTURES = frozenset({"download", "remove", "images"})
_CHATS = frozenset({"chat", "chat.prompt", "chat.check", "chat.metadata", "chat.other"})
FITTING: Mapping[Action, frozenset[str]] = {
    Action.BOMB: _PICTURES,
    Action.SVG: _PICTURES,
    Action.BLANK: frozenset({"download", "remove"}),
    Action.EXPIRED: frozenset({"download", "poll"}),
    Action.STATUS_WORD: _TASKS,
    Action.FAIL: _TASKS,
    Action.NO_IMAGES: frozenset({"poll", "images"}),
    Action.DUPLICATE: frozenset({"poll", "images"}),
    Action.SAY: _CHATS,
    Action.REFUSE: _CHATS,
    Action.NO_CHOICES: _CHATS,
}
"""Actions that make sense for some operations only; under `*` they pass the others by."""

UNPROCESSED = frozenset({Action.STATUS, Action.DROP, Action.DROP_BEFORE_READ, Action.HANG, Action.REDIRECT})
"""Actions that, unless the rule says otherwise, keep the service from doing its work."""
