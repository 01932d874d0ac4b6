"""Decisions about images that were made here: carried out by the engine one after the other, and taken back in turn.

Kept for as long as the app runs, for all screens together. Shows nothing but notices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from textual.signal import Signal

from engine.api import RetryRequest
from tui.format import plural

if TYPE_CHECKING:
    from engine.views import RefusalView
    from tui.host import FactoryHost

KEPT = 200
"""Decisions that can be taken back."""


class Verdict(StrEnum):
    """What a person decides about images."""

    APPROVE = "approve"
    TRASH = "trash"
    RETRY = "retry"

    @property
    def done(self) -> str:
        """Of images: `3 images not approved`."""
        return {"approve": "approved", "trash": "moved to the trash", "retry": "retried"}[self]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision was carried out, or taken back."""

    verdict: Verdict
    is_undo: bool
    done: tuple[int, ...]
    refused: tuple[int, ...]


@dataclass(eq=False, slots=True)
class _Decision:
    verdict: Verdict
    image_ids: tuple[int, ...]
    request: RetryRequest | None = None
    """What a retry is to do."""
    job_ids: tuple[str, ...] = ()
    """The jobs of a retry, when it is in the queue."""
    work: asyncio.Task[tuple[int, ...]] | None = None
    """Answers the images that it was done to."""


class Decisions:
    """`pending` are images whose decision is on its way; `outcome` tells of each that has come to its end."""

    def __init__(self, host: FactoryHost) -> None:
        self._host = host
        self._made: list[_Decision] = []
        self._pending: dict[int, int] = {}
        self.outcome: Signal[Outcome] = Signal(host, "decision")

    @property
    def pending(self) -> frozenset[int]:
        """Images about which something was decided that is not carried out yet."""
        return frozenset(self._pending)

    @property
    def can_undo(self) -> bool:
        """Whether there is a decision to take back."""
        return bool(self._made)

    def decide(self, verdict: Verdict, image_ids: Sequence[int]) -> None:
        """Have images approved, trashed, or retried as they were; returns at once."""
        ids = tuple(image_ids)
        request = RetryRequest(ids) if verdict is Verdict.RETRY else None
        self._begin(_Decision(verdict, ids, request))

    def retry(self, request: RetryRequest) -> None:
        """Have images retried; returns at once."""
        self._begin(_Decision(Verdict.RETRY, request.image_ids, request))

    def _begin(self, decision: _Decision) -> None:
        self._made.append(decision)
        del self._made[:-KEPT]
        self._hold(decision.image_ids)
        decision.work = asyncio.create_task(self._carry_out(decision), name=f"{decision.verdict} images")

    def undo(self) -> tuple[int, ...]:
        """Take the last decision back; returns at once, with the images that it was about (none: there is none)."""
        if not self._made:
            return ()
        decision = self._made.pop()
        self._hold(decision.image_ids)
        self._host.run_command(self._take_back(decision), "take the decision back")
        return decision.image_ids

    async def _carry_out(self, decision: _Decision) -> tuple[int, ...]:
        done: tuple[int, ...] = ()
        try:
            done, refused = await self._tell_engine(decision)
            self._report(decision.verdict, refused)
        except Exception as error:  # noqa: BLE001 - the edge of a command
            self._host.report(error, f"{decision.verdict} {plural(len(decision.image_ids), 'image')}")
        finally:
            self._let_go(decision.image_ids)
            if not done and decision in self._made:
                self._made.remove(decision)
            self._tell(decision, done, is_undo=False)
        return done

    async def _take_back(self, decision: _Decision) -> None:
        assert decision.work is not None, "a decision is carried out from its first moment"
        done: tuple[int, ...] = ()
        try:
            if made := await asyncio.shield(decision.work):
                done, refused = await self._undo_in_engine(decision, made)
                if refused:
                    first = refused[0]
                    self._host.toast(
                        f"{first.message}\n{first.hint}".rstrip(),
                        title=f"{plural(len(refused), 'image')} not taken back",
                        severity="warning",
                    )
        finally:
            self._let_go(decision.image_ids)
            self._tell(decision, done, is_undo=True)

    async def _tell_engine(self, decision: _Decision) -> tuple[tuple[int, ...], tuple[RefusalView, ...]]:
        engine = self._host.engine
        if decision.request is not None:
            started = await engine.retry_images(decision.request)
            decision.job_ids = tuple(job.job_id for job in started.jobs)
            return started.done, started.refused
        is_approval = decision.verdict is Verdict.APPROVE
        view = await (engine.approve_images if is_approval else engine.trash_images)(decision.image_ids)
        return view.done, view.refused

    async def _undo_in_engine(
        self, decision: _Decision, made: tuple[int, ...]
    ) -> tuple[tuple[int, ...], tuple[RefusalView, ...]]:
        """A retry gives its images back while it waits; ConflictError when it does not any more."""
        engine = self._host.engine
        if decision.request is not None:
            for job_id in decision.job_ids:
                await engine.remove_from_queue(job_id)
            return made, ()
        is_approval = decision.verdict is Verdict.APPROVE
        view = await (engine.unapprove_images if is_approval else engine.restore_images)(made)
        return view.done, view.refused

    def _report(self, verdict: Verdict, refused: Sequence[RefusalView]) -> None:
        if refused:
            first = refused[0]
            others = f"\nand {len(refused) - 1} more" if len(refused) > 1 else ""
            self._host.toast(
                f"Image {first.image_id}: {first.message} {first.hint}".rstrip() + others,
                title=f"{plural(len(refused), 'image')} not {verdict.done}",
                severity="error",
            )

    def _hold(self, image_ids: Sequence[int]) -> None:
        for image_id in image_ids:
            self._pending[image_id] = self._pending.get(image_id, 0) + 1

    def _let_go(self, image_ids: Sequence[int]) -> None:
        for image_id in image_ids:
            self._pending[image_id] -= 1
            if not self._pending[image_id]:
                del self._pending[image_id]

    def _tell(self, decision: _Decision, done: tuple[int, ...], *, is_undo: bool) -> None:
        carried_out = set(done)
        refused = tuple(image_id for image_id in decision.image_ids if image_id not in carried_out)
        self.outcome.publish(Outcome(decision.verdict, is_undo, done, refused))
