"""The PiAPI client: one HTTP call per method, errors of engine.errors, no retries and no waiting.

The wire format is piapi_wire's; finding a lost submission again is piapi_history's.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from engine.errors import (
    BadRequestError,
    CreditExhaustedError,
    PolicyRefusedError,
    ServiceError,
    TaskFailedError,
    TaskMissingError,
)
from engine.providers.answers import (
    as_dict,
    as_number,
    credit_exhausted,
    error_of_status,
    error_text,
    for_free_call,
    is_credit_text,
    is_policy_text,
)
from engine.providers.base import (
    ImageRequest,
    KeyReport,
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
from engine.providers.piapi_history import History
from engine.providers.piapi_wire import (
    Phase,
    TaskAnswer,
    envelope_error,
    read_task,
    spec_of,
    status_of,
    task_body,
)

SERVICE = "PiAPI"


class PiapiProvider:
    """`base_url` without a path, as `https://api.piapi.ai`. The gateway is shared and stays its owner's."""

    name = ProviderName.PIAPI
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
        self._base_url = base_url.rstrip("/")
        self._key = key
        self._http = http
        self._submit_timeouts = submit_timeouts
        self._poll_timeouts = poll_timeouts

    async def submit(self, request: ImageRequest) -> RemoteTask:
        """POST /api/v1/task. A 2xx that names no task is a lost answer; one that reports the task as failed
        right away is a refusal, as there is nothing to poll."""
        call = self._call("POST", "/api/v1/task", json=task_body(request), is_paid=True)
        answer = await self._http.call(call)
        data = await self._data(call, answer)
        task = read_task(data, spec=spec_of(request), key=self._key)
        if task.phase is Phase.FAILED:
            failure = _failure(task)
            if isinstance(failure, TaskFailedError):
                raise BadRequestError(SERVICE, failure.message)
            raise failure
        if not task.task_id:
            raise call.lost("its answer names no task")
        return _remote_task(task, task.task_id)

    async def poll(self, task_id: str, request: ImageRequest) -> RemoteTask:
        """GET /api/v1/task/{id}."""
        task = await self._fetch(task_id, request)
        if task.phase is Phase.FAILED:
            raise _failure(task)
        return _remote_task(task, task_id)

    async def reconcile(
        self, request: ImageRequest, sent_after: datetime, known_task_ids: Sequence[str]
    ) -> Reconciliation:
        """Look through the account's task history (GET /api/open/tasks/histories). This method alone makes
        several calls: it also fetches the tasks whose listing does not carry their prompt."""
        history = History(request, sent_after, known_task_ids, key=self._key)
        return await history.search(self._list_page, lambda task_id: self._fetch(task_id, request))

    async def cancel(self, task_id: str) -> bool:
        """DELETE /api/v1/task/{id}, which not every model has."""
        call = self._call("DELETE", _task_path(task_id))
        try:
            answer = await self._http.call(call)
            envelope = await read_error_object(answer)
        except ServiceError:
            return False
        return 200 <= status_of(answer.status, envelope) < 300

    async def test_key(self) -> KeyReport:
        """GET /account/info; the detail says what is left on the account."""
        call = self._call("GET", "/account/info")
        try:
            account = await self._data(call, await self._http.call(call))
        except ServiceError as error:
            return key_report_of(error)
        return KeyReport(SERVICE, True, _account_detail(account))

    async def close(self) -> None:
        """Nothing of its own to close."""

    async def _fetch(self, task_id: str, request: ImageRequest) -> TaskAnswer:
        call = self._call("GET", _task_path(task_id))
        answer = await self._http.call(call)
        envelope = await read_error_object(answer)
        status = status_of(answer.status, envelope)
        says = envelope_error(envelope, key=self._key).lower()
        if envelope and (status == 404 or (400 <= status < 500 and "task" in says and "not found" in says)):
            # Without an envelope a 404 is a proxy's or a wrong base URL's and says nothing about the task.
            shown = error_text(task_id, key=self._key)
            raise TaskMissingError(SERVICE, f"{SERVICE} does not know the task {shown} (any more).")
        task = read_task(await self._data(call, answer), spec=spec_of(request), key=self._key)
        if not task.word:
            raise call.lost("its answer carries no status")
        return task

    async def _list_page(self, params: Mapping[str, str]) -> Mapping[str, object] | None:
        """One page of the history, as it came; None where this address has no history."""
        call = self._call("GET", "/api/open/tasks/histories", params=params)
        answer = await self._http.call(call)
        if answer.status in (400, 404, 405, 422, 501):
            return None
        try:
            document = await answer.json()
        except ValueError:
            document = None
        envelope = {"data": document} if isinstance(document, list) else as_dict(document)
        # Which `code` means success here is documented nowhere, so only those that are HTTP errors count.
        status = status_of(answer.status, envelope)
        if status in (401, 402, 403, 429) or status >= 500 or not answer.is_success:
            error = self._error(call, answer, status, envelope)
            if isinstance(error, CreditExhaustedError | PolicyRefusedError):
                raise call.lost(error.message)
            raise error
        if not envelope:
            raise call.lost("its task history is no JSON object")
        return envelope

    async def _data(self, call: HttpCall, answer: HttpAnswer) -> Mapping[str, object]:
        """The `data` object of a successful envelope, empty where it has none; raises for everything else."""
        envelope = await (read_object(call, answer) if answer.is_success else read_error_object(answer))
        status = status_of(answer.status, envelope)
        if not 200 <= status < 300:
            raise self._error(call, answer, status, envelope)
        return as_dict(envelope.get("data"))

    def _error(
        self, call: HttpCall, answer: HttpAnswer, status: int, envelope: Mapping[str, object]
    ) -> ServiceError:
        error = error_of_status(
            SERVICE,
            status,
            envelope_error(envelope, key=self._key),
            is_paid=call.is_paid,
            retry_after=answer.retry_after,
        )
        return error if call.is_paid else for_free_call(error)

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        params: Mapping[str, str] | None = None,
        is_paid: bool = False,
    ) -> HttpCall:
        return HttpCall(
            SERVICE,
            method,
            self._base_url + path,
            self._key,
            "X-API-Key",
            json=json,
            params=params,
            is_paid=is_paid,
            timeouts=self._submit_timeouts if is_paid else self._poll_timeouts,
        )


def _task_path(task_id: str) -> str:
    return f"/api/v1/task/{quote(task_id, safe='')}"


def _remote_task(task: TaskAnswer, task_id: str) -> RemoteTask:
    is_finished = task.phase is Phase.COMPLETED
    return RemoteTask(
        task_id=task_id,
        state=RemoteState.FINISHED if is_finished else RemoteState.WORKING,
        images=task.images if is_finished else (),
        charge=task.charge,
        status_word=task.word,
        is_known_status=task.phase is not Phase.UNKNOWN,
    )


def _failure(task: TaskAnswer) -> ServiceError:
    """PiAPI gives no reason but a text, sometimes not even that."""
    code = f" (code {task.error_code})" if task.error_code else ""
    message = f"{SERVICE} reports the task as {task.word}{code}: {task.error or 'without a reason'}"
    if is_credit_text(task.error):
        return credit_exhausted(SERVICE, message)
    if is_policy_text(task.error):
        return PolicyRefusedError(SERVICE, message)
    return TaskFailedError(SERVICE, message)


def _account_detail(account: Mapping[str, object]) -> str:
    dollars = as_number(account.get("equivalent_in_usd"))
    if dollars is not None:
        return f"The key is accepted; ${dollars:.2f} left."
    for name in ("remaining_credits", "credits", "credit", "balance", "remaining_credit"):
        left = as_number(account.get(name))
        if left is not None:
            return f"The key is accepted; {left:g} credits left."
    return "The key is accepted; the account does not say what is left."
