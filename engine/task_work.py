"""A task with everything that the calls about it need, read from its rows and its job's settings."""

from dataclasses import dataclass

from db import generations as generation_rows
from db import tasks as task_rows
from db.records import GenerationRecord, TaskRecord
from engine.context import JobContext
from engine.providers.base import ImageProvider, ImageRequest, Lora
from engine.spending import PaidCall


@dataclass(frozen=True, slots=True)
class TaskWork:
    """A task with everything that its calls need."""

    task: TaskRecord
    generation: GenerationRecord
    provider: ImageProvider
    request: ImageRequest
    call: PaidCall


async def load_work(context: JobContext, task_id: int) -> TaskWork:
    """Read a task that is in the pipeline."""
    async with context.database.reading() as connection:
        task = await task_rows.get(connection, task_id)
        assert task is not None, f"task {task_id} is in the pipeline, so it has a row"
        generation = await generation_rows.get(connection, task.generation_id)
        assert generation is not None, "a task's generation exists"
        siblings = await task_rows.for_generation(connection, task.generation_id)
    settings = context.settings
    earlier_images = sum(one.images_requested for one in siblings if one.task_index < task.task_index)
    request = ImageRequest(
        request_key=task.request_key,
        model=task.model,
        prompt=generation.prompt or "",
        width=generation.width,
        height=generation.height,
        aspect_ratio=generation.aspect_ratio,
        images=task.images_requested,
        negative_prompt=settings.generation.negative_prompt,
        seed=None if generation.seed is None else generation.seed + earlier_images,
        steps=settings.generation.steps,
        guidance=settings.generation.guidance,
        process_mode=settings.generation.process_mode,
        mj_version=settings.generation.mj_version,
        loras=tuple(Lora(lora.model, lora.weight) for lora in settings.generation.loras),
        transparent=settings.processing.remove_background,
    )
    return TaskWork(
        task=task,
        generation=generation,
        provider=context.services.images(task.provider),
        request=request,
        call=PaidCall(f"task:{task_id}", task.provider, task.model, task.estimate_micros),
    )
