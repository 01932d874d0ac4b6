"""The command that puts failed images to work once more, as one job in the queue. The work is retry_runner's."""

import asyncio
import os.path
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from db import jobs as job_rows
from db import retries as retry_rows
from db.records import ImageRecord, JsonObject, NewJob, utc_text
from db.status import JobKind, Progress
from engine.announce import announce_images
from engine.api import RetryRequest
from engine.call_costs import CallCosts
from engine.errors import Problem, SettingsError
from engine.events import JobCreated
from engine.image_groups import Grouped, ImageGroup, group_images
from engine.inputs import JobInputs
from engine.job_tools import JobTools, refuse_blocked
from engine.labels import checked_label
from engine.new_jobs import insert_job
from engine.preflight import folder_problems, missing_keys
from engine.retry_options import ImageBefore, RetryOptions
from engine.review import UNDECIDED, WHY_NOT, Review
from engine.secrets import KeyName
from engine.viewing import problem_views
from engine.views import RefusalView, RetryPlanView, StartedView


@dataclass(frozen=True, slots=True)
class _Plan:
    """A retry worked out: what it will touch, what that costs, and what stands in its way."""

    options: RetryOptions
    grouped: Grouped
    costs: CallCosts
    problems: tuple[Problem, ...]

    def view(self) -> RetryPlanView:
        """As the user sees it."""
        return RetryPlanView(
            images=len(self.grouped.images),
            refused=self.grouped.refused,
            costs=self.costs.lines,
            estimate_usd=self.costs.total_micros / 1e6,
            problems=problem_views(self.problems),
        )


@dataclass(frozen=True, slots=True)
class Retrying:
    """Part of the Engine. What each method does is said in EngineApi."""

    tools: JobTools
    review: Review

    async def plan(self, request: RetryRequest) -> RetryPlanView:
        """See EngineApi."""
        return (await self._plan(request)).view()

    async def start(self, request: RetryRequest) -> StartedView:
        """See EngineApi."""
        async with self.review.holding(request.image_ids):
            plan = await self._plan(request)
            refuse_blocked(plan.problems)
            if not plan.grouped.images:
                return StartedView(jobs=(), done=(), refused=plan.grouped.refused)
            return await self._create(plan, request)

    async def _plan(self, request: RetryRequest) -> _Plan:
        options = _options(request)
        grouped = await group_images(self.tools.database, request.image_ids, _why_not)
        costs = CallCosts(self.tools.prices)
        problems: list[Problem] = []
        for group in grouped.groups:
            _add_costs(costs, options, group)
            problems += await asyncio.to_thread(
                folder_problems, "files.output_dir", Path(group.job.output_dir)
            )
            problems += await asyncio.to_thread(
                folder_problems, "files.work_dir", self.tools.places().work(group.settings)
            )
        there = await self.tools.keys_there()
        uses = {"the quality check": "checks", "titles and tags": "metadata"}
        needed = {
            KeyName.OPENAI: [what for what, kind in uses.items() if costs.uses(kind)],
            KeyName.REMOVE_BG: ["background removal"] if costs.uses("backgrounds") else [],
        }
        problems += missing_keys(needed, there.__contains__)
        problems += costs.problems
        problems += await self.tools.size_warnings((one.width, one.height) for one in grouped.images)
        return _Plan(options, grouped, costs, tuple(dict.fromkeys(problems)))

    async def _create(self, plan: _Plan, request: RetryRequest) -> StartedView:
        at = utc_text(self.tools.clock.now())
        images = plan.grouped.images
        wanted = {image.image_id for image in images}
        order = [image_id for image_id in dict.fromkeys(request.image_ids) if image_id in wanted]
        plural = "image" if len(order) == 1 else "images"
        draft = NewJob(
            job_id="",
            kind=JobKind.RETRY,
            label=checked_label(request.label or f"retry of {len(order)} {plural}"),
            settings={},
            inputs=_inputs(plan).model_dump(mode="json"),
            output_dir=os.path.commonpath([group.job.output_dir for group in plan.grouped.groups]),
            parent_job_id=plan.grouped.groups[0].job.job_id if len(plan.grouped.groups) == 1 else None,
            planned_images=len(order),
            estimate_micros=plan.costs.total_micros,
            budget_micros=None if request.budget_usd is None else round(request.budget_usd * 1_000_000),
        )
        used = {group.job.job_id: _used(plan.options, group) for group in plan.grouped.groups}
        async with self.tools.database.transaction(durable=True) as connection:
            job = await insert_job(connection, draft, at)
            taken = await retry_rows.admit(connection, job.job_id, order, used, at)
            await job_rows.set_planned(connection, job.job_id, len(taken), plan.costs.total_micros)
        self.tools.log_book.for_job(job.job_id).info(
            f"{draft.label}: from {len(plan.grouped.groups)} jobs, "
            + ("with other settings." if plan.options.changes_processing else "as it was.")
        )
        self.tools.bus.publish(JobCreated(job.job_id))
        await announce_images(self.tools.database, self.tools.bus, taken)
        late = [image_id for image_id in order if image_id not in set(taken)]
        return StartedView(
            jobs=(await self.tools.queries.job(job.job_id),),
            done=tuple(taken),
            refused=(
                *plan.grouped.refused,
                *(
                    RefusalView(image_id=one, message="Its status changed meanwhile.", hint="")
                    for one in late
                ),
            ),
        )


def _options(request: RetryRequest) -> RetryOptions:
    try:
        return RetryOptions.model_validate(
            {
                "processing": request.processing,
                "on_failure": request.on_failure,
                "checks_again": request.checks_again,
                "writes_metadata_again": request.writes_metadata_again,
            }
        )
    except ValidationError as error:
        raise SettingsError(
            [
                Problem(".".join(str(part) for part in one["loc"]), one["msg"])
                for one in error.errors(include_url=False)
            ]
        ) from error


def _why_not(image: ImageRecord) -> str | None:
    if image.status not in UNDECIDED:
        return WHY_NOT[image.status]
    return "It is being approved." if image.before_approval is not None else None


def _add_costs(costs: CallCosts, options: RetryOptions, group: ImageGroup) -> None:
    """The calls that the images will need, at most. Raises SettingsError for wrong fields of `processing`."""
    settings = options.settings_for(group.settings, wants_check=True)
    for image in group.images:
        before = ImageBefore(image.stage, image.progress, image.is_checked)
        start = options.start_for(
            before, group.settings, has_original=image.original_file is not None, has_processed=True
        )
        if options.wants_check(before, group.settings):
            costs.add_check(settings)
        is_processed = start in (Progress.PROCESSED, Progress.DESCRIBED)
        if settings.processing.remove_background and not is_processed:
            costs.add_background(settings)
        if settings.ai.metadata and (image.title is None or options.writes_metadata_again):
            costs.add_metadata(settings)


def _used(options: RetryOptions, group: ImageGroup) -> JsonObject:
    """What is kept with each image of the group as what it was worked on with."""
    settings = options.settings_for(group.settings, wants_check=True)
    return {
        "processing": settings.processing.model_dump(mode="json"),
        **options.model_dump(mode="json", exclude={"processing"}),
    }


def _inputs(plan: _Plan) -> JobInputs:
    return JobInputs(
        keyword_source="images of earlier jobs",
        keyword_count=len(plan.grouped.images),
        draw_seed=0,
        columns=(),
        template="",
        template_source="",
        retry=plan.options,
    )
