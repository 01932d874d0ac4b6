"""Editing the settings that a job's next run takes; the job itself keeps its own."""

from collections.abc import Awaitable, Callable, Sequence

from engine.api import JobRequest
from engine.errors import SettingsError
from engine.settings import Settings, dump_settings, merge_settings
from engine.views import JobKind, JobView
from tui.format import plural
from tui.job_actions import RETRY_AGAIN, JobActions, job_name, settings_now
from tui.widgets.next_run import NextRun


class NextRunActions(JobActions):
    """For the screen of one job, with a NextRun: a job of a configuration shares the edits with that configuration, one
    without takes them along in its next run."""

    as_run: Settings | None = None
    """What the job ran with; None until it is known."""
    draft: Settings | None = None
    """The edited settings of the next run of a job without a configuration."""

    def show_settings_tab(self) -> None:
        """Bring the NextRun into sight."""
        raise NotImplementedError

    @property
    def next_run(self) -> NextRun:
        """The widget."""
        return self._screen.query_one(NextRun)

    async def load_next_run(self) -> None:
        """Ask what the next run would take now, and show it."""
        job, as_run = self.current_job(), self.as_run
        if job is not None and job.kind is JobKind.RETRY:
            self.next_run.show_none(RETRY_AGAIN)
            return
        if job is None or as_run is None:
            return
        following = self.draft or as_run
        if job.configuration is not None:
            settings = await settings_now(self._screen.engine, job.configuration)
            following = as_run if settings is None else merge_settings(settings)[0]
        self.next_run.show(job, as_run, following, is_draft=self.draft is not None)

    def action_edit(self) -> None:
        self.show_settings_tab()
        self._beside(self._edit(), "edit the settings")

    def action_save(self) -> None:
        self._beside(self._save(), "save the settings")

    def asks_before_leaving(self, leave: Callable[[], Awaitable[None]]) -> bool:
        """See FactoryScreen."""
        form = self.next_run.form
        if form is None or not form.changed:
            return False
        self.close_form(leave)
        return True

    def close_form(self, leave: Callable[[], Awaitable[None]] | None = None) -> None:
        """Close it, after a question where edits would be lost; then `leave`."""
        self._beside(self._close_form(leave), "close the form")

    async def _edit(self) -> None:
        await self.load_next_run()
        await self.next_run.edit()
        self._screen.refresh_bindings()

    async def _save(self) -> None:
        job, form = self.current_job(), self.next_run.form
        if job is None or form is None or not await form.finish_editing():
            return
        if problems := form.problems():
            form.show_problem()
            raise SettingsError(list(problems))
        edited, _ = merge_settings(form.value())
        host = self._screen.host
        if job.configuration is None:
            self.draft = edited
            host.toast(f"Kept for the next run of #{job.number}; the job itself keeps its own.")
        else:
            await self._screen.engine.save_configuration(job.configuration, dump_settings(edited))
            host.toast(
                f"Saved in the configuration “{job.configuration}”; #{job.number} keeps its own settings."
            )
        await self.next_run.close()
        await self.load_next_run()
        self._screen.refresh_bindings()

    async def _close_form(self, leave: Callable[[], Awaitable[None]] | None) -> None:
        form = self.next_run.form
        edits = 0 if form is None else len(form.changed)
        question = f"Throw {plural(edits, 'edit')} away?"
        if edits and not await self._screen.ask(question, yes="Throw away", no="Keep editing"):
            return
        await self.next_run.close()
        self._screen.refresh_bindings()
        if leave is not None:
            self._screen.host.call_later(leave)  # closing the screen waits for this worker

    async def estimate(self, jobs: Sequence[JobView], *, is_as_run: bool) -> float:
        if is_as_run or self.draft is None:
            return await super().estimate(jobs, is_as_run=is_as_run)
        return (await self._screen.engine.plan_job(JobRequest(dump_settings(self.draft)))).estimate_usd

    async def _queue_again(self, job_ids: list[str], *, is_as_run: bool) -> None:
        job = self.current_job()
        if is_as_run or self.draft is None or job is None:
            await super()._queue_again(job_ids, is_as_run=is_as_run)
            return
        label = f"{job.label} (rerun {job.job_id[:6]})"
        request = JobRequest(dump_settings(self.draft), label=label, parent_job_id=job.job_id)
        made = await self._screen.engine.start_job(request)
        self._screen.host.toast(f"{job_name(made)} is in the queue, with your edits.")
