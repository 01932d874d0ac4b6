"""The questions around decisions: what became of an image's retries, which tasks wait for a person."""

from db import generations as generation_rows
from db import jobs as job_rows
from db import retries as retry_rows
from db import tasks as task_rows
from db.connection import Database
from engine.deciding_rules import choices_for
from engine.viewing import dollars, error_view
from engine.views import AttemptView, ImageStatus, Stage, UndecidedView


class DecisionQueries:
    """Part of engine.queries.Queries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def image_attempts(self, image_id: int) -> list[AttemptView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            records = await retry_rows.of_image(connection, image_id)
            numbers = {}
            for job_id in {record.job_id for record in records}:
                job = await job_rows.get(connection, job_id)
                assert job is not None, "a retry's job exists"
                numbers[job_id] = job.job_number
        return [
            AttemptView(
                attempt=record.attempt,
                job_id=record.job_id,
                job_number=numbers[record.job_id],
                state=record.state,
                asked_at=record.created_at,
                finished_at=record.finished_at,
                stage=record.stage,
                reason=record.reason,
                before_status=ImageStatus(record.image_before["status"]),
                before_stage=Stage(record.image_before["stage"]) if record.image_before["stage"] else None,
                before_reason=record.image_before["reason"],
                used=record.used,
            )
            for record in records
        ]

    async def undecided_tasks(
        self, *, job_id: str | None = None, after: int = 0, limit: int = 100
    ) -> list[UndecidedView]:
        """See EngineApi."""
        async with self._database.reading() as connection:
            records = await task_rows.undecided(connection, job_id, after, limit)
            generations = {
                one.generation_id: one
                for one in await generation_rows.get_many(
                    connection, [record.generation_id for record in records]
                )
            }
            jobs = {}
            for one in {record.job_id for record in records}:
                job = await job_rows.get(connection, one)
                assert job is not None, "a task's job exists"
                jobs[one] = job
        return [
            UndecidedView(
                task=record.task_id,
                job_id=record.job_id,
                job_number=jobs[record.job_id].job_number,
                job_label=jobs[record.job_id].label,
                generation_id=record.generation_id,
                state=record.state,
                provider=record.provider,
                model=record.model,
                task_id=record.provider_task_id,
                keyword=generations[record.generation_id].keyword,
                prompt=generations[record.generation_id].prompt,
                images=record.images_requested,
                price_usd=dollars(record.estimate_micros),
                submitted_at=record.submitted_at,
                error=error_view(
                    record.error_stage, record.error_code, record.error_message, record.error_hint
                ),
                choices=choices_for(record),
            )
            for record in records
        ]

    async def undecided_count(self) -> int:
        """See EngineApi."""
        async with self._database.aggregating() as connection:
            return await task_rows.count_undecided(connection)
