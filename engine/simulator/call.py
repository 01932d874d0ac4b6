"""What a service's handler is given, and where it listens. No HTTP library."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.simulator.actions import Action, Service
from engine.simulator.faults import Rule
from engine.simulator.ledger import Payment
from engine.simulator.recording import Upload, key_of
from engine.simulator.reply import Reply
from engine.simulator.world import World


@dataclass(slots=True)
class Call:
    """A request as a service's handler sees it."""

    world: World
    service: Service
    operation: str
    method: str
    path: str
    parts: Mapping[str, str]
    """The variable parts of the path."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    base: str
    """`http://127.0.0.1:PORT`, without a slash at the end."""
    raw: bytes = b""
    json: Any = None
    """The decoded body; None where it is no JSON."""
    form: dict[str, str | Upload] = field(default_factory=dict)
    rule: Rule | None = None
    payments: list[Payment] = field(default_factory=list)

    def is_hit_by(self, action: Action) -> bool:
        """Whether the script wants this of the handler."""
        return self.rule is not None and self.rule.action is action

    @property
    def key(self) -> str:
        """The key that was sent, without `Bearer`."""
        return key_of(self.headers)

    @property
    def is_key_accepted(self) -> bool:
        """Whether the service takes the key."""
        expected = self.world.options.expect_keys.get(self.service)
        return bool(self.key) if expected is None else self.key == expected

    def pay(self, amount_micros: int, *, prompt: str, model: str, task_id: str | None = None) -> None:
        """Book the payment for this call."""
        request_id = self.headers.get("X-Request-Id") or self.headers.get("Idempotency-Key")
        if self.service is Service.RUNWARE:
            request_id = task_id
        self.payments.append(
            self.world.ledger.book(
                service=self.service,
                operation=self.operation,
                amount_micros=amount_micros,
                prompt=prompt,
                model=model,
                task_id=task_id,
                request_id=request_id,
            )
        )


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a handler listens. `classify` refines the operation, `subject` adds text that rules can match."""

    method: str
    path: str
    service: Service
    operation: str
    handler: Handler
    classify: Callable[[Call], str] | None = None
    subject: Callable[[Call], str] | None = None
