"""The commands about images and orders, as a part of the Engine: each is handed to what carries it out."""

from collections.abc import Sequence

from engine.api import RetryRequest, TaskChoice
from engine.deciding import Deciding
from engine.job_commands import JobCommands
from engine.regenerating import Regenerating
from engine.retrying import Retrying
from engine.review import Review
from engine.views import DecisionView, RetryPlanView, StartedView, TaskDecisionView


class ImageCommands:
    """What each method does is said in EngineApi."""

    _review: Review
    _retrying: Retrying
    _regenerating: Regenerating
    _deciding: Deciding
    _job_commands: JobCommands

    async def approve_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.approve(image_ids)

    async def unapprove_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.unapprove(image_ids)

    async def trash_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.trash(image_ids)

    async def restore_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._review.restore(image_ids)

    async def plan_retry(self, request: RetryRequest) -> RetryPlanView:
        """See EngineApi."""
        return await self._retrying.plan(request)

    async def retry_images(self, request: RetryRequest) -> StartedView:
        """See EngineApi."""
        started = await self._retrying.start(request)
        self._job_commands.queue_changed()
        return started

    async def plan_regeneration(self, image_ids: Sequence[int]) -> RetryPlanView:
        """See EngineApi."""
        return await self._regenerating.plan(image_ids)

    async def regenerate_images(self, image_ids: Sequence[int]) -> StartedView:
        """See EngineApi."""
        started = await self._regenerating.start(image_ids)
        self._job_commands.queue_changed()
        return started

    async def decide_tasks(self, task_ids: Sequence[int], choice: TaskChoice) -> TaskDecisionView:
        """See EngineApi."""
        return await self._deciding.decide(task_ids, choice)
