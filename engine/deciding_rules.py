"""What can be decided about a task that ended without pictures."""

from db.records import TaskRecord
from db.status import TaskState
from engine.api import TaskChoice


def choices_for(task: TaskRecord) -> tuple[str, ...]:
    """What can be decided about a task as it is now."""
    if task.decided_at is not None:
        return ()
    if task.state is TaskState.UNKNOWN:
        return (TaskChoice.LOST.value, TaskChoice.ASK.value, TaskChoice.SUBMIT.value)
    if task.state is not TaskState.FAILED:
        return ()
    ask = (TaskChoice.ASK.value,) if task.provider_task_id is not None else ()
    return (TaskChoice.LOST.value, *ask, TaskChoice.SUBMIT.value)


def why_not(task: TaskRecord, choice: TaskChoice) -> str:
    """Why a choice is none for this task."""
    if task.decided_at is not None:
        return "It has been decided about already."
    if choice is TaskChoice.ASK and task.state is TaskState.FAILED:
        return f"{task.provider} gave it no id that could be asked for."
    return f"It is {task.state.value}: there is nothing to decide."
