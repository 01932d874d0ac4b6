"""The fault script: which answers go wrong, when and how. Decides only; others carry it out.

The format is documented in engine/simulator/server.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from engine.simulator.actions import FITTING, OPERATIONS, UNPROCESSED, Action, Service


class ScriptError(ValueError):
    """A rule that cannot be carried out; the message names its place in the list and the field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of the script. Sizes are in bytes, times in seconds."""

    service: Service
    action: Action
    operation: str = "*"
    match: str | None = None
    """Only requests whose path, body or picture's prompt contains this."""
    nth: int | None = None
    """Starts with the nth request that fits, counted from 1 since the rule was set."""
    every: int | None = None
    """Only each nth request that fits."""
    times: int | None = None
    """Acts this often at most; by default once with `nth`, else without end."""
    process: bool | None = None
    """Whether the work is done and paid all the same; the default depends on the action."""
    code: int = 500
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 5.0
    bytes: int | None = None
    url: str = ""
    word: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        operations = OPERATIONS[self.service]
        if self.operation != "*" and self.operation not in operations:
            raise ScriptError(f"operation: {self.operation!r} is none of *, {', '.join(sorted(operations))}")
        fitting = FITTING.get(self.action)
        if fitting and self.operation != "*" and self.operation not in fitting:
            raise ScriptError(f"action: {self.action} does not fit {self.service} {self.operation}")
        for name in ("nth", "every", "times"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ScriptError(f"{name}: {value} is less than 1")
        if self.action is Action.STATUS and not 200 <= self.code <= 599:
            raise ScriptError(f"code: {self.code} is no HTTP status from 200 to 599")
        if self.action is Action.REDIRECT and not self.url:
            raise ScriptError("url: a redirect needs one")
        if self.action is Action.STATUS_WORD and not self.word:
            raise ScriptError("word: status_word needs one")
        if self.seconds < 0 or (self.bytes or 0) < 0:
            raise ScriptError("seconds and bytes cannot be negative")

    @property
    def is_processed(self) -> bool:
        """Whether the service does its work (and books the payment) before the answer is spoilt."""
        return self.action not in UNPROCESSED if self.process is None else self.process

    def fits(self, service: Service, operation: str) -> bool:
        """Whether the rule speaks of this kind of request."""
        if service is not self.service:
            return False
        fitting = FITTING.get(self.action)
        if fitting and operation not in fitting:
            return False
        return self.operation in ("*", operation, operation.partition(".")[0])

    def to_json(self) -> dict[str, Any]:
        """The rule as it stands in a script, without the fields that keep their defaults."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        defaults = {
            item.name: item.default if item.default_factory is MISSING else item.default_factory()
            for item in fields(self)
        }
        return {name: value for name, value in values.items() if value != defaults[name]}


_TYPES: Mapping[str, tuple[type, ...]] = {
    "operation": (str,),
    "match": (str, type(None)),
    "nth": (int, type(None)),
    "every": (int, type(None)),
    "times": (int, type(None)),
    "process": (bool, type(None)),
    "code": (int,),
    "headers": (dict,),
    "seconds": (int, float),
    "bytes": (int, type(None)),
    "url": (str,),
    "word": (str,),
    "text": (str,),
}


def _parse_rule(data: object) -> Rule:
    if not isinstance(data, dict):
        raise ScriptError("a rule is a JSON object")
    known = {item.name for item in fields(Rule)}
    for name in data:
        if name not in known:
            raise ScriptError(f"{name}: unknown field; there are {', '.join(sorted(known))}")
    for name, types in _TYPES.items():
        value = data.get(name)
        is_stray_bool = isinstance(value, bool) and bool not in types
        if name in data and (is_stray_bool or not isinstance(value, types)):
            raise ScriptError(f"{name}: {value!r} is not {' or '.join(kind.__name__ for kind in types)}")
    for name, value in data.get("headers", {}).items():
        if not isinstance(value, str) or "\n" in value or "\r" in value:
            raise ScriptError(f"headers: {name} is not one line of text")
    values = dict(data)
    for name, kind in (("service", Service), ("action", Action)):
        words = [str(word) for word in kind]
        if data.get(name) not in words:
            raise ScriptError(f"{name}: {data.get(name)!r} is none of {', '.join(words)}")
        values[name] = kind(data[name])
    return Rule(**values)


def parse_script(data: object) -> tuple[Rule, ...]:
    """Rules from decoded JSON, a list of objects. Raises ScriptError."""
    if not isinstance(data, list):
        raise ScriptError("a script is a JSON list of rules")
    rules = []
    for place, item in enumerate(data, 1):
        try:
            rules.append(_parse_rule(item))
        except ScriptError as error:
            raise ScriptError(f"rule {place}: {error}") from None
    return tuple(rules)


@dataclass(slots=True)
class _Standing:
    rule: Rule
    seen: int = 0
    acted: int = 0

    def notice(self) -> bool:
        """Count one request that fits; True if the rule acts on it."""
        self.seen += 1
        rule = self.rule
        first = rule.nth or 1
        limit = rule.times or (1 if rule.nth else None)
        return (
            self.seen >= first
            and (rule.every is None or (self.seen - first + 1) % rule.every == 0)
            and (limit is None or self.acted < limit)
        )


class Script:
    """The rules in force with their counters. The first rule that acts wins; every rule that fits counts."""

    def __init__(self, rules: tuple[Rule, ...] = ()) -> None:
        self._standings = [_Standing(rule) for rule in rules]

    def add(self, rules: tuple[Rule, ...]) -> None:
        """Put rules behind those in force, whose counters go on."""
        self._standings += [_Standing(rule) for rule in rules]

    def pick(
        self, service: Service, operation: str, text: Callable[[], str], *, is_body_read: bool
    ) -> Rule | None:
        """The rule that acts on this request, if any.

        Asked once before the body is read, for `drop_before_read`, and once after it, for all others. `text`
        is only called where a rule wants to match it.
        """
        chosen: _Standing | None = None
        for standing in self._standings:
            rule = standing.rule
            if (rule.action is Action.DROP_BEFORE_READ) is is_body_read or not rule.fits(service, operation):
                continue
            if rule.match is not None and rule.match not in text():
                continue
            if standing.notice() and chosen is None:
                standing.acted += 1
                chosen = standing
        return chosen.rule if chosen else None

    def to_json(self) -> list[dict[str, Any]]:
        """The rules with how many requests each has seen and acted on."""
        return [{**item.rule.to_json(), "seen": item.seen, "acted": item.acted} for item in self._standings]
