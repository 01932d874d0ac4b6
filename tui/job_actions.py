"""What can be done with jobs, for every screen that shows some: asks, tells the engine, says what came of it."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any, cast

from engine.api import EngineApi, JobRequest
from engine.errors import NotFoundError
from engine.places import Places
from engine.status import JobKind, JobStatus
from engine.text import clean_text
from tui.factory_screen import FactoryScreen
from tui.format import bytes_text, money, plural
from tui.navigation import make_screen
from tui.screens.text_dialog import TextDialog
from tui.widgets.input_bar import InputBar

if TYPE_CHECKING:
    from engine.views import JobView

AT_WORK = (JobStatus.RUNNING, JobStatus.PAUSED)
RESUMABLE = (JobStatus.PAUSED, JobStatus.STOPPED, JobStatus.INTERRUPTED, JobStatus.FAILED)
BUDGET = "budget"
"""The code of a pause because the budget is used up."""
MOST_BUDGET = 1_000_000
MOST_MEASURED = 200
"""Jobs whose files are looked at before the question."""
RETRY_AGAIN = "A retry is not run again. Retry its images in Review, or run the job again that they are from."
_LABEL_CELLS = 60


def job_name(job: JobView) -> str:
    """`#42 landscapes`."""
    return f"#{job.number} {clean_text(job.label, limit=_LABEL_CELLS)}"


async def settings_now(engine: EngineApi, configuration: str) -> dict[str, Any] | None:
    """A configuration as it is now, as a rerun takes it; None where it was deleted. `default` need not be stored."""
    try:
        return (await engine.configuration(configuration)).settings
    except NotFoundError:
        default = await engine.configuration(None)
        return default.settings if default.name == configuration else None


class JobActions:
    """For a FactoryScreen with an InputBar: the actions that the sections `jobs` and `job_detail` share."""

    _deleted: list[list[str]]
    """What was deleted here, the last at the end; undo takes it back."""

    def current_job(self) -> JobView | None:
        """The job that is meant."""
        raise NotImplementedError

    async def chosen_jobs(self) -> list[str]:
        """The jobs that are meant, in the order shown: the marked ones, or the current one."""
        job = self.current_job()
        return [] if job is None else [job.job_id]

    async def estimate(self, jobs: Sequence[JobView], *, is_as_run: bool) -> float:
        """What running these again will cost, in US dollars. Raises SettingsError where that cannot be planned."""
        planned: dict[str | None, float | None] = {None: None}
        total = 0.0
        for job in jobs:
            name = None if is_as_run else job.configuration
            if name not in planned:
                assert name is not None
                settings = await settings_now(self._screen.engine, name)
                plan = None if settings is None else await self._screen.engine.plan_job(JobRequest(settings))
                planned[name] = None if plan is None else plan.estimate_usd
            price = planned[name]
            total += job.spend.estimate if price is None else price
        return total

    def jobs_done(self, job_ids: Sequence[str]) -> None:
        """Something was done with these: marks on them are of no more use."""

    def check_job_action(self, action: str) -> bool:
        """Whether the action makes sense for the current job."""
        job = self.current_job()
        match action:
            case "stop" | "force_stop":
                return job is not None and job.status in AT_WORK
            case "pause":
                return job is not None and (job.status is JobStatus.RUNNING or job.status in RESUMABLE)
            case "rerun" | "rerun_as_run" | "rename" | "export":
                return job is not None
            case "delete":
                return job is not None and job.deleted_at is None
            case "undo":
                return bool(self._deleted)
            case _:
                return True

    # ---- actions

    def action_rerun(self) -> None:
        self._beside(self._rerun(is_as_run=False), "run the job again")

    def action_rerun_as_run(self) -> None:
        self._beside(self._rerun(is_as_run=True), "run the job again")

    def action_delete(self) -> None:
        self._beside(self._delete(), "delete the job")

    def action_undo(self) -> None:
        if self._deleted:
            self._screen.host.run_command(self._restore(self._deleted.pop()), "take the deletion back")

    def action_rename(self) -> None:
        self._beside(self._rename(), "rename the job")

    def action_stop(self) -> None:
        self._beside(self._stop("Stop {} after what is paid for?", is_forced=False), "stop the job")

    def action_force_stop(self) -> None:
        question = "Stop {} at once? A resume fetches what is on its way."
        self._beside(self._stop(question, is_forced=True), "stop the job")

    def action_pause(self) -> None:
        job = self.current_job()
        if job is None:
            return
        engine = self._screen.engine
        if job.status is JobStatus.RUNNING:
            self._screen.host.run_command(engine.pause_job(job.job_id), "pause the job")
        elif job.pause is not None and job.pause.code == BUDGET:
            self._screen.run_query(self._resume_with_budget(job), "ask for a budget")
        else:
            self._screen.host.run_command(engine.resume_job(job.job_id), "go on with the job")

    def action_export(self) -> None:
        self._beside(self._export(), "export the job")

    # ---- inside

    @property
    def _screen(self) -> FactoryScreen:
        return cast("FactoryScreen", self)

    def _beside(self, work: Coroutine[Any, Any, None], what: str) -> None:
        self._screen.run_query(work, what)

    async def _resume_with_budget(self, job: JobView) -> None:
        """A job that has used its budget up would only pause again without another one."""
        wish = max(job.spend.estimate, job.spend_usd) * 1.1
        dialog = TextDialog(
            "Another budget",
            f"{wish:.2f}",
            explanation=f"{job_name(job)} has spent {money(job.spend_usd)} of {money(job.budget_usd or 0)}, and was"
            f" estimated at {money(job.spend.estimate)}. What may it cost in all, in dollars?",
        )
        await self._screen.host.push_screen(dialog, lambda text: self._resume_within(job, text))

    def _resume_within(self, job: JobView, text: str | None) -> None:
        if text is None:
            return
        try:
            budget = float(text.removeprefix("$"))
        except ValueError:
            budget = 0.0
        if not 0 < budget < MOST_BUDGET:
            self._screen.host.toast(
                f"“{text}” is no amount of dollars.", title="Not resumed", severity="error"
            )
            return
        resume = self._screen.engine.resume_job(job.job_id, budget_usd=budget)
        self._screen.host.run_command(resume, "go on with the job")

    async def _describe(self, job_ids: Sequence[str]) -> tuple[str, list[JobView]]:
        """How a question calls these jobs."""
        jobs = [await self._screen.engine.job(job_id) for job_id in job_ids]
        return (job_name(jobs[0]) if len(jobs) == 1 else plural(len(jobs), "job")), jobs

    async def _rerun(self, *, is_as_run: bool) -> None:
        job_ids = await self.chosen_jobs()
        if not job_ids:
            return
        _, jobs = await self._describe(job_ids)
        retries = sum(job.kind is JobKind.RETRY for job in jobs)
        jobs = [job for job in jobs if job.kind is not JobKind.RETRY]
        if not jobs:
            self._screen.host.toast(RETRY_AGAIN, title="Not run again", severity="warning")
            return
        job_ids = [job.job_id for job in jobs]
        name = job_name(jobs[0]) if len(jobs) == 1 else plural(len(jobs), "job")
        left_out = f" Left out: {'a retry' if retries == 1 else f'{retries} retries'}." if retries else ""
        how = "exactly as it ran" if is_as_run else "with its configuration as it is now"
        price = await self.estimate(jobs, is_as_run=is_as_run)
        about = f" About {money(price)}." if price else ""
        if await self._screen.ask(
            f"Run {name} again, {how}?{about}{left_out}", yes="Run again", no="Leave it"
        ):
            self._screen.host.run_command(
                self._queue_again(job_ids, is_as_run=is_as_run), "run the job again"
            )

    async def _queue_again(self, job_ids: list[str], *, is_as_run: bool) -> None:
        made = await self._screen.engine.rerun_jobs(job_ids, is_as_run=is_as_run)
        self.jobs_done(job_ids)
        queued = [job for job in made if job.status is not JobStatus.FAILED]
        names = (
            job_name(queued[0]) if len(queued) == 1 else f"{plural(len(queued), 'job')}, in the order shown,"
        )
        if queued:
            self._screen.host.toast(f"{names} {'is' if len(queued) == 1 else 'are'} in the queue.")
        for job in made:
            if job.status is JobStatus.FAILED and job.error is not None:
                self._screen.host.toast(
                    f"{job.error.message} {job.error.hint}".rstrip(),
                    title=f"{job_name(job)} did not start",
                    severity="error",
                )

    async def _delete(self) -> None:
        job_ids = await self.chosen_jobs()
        if not job_ids:
            return
        name, jobs = await self._describe(job_ids)
        images = sum(
            job.images.approved + job.images.qc_failed + job.images.failed + job.images.pending
            for job in jobs
        )
        host = self._screen.host
        places = Places(host.services.paths, host.preferences)
        space = sum(
            [
                (await self._screen.engine.job_space(job_id, places)).total
                for job_id in job_ids[:MOST_MEASURED]
            ]
        )
        size = f", {'more than ' if len(job_ids) > MOST_MEASURED else ''}{bytes_text(space)}"
        what = f", {plural(images, 'image')}{size}" if images else ""
        if await self._screen.ask(f"Delete {name}{what}?", yes="Move to the trash" if images else "Delete"):
            host.run_command(self._hide(job_ids, name), "delete the job")

    async def _hide(self, job_ids: list[str], name: str) -> None:
        """Undo is there from the first moment: the engine restores a job when its files have gone."""
        self._deleted.append(job_ids)
        self.jobs_done(job_ids)
        self._screen.refresh_bindings()
        try:
            await self._screen.engine.delete_jobs(job_ids)
        except Exception:
            if job_ids in self._deleted and not await self._is_any_deleted(job_ids):
                self._deleted.remove(job_ids)
                self._screen.refresh_bindings()
            raise
        self._screen.host.toast(f"Deleted {name}. u takes it back.")

    async def _is_any_deleted(self, job_ids: Sequence[str]) -> bool:
        return any([(await self._screen.engine.job(job_id)).deleted_at is not None for job_id in job_ids])

    async def _restore(self, job_ids: list[str]) -> None:
        count = await self._screen.engine.restore_jobs(job_ids)
        self._screen.refresh_bindings()
        self._screen.host.toast(f"{plural(count, 'job')} back again.")

    async def _export(self) -> None:
        job_ids = await self.chosen_jobs()
        if job_ids:
            name, _ = await self._describe(job_ids)
            dialog = make_screen("tui.screens.export_dialog:ExportDialog", name, job_ids=job_ids)
            await self._screen.host.push_screen(dialog)

    async def _rename(self) -> None:
        job = self.current_job()
        if job is None:
            return
        label = await self._screen.query_one(InputBar).ask(f"New label of #{job.number}", job.label)
        if label is not None and label != job.label:
            self._screen.host.run_command(self._screen.engine.rename_job(job.job_id, label), "rename the job")

    async def _stop(self, question: str, *, is_forced: bool) -> None:
        job = self.current_job()
        if job is not None and await self._screen.ask(
            question.format(job_name(job)), yes="Stop", no="Let it run"
        ):
            command = self._screen.engine.stop_job(job.job_id, is_forced=is_forced)
            self._screen.host.run_command(command, "stop the job")
