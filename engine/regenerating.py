"""The command that orders new pictures from the prompts of images that there are. The orders are ordinary jobs: paid
calls with all that protects them."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from db import generations as generation_rows
from db import tasks as task_rows
from db.records import GenerationRecord, ImageRecord, NewGeneration, NewJob, NewTask, utc_text
from db.status import JobKind, TaskState
from engine.call_costs import CallCosts
from engine.errors import Problem
from engine.events import JobCreated
from engine.image_groups import Grouped, ImageGroup, group_images
from engine.job_tools import JobTools, refuse_blocked
from engine.labels import regeneration_label
from engine.new_jobs import insert_job
from engine.preflight import folder_problems, keys_needed, missing_keys
from engine.providers.catalogue import model_of
from engine.settings import Settings, dump_settings, merge_settings
from engine.sizes import tasks_for
from engine.viewing import problem_views
from engine.views import JobView, RetryPlanView, StartedView


@dataclass(frozen=True, slots=True)
class _Order:
    """New pictures for the images of one job."""

    group: ImageGroup
    settings: Settings
    generations: dict[int, GenerationRecord]
    images_per_task: tuple[int, ...]
    costs: CallCosts

    @property
    def planned_images(self) -> int:
        return sum(self.images_per_task) * len(self.group.images)


@dataclass(frozen=True, slots=True)
class _Plan:
    grouped: Grouped
    orders: tuple[_Order, ...]
    total: CallCosts
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Regenerating:
    """Part of the Engine. What each method does is said in EngineApi."""

    tools: JobTools

    async def plan(self, image_ids: Sequence[int]) -> RetryPlanView:
        """See EngineApi."""
        plan = await self._plan(image_ids)
        return RetryPlanView(
            images=sum(order.planned_images for order in plan.orders),
            refused=plan.grouped.refused,
            costs=plan.total.lines,
            estimate_usd=plan.total.total_micros / 1e6,
            problems=problem_views(plan.problems),
        )

    async def start(self, image_ids: Sequence[int]) -> StartedView:
        """See EngineApi."""
        plan = await self._plan(image_ids)
        refuse_blocked(plan.problems)
        return StartedView(
            jobs=tuple([await self._create(order) for order in plan.orders]),
            done=tuple(image.image_id for image in plan.grouped.images),
            refused=plan.grouped.refused,
        )

    async def _plan(self, image_ids: Sequence[int]) -> _Plan:
        grouped = await group_images(self.tools.database, image_ids, _why_not)
        there = await self.tools.keys_there()
        total = CallCosts(self.tools.prices)
        orders = []
        problems: list[Problem] = []
        for group in grouped.groups:
            settings = _settings(group)
            async with self.tools.database.reading() as connection:
                records = await generation_rows.get_many(
                    connection, [image.generation_id for image in group.images]
                )
            generations = {one.generation_id: one for one in records}
            spec = model_of(settings.generation.provider, settings.generation.model)
            per_task = tasks_for(spec, 1)
            costs = CallCosts(self.tools.prices)
            for image in group.images:
                own = generations[image.generation_id]
                for book in (costs, total):
                    _add_costs(book, settings, per_task, own)
            orders.append(_Order(group, settings, generations, per_task, costs))
            problems += missing_keys(keys_needed(settings, is_writing_prompts=False), there.__contains__)
            for field, folder in (
                ("files.output_dir", Path(group.job.output_dir)),
                ("files.work_dir", self.tools.places().work(settings)),
            ):
                problems += await asyncio.to_thread(folder_problems, field, folder)
        sizes = [(one.width, one.height) for order in orders for one in order.generations.values()]
        problems += [*total.problems, *await self.tools.size_warnings(sizes)]
        return _Plan(grouped, tuple(orders), total, tuple(dict.fromkeys(problems)))

    async def _create(self, order: _Order) -> JobView:
        at = utc_text(self.tools.clock.now())
        job, settings = order.group.job, order.settings
        draft = NewJob(
            job_id="",
            kind=JobKind.GENERATE,
            label=regeneration_label(job.label, len(order.group.images)),
            settings=dump_settings(settings),
            inputs=order.group.inputs.model_dump(mode="json"),
            output_dir=job.output_dir,
            configuration_name=job.configuration_name,
            parent_job_id=job.job_id,
            planned_images=order.planned_images,
            estimate_micros=order.costs.total_micros,
        )
        async with self.tools.database.transaction(durable=True) as connection:
            new_job = await insert_job(connection, draft, at)
            generation_ids = await generation_rows.insert_many(
                connection,
                [
                    _generation(new_job.job_id, index, image, order.generations[image.generation_id])
                    for index, image in enumerate(order.group.images)
                ],
                at,
            )
            await task_rows.insert_many(
                connection,
                [
                    NewTask(
                        generation_id=generation_id,
                        job_id=new_job.job_id,
                        task_index=task_index,
                        provider=settings.generation.provider,
                        model=settings.generation.model,
                        request_key=str(uuid.uuid4()),
                        images_requested=images,
                        estimate_micros=self.tools.prices.image_cost_micros(
                            settings.generation.provider,
                            settings.generation.model,
                            images,
                            order.generations[image.generation_id].width,
                            order.generations[image.generation_id].height,
                        )
                        or 0,
                        state=TaskState.PROMPTED,
                    )
                    for generation_id, image in zip(generation_ids, order.group.images, strict=True)
                    for task_index, images in enumerate(order.images_per_task)
                ],
                at,
            )
        self.tools.log_book.for_job(new_job.job_id).info(
            f"{draft.label}: {order.planned_images} new images with the prompts that job #{job.job_number} had."
        )
        self.tools.bus.publish(JobCreated(new_job.job_id))
        return await self.tools.queries.job(new_job.job_id)


def _why_not(image: ImageRecord) -> str | None:
    return None if image.prompt else "It has no prompt."


def _settings(group: ImageGroup) -> Settings:
    """The job's own, for one picture a prompt; without its seed, which would bring the same picture again, and without
    its budget, which was for the job."""
    document = dump_settings(group.settings)
    document["generation"] |= {
        "generations": len(group.images),
        "variations": 1,
        "seed": None,
        "budget_usd": None,
    }
    return merge_settings(document)[0]


def _add_costs(costs: CallCosts, settings: Settings, per_task: Sequence[int], own: GenerationRecord) -> None:
    for images in per_task:
        costs.add_image(settings, images, own.width, own.height)
        for _ in range(images):
            if settings.ai.quality_check:
                costs.add_check(settings)
            if settings.processing.remove_background:
                costs.add_background(settings)
            if settings.ai.metadata:
                costs.add_metadata(settings)


def _generation(job_id: str, index: int, image: ImageRecord, own: GenerationRecord) -> NewGeneration:
    return NewGeneration(
        job_id=job_id,
        generation_index=index,
        keyword=own.keyword,
        keyword_row=own.keyword_row,
        aspect_ratio=own.aspect_ratio,
        width=own.width,
        height=own.height,
        prompt=image.prompt,
        replaces_image_id=image.image_id,
    )
