"""What a killed engine left behind, put right before anything new begins. It asks nobody: the job does."""

from db import jobs as job_rows
from db import ledger as ledger_rows
from db import tasks as task_rows
from db.connection import Database
from db.records import JobRecord, RecordedError, TaskRecord, utc_text
from db.status import JobStatus, Stage
from engine.clock import Clock
from engine.costs import usd
from engine.logs import LogBook
from engine.spending import PaidCall, Spending

LOST = "The program ended before the answer came."
LOST_HINT = "It may have been paid. It is looked up at the provider when the job goes on."


async def recover(database: Database, log_book: LogBook, clock: Clock) -> list[JobRecord]:
    """Every `submitting` task becomes `unknown`, every reserved sum of other calls `unknown` too; a running job
    becomes interrupted, from where the caller resumes it or not. Answers every interrupted job, oldest first."""
    at = utc_text(clock.now())
    lost = await lose_submissions(database, clock)
    async with database.transaction(durable=True) as connection:
        running = await job_rows.by_status(connection, JobStatus.RUNNING)
        for job in running:
            await job_rows.set_status(connection, job.job_id, JobStatus.INTERRUPTED, at, [JobStatus.RUNNING])
        interrupted = await job_rows.by_status(connection, JobStatus.INTERRUPTED)
    for task in lost:
        log_book.for_job(task.job_id).warning(
            f"Task {task.task_id} was being submitted to {task.provider} when the program ended.",
            Stage.GENERATE,
            hint=LOST_HINT,
        )
    await _announce_open_calls(database, log_book, clock)
    return interrupted


async def lose_submissions(database: Database, clock: Clock, job_id: str | None = None) -> list[TaskRecord]:
    """Make `submitting` tasks `unknown`: nobody waits for their answers any more."""
    async with database.transaction(durable=True) as connection:
        lost = await task_rows.recover_submitting(connection, job_id)
        for task in lost:
            error = RecordedError(Stage.GENERATE, "answer_lost", LOST, LOST_HINT)
            await task_rows.mark_unknown(connection, task.task_id, error, utc_text(clock.now()))
            call = PaidCall(f"task:{task.task_id}", task.provider, task.model, task.estimate_micros)
            await Spending(task.job_id, clock).lose(connection, call, LOST)
    return lost


async def _announce_open_calls(database: Database, log_book: LogBook, clock: Clock) -> None:
    """Language model calls and background removals that were on their way: say that they may be paid twice."""
    lost: dict[str, list[int]] = {}
    async with database.transaction(durable=True) as connection:
        for entry in await ledger_rows.open_calls(connection):
            if entry.job_id is None or entry.call.startswith("task:"):
                continue  # its task tells: a submitted one is still on its way
            call = PaidCall(entry.call, entry.service, entry.model, entry.micros)
            micros = await Spending(entry.job_id, clock).lose(connection, call, LOST)
            lost.setdefault(entry.job_id, []).append(micros)
    for job_id, sums in lost.items():
        log_book.for_job(job_id).warning(
            f"{len(sums)} answers of the language model or of background removal were lost when the program ended "
            f"({usd(sum(sums))}).",
            hint="Prompts, checks and titles are asked for again and may be paid twice; backgrounds are not.",
        )
