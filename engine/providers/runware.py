"""The Runware client: one HTTP call per method, errors of engine.errors, no retries and no waiting.

Tasks carry an id of our own, so this is the one provider that can say what became of a lost submission.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.errors import (
    BadAnswerError,
    BadRequestError,
    CreditExhaustedError,
    KeyRefusedError,
    PolicyRefusedError,
    RateLimitedError,
    ServiceError,
    TaskFailedError,
    TaskMissingError,
)
from engine.providers.answers import (
    as_dict,
    as_list,
    as_number,
    error_of_status,
    for_free_call,
    is_policy_text,
)
from engine.providers.base import (
    ImageRequest,
    KeyReport,
    Lookup,
    ProviderName,
    Reconciliation,
    RemoteState,
    RemoteTask,
)
from engine.providers.http import (
    POLL_TIMEOUTS,
    SUBMIT_TIMEOUTS,
    HttpAnswer,
    HttpCall,
    HttpGateway,
    Timeouts,
    key_report_of,
    read_error_object,
    read_object,
)
from engine.providers.runware_wire import CONFLICT, RunwareAnswer, RunwareError, read_answer, task_of

SERVICE = "Runware"


class RunwareProvider:
    """`base_url` as `https://api.runware.ai/v1`. The gateway is shared and stays its owner's."""

    name = ProviderName.RUNWARE
    is_synchronous = False

    def __init__(
        self,
        base_url: str,
        key: str,
        http: HttpGateway,
        *,
        submit_timeouts: Timeouts = SUBMIT_TIMEOUTS,
        poll_timeouts: Timeouts = POLL_TIMEOUTS,
    ) -> None:
        self._url = base_url.rstrip("/")
        self._key = key
        self._http = http
        self._submit_timeouts = submit_timeouts
        self._poll_timeouts = poll_timeouts

    async def submit(self, request: ImageRequest) -> RemoteTask:
        """Send one imageInference task under `request.request_key`. `conflictTaskUUID` proves that an earlier
        attempt arrived, so it counts as accepted."""
        call = self._call(task_of(request), is_paid=True)
        http_answer = await self._http.call(call)
        answer = await self._read(call, http_answer, request.request_key)
        if any(error.code == CONFLICT for error in answer.errors):
            return RemoteTask(request.request_key, RemoteState.WORKING, status_word="already received")
        if answer.images or answer.working:
            return _remote_task(answer, request.request_key)
        if answer.errors:
            raise self._error(call, http_answer, answer.errors[0])
        if answer.failed:
            # The task exists; `poll` gets the reason.
            return _remote_task(answer, request.request_key)
        raise call.lost("its answer neither accepts nor refuses the task")

    async def poll(self, task_id: str, request: ImageRequest) -> RemoteTask:
        """Ask with getResponse. Pictures that exist are returned even where others of the task failed."""
        call = self._call({"taskType": "getResponse", "taskUUID": task_id})
        http_answer = await self._http.call(call)
        answer = await self._read(call, http_answer, task_id)
        if answer.images or answer.working:
            return _remote_task(answer, task_id)
        if answer.errors:
            raise self._poll_error(call, http_answer, answer.errors)
        if answer.failed:
            raise TaskFailedError(SERVICE, f"{SERVICE} reports the task as failed, without a reason.")
        # A task that has just been sent is answered with an empty list, just like one that never was.
        return RemoteTask(task_id, RemoteState.WORKING, status_word="not listed", is_known_status=False)

    async def reconcile(
        self, request: ImageRequest, sent_after: datetime, known_task_ids: Sequence[str]
    ) -> Reconciliation:
        """Ask for the task by our own id. Only a plain `taskNotFound` means that it never arrived: an empty
        answer is what a running task may get too."""
        call = self._call({"taskType": "getResponse", "taskUUID": request.request_key})
        http_answer = await self._http.call(call)
        answer = await self._read(call, http_answer, request.request_key)
        if answer.has_entries:
            # A failed task is left to `poll`, which gives the reason.
            task = _remote_task(answer, request.request_key)
            return Reconciliation(Lookup.FOUND, task, f"{SERVICE} knows the task by our id.")
        named = [error for error in answer.errors if error.is_named]
        if any(error.code == "tasknotfound" for error in answer.errors):
            return Reconciliation(Lookup.NOT_THERE, detail=f"{SERVICE} says that it never received the task.")
        if named and not named[0].is_missing:
            task = RemoteTask(request.request_key, RemoteState.WORKING, status_word=named[0].code)
            return Reconciliation(Lookup.FOUND, task, f"{SERVICE} knows the task: {named[0].says}.")
        if answer.errors and not named:
            error = self._error(call, http_answer, answer.errors[0])
            if isinstance(error, CreditExhaustedError | PolicyRefusedError):
                raise BadAnswerError(SERVICE, error.message)
            raise error
        says = f"says {named[0].says}" if named else "has no answer for it"
        return Reconciliation(Lookup.CANNOT_TELL, detail=f"Asked for the task by our id, {SERVICE} {says}.")

    async def cancel(self, task_id: str) -> bool:
        """Runware takes nothing back; makes no call."""
        return False

    async def test_key(self) -> KeyReport:
        """Ask for the account with accountManagement, which is free; the detail names the balance."""
        task_id = str(uuid.uuid4())
        call = self._call({"taskType": "accountManagement", "taskUUID": task_id, "operation": "getDetails"})
        try:
            http_answer = await self._http.call(call)
            document = await self._document(call, http_answer)
            for error in read_answer(document, task_id, key=self._key).errors:
                mapped = self._error(call, http_answer, error)
                if isinstance(mapped, KeyRefusedError | RateLimitedError):
                    raise mapped
        except ServiceError as error:
            return key_report_of(error)
        rows = [as_dict(row) for row in as_list(document.get("data"))]
        balance = next(
            (number for row in rows if (number := as_number(row.get("balance"))) is not None), None
        )
        left = "the account does not say what is left" if balance is None else f"${balance:.2f} left"
        return KeyReport(SERVICE, True, f"The key is accepted; {left}.")

    async def close(self) -> None:
        """Nothing of its own to close."""

    async def _read(self, call: HttpCall, http_answer: HttpAnswer, task_id: str) -> RunwareAnswer:
        return read_answer(await self._document(call, http_answer), task_id, key=self._key)

    async def _document(self, call: HttpCall, http_answer: HttpAnswer) -> Mapping[str, object]:
        """The JSON object of an answer; raises for 5xx, and for a 4xx that gives no `errors` of its own."""
        if http_answer.is_success:
            return await read_object(call, http_answer)
        document = await read_error_object(http_answer)
        if http_answer.status >= 500 or not as_list(document.get("errors")):
            raise self._status_error(call, http_answer, http_answer.status, "")
        return document

    def _error(self, call: HttpCall, http_answer: HttpAnswer, error: RunwareError) -> ServiceError:
        mapped = self._status_error(call, http_answer, error.status(http_answer.status), error.says)
        if error.is_policy and isinstance(mapped, BadRequestError | BadAnswerError):
            return PolicyRefusedError(SERVICE, f"{SERVICE} refuses the content: {error.says}")
        return mapped

    def _poll_error(
        self, call: HttpCall, http_answer: HttpAnswer, errors: Sequence[RunwareError]
    ) -> ServiceError:
        error = next((error for error in errors if error.is_named), errors[0])
        if error.is_missing:
            return TaskMissingError(SERVICE, f"{SERVICE} does not know the task (any more): {error.says}")
        mapped = self._error(call, http_answer, error)
        if not error.is_named or not isinstance(mapped, BadAnswerError):
            return mapped
        if is_policy_text(error.message):
            return PolicyRefusedError(SERVICE, f"{SERVICE} refuses the content: {error.says}")
        return TaskFailedError(SERVICE, f"{SERVICE} reports the task as failed: {error.says}")

    def _status_error(self, call: HttpCall, http_answer: HttpAnswer, status: int, text: str) -> ServiceError:
        error = error_of_status(
            SERVICE, status, text, is_paid=call.is_paid, retry_after=http_answer.retry_after
        )
        return error if call.is_paid else for_free_call(error)

    def _call(self, task: Mapping[str, object], *, is_paid: bool = False) -> HttpCall:
        return HttpCall(
            SERVICE,
            "POST",
            self._url,
            self._key,
            "Authorization",
            "Bearer ",
            json=[task],
            is_paid=is_paid,
            timeouts=self._submit_timeouts if is_paid else self._poll_timeouts,
        )


def _remote_task(answer: RunwareAnswer, task_id: str) -> RemoteTask:
    """Finished once no entry is at work any more; Runware lists one entry per picture asked for."""
    is_finished = bool(answer.images) and not answer.working
    word = answer.unknown_word or ("success" if is_finished else "processing")
    return RemoteTask(
        task_id=task_id,
        state=RemoteState.FINISHED if is_finished else RemoteState.WORKING,
        images=answer.images if is_finished else (),
        charge=answer.charge,
        status_word=f"{word}, marked as NSFW" if is_finished and answer.is_flagged else word,
        is_known_status=not answer.unknown_word,
    )
