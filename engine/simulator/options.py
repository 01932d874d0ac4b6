"""What the simulator can be told at its start. No behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from engine.simulator.actions import Service
from engine.simulator.faults import Rule


class OverConcurrency(StrEnum):
    """What becomes of a task for which there is no free place."""

    QUEUE = "queue"
    """It is accepted and waits as `pending`."""
    REJECT = "reject"
    """It is answered with 429 and costs nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorOptions:
    """Times are in seconds, money in millionths of a US dollar, shares from 0 to 1."""

    port: int = 0
    """0 lets the system choose a free one."""
    seed: int = 0
    """Turns everything that looks like chance; the same seed and requests give the same answers."""
    latency_seconds: float = 0.4
    """From a task's start to its completion."""
    chat_latency_seconds: float = 0.0
    submit_latency_seconds: float = 0.0
    """From accepting a submission to answering it."""
    concurrency: int | None = None
    """Image tasks that one service works on at a time; None is no limit."""
    over_concurrency: OverConcurrency = OverConcurrency.QUEUE
    reject_share: float = 0.0
    """The share of quality checks that say no; depends on the picture, so asking again does not help."""
    text_share: float = 0.1
    """The share of pictures with lettering in them."""
    image_side_cap: int | None = None
    """No side of a picture gets longer than this, whatever was asked for: keeps large test runs cheap."""
    image_cache: int = 16
    """Encoded pictures kept in memory."""
    link_seconds: float | None = None
    """How long a picture's link lives; None is for ever."""
    has_task_history: bool = True
    """Whether PiAPI's task history answers, or says 404."""
    has_midjourney_singles: bool = True
    """Whether Midjourney tasks also name the four single pictures, or only the grid."""
    refused_word: str = "forbidden"
    """Image prompts with this word in them are refused for policy; empty refuses none."""
    expect_keys: Mapping[Service, str] = field(default_factory=dict)
    """The one key that a service takes; a service that is not named takes every key that is not empty."""
    credit_micros: Mapping[Service, int] = field(default_factory=dict)
    """What an account holds at the start; a service that is not named never runs out."""
    state_file: Path | None = None
    """JSON lines, appended: one for each payment, answer and refund."""
    keep_requests: int = 5_000
    keep_payments: int = 100_000
    keep_tasks: int = 50_000
    """Older ones are forgotten: memory stays bounded."""
    script: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        for name in ("reject_share", "text_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: {getattr(self, name)} is not from 0 to 1")
        for name in ("latency_seconds", "chat_latency_seconds", "submit_latency_seconds", "image_cache"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is negative")
        if self.link_seconds is not None and self.link_seconds < 0:
            raise ValueError(f"link_seconds: {self.link_seconds} is negative")
        for name in ("keep_requests", "keep_payments", "keep_tasks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: {getattr(self, name)} is less than 1")
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError(f"concurrency: {self.concurrency} is less than 1")
        if self.image_side_cap is not None and self.image_side_cap < 16:
            raise ValueError(f"image_side_cap: {self.image_side_cap} is less than 16 pixels")
        if not 0 <= self.port <= 65_535:
            raise ValueError(f"port: {self.port} is not from 0 to 65535")
