"""Putting failed images to work once more, for every screen that shows some: asks what it costs where it costs more
than a check and a title, tells the engine, says what came of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.api import RetryRequest
from engine.errors import FactoryError
from engine.views import ImageView, RetryPlanView, StartedView
from tui.decisions import Verdict
from tui.format import plural
from tui.image_actions import UNDECIDED, ImageActions
from tui.retry_text import cost_words, hard_problems, is_usual, refusal_words, warning_words
from tui.screens.retry_dialog import RetryDialog


@dataclass(slots=True)
class _KnownJobs:
    """Which jobs remove backgrounds: only their images can cost more than a check and a title."""

    removes: dict[str, bool] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)


class RetryActions(ImageActions):
    """Retry as it was, retry with other settings, and a new picture from the same prompt."""

    def __init__(self) -> None:
        super().__init__()
        self._known = _KnownJobs()

    def images_ordered(self, image_ids: Sequence[int]) -> None:
        """New pictures for these are ordered; they stay what they are."""

    def check_image_action(self, action: str) -> bool:
        if action in ("retry", "retry_with"):
            return self.is_one_of(UNDECIDED)
        if action == "regenerate":
            image = self.current_image()
            return image is not None and bool(image.prompt)
        return super().check_image_action(action)

    def know_job(self, image: ImageView | None) -> None:
        """Find out beforehand whether a retry of this image has to be asked about: a key must not wait for it."""
        if image is not None and image.job_id not in self._known.asked:
            self._known.asked.add(image.job_id)
            self.run_query(self._learn(image.job_id), "read the settings of a job")

    async def _learn(self, job_id: str) -> None:
        try:
            settings = await self.engine.job_settings(job_id)
        except FactoryError:
            self._known.asked.discard(job_id)
            raise
        self._known.removes[job_id] = settings.processing.remove_background

    # ---- as it was

    def action_retry(self) -> None:
        image_ids = tuple(self.chosen_images())
        image = self.current_image()
        is_this_one = image is not None and image_ids == (image.image_id,)
        if image is not None and is_this_one and self._known.removes.get(image.job_id) is False:
            self._carry_out(Verdict.RETRY, image_ids)
        elif image_ids:
            self.run_query(self._ask_retry(RetryRequest(image_ids)), "retry the images")

    async def _ask_retry(self, request: RetryRequest) -> None:
        plan = await self.engine.plan_retry(request)
        name = plural(plan.images, "image")
        if problems := hard_problems(plan.problems):
            self.host.toast("\n".join(problems), title="Not retried", severity="error")
            return
        if not plan.images:
            self.host.toast(refusal_words(plan.refused), title="Not retried", severity="error")
            return
        is_asking = len(request.image_ids) > 1 or not is_usual(plan)
        question = f"Retry {name} as before? {_plan_words(plan)}"
        if is_asking and not await self.ask(question, yes="Retry", no="Leave it"):
            return
        self.begin_retry(request)

    def begin_retry(self, request: RetryRequest) -> None:
        """Let it be carried out, and show what comes next."""
        self.host.decisions.retry(request)
        self.images_decided(request.image_ids)
        self.refresh_bindings()

    # ---- with other settings

    def action_retry_with(self) -> None:
        image_ids, image = tuple(self.chosen_images()), self.current_image()
        if image_ids and image is not None:
            self.run_query(self._open_dialog(image_ids, image), "show the settings")

    async def _open_dialog(self, image_ids: tuple[int, ...], image: ImageView) -> None:
        settings = await self.engine.job_settings(image.job_id)
        job = await self.engine.job(image.job_id)
        await self.host.push_screen(RetryDialog(image_ids, settings, job), self._retry_with)

    def _retry_with(self, request: RetryRequest | None) -> None:
        if request is not None:
            self.begin_retry(request)

    # ---- new pictures

    def action_regenerate(self) -> None:
        if image_ids := tuple(self.chosen_images()):
            self.run_query(self._ask_regenerate(image_ids), "order new pictures")

    async def _ask_regenerate(self, image_ids: tuple[int, ...]) -> None:
        plan = await self.engine.plan_regeneration(image_ids)
        if problems := hard_problems(plan.problems):
            self.host.toast("\n".join(problems), title="No new picture", severity="error")
            return
        if not plan.images:
            self.host.toast(refusal_words(plan.refused), title="No new picture", severity="error")
            return
        what = "a new picture from the same prompt" if plan.images == 1 else f"{plan.images:,} new pictures"
        if await self.ask(f"Order {what}? {_plan_words(plan)}", yes="Order", no="Leave it"):
            self.host.run_command(self._regenerate(image_ids), "order new pictures")

    async def _regenerate(self, image_ids: tuple[int, ...]) -> None:
        started = await self.engine.regenerate_images(image_ids)
        self.host.toast(_said(started), title="New pictures")
        self.images_ordered(started.done)


def _plan_words(plan: RetryPlanView) -> str:
    parts = (cost_words(plan), refusal_words(plan.refused), warning_words(plan.problems))
    return " ".join(part for part in parts if part)


def _said(started: StartedView) -> str:
    jobs = started.jobs
    if not jobs:
        return refusal_words(started.refused)
    names = f"#{jobs[0].number} {jobs[0].label} is" if len(jobs) == 1 else f"{plural(len(jobs), 'job')} are"
    return f"{names} in the queue. {refusal_words(started.refused)}".rstrip()
