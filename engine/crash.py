"""Named points at which a test may kill the process, to prove that the next start repairs what was cut off.

They do nothing unless `GIMF_CRASH_AT` names one: `GIMF_CRASH_AT=after_answer`, or `mid_poll:3` for the third passage.
"""

import asyncio
import os
import signal

CRASH_POINTS = (
    "after_prompt",
    "before_intent",
    "after_intent",
    "in_post",
    "after_answer",
    "after_id",
    "mid_poll",
    "mid_download",
    "after_rename",
    "mid_check",
    "mid_background",
    "mid_processing",
    "mid_metadata",
    "mid_save",
    "after_save",
    "mid_export",
    "mid_edit",
    "mid_trash",
    "mid_restore",
    "mid_migration",
)

_passages: dict[str, int] = {}


def crash_point(name: str) -> None:
    """Kill this process with SIGKILL if this is the armed point and its passage."""
    armed = os.environ.get("GIMF_CRASH_AT")
    if not armed:
        return
    armed_name, _, passage = armed.partition(":")
    if armed_name != name:
        return
    _passages[name] = _passages.get(name, 0) + 1
    if _passages[name] >= int(passage or 1):
        os.kill(os.getpid(), signal.SIGKILL)


def crash_soon(name: str, delay_s: float = 0.25) -> None:
    """Kill this process a moment later, while what the caller does next is still under way."""
    if (os.environ.get("GIMF_CRASH_AT") or "").partition(":")[0] == name:
        asyncio.get_running_loop().call_later(delay_s, crash_point, name)
