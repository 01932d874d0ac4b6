"""An EngineApi over the socket of an engine in another process: commands and events cross, queries read the rows."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter, ValidationError

from db.connection import Database
from db.errors import DatabaseError, SchemaTooNewError
from engine.api import JobRequest, LogQuery, RetryRequest, TaskChoice
from engine.bus import EventBus, Subscription
from engine.care.views import CleanView
from engine.electron.views import ImportView
from engine.errors import EngineUnreachableError
from engine.events import EngineAnswers, EngineLost, EngineSilent, Resynced, event_from_json
from engine.export.requests import ExportRequest, ImageEdit
from engine.export.views import AgencyView, ExportView, FitView, SheetCheckView
from engine.greeting import (
    STOP_IT,
    Hello,
    Line,
    engine_is_silent,
    open_line,
    other_version,
    version_notice,
)
from engine.heartbeat import Heartbeat
from engine.paths import Paths
from engine.queries import Queries
from engine.views import (
    ConfigurationView,
    DecisionView,
    JobView,
    LogView,
    PlanView,
    ProgressView,
    RetryPlanView,
    StartedView,
    TaskDecisionView,
)
from engine.wire import PROTOCOL, ProtocolError, decode, encode, error_from_json

logger = logging.getLogger(__name__)


class EngineClient(Queries):
    """Get it from `connect`. After `EngineLost` every command raises EngineUnreachableError; queries still answer."""

    def __init__(self, line: Line, database: Database) -> None:
        super().__init__(database)
        self._reader = line.reader
        self._writer = line.writer
        self.engine_pid = line.hello.pid
        self.engine_name = line.hello.name
        """See EngineHost."""
        self.version_notice = version_notice(line.hello)
        """What is to be said about the engine's version; empty where it is this program's."""
        self._bus = EventBus()
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._is_lost = False
        self._heartbeat = Heartbeat(lambda: self._call("ping", {}), self._tell_silence)

    @classmethod
    @asynccontextmanager
    async def connect(cls, paths: Paths) -> AsyncIterator["EngineClient"]:
        """Attach to the engine that holds the folder. Raises what `open_line` does, ProtocolError for one of another
        version, DatabaseError."""
        line = await open_line(paths)
        try:
            client = cls(line, await _readable_database(paths, line.hello))
        except BaseException:
            await line.close()
            raise
        own_tasks = [
            asyncio.create_task(client._listen(), name="engine events"),
            asyncio.create_task(client._heartbeat.run(), name="engine heartbeat"),
        ]
        try:
            await client._call("subscribe", {})
            yield client
        finally:
            for task in own_tasks:
                task.cancel()
            await asyncio.wait(own_tasks)
            client._lose("This client was closed before the engine answered.")
            await line.close()
            client._bus.close()
            await client._database.close()

    @property
    def is_lost(self) -> bool:
        """Whether the engine has gone away."""
        return self._is_lost

    @property
    def is_silent(self) -> bool:
        """Whether the engine is there and has not answered for a while."""
        return self._heartbeat.is_silent

    # ---- hears

    def subscribe(self, capacity: int = 2_000) -> Subscription:
        """See EngineApi; also tells EngineLost."""
        return self._bus.subscribe(capacity)

    # ---- tells

    async def plan_job(self, request: JobRequest) -> PlanView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(PlanView), "plan_job", {"request": asdict(request)})

    async def start_job(self, request: JobRequest) -> JobView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(JobView), "start_job", {"request": asdict(request)})

    async def rerun_jobs(self, job_ids: Sequence[str], *, is_as_run: bool) -> list[JobView]:
        """See EngineApi."""
        return await self._ask(
            TypeAdapter(list[JobView]), "rerun_jobs", {"job_ids": list(job_ids), "is_as_run": is_as_run}
        )

    async def pause_job(self, job_id: str) -> None:
        """See EngineApi."""
        await self._call("pause_job", {"job_id": job_id})

    async def resume_job(self, job_id: str, *, budget_usd: float | None = None) -> None:
        """See EngineApi."""
        await self._call("resume_job", {"job_id": job_id, "budget_usd": budget_usd})

    async def stop_job(self, job_id: str, *, is_forced: bool = False) -> None:
        """See EngineApi."""
        await self._call("stop_job", {"job_id": job_id, "is_forced": is_forced})

    async def remove_from_queue(self, job_id: str) -> None:
        """See EngineApi."""
        await self._call("remove_from_queue", {"job_id": job_id})

    async def move_in_queue(self, job_id: str, position: int) -> None:
        """See EngineApi."""
        await self._call("move_in_queue", {"job_id": job_id, "position": position})

    async def rename_job(self, job_id: str, label: str) -> None:
        """See EngineApi."""
        await self._call("rename_job", {"job_id": job_id, "label": label})

    async def delete_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        return await self._ask(TypeAdapter(int), "delete_jobs", {"job_ids": list(job_ids)})

    async def restore_jobs(self, job_ids: Sequence[str]) -> int:
        """See EngineApi."""
        return await self._ask(TypeAdapter(int), "restore_jobs", {"job_ids": list(job_ids)})

    async def approve_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide("approve_images", image_ids)

    async def unapprove_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide("unapprove_images", image_ids)

    async def trash_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide("trash_images", image_ids)

    async def restore_images(self, image_ids: Sequence[int]) -> DecisionView:
        """See EngineApi."""
        return await self._decide("restore_images", image_ids)

    async def plan_retry(self, request: RetryRequest) -> RetryPlanView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(RetryPlanView), "plan_retry", {"request": asdict(request)})

    async def retry_images(self, request: RetryRequest) -> StartedView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(StartedView), "retry_images", {"request": asdict(request)})

    async def plan_regeneration(self, image_ids: Sequence[int]) -> RetryPlanView:
        """See EngineApi."""
        return await self._ask(
            TypeAdapter(RetryPlanView), "plan_regeneration", {"image_ids": list(image_ids)}
        )

    async def regenerate_images(self, image_ids: Sequence[int]) -> StartedView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(StartedView), "regenerate_images", {"image_ids": list(image_ids)})

    async def decide_tasks(self, task_ids: Sequence[int], choice: TaskChoice) -> TaskDecisionView:
        """See EngineApi."""
        arguments = {"task_ids": list(task_ids), "choice": choice.value}
        return await self._ask(TypeAdapter(TaskDecisionView), "decide_tasks", arguments)

    async def save_configuration(
        self, name: str, settings: dict[str, Any], *, is_default: bool = False
    ) -> ConfigurationView:
        """See EngineApi."""
        return await self._ask(
            TypeAdapter(ConfigurationView),
            "save_configuration",
            {"name": name, "settings": settings, "is_default": is_default},
        )

    async def delete_configuration(self, name: str) -> None:
        """See EngineApi."""
        await self._call("delete_configuration", {"name": name})

    async def rename_configuration(self, name: str, new_name: str) -> None:
        """See EngineApi."""
        await self._call("rename_configuration", {"name": name, "new_name": new_name})

    async def export(self, request: ExportRequest) -> ExportView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(ExportView), "export", {"request": asdict(request)})

    async def cancel_export(self, export_id: str) -> bool:
        """See EngineApi."""
        return await self._ask(TypeAdapter(bool), "cancel_export", {"export_id": export_id})

    async def check_sheet(self, request: ExportRequest) -> SheetCheckView:
        """See EngineApi."""
        return await self._ask(TypeAdapter(SheetCheckView), "check_sheet", {"request": asdict(request)})

    async def agencies(self) -> list[AgencyView]:
        """See EngineApi."""
        return await self._ask(TypeAdapter(list[AgencyView]), "agencies", {})

    async def agency_fits(self, image_ids: Sequence[int], agency: str | None = None) -> list[FitView]:
        """See EngineApi."""
        args = {"image_ids": list(image_ids), "agency": agency}
        return await self._ask(TypeAdapter(list[FitView]), "agency_fits", args)

    async def fitting_images(self, image_ids: Sequence[int], agency: str) -> list[int]:
        """See EngineApi."""
        args = {"image_ids": list(image_ids), "agency": agency}
        return await self._ask(TypeAdapter(list[int]), "fitting_images", args)

    async def edit_images(self, image_ids: Sequence[int], edit: ImageEdit) -> DecisionView:
        """See EngineApi."""
        return await self._ask(
            TypeAdapter(DecisionView), "edit_images", {"image_ids": list(image_ids), "edit": asdict(edit)}
        )

    async def reload_preferences(self) -> None:
        """See EngineApi."""
        await self._call("reload_preferences", {})

    async def import_electron(
        self, path: str, *, folder: str | None = None, is_copying: bool = False, is_dry_run: bool = False
    ) -> ImportView:
        """See EngineApi."""
        args = {"path": path, "folder": folder, "is_copying": is_copying, "is_dry_run": is_dry_run}
        return await self._ask(TypeAdapter(ImportView), "import_electron", args)

    async def clean(
        self, *, older_than_days: float = 30, includes_caches: bool = False, is_dry_run: bool = False
    ) -> CleanView:
        """See EngineApi."""
        args = {
            "older_than_days": older_than_days,
            "includes_caches": includes_caches,
            "is_dry_run": is_dry_run,
        }
        return await self._ask(TypeAdapter(CleanView), "clean", args)

    async def wait_for_job(self, job_id: str) -> JobView:
        """Return when the job has finished, or when a pause holds the queue and nothing is on its way any more."""
        return await self._ask(TypeAdapter(JobView), "wait_for_job", {"job_id": job_id})

    async def unfinished_jobs(self) -> list[JobView]:
        """Queued, running, paused and interrupted jobs, oldest first."""
        return await self._ask(TypeAdapter(list[JobView]), "unfinished_jobs", {})

    async def shut_down(self, *, at_once: bool) -> None:
        """Ask the engine to end."""
        await self._call("shut_down", {"at_once": at_once})

    # ---- asks, beyond what the rows tell

    async def progress(self, job_id: str) -> ProgressView:
        """See EngineApi; the pace is the engine's own, so a lost engine answers without one."""
        if self._is_lost:
            return await super().progress(job_id)
        return await self._ask(TypeAdapter(ProgressView), "progress", {"job_id": job_id})

    async def logs(self, query: LogQuery) -> list[LogView]:
        """See EngineApi."""
        if not self._is_lost:
            await self._call("flush_logs", {})
        return await super().logs(query)

    # ---- the socket

    async def _decide(self, call: str, image_ids: Sequence[int]) -> DecisionView:
        return await self._ask(TypeAdapter(DecisionView), call, {"image_ids": list(image_ids)})

    async def _ask[T](self, answer: TypeAdapter[T], call: str, args: dict[str, Any]) -> T:
        try:
            return answer.validate_python(await self._call(call, args))
        except ValidationError as error:
            raise ProtocolError(f"The engine's answer to {call} cannot be read.", hint=STOP_IT) from error

    async def _call(self, call: str, args: dict[str, Any]) -> Any:
        if self._is_lost:
            raise EngineUnreachableError(
                "The engine has gone away.", hint="It is started again when you attach anew."
            )
        if self._heartbeat.is_silent:
            raise engine_is_silent(self.engine_pid)
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._answers[number] = future
        try:
            self._writer.write(encode({"id": number, "call": call, "args": args}))
            await self._writer.drain()
            return await future
        except ConnectionError as error:
            raise EngineUnreachableError("The engine has gone away.") from error
        finally:
            del self._answers[number]

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._heartbeat.heard()
                self._take(decode(line))
        except (ConnectionError, ProtocolError, ValueError) as error:
            logger.warning("the engine's socket: %s", error)
        self._lose("The engine went away before it answered.")
        self._bus.publish(EngineLost())

    def _lose(self, why: str) -> None:
        """No answer will come any more: whoever waits for one is told."""
        self._is_lost = True
        for future in self._answers.values():
            if not future.done():
                future.set_exception(EngineUnreachableError(why))

    def _tell_silence(self, is_silent: bool) -> None:
        if is_silent:
            self._bus.publish(EngineSilent(self.engine_pid))
        else:
            self._bus.publish(Resynced())
            self._bus.publish(EngineAnswers())

    def _take(self, message: dict[str, Any]) -> None:
        if "event" in message:
            try:
                self._bus.publish(event_from_json(message))
            except ValueError as error:
                logger.warning("an event was not understood: %s", error)
            return
        number = message.get("id")
        future = self._answers.get(number) if isinstance(number, int) else None
        if future is None or future.done():
            return
        if "error" in message:
            future.set_exception(error_from_json(message["error"]))
        else:
            future.set_result(message.get("result"))


async def _readable_database(paths: Paths, hello: Hello) -> Database:
    """Of an engine of our version, or of one with the same protocol and tables. Raises ProtocolError for others."""
    if hello.protocol != PROTOCOL:
        raise other_version(hello)
    try:
        return await Database.open(paths.database_file, read_only=True)
    except DatabaseError as error:
        if not version_notice(hello):
            raise
        raise other_version(hello, is_newer=isinstance(error, SchemaTooNewError), why=str(error)) from error
