"""What can be done with waiting jobs, for a screen that shows the queue: moves them, takes them out, adds one."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from engine.text import clean_text
from tui.factory_screen import FactoryScreen
from tui.job_actions import job_name
from tui.messages import StartJob
from tui.screens.confirm_dialog import Answer, ConfirmDialog

if TYPE_CHECKING:
    from engine.views import JobView


class QueueActions:
    """For a FactoryScreen: actions of the section `dashboard` that concern the queue."""

    def waiting_job(self) -> JobView | None:
        """The waiting job that is meant."""
        raise NotImplementedError

    def waiting_count(self) -> int:
        """How many jobs wait."""
        raise NotImplementedError

    def action_start(self) -> None:
        self._screen.post_message(StartJob())

    def action_new(self) -> None:
        self._screen.run_query(self._choose_configuration(), "show the configurations")

    def action_move_up(self) -> None:
        self._move(-1)

    def action_move_down(self) -> None:
        self._move(1)

    def action_remove(self) -> None:
        if (job := self.waiting_job()) is not None:
            self._screen.run_query(self._remove(job), "take the job out of the queue")

    # ---- inside

    @property
    def _screen(self) -> FactoryScreen:
        return cast("FactoryScreen", self)

    def _move(self, step: int) -> None:
        job = self.waiting_job()
        if job is None or job.queue_position is None:
            return
        position = job.queue_position + step
        if 1 <= position <= self.waiting_count():
            move = self._screen.engine.move_in_queue(job.job_id, position)
            self._screen.host.run_command(move, "move the job")

    async def _remove(self, job: JobView) -> None:
        if await self._screen.ask(f"Take {job_name(job)} out of the queue?", yes="Remove"):
            await self._screen.engine.remove_from_queue(job.job_id)

    async def _choose_configuration(self) -> None:
        answers = [
            Answer(one.name, clean_text(one.name), "the default one" if one.is_default else "")
            for one in await self._screen.engine.configurations()
        ]
        if answers:
            dialog = ConfirmDialog("New job", "With which configuration?", answers)
            await self._screen.host.push_screen(dialog, self._start_with)
        else:
            self._screen.post_message(StartJob())

    def _start_with(self, configuration: str | None) -> None:
        if configuration is not None:
            self._screen.post_message(StartJob(configuration))
