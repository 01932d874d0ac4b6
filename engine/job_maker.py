"""From a request to a job with all its generations and tasks in the queue; nothing is sent."""

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from db import generations as generation_rows
from db import jobs as job_rows
from db import tasks as task_rows
from db.records import NewGeneration, NewJob, NewTask, RecordedError, utc_text
from db.status import JobKind, JobStatus, Stage
from engine.api import JobRequest
from engine.errors import ConflictError, NotFoundError, Problem, SettingsError
from engine.events import JobCreated, JobFinished
from engine.job_tools import JobTools, blocking, refuse_blocked
from engine.labels import checked_label, label_problems, rerun_label
from engine.new_jobs import insert_job
from engine.plan import JobPlan, make_plan
from engine.preflight import preflight
from engine.settings import dump_settings, merge_settings
from engine.views import JobView


@dataclass(frozen=True, slots=True)
class JobMaker:
    """Part of the Engine."""

    tools: JobTools

    async def start(self, request: JobRequest) -> JobView:
        """Plan and create. Raises SettingsError with every problem at once."""
        plan = await self.plan(request)
        refuse_blocked(plan.problems)
        return await self.create(plan, request)

    async def rerun(self, job_ids: Sequence[str], *, is_as_run: bool) -> list[JobView]:
        """Plan all before the first is queued. One that cannot start is a failed job that says why, and keeps no other
        from its turn; alone, it raises SettingsError."""
        planned: list[tuple[JobPlan, JobRequest]] = []
        for job_id in job_ids:
            original = await self.tools.queries.job(job_id)
            if original.kind is JobKind.RETRY:
                raise ConflictError(
                    f"{original.label} is a retry: there is nothing to run again.",
                    hint="Retry its images, or run the job again that they are from.",
                )
            settings = dump_settings(await self.tools.queries.job_settings(job_id))
            if not is_as_run and original.configuration is not None:
                settings = await self._current_settings(original.configuration, otherwise=settings)
            request = JobRequest(
                settings=settings,
                label=rerun_label(original),
                configuration=original.configuration,
                parent_job_id=job_id,
            )
            plan = await self.plan(request)
            if not plan.can_start and len(job_ids) == 1:
                raise SettingsError(
                    [
                        Problem(f"{original.label} {problem.field}", problem.message, hint=problem.hint)
                        for problem in blocking(plan.problems)
                    ]
                )
            planned.append((plan, request))
        return [
            await (self.create if plan.can_start else self._create_failed)(plan, request)
            for plan, request in planned
        ]

    async def plan(self, request: JobRequest) -> JobPlan:
        """The plan with everything that stands in its way."""
        settings, warnings = merge_settings(request.settings)
        places = self.tools.places()
        output_dir = places.output(settings)
        plan = await asyncio.to_thread(
            make_plan, settings, self.tools.prices, output_dir=output_dir, today=self.tools.clock.now().date()
        )
        keys_there = await self.tools.keys_there()
        problems = preflight(plan, has_key=keys_there.__contains__, work_dir=places.work(settings))
        target = await self.tools.target_warnings(plan.sizes)
        return plan.with_problems((*warnings, *problems, *label_problems(request.label), *target))

    async def _current_settings(self, name: str, *, otherwise: dict[str, Any]) -> dict[str, Any]:
        """A configuration as it is now; `otherwise` where it was deleted. `default` need not be stored."""
        try:
            return (await self.tools.queries.configuration(name)).settings
        except NotFoundError:
            default = await self.tools.queries.configuration(None)
            return default.settings if default.name == name else otherwise

    async def _create_failed(self, plan: JobPlan, request: JobRequest) -> JobView:
        """A job that ended before it began, with every problem as its error."""
        at = utc_text(self.tools.clock.now())
        hard = blocking(plan.problems)
        error = RecordedError(
            Stage.PREFLIGHT,
            "settings",
            "It cannot start: " + "; ".join(f"{one.field}: {one.message}" for one in hard),
            next((one.hint for one in hard if one.hint), ""),
        )
        async with self.tools.database.transaction(durable=True) as connection:
            draft = _draft(plan, request, checked_label(request.label or "job"))
            job = await insert_job(connection, draft, at)
            await job_rows.mark_finished(connection, job.job_id, JobStatus.FAILED, at, error)
        self.tools.log_book.for_job(job.job_id).error(
            error.message, Stage.PREFLIGHT, cause=error.code, hint=error.hint
        )
        self.tools.bus.publish(JobCreated(job.job_id))
        self.tools.bus.publish(JobFinished(job.job_id, JobStatus.FAILED))
        return await self.tools.queries.job(job.job_id)

    async def create(self, plan: JobPlan, request: JobRequest) -> JobView:
        """The job with every generation and task of it, in one transaction."""
        at = utc_text(self.tools.clock.now())
        label = checked_label(request.label or f"job_{self.tools.clock.now().astimezone():%Y%m%d_%H%M%S}")
        async with self.tools.database.transaction(durable=True) as connection:
            job_id = (await insert_job(connection, _draft(plan, request, label), at)).job_id
            planned = [plan.generation(index) for index in range(len(plan.rows))]
            generation_ids = await generation_rows.insert_many(
                connection,
                [
                    NewGeneration(
                        job_id=job_id,
                        generation_index=index,
                        keyword=one.keyword,
                        keyword_row=one.keyword_row,
                        aspect_ratio=one.size.aspect_ratio,
                        width=one.size.width,
                        height=one.size.height,
                        seed=one.seed,
                    )
                    for index, one in enumerate(planned)
                ],
                at,
            )
            await task_rows.insert_many(
                connection,
                [
                    NewTask(
                        generation_id=generation_id,
                        job_id=job_id,
                        task_index=task_index,
                        provider=plan.settings.generation.provider,
                        model=plan.settings.generation.model,
                        request_key=str(uuid.uuid4()),
                        images_requested=images,
                        estimate_micros=self.tools.prices.image_cost_micros(
                            plan.settings.generation.provider,
                            plan.settings.generation.model,
                            images,
                            one.size.width,
                            one.size.height,
                        )
                        or 0,
                    )
                    for generation_id, one in zip(generation_ids, planned, strict=True)
                    for task_index, images in enumerate(plan.images_per_task)
                ],
                at,
            )
        log = self.tools.log_book.for_job(job_id)
        log.info(
            f"Job {label} created: {len(plan.rows)} prompts, {plan.planned_images} images with "
            f"{plan.settings.generation.model}, keywords from {plan.inputs.keyword_source}."
        )
        for problem in plan.problems:
            log.warning(f"{problem.field}: {problem.message}", hint=problem.hint)
        self.tools.bus.publish(JobCreated(job_id))
        return await self.tools.queries.job(job_id)


def _draft(plan: JobPlan, request: JobRequest, label: str) -> NewJob:
    return NewJob(
        job_id="",
        kind=JobKind.GENERATE,
        label=label,
        settings=dump_settings(plan.settings),
        inputs=plan.inputs.model_dump(mode="json"),
        output_dir=str(plan.output_dir),
        configuration_name=request.configuration,
        parent_job_id=request.parent_job_id,
        planned_images=plan.planned_images,
        estimate_micros=plan.estimate.total_micros,
        budget_micros=plan.settings.generation.budget_micros,
    )
